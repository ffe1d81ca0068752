//! Merges the values that were seen at one place.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::{decode::is_instant, model::naming::snake_case};

/// Maximum number of members kept per object. An object with more keys is a map of free keys.
pub const MAX_MEMBERS: usize = 1000;

/// Integers up to this one are exact in a double.
const MAX_EXACT_INTEGER: u64 = 1 << 53;

/// Everything seen at one place. Nulls say nothing about the type and are only counted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observed {
    pub nulls: u64,
    pub booleans: u64,
    pub strings: u64,
    /// How many of `strings` are instants.
    pub instants: u64,
    pub integers: u64,
    /// How many of `integers` a double cannot hold exactly.
    pub long_integers: u64,
    /// Numbers that are not 64-bit integers.
    pub fractions: u64,
    /// How many of `fractions` a double cannot hold either: unsigned integers above the signed 64-bit range.
    pub huge_integers: u64,
    pub objects: u64,
    /// Members of the objects, in order of appearance.
    pub members: Vec<(String, Observed)>,
    /// Whether there were more than [`MAX_MEMBERS`].
    pub too_many_members: bool,
    /// The first two members of one object whose names are two spellings of one: `startTime` and `start_time`.
    pub twins: Option<(String, String)>,
    pub lists: u64,
    /// The elements of all lists; `None` if all lists were empty.
    pub element: Option<Box<Observed>>,
    places: HashMap<String, usize>,
}

/// The narrowest type that holds every value of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No value, or only nulls.
    Nothing,
    Text,
    Instant,
    Integer,
    Number,
    Boolean,
    Object,
    List,
    /// No type holds all values unchanged.
    Mixed,
}

/// Two names of one object that are spellings of one member.
fn twins(members: &Map<String, Value>) -> Option<(String, String)> {
    members.keys().find_map(|name| {
        let snake = snake_case(name);
        (snake != *name && members.contains_key(&snake)).then(|| (name.clone(), snake))
    })
}

impl Observed {
    /// Adds one more value.
    pub fn add(&mut self, value: &Value) {
        match value {
            Value::Null => self.nulls += 1,
            Value::Bool(_) => self.booleans += 1,
            Value::Number(number) => {
                if let Some(integer) = number.as_i64() {
                    self.integers += 1;
                    self.long_integers += u64::from(integer.unsigned_abs() > MAX_EXACT_INTEGER);
                } else {
                    self.fractions += 1;
                    self.huge_integers += u64::from(number.is_u64());
                }
            }
            Value::String(text) => {
                self.strings += 1;
                self.instants += u64::from(is_instant(text));
            }
            Value::Array(elements) => {
                self.lists += 1;
                for element in elements {
                    self.element.get_or_insert_default().add(element);
                }
            }
            Value::Object(members) => {
                self.objects += 1;
                self.twins = self.twins.take().or_else(|| twins(members));
                for (name, value) in members {
                    if let Some(member) = self.member_mut(name) {
                        member.add(value);
                    }
                }
            }
        }
    }

    /// Merges everything seen at other places into this one.
    pub fn extend<T: std::borrow::Borrow<Self>>(&mut self, others: impl IntoIterator<Item = T>) {
        others.into_iter().for_each(|other| self.merge(other.borrow()));
    }

    fn merge(&mut self, other: &Self) {
        self.nulls += other.nulls;
        self.booleans += other.booleans;
        self.strings += other.strings;
        self.instants += other.instants;
        self.integers += other.integers;
        self.long_integers += other.long_integers;
        self.fractions += other.fractions;
        self.huge_integers += other.huge_integers;
        self.objects += other.objects;
        self.lists += other.lists;
        self.too_many_members |= other.too_many_members;
        self.twins = self.twins.take().or_else(|| other.twins.clone());
        for (name, seen) in &other.members {
            if let Some(member) = self.member_mut(name) {
                member.merge(seen);
            }
        }
        if let Some(element) = &other.element {
            self.element.get_or_insert_default().merge(element);
        }
    }

    /// What was seen for one member.
    pub fn member(&self, name: &str) -> Option<&Self> {
        self.members.iter().find(|(member, _)| member == name).map(|(_, seen)| seen)
    }

    fn member_mut(&mut self, name: &str) -> Option<&mut Self> {
        if !self.places.contains_key(name) {
            if self.members.len() >= MAX_MEMBERS {
                self.too_many_members = true;
                return None;
            }
            self.places.insert(name.to_owned(), self.members.len());
            self.members.push((name.to_owned(), Self::default()));
        }
        let place = *self.places.get(name)?;
        self.members.get_mut(place).map(|(_, seen)| seen)
    }

    /// The members except those with these names. Everything that is not an object is dropped.
    pub fn without(&self, names: &[&str]) -> Self {
        let mut rest = Self { objects: self.objects, twins: self.twins.clone(), ..Self::default() };
        for (member, seen) in self.members.iter().filter(|(member, _)| !names.contains(&member.as_str())) {
            if let Some(place) = rest.member_mut(member) {
                place.merge(seen);
            }
        }
        rest
    }

    /// Whether its objects have a member with a name; a member with an empty name cannot have a column.
    pub fn has_names(&self) -> bool {
        self.members.iter().any(|(name, _)| !name.is_empty())
    }

    /// Number of values, including nulls.
    pub const fn total(&self) -> u64 {
        self.nulls + self.booleans + self.strings + self.integers + self.fractions + self.objects + self.lists
    }

    /// The narrowest type that holds every value.
    pub fn kind(&self) -> Kind {
        let numbers = self.integers + self.fractions;
        match [self.booleans, self.strings, numbers, self.objects, self.lists].map(|count| count > 0) {
            [false, false, false, false, false] => Kind::Nothing,
            [true, false, false, false, false] => Kind::Boolean,
            [false, true, false, false, false] if self.instants == self.strings => Kind::Instant,
            [false, true, false, false, false] => Kind::Text,
            [false, false, true, false, false] if self.fractions == 0 => Kind::Integer,
            [false, false, true, false, false] if self.long_integers + self.huge_integers == 0 => Kind::Number,
            [false, false, false, true, false] => Kind::Object,
            [false, false, false, false, true] => Kind::List,
            _ => Kind::Mixed,
        }
    }
}
