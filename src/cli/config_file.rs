//! A config file: the options of `convert` as TOML, under their long names.

use std::{fs, io::Read as _, path::Path, str::FromStr};

use clap::{CommandFactory, ValueEnum};
use partiquet::{Error, Result, config::AttributeColumns, nearest::nearest};
use toml::de::{DeTable, DeValue};

use super::args::{Cli, RawOptions};

/// A longer file is not a config file.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// Reads the options in the file at `path`.
pub fn read(path: &Path) -> Result<RawOptions> {
    let file = path.display().to_string();
    let hint = "give --config the path of a TOML file";
    let mut text = Vec::new();
    fs::File::open(path)
        .and_then(|opened| opened.take(MAX_CONFIG_BYTES + 1).read_to_end(&mut text))
        .map_err(|error| Error::usage(format!("cannot read the config file {file}: {error}"), hint))?;
    if text.len() as u64 > MAX_CONFIG_BYTES {
        return Err(Error::usage(format!("{file} is longer than any config file ({MAX_CONFIG_BYTES} bytes)"), hint));
    }
    let text = String::from_utf8(text).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        Error::usage(format!("{file}, line {line}: not UTF-8"), "save the file as UTF-8")
    })?;
    parse(&text, &file)
}

fn parse(text: &str, file: &str) -> Result<RawOptions> {
    let at = |offset: usize| {
        let before = text.get(..offset).unwrap_or(text);
        format!("{file}, line {}", before.matches('\n').count() + 1)
    };
    let table = DeTable::parse(text).map_err(|error| {
        let place = at(error.span().map_or(0, |span| span.start));
        Error::usage(
            format!("{place}: not TOML: {}", error.message()),
            "a config file has lines like  memory = \"1GiB\"",
        )
    })?;
    let mut said = RawOptions::default();
    let mut names: Vec<String> = Vec::new();
    for (key, value) in table.into_inner() {
        let name = key.get_ref().replace('_', "-");
        let place = at(key.span().start);
        if names.contains(&name) {
            let message = format!("{place}: {name} is given twice, once with a hyphen and once with an underscore");
            return Err(Error::usage(message, "keep one of them"));
        }
        match set(&mut said, &name, value.get_ref()) {
            Ok(true) => {}
            Ok(false) => return Err(unknown_option(&place, &name)),
            Err(Error::Usage { message, hint }) => {
                return Err(Error::usage(format!("{place}: {name}: {message}"), hint));
            }
            Err(error) => return Err(error),
        }
        names.push(name);
    }
    Ok(said)
}

/// Sets the option of this name; returns false if there is no such option.
fn set(said: &mut RawOptions, name: &str, value: &DeValue<'_>) -> Result<bool> {
    match name {
        // A text is not split at commas: a file name may contain one.
        "inputs" => said.inputs = strings(value)?.into_iter().map(String::into).collect(),
        "out" => said.out = Some(string(value)?.into()),
        "mode" => said.mode = Some(parsed(value)?),
        "dry-run" => said.dry_run = Some(boolean(value)?),
        "model" => said.model = Some(string(value)?),
        "attribute-columns" => said.attribute_columns = Some(attribute_columns(value)?),
        "attribute-map" => said.attribute_map = Some(parsed(value)?),
        "provenance" => said.provenance = Some(boolean(value)?),
        "partition-by" => said.partition_by = Some(partition_by(value)?.parse()?),
        "sort-by" => said.sort_by = Some(list(value)?),
        "bloom-filter" => said.bloom_filter = Some(list(value)?),
        "compression" => said.compression = Some(parsed(value)?),
        "target-file-size" => said.target_file_size = Some(parsed(value)?),
        "row-group-rows" => said.row_group_rows = Some(number(value)?),
        "max-rejects" => said.max_rejects = Some(parsed(value)?),
        "max-record-size" => said.max_record_size = Some(parsed(value)?),
        "threads" => said.threads = Some(number(value)?),
        "memory" => said.memory = Some(parsed(value)?),
        "target" => said.target = Some(word(value)?),
        "progress" => said.progress = Some(word(value)?),
        "report" => said.report = Some(string(value)?.into()),
        _ => return Ok(false),
    }
    Ok(true)
}

