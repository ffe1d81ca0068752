//! Turns a tree of fields into columns: joins names and pointers, and lets leaves inherit the properties of their
//! objects.

use super::{ChildSpec, ColumnOrigin, ColumnSpec};
use crate::{
    columns::ColumnShape,
    model::{Field, FieldKind, Form, Group, naming::pointer_step},
};

/// Columns of the row's members, and whether each is the promoted map.
pub(super) fn columns(fields: &[Field], origin: ColumnOrigin) -> Vec<(ColumnSpec, bool)> {
    let mut leaves = Vec::new();
    Leaf::of_root("", "/").collect(fields, &mut leaves);
    leaves.into_iter().filter_map(|leaf| leaf.into_column(origin)).collect()
}

/// Columns of a group that is `levels` objects above the row.
pub(super) fn group_columns(group: Option<&Group>, levels: usize, origin: ColumnOrigin) -> Vec<ColumnSpec> {
    let Some(group) = group else { return Vec::new() };
    let mut leaves = Vec::new();
    Leaf::of_root(&format!("{}_", group.prefix), &"../".repeat(levels)).collect(&group.fields, &mut leaves);
    leaves.into_iter().filter_map(|leaf| leaf.into_column(origin)).map(|(column, _)| column).collect()
}

/// A member, with what it inherits from the enclosing objects.
#[derive(Debug, Clone)]
struct Leaf<'m> {
    /// Column name; of an object, the prefix of its members' names.
    name: String,
    /// JSON Pointer; of an object, the prefix of its members' pointers.
    path: String,
    /// Descriptions of the enclosing objects, and of the member itself.
    descriptions: Vec<&'m str>,
    since: Option<&'m str>,
    form: Form,
    /// Whether it is original; `None` for the root. The first member on the path decides.
    original: Option<bool>,
    field: Option<&'m Field>,
}

impl<'m> Leaf<'m> {
    fn of_root(name: &str, path: &str) -> Self {
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            descriptions: Vec::new(),
            since: None,
            form: Form::Both,
            original: None,
            field: None,
        }
    }

    fn collect(&self, fields: &'m [Field], leaves: &mut Vec<Self>) {
        for field in fields {
            let mut leaf = self.clone();
            leaf.name.push_str(&field.column);
            leaf.path.push_str(&pointer_step(&field.wire));
            leaf.descriptions.push(&field.description);
            leaf.since = leaf.since.max(field.since.as_deref());
            leaf.form = if field.form == Form::Both { leaf.form } else { field.form };
            // A member of an original property is original, unless it was added later or only notifications have it.
            leaf.original = Some(match leaf.original {
                None => field.original,
                Some(original) => original && field.since.is_none() && field.form != Form::Notification,
            });
            leaf.field = Some(field);
            if let FieldKind::Object(members) = &field.kind {
                leaf.name.push('_');
                leaf.path.push('/');
                leaf.collect(members, leaves);
            } else {
                leaves.push(leaf);
            }
        }
    }

    /// Returns the column, and whether it is the promoted map; `None` for an ignored member.
    fn into_column(self, origin: ColumnOrigin) -> Option<(ColumnSpec, bool)> {
        let field = self.field?;
        let mut children = Vec::new();
        let shape = match &field.kind {
            FieldKind::Scalar(scalar) => ColumnShape::Scalar(*scalar),
            FieldKind::List(scalar) => ColumnShape::List(*scalar),
            FieldKind::Map { .. } => ColumnShape::Map,
            FieldKind::ListOfObjects(members) => {
                let mut shapes = Vec::new();
                let mut leaves = Vec::new();
                Leaf::of_root("", "/").collect(members, &mut leaves);
                for leaf in leaves {
                    if let Some(FieldKind::Scalar(scalar)) = leaf.field.map(|field| &field.kind) {
                        shapes.push(*scalar);
                        let description = joined(&leaf.descriptions);
                        children.push(ChildSpec { name: leaf.name, path: leaf.path, description });
                    }
                }
                ColumnShape::Structs(shapes)
            }
            FieldKind::Object(_) | FieldKind::Ignored => return None,
        };
        let column = ColumnSpec {
            name: self.name,
            shape,
            children,
            path: self.path,
            origin,
            description: joined(&self.descriptions),
            format: field.format.clone(),
            since: self.since.map(str::to_owned),
            original: self.original.unwrap_or_default(),
            form: self.form,
            values: field.values.clone(),
        };
        Some((column, matches!(field.kind, FieldKind::Map { promote: true })))
    }
}

/// Joins the descriptions of the enclosing objects and of the member: `Queue that the leg belongs to: display name`.
fn joined(descriptions: &[&str]) -> String {
    let spoken: Vec<&str> = descriptions.iter().copied().filter(|description| !description.is_empty()).collect();
    spoken.join(": ")
}
