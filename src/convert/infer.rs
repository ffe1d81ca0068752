//! A model proposed for inputs.

use std::ffi::OsStr;

use serde_json::Value;

use crate::{
    error::{Error, Result},
    infer::{Proposal, RecordSample},
    input::{
        Framing, Piece,
        discover::discover,
        sample::{SampleOptions, sample},
    },
    observe::Observer,
};

/// Proposes a model for other nested JSON from a sample of it. Unreadable records are skipped, and a note says so.
///
/// # Errors
/// [`Error::Usage`] for inputs that do not exist or whose sample has no JSON object, and any error of reading an input.
pub fn infer(inputs: &[impl AsRef<OsStr>], name: &str, observer: &dyn Observer) -> Result<Proposal> {
    if name.is_empty() {
        return Err(Error::usage("the name of the model is empty", "give --name a word, or leave it out"));
    }
    let inputs = discover(inputs, None, observer)?;
    let (mut records, mut unreadable) = (RecordSample::default(), 0_u64);
    sample(&inputs, SampleOptions::default(), observer, |piece| {
        let block = match piece? {
            Piece::Block(block) => block,
            Piece::Unreadable(_) => {
                unreadable += 1;
                return Ok(());
            }
            Piece::EndOfInput { .. } => return Ok(()),
        };
        let texts: Vec<&[u8]> = match &block.framing {
            Framing::Lines => block.bytes.split(|&byte| byte == b'\n').collect(),
            Framing::Ranges(ranges) => ranges.iter().map(|range| &block.bytes[range.clone()]).collect(),
        };
        for text in texts.into_iter().filter(|text| !text.trim_ascii().is_empty()) {
            match serde_json::from_slice(text) {
                Ok(record @ Value::Object(_)) => records.add(&record),
                Ok(_) | Err(_) => unreadable += 1,
            }
        }
        Ok(())
    })?;
    if records.records() == 0 {
        return Err(Error::usage(
            "there is no JSON object in what was read of the inputs",
            "a model is proposed from JSON or NDJSON whose records are objects; `convert --dry-run` shows what is wrong \
             with each record",
        ));
    }
    if !records.has_names() {
        return Err(Error::usage(
            "no record has a member with a name, so there is nothing to make columns of",
            "give inputs whose records have members",
        ));
    }
    let mut proposal = records.propose(name);
    if unreadable > 0 {
        proposal.notes.push(format!(
            "{unreadable} of the sampled records are not considered: they cannot be read, are no objects, or have a \
             number beyond a double"
        ));
    }
    Ok(proposal)
}
