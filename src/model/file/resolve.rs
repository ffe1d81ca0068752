//! Resolves named types to fields: follows references, and refuses everything that the table cannot represent.

use std::collections::{HashMap, HashSet};

use super::{
    MAX_PATHS, MAX_TYPE_DEPTH,
    document::NodeRef,
    types::{MemberDoc, MemberType, ModelDoc, RootDoc},
};
use crate::{
    error::Result,
    model::{Envelope, Field, FieldKind, Group, Model, naming::snake_case, schema},
};

/// Resolves the types of the document, starting with the row.
pub(super) fn model(doc: &ModelDoc<'_>) -> Result<Model> {
    let mut resolver = Resolver::new(doc);
    let model = Model {
        name: doc.name.to_owned(),
        title: doc.title.to_owned(),
        description: doc.description.to_owned(),
        envelopes: doc.envelopes.iter().map(|(_, envelope)| envelope.clone()).collect(),
        row: resolver.root(&doc.row, Inside::Row)?,
        parent: doc.parent.as_ref().map(|parent| resolver.group(parent)).transpose()?,
        outer: doc.outer.as_ref().map(|outer| resolver.group(outer)).transpose()?,
    };
    check_envelopes(doc, &model)?;
    Ok(model)
}

/// The context of a member, which decides what types it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// The participant itself: one map may be promoted here.
    Row,
    /// Any other object.
    Object,
    /// An element of a list of objects. It is one struct, so it may contain no lists and no maps.
    Element,
}

struct Resolver<'d, 'a> {
    doc: &'d ModelDoc<'a>,
    /// The types that enclose the one being resolved.
    around: Vec<&'a str>,
    /// Column names in use, in lower case, with the pointer to the member that has them.
    columns: HashMap<String, String>,
    num_paths: usize,
    promoted: Option<String>,
}

impl<'d, 'a> Resolver<'d, 'a> {
    fn new(doc: &'d ModelDoc<'a>) -> Self {
        let fixed = [schema::EXTRA_COLUMN, schema::SOURCE_FILE_COLUMN, schema::SOURCE_OFFSET_COLUMN];
        let columns = fixed.into_iter().map(|name| (name.to_owned(), "the program itself".to_owned())).collect();
        Self { doc, around: Vec::new(), columns, num_paths: 0, promoted: None }
    }

    fn group(&mut self, root: &RootDoc<'a>) -> Result<Group> {
        let fields = self.root(root, Inside::Object)?;
        Ok(Group { prefix: root.prefix.unwrap_or_default().to_owned(), fields })
    }

    fn root(&mut self, root: &RootDoc<'a>, inside: Inside) -> Result<Vec<Field>> {
        if !self.doc.types.contains_key(root.type_name) {
            return Err(root.type_place.fail(format!("there is no type {:?} in /types", root.type_name)));
        }
        let prefix = root.prefix.map(|prefix| format!("{prefix}_")).unwrap_or_default();
        self.fields(root.type_name, &prefix, inside, &root.type_place)
    }

    /// Returns the members of a type whose columns begin with `prefix`. `user` is where the type is referred to.
    fn fields(&mut self, type_name: &'a str, prefix: &str, inside: Inside, user: &NodeRef<'a>) -> Result<Vec<Field>> {
        if self.around.contains(&type_name) {
            return Err(user.fail(format!("{type_name} contains itself, a table cannot; use json here")));
        }
        if self.around.len() >= MAX_TYPE_DEPTH {
            return Err(user.fail(format!("objects nest deeper than {MAX_TYPE_DEPTH} here; use json")));
        }
        let Some(members) = self.doc.types.get(type_name) else {
            return Err(user.fail(format!("there is no type {type_name:?} in /types")));
        };
        self.around.push(type_name);
        let mut names = HashSet::new();
        let mut fields = Vec::with_capacity(members.len());
        for member in members {
            let snake = snake_case(member.name);
            let known = !names.insert(member.name.to_owned());
            if known || (snake != member.name && !names.insert(snake.clone())) {
                return Err(member.place.fail(format!(
                    "{:?}, which input may also call {snake:?}, is a member of this type already",
                    member.name
                )));
            }
            let column = member.column.map_or(snake, str::to_owned);
            fields.push(self.field(member, column, prefix, inside)?);
        }
        self.around.pop();
        Ok(fields)
    }

    fn field(&mut self, member: &MemberDoc<'a>, column: String, prefix: &str, inside: Inside) -> Result<Field> {
        let kind = self.kind(member, &format!("{prefix}{column}"), inside)?;
        Ok(Field {
            wire: member.name.to_owned(),
            column,
            kind,
            description: member.description.to_owned(),
            format: member.format.map(str::to_owned),
            since: member.since.map(str::to_owned),
            original: member.original,
            form: member.form,
            values: member.values.clone(),
        })
    }

