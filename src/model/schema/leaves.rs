//! From a tree of fields to columns: names and pointers joined, and what an object says passed on to its leaves.

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

/// Columns of a group that lies `levels` objects above the row.
pub(super) fn group_columns(group: Option<&Group>, levels: usize, origin: ColumnOrigin) -> Vec<ColumnSpec> {
    let Some(group) = group else { return Vec::new() };
    let mut leaves = Vec::new();
    Leaf::of_root(&format!("{}_", group.prefix), &"../".repeat(levels)).collect(&group.fields, &mut leaves);
    leaves.into_iter().filter_map(|leaf| leaf.into_column(origin)).map(|(column, _)| column).collect()
}

/// A member with what it has from the objects around it.
#[derive(Debug, Clone)]
struct Leaf<'m> {
    /// Column name; of an object, what its members' names begin with.
    name: String,
    /// JSON Pointer; of an object, what its members' pointers begin with.
    path: String,
    /// What the objects around are, and the member itself.
    descriptions: Vec<&'m str>,
    since: Option<&'m str>,
    form: Form,
    /// None before the first member of the way: that one says whether it is original.
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
            // A member of an original property is original unless it came later or only notifications have it.
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

    /// The column, and whether it is the promoted map; none for an ignored member.
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

/// `Queue that the leg belongs to: display name`: the objects around, then the member.
fn joined(descriptions: &[&str]) -> String {
    let spoken: Vec<&str> = descriptions.iter().copied().filter(|description| !description.is_empty()).collect();
    spoken.join(": ")
}
