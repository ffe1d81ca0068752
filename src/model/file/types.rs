//! The typed parts of a model document: every key is known, every value is of the right kind, nothing is resolved yet.

use std::collections::HashMap;

use super::{FORMAT_VERSION, MAX_ENVELOPE_STEPS, MAX_ENVELOPES, document::NodeRef};
use crate::{
    columns::ScalarType,
    error::Result,
    model::{Envelope, Form, Step},
    nearest::nearest,
};

/// A complete model document.
pub(super) struct ModelDoc<'a> {
    pub name: &'a str,
    pub title: &'a str,
    pub description: &'a str,
    pub envelopes: Vec<(NodeRef<'a>, Envelope)>,
    pub row: RootDoc<'a>,
    pub parent: Option<RootDoc<'a>>,
    pub outer: Option<RootDoc<'a>>,
    /// The members of each type.
    pub types: HashMap<&'a str, Vec<MemberDoc<'a>>>,
}

/// The type that describes the row, the parent or the outermost object.
pub(super) struct RootDoc<'a> {
    pub type_name: &'a str,
    pub type_place: NodeRef<'a>,
    pub prefix: Option<&'a str>,
}

/// A member of a type.
pub(super) struct MemberDoc<'a> {
    pub place: NodeRef<'a>,
    pub type_place: NodeRef<'a>,
    pub name: &'a str,
    pub member_type: MemberType<'a>,
    pub description: &'a str,
    pub format: Option<&'a str>,
    pub since: Option<&'a str>,
    pub original: bool,
    pub form: Form,
    pub values: Vec<String>,
    pub promote: Option<NodeRef<'a>>,
    pub column: Option<&'a str>,
}

/// A member's type as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MemberType<'a> {
    Scalar(ScalarType),
    ListOf(ScalarType),
    Named(&'a str),
    ListOfNamed(&'a str),
    Map,
    Ignored,
}

/// The names of scalar types in a document, and the types of their columns.
pub(super) const SCALARS: [(&str, ScalarType); 6] = [
    ("string", ScalarType::Text),
    ("integer", ScalarType::Int64),
    ("number", ScalarType::Float64),
    ("boolean", ScalarType::Bool),
    ("instant", ScalarType::Instant),
    ("json", ScalarType::Json),
];

const MODEL_KEYS: [&str; 10] =
    ["partiquet_model", "name", "title", "description", "sources", "envelopes", "row", "parent", "outer", "types"];
const MEMBER_KEYS: [&str; 10] =
    ["name", "type", "description", "format", "since", "original", "form", "enum", "promote", "column"];

impl<'a> ModelDoc<'a> {
    pub(super) fn read(root: &NodeRef<'a>) -> Result<Self> {
        let mut members: HashMap<&str, NodeRef<'a>> = root.members(&MODEL_KEYS)?.into_iter().collect();
        let version = required(&mut members, root, "partiquet_model")?;
        if version.integer()? != FORMAT_VERSION {
            return Err(version.fail(format!("this program reads version {FORMAT_VERSION} of the format")));
        }
        if let Some(sources) = members.remove("sources") {
            sources.elements()?.iter().try_for_each(|source| source.text().map(drop))?;
        }
        Ok(Self {
            name: non_empty(&required(&mut members, root, "name")?)?,
            title: members.remove("title").map_or(Ok(""), |title| title.text())?,
            description: members.remove("description").map_or(Ok(""), |description| description.text())?,
            envelopes: members.remove("envelopes").map_or_else(|| Ok(Vec::new()), |list| read_envelopes(&list))?,
            row: RootDoc::read(&required(&mut members, root, "row")?, false)?,
            parent: members.remove("parent").map(|parent| RootDoc::read(&parent, true)).transpose()?,
            outer: members.remove("outer").map(|outer| RootDoc::read(&outer, true)).transpose()?,
            types: read_types(&required(&mut members, root, "types")?)?,
        })
    }
}

impl<'a> RootDoc<'a> {
    fn read(place: &NodeRef<'a>, prefixed: bool) -> Result<Self> {
        let known: &[&str] = if prefixed { &["type", "prefix"] } else { &["type"] };
        let mut members: HashMap<&str, NodeRef<'a>> = place.members(known)?.into_iter().collect();
        let type_place = required(&mut members, place, "type")?;
        let prefix = if prefixed { Some(column_segment(&required(&mut members, place, "prefix")?)?) } else { None };
        Ok(Self { type_name: type_place.text()?, type_place, prefix })
    }
}

fn read_types<'a>(place: &NodeRef<'a>) -> Result<HashMap<&'a str, Vec<MemberDoc<'a>>>> {
    let types = place.members(&[])?;
    let names: Vec<&str> = types.iter().map(|(name, _)| *name).collect();
    let mut read = HashMap::new();
    for (name, place) in types {
        let plain = !name.is_empty() && name.chars().all(|char| char.is_alphanumeric() || "_-.".contains(char));
        if !plain || ["map", "list", "ignored"].contains(&name) || SCALARS.iter().any(|(scalar, _)| *scalar == name) {
            return Err(place.fail("a type's name has letters, digits, _ - and . only, and is no built-in type's"));
        }
        let mut members: HashMap<&str, NodeRef<'a>> = place.members(&["description", "members"])?.into_iter().collect();
        if let Some(description) = members.remove("description") {
            description.text()?;
        }
        let list = required(&mut members, &place, "members")?;
        let members =
            list.elements()?.iter().map(|member| MemberDoc::read(member, &names)).collect::<Result<Vec<_>>>()?;
        if members.is_empty() {
            return Err(list.fail("a type needs at least one member; an object of any members is json or map<string>"));
        }
        read.insert(name, members);
    }
    Ok(read)
}

