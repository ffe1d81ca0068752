//! A JSON document as written: members stay in order, and repeated ones are kept so that they can be refused with their
//! place.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::{
    error::{Error, Result},
    model::naming::pointer_step,
    nearest::nearest,
};

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    /// A number other than an integer from 0 up; the format does not use such numbers.
    OtherNumber,
    Integer(u64),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// Parses a complete document; the error has line and column.
pub(super) fn parse(text: &str) -> serde_json::Result<Node> {
    serde_json::from_str(text)
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Integer(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::OtherNumber)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::OtherNumber)
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = access.next_element()? {
            elements.push(element);
        }
        Ok(Node::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = access.next_entry()? {
            members.push(member);
        }
        Ok(Node::Object(members))
    }
}

/// A value together with its place, so that every error can name the place.
#[derive(Debug, Clone)]
pub(super) struct NodeRef<'a> {
    file: &'a str,
    pointer: String,
    node: &'a Node,
}

impl<'a> NodeRef<'a> {
    pub(super) const fn root(file: &'a str, node: &'a Node) -> Self {
        Self { file, pointer: String::new(), node }
    }

    /// JSON Pointer of this value.
    pub(super) fn pointer(&self) -> &str {
        if self.pointer.is_empty() { "/" } else { &self.pointer }
    }

    /// An error about this value.
    pub(super) fn fail(&self, message: impl Into<String>) -> Error {
        Error::Model { file: self.file.to_owned(), pointer: self.pointer().to_owned(), message: message.into() }
    }

    /// The members of an object, in order. Refuses keys that are not in `known`; an empty `known` allows any key.
    pub(super) fn members(&self, known: &[&str]) -> Result<Vec<(&'a str, Self)>> {
        let Node::Object(members) = self.node else {
            return Err(self.fail(format!("this is {}, an object is expected", self.node.kind())));
        };
        let places = members.iter().map(|(key, node)| (key.as_str(), self.step(key, node)));
        places
            .map(|(key, place)| {
                if known.is_empty() || known.contains(&key) {
                    return Ok((key, place));
                }
                let hint = nearest(key, known.iter().copied()).map_or_else(
                    || format!("known are {}", known.join(", ")),
                    |known| format!("do you mean {known:?}?"),
                );
                Err(place.fail(format!("{key:?} is not a member here; {hint}")))
            })
            .collect()
    }

    /// The elements of a list.
    pub(super) fn elements(&self) -> Result<Vec<Self>> {
        let Node::List(elements) = self.node else {
            return Err(self.fail(format!("this is {}, a list is expected", self.node.kind())));
        };
        Ok(elements.iter().enumerate().map(|(index, node)| self.step(&index.to_string(), node)).collect())
    }

    pub(super) fn text(&self) -> Result<&'a str> {
        match self.node {
            Node::Text(text) => Ok(text),
            other => Err(self.fail(format!("this is {}, a text is expected", other.kind()))),
        }
    }

    pub(super) fn boolean(&self) -> Result<bool> {
        match self.node {
            Node::Bool(value) => Ok(*value),
            other => Err(self.fail(format!("this is {}, true or false is expected", other.kind()))),
        }
    }

    pub(super) fn integer(&self) -> Result<u64> {
        match self.node {
            Node::Integer(value) => Ok(*value),
            other => Err(self.fail(format!("this is {}, an integer is expected", other.kind()))),
        }
    }

    /// Refuses the first object with two members of the same name, anywhere in the document.
    pub(super) fn refuse_repeated_members(&self) -> Result<()> {
        match self.node {
            Node::Object(members) => {
                let mut names = std::collections::HashSet::new();
                for (key, node) in members {
                    let place = self.step(key, node);
                    if !names.insert(key) {
                        return Err(place.fail("this member stands here twice; keep one"));
                    }
                    place.refuse_repeated_members()?;
                }
                Ok(())
            }
            Node::List(_) => self.elements()?.iter().try_for_each(NodeRef::refuse_repeated_members),
            _ => Ok(()),
        }
    }

    fn step(&self, name: &str, node: &'a Node) -> Self {
        Self { file: self.file, pointer: format!("{}/{}", self.pointer, pointer_step(name)), node }
    }
}

impl Node {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::OtherNumber | Self::Integer(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}