    fn kind(&mut self, member: &MemberDoc<'a>, column: &str, inside: Inside) -> Result<FieldKind> {
        // A list or map has a path itself, and one for its elements.
        self.num_paths += match member.member_type {
            MemberType::Scalar(_) | MemberType::Named(_) | MemberType::Ignored => 1,
            MemberType::ListOf(_) | MemberType::ListOfNamed(_) | MemberType::Map => 2,
        };
        if self.num_paths > MAX_PATHS {
            return Err(member.place.fail(format!("the model has more than {MAX_PATHS} places for values; use json")));
        }
        if let Some(promote) = &member.promote {
            self.promote(promote, member, inside)?;
        }
        match member.member_type {
            MemberType::Ignored => Ok(FieldKind::Ignored),
            MemberType::Named(name) => {
                let inside = if inside == Inside::Element { inside } else { Inside::Object };
                Ok(FieldKind::Object(self.fields(name, &format!("{column}_"), inside, &member.type_place)?))
            }
            MemberType::Scalar(scalar) => {
                self.claim(column, member)?;
                Ok(FieldKind::Scalar(scalar))
            }
            _ if inside == Inside::Element => {
                Err(member.type_place.fail("an object in a list cannot hold a list or a map; use json here"))
            }
            MemberType::ListOf(scalar) => {
                self.claim(column, member)?;
                Ok(FieldKind::List(scalar))
            }
            MemberType::ListOfNamed(name) => {
                self.claim(column, member)?;
                // The names in a struct need to be distinct only among themselves.
                let outside = std::mem::take(&mut self.columns);
                let fields = self.fields(name, "", Inside::Element, &member.type_place)?;
                if self.columns.is_empty() {
                    return Err(member.type_place.fail(format!("all members of {name} are ignored; use json here")));
                }
                self.columns = outside;
                Ok(FieldKind::ListOfObjects(fields))
            }
            MemberType::Map => {
                self.claim(column, member)?;
                Ok(FieldKind::Map { promote: member.promote.is_some() })
            }
        }
    }

    fn promote(&mut self, promote: &NodeRef<'a>, member: &MemberDoc<'a>, inside: Inside) -> Result<()> {
        if member.member_type != MemberType::Map || inside != Inside::Row {
            return Err(promote.fail("only a map<string> that is a member of the row's own type can be promoted"));
        }
        if let Some(other) = self.promoted.replace(member.place.pointer().to_owned()) {
            return Err(promote.fail(format!("one map at most is promoted, and {other} is")));
        }
        Ok(())
    }

    fn claim(&mut self, column: &str, member: &MemberDoc<'a>) -> Result<()> {
        match self.columns.insert(column.to_lowercase(), member.place.pointer().to_owned()) {
            None => Ok(()),
            Some(other) => Err(member
                .place
                .fail(format!("its column {column} is taken by {other}; give this member another \"column\""))),
        }
    }
}

/// Whether input may use this name for the field.
fn has_name(field: &Field, name: &str) -> bool {
    field.wire == name || snake_case(&field.wire) == name
}

/// Checks that every envelope can be used and names no member that the model also reads as a value.
fn check_envelopes(doc: &ModelDoc<'_>, model: &Model) -> Result<()> {
    let mut first_keys = HashSet::new();
    let mut num_steps = None;
    for (place, Envelope { steps }) in &doc.envelopes {
        let (Some(first), Some(last)) = (steps.first(), steps.last()) else {
            return Err(place.fail("a way to the rows needs a key"));
        };
        if !first_keys.insert(&first.key) {
            return Err(place.fail(format!("{:?} begins an earlier envelope, so this one is never used", first.key)));
        }
        let named = |group: &Option<Group>, key: &str| {
            let fields = group.as_ref().map_or(&[][..], |group| &group.fields);
            fields.iter().any(|field| has_name(field, key))
        };
        if model.row.iter().any(|field| has_name(field, &first.key)) {
            return Err(place.fail(format!(
                "{:?} says that a record is not a row itself, so the row's type must not have it",
                first.key
            )));
        }
        if named(&model.parent, &first.key) {
            return Err(place.fail(format!("{:?} leads to the rows, so the parent's type must not have it", first.key)));
        }
        if named(&model.outer, &first.key) {
            return Err(place.fail(format!("{:?} leads to the rows, so the outer type must not have it", first.key)));
        }
        if named(&model.parent, &last.key) {
            return Err(place.fail(format!("{:?} leads to the rows, so the parent's type must not have it", last.key)));
        }
        if steps.len() > 1 && model.outer.is_some() && *num_steps.get_or_insert(steps.len()) != steps.len() {
            return Err(place.fail("with an outer type all envelopes of two or more steps must have as many of them"));
        }
    }
    Ok(())
}