impl<'a> MemberDoc<'a> {
    fn read(place: &NodeRef<'a>, type_names: &[&str]) -> Result<Self> {
        let mut members: HashMap<&str, NodeRef<'a>> = place.members(&MEMBER_KEYS)?.into_iter().collect();
        let type_place = required(&mut members, place, "type")?;
        let mut text = |key: &str| members.remove(key).map(|place| place.text()).transpose();
        let (description, format) = (text("description")?.unwrap_or_default(), text("format")?);
        let values = members.remove("enum").map_or_else(|| Ok(Vec::new()), |list| list.elements())?;
        Ok(Self {
            place: place.clone(),
            name: non_empty(&required(&mut members, place, "name")?)?,
            member_type: MemberType::read(&type_place, type_names)?,
            type_place,
            description,
            format,
            since: members.remove("since").map(|since| year_and_month(&since)).transpose()?,
            original: members.remove("original").map_or(Ok(false), |original| original.boolean())?,
            form: members.remove("form").map_or(Ok(Form::Both), |form| read_form(&form))?,
            values: values.iter().map(|value| value.text().map(str::to_owned)).collect::<Result<_>>()?,
            promote: members.remove("promote").map(promotion).transpose()?.flatten(),
            column: members.remove("column").map(|column| column_segment(&column)).transpose()?,
        })
    }
}

impl<'a> MemberType<'a> {
    fn read(place: &NodeRef<'a>, type_names: &[&str]) -> Result<Self> {
        let text = place.text()?;
        if let Some(element) = text.strip_prefix("list<").and_then(|rest| rest.strip_suffix('>')) {
            return match Self::simple(element, type_names) {
                Some(Self::Scalar(scalar)) => Ok(Self::ListOf(scalar)),
                Some(Self::Named(name)) => Ok(Self::ListOfNamed(name)),
                Some(Self::Ignored) => Err(place.fail("a list is ignored as a whole: ignored, not list<ignored>")),
                _ if element.starts_with("list<") || element.starts_with("map<") => {
                    Err(place.fail("a list holds values or objects; a list of lists or maps is json"))
                }
                _ => Err(unknown_type(place, element, type_names)),
            };
        }
        if text.starts_with("map<") && text != "map<string>" {
            return Err(place.fail("a map goes from text to text, map<string>; anything else is json"));
        }
        Self::simple(text, type_names).ok_or_else(|| unknown_type(place, text, type_names))
    }

