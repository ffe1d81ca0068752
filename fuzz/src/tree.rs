//! A record as a tree in which every value knows its own bytes; serde_json reads it level by level.
//!
//! Each value is first read as a raw value, so that a number is judged by its grammar and not by what fits in a double,
//! and duplicate members are both kept.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Maximum nesting of a record, including its root.
pub const MAX_DEPTH: usize = 64;

#[derive(Debug)]
pub struct Node<'t> {
    /// From the first byte of the value to its last.
    pub raw: &'t str,
    pub kind: Kind<'t>,
}

#[derive(Debug)]
pub enum Kind<'t> {
    Null,
    Bool(bool),
    /// The token is the raw text.
    Number,
    Text(String),
    List(Vec<Node<'t>>),
    Object(Vec<(String, Node<'t>)>),
    /// Nested too deep to be parsed.
    TooDeep,
}

/// Parses one value, which only white space may surround.
pub fn parse(text: &str) -> serde_json::Result<Node<'_>> {
    node(serde_json::from_str::<&RawValue>(text)?.get(), 1)
}

fn node(raw: &str, depth: usize) -> serde_json::Result<Node<'_>> {
    let kind = match raw.as_bytes()[0] {
        b'{' | b'[' if depth > MAX_DEPTH => Kind::TooDeep,
        b'{' => {
            let members = serde_json::Deserializer::from_str(raw).deserialize_map(Members)?;
            let members = members.into_iter().map(|(name, value)| Ok((name, node(value.get(), depth + 1)?)));
            Kind::Object(members.collect::<serde_json::Result<_>>()?)
        }
        b'[' => {
            let elements: Vec<&RawValue> = serde_json::from_str(raw)?;
            Kind::List(elements.into_iter().map(|value| node(value.get(), depth + 1)).collect::<Result<_, _>>()?)
        }
        b'"' => Kind::Text(serde_json::from_str(raw)?),
        b't' => Kind::Bool(true),
        b'f' => Kind::Bool(false),
        b'n' => Kind::Null,
        _ => Kind::Number,
    };
    Ok(Node { raw, kind })
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = access.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

impl Node<'_> {
    /// Whether anything in it is nested too deep.
    pub fn is_too_deep(&self) -> bool {
        match &self.kind {
            Kind::TooDeep => true,
            Kind::List(elements) => elements.iter().any(Self::is_too_deep),
            Kind::Object(members) => members.iter().any(|(_, value)| value.is_too_deep()),
            _ => false,
        }
    }

    /// Whether any object in it has a member twice.
    pub fn has_duplicate(&self) -> bool {
        match &self.kind {
            Kind::List(elements) => elements.iter().any(Self::has_duplicate),
            Kind::Object(members) => {
                let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
                names.sort_unstable();
                names.windows(2).any(|pair| pair[0] == pair[1])
                    || members.iter().any(|(_, value)| value.has_duplicate())
            }
            _ => false,
        }
    }

    /// Offset of the value in `text`, of which it is a part.
    pub fn offset_in(&self, text: &[u8]) -> usize {
        self.raw.as_ptr().addr() - text.as_ptr().addr()
    }
}
