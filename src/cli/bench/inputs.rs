//! The inputs: taken as they are, or generated.

use std::{fmt, fs::File, io::Read, path::Path, sync::atomic::AtomicBool};

use clap::ValueEnum;
use partiquet::{
    Error, Result,
    generate::{Amount, Generator, Settings},
    input::discover::{Source, discover},
    observe::Silent,
};
use serde::Serialize;

use super::{matrix::Matrix, tell};
use crate::cli::{
    generate::write::{self, Destination, IfExists, InputCompression},
    human,
};

/// How an input is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stored {
    None,
    Gz,
    Zst,
}

impl fmt::Display for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "plain",
            Self::Gz => "gz",
            Self::Zst => "zst",
        })
    }
}

/// What is converted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Input {
    /// As `convert` takes them.
    pub names: Vec<String>,
    /// Bytes as stored.
    pub bytes: u64,
    /// Bytes of JSON that were asked for; `None` for a given input.
    pub generated: Option<u64>,
    /// `conversations` and so on; `None` for a given input.
    pub shape: Option<String>,
    pub stored: Stored,
}

impl Input {
    pub fn size_text(&self) -> String {
        human::bytes(self.generated.unwrap_or(self.bytes))
    }
}

/// Takes or makes the inputs, and reads them once, so that all runs find them in the page cache.
pub fn prepare(
    given: &[String],
    asked: &Matrix,
    data: &Settings,
    work: &Path,
    threads: usize,
    stop: &AtomicBool,
) -> Result<Vec<Input>> {
    if !given.is_empty() {
        let found = discover(given, None, &Silent)?;
        let mut bytes = 0;
        for input in &found {
            let Source::File(path) = &input.source else {
                return Err(Error::usage(format!("{} can be read only once", input.name), "store it in a file first"));
            };
            bytes += input.bytes.unwrap_or_default();
            warm(path)?;
        }
        return Ok(vec![Input { names: given.to_vec(), bytes, generated: None, shape: None, stored: Stored::None }]);
    }
    let mut inputs = Vec::new();
    for (number, size) in asked.sizes.iter().enumerate() {
        let generator = Generator::new(Settings { amount: Amount::Bytes(size.0), ..data.clone() })?;
        for stored in &asked.stored {
            let compression = match stored {
                Stored::None => None,
                Stored::Gz => Some(InputCompression::Gz),
                Stored::Zst => Some(InputCompression::Zst),
            };
            let ending = compression.map_or("", InputCompression::ending);
            let path = work.join(format!("input-{number}.ndjson{ending}"));
            tell(&format!("generating {} of {}, {stored}", human::bytes(size.0), data.shape));
            let to = Destination { path: &path, files: None, if_exists: IfExists::Error, compression };
            let written = write::write(&generator, &to, threads, stop)?;
            warm(&path)?;
            inputs.push(Input {
                names: vec![path.to_string_lossy().into_owned()],
                bytes: written.bytes_stored,
                generated: Some(size.0),
                shape: Some(data.shape.to_string()),
                stored: *stored,
            });
        }
    }
    Ok(inputs)
}

fn warm(path: &Path) -> Result<()> {
    let mut file = File::open(path).map_err(Error::io("read", path))?;
    let mut buffer = vec![0; 1 << 20];
    while file.read(&mut buffer).map_err(Error::io("read", path))? > 0 {}
    Ok(())
}