    fn simple(text: &'a str, type_names: &[&str]) -> Option<Self> {
        match text {
            "map<string>" => Some(Self::Map),
            "ignored" => Some(Self::Ignored),
            _ => match SCALARS.iter().find(|(word, _)| *word == text) {
                Some((_, scalar)) => Some(Self::Scalar(*scalar)),
                None => type_names.contains(&text).then_some(Self::Named(text)),
            },
        }
    }
}

fn unknown_type(place: &NodeRef<'_>, text: &str, type_names: &[&str]) -> crate::Error {
    let built_in = SCALARS.iter().map(|(word, _)| *word).chain(["map<string>", "ignored"]);
    let hint = nearest(text, built_in.chain(type_names.iter().copied())).map_or_else(
        || "a type is string, integer, number, boolean, instant, json, list<...>, map<string>, ignored or one of /types".to_owned(),
        |near| format!("do you mean {near:?}?"),
    );
    place.fail(format!("there is no type {text:?}; {hint}"))
}

fn read_envelopes<'a>(list: &NodeRef<'a>) -> Result<Vec<(NodeRef<'a>, Envelope)>> {
    let envelopes = list.elements()?;
    if envelopes.len() > MAX_ENVELOPES {
        return Err(list.fail(format!("a model has at most {MAX_ENVELOPES} ways to its rows")));
    }
    envelopes.into_iter().map(|place| Ok((place.clone(), read_envelope(&place)?))).collect()
}

fn read_envelope(place: &NodeRef<'_>) -> Result<Envelope> {
    let steps: Vec<Step> = place
        .text()?
        .split('.')
        .map(|step| {
            let (key, list) = step.strip_suffix("[]").map_or((step, false), |key| (key, true));
            if key.is_empty() || key.contains(['[', ']']) {
                return Err(place.fail("a way to the rows is keys joined by dots, lists marked by []: pages[].rows[]"));
            }
            Ok(Step { key: key.to_owned(), list })
        })
        .collect::<Result<_>>()?;
    if steps.len() > MAX_ENVELOPE_STEPS {
        return Err(place.fail(format!("a way to the rows has at most {MAX_ENVELOPE_STEPS} steps")));
    }
    Ok(Envelope { steps })
}

fn required<'a>(members: &mut HashMap<&str, NodeRef<'a>>, around: &NodeRef<'a>, key: &str) -> Result<NodeRef<'a>> {
    members.remove(key).ok_or_else(|| around.fail(format!("the member {key:?} is missing")))
}

fn non_empty<'a>(place: &NodeRef<'a>) -> Result<&'a str> {
    match place.text()? {
        "" => Err(place.fail("a name must not be empty")),
        name => Ok(name),
    }
}

fn column_segment<'a>(place: &NodeRef<'a>) -> Result<&'a str> {
    let segment = non_empty(place)?;
    if segment.chars().all(|char| char == '_' || (char.is_alphanumeric() && !char.is_uppercase())) {
        return Ok(segment);
    }
    Err(place.fail("a part of a column name has lower-case letters, digits and _ only"))
}

fn year_and_month<'a>(place: &NodeRef<'a>) -> Result<&'a str> {
    let text = place.text()?;
    let digits = |part: &str, len: usize| part.len() == len && part.bytes().all(|byte| byte.is_ascii_digit());
    let valid = text
        .split_once('-')
        .is_some_and(|(year, month)| digits(year, 4) && digits(month, 2) && ("01"..="12").contains(&month));
    if valid { Ok(text) } else { Err(place.fail("a year and a month are expected, as 2025-06")) }
}

fn read_form(place: &NodeRef<'_>) -> Result<Form> {
    match place.text()? {
        "both" => Ok(Form::Both),
        "rest" => Ok(Form::Rest),
        "notification" => Ok(Form::Notification),
        _ => Err(place.fail("one of both, rest, notification is expected")),
    }
}

/// The place of `"promote": true`, for errors about it.
fn promotion(place: NodeRef<'_>) -> Result<Option<NodeRef<'_>>> {
    Ok(place.boolean()?.then_some(place))
}