/// The names that a config file may use.
pub fn known_names() -> Vec<String> {
    let cli = Cli::command();
    let longs = cli.find_subcommand("convert").into_iter().flat_map(clap::Command::get_arguments);
    let options = longs.filter_map(|arg| arg.get_long()).filter(|long| !matches!(*long, "config" | "help"));
    std::iter::once("inputs").chain(options).map(str::to_owned).collect()
}

fn unknown_option(place: &str, name: &str) -> Error {
    let names = known_names();
    let hint = match nearest(name, names.iter().map(String::as_str)) {
        Some(guess) => format!("did you mean {guess}?"),
        None => format!("the options are {}", names.join(", ")),
    };
    Error::usage(format!("{place}: there is no option {name:?}"), hint)
}

/// The text of a value, as it would be written on the command line.
fn text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().trim_start_matches('+').to_owned()),
        _ => None,
    }
}

fn wanted(what: &str, value: &DeValue<'_>) -> Error {
    Error::usage(format!("this is {} {}", article(value), value.type_str()), format!("give {what}"))
}

fn article(value: &DeValue<'_>) -> &'static str {
    if matches!(value, DeValue::Integer(_) | DeValue::Array(_)) { "an" } else { "a" }
}

fn string(value: &DeValue<'_>) -> Result<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| wanted("a text in quotes", value))
}

fn boolean(value: &DeValue<'_>) -> Result<bool> {
    value.as_bool().ok_or_else(|| wanted("true or false", value))
}

fn number(value: &DeValue<'_>) -> Result<usize> {
    let text = text(value).ok_or_else(|| wanted("a number", value))?;
    text.parse()
        .map_err(|_| Error::usage(format!("{text:?} is not a number of this size"), "give a whole number, 1 or more"))
}

fn parsed<T: FromStr<Err = Error>>(value: &DeValue<'_>) -> Result<T> {
    text(value).ok_or_else(|| wanted("a text in quotes", value))?.parse()
}

fn word<T: ValueEnum>(value: &DeValue<'_>) -> Result<T> {
    let given = string(value)?;
    T::from_str(&given, false).map_err(|_| {
        let words = T::value_variants().iter().filter_map(T::to_possible_value);
        let words: Vec<_> = words.map(|word| word.get_name().to_owned()).collect();
        Error::usage(format!("{given:?} is not possible"), format!("use {}", words.join(" or ")))
    })
}

/// A list of texts, or one text.
fn strings(value: &DeValue<'_>) -> Result<Vec<String>> {
    match value {
        DeValue::Array(items) => items.iter().map(|item| string(item.get_ref())).collect(),
        _ => Ok(vec![string(value)?]),
    }
}

/// A list of texts, or one text with commas.
fn list(value: &DeValue<'_>) -> Result<Vec<String>> {
    match value {
        DeValue::Array(_) => strings(value),
        _ => Ok(string(value)?.split(',').map(|item| item.trim().to_owned()).collect()),
    }
}

/// A list holds literal keys; a text is parsed as on the command line.
fn attribute_columns(value: &DeValue<'_>) -> Result<AttributeColumns> {
    match value {
        DeValue::Array(_) => Ok(AttributeColumns::Keys(list(value)?)),
        _ => parsed(value),
    }
}

fn partition_by(value: &DeValue<'_>) -> Result<String> {
    match value {
        DeValue::Array(items) if items.is_empty() => Ok("none".to_owned()),
        DeValue::Array(_) => Ok(list(value)?.join(", ")),
        _ => string(value),
    }
}

#[cfg(test)]
mod tests;
