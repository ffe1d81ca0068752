//! Decodes a sample of the input before the conversion: which attribute keys are frequent, and which partitions occur.

use std::{collections::HashMap, sync::Arc};

use crate::{
    columns::{Columns, Values},
    config::Config,
    decode::{Block, DecodedBlock, Decoder},
    error::{Error, Result},
    input::{
        Piece, RecordBlock, Unreadable,
        discover::InputFile,
        sample::{SampleOptions, sample},
    },
    model::{AttributeMap, Plan, TableSchema},
    observe::Observer,
    pipeline::memory,
};

/// An attribute key gets a column of its own if at least one in this many participants with attributes has it.
pub const ATTRIBUTE_SHARE: u64 = 100;

/// Maximum number of attribute keys that get columns without being named: with more, a table is hard to read, and the
/// map holds the rest anyway.
pub const MAX_AUTO_ATTRIBUTES: usize = 64;

/// Longer keys get no column unless they are named: such a key is really data that someone used as a key.
pub const MAX_AUTO_KEY_BYTES: usize = 128;

/// Maximum number of distinct keys counted. A frequent key has been seen long before that many were.
pub const MAX_COUNTED_KEYS: usize = 32 << 10;

/// Attribute keys of a sample.
#[derive(Debug, Default)]
pub(crate) struct KeyCounts {
    /// Participants that have attributes.
    participants: u64,
    /// How many of them have each key.
    keys: HashMap<String, u64>,
    /// The first read that the system refused. A later read may succeed during the conversion, and the columns would
    /// then come from a different sample.
    pub refused: Option<Error>,
}

/// Columns that had to grow beyond this for a huge record are not used again.
const MAX_KEPT_BYTES: usize = 8 << 20;

/// What a sample shows.
pub(crate) enum Sampled<'a> {
    /// A block, and what became of it.
    Decoded(&'a RecordBlock, &'a mut DecodedBlock),
    /// Bytes that do not hold records.
    Unreadable(Unreadable),
    /// An input that could not be read further.
    Failed(Error),
}

/// Decodes a sample of the inputs, block by block. Returns whether the sample was the whole input.
///
/// # Errors
/// Errors of `each`; [`Error::Interrupted`] if the observer asked to stop.
pub(crate) fn decode_sample(
    config: &Config,
    inputs: &[InputFile],
    plan: Plan,
    observer: &dyn Observer,
    mut each: impl FnMut(Sampled<'_>) -> Result<()>,
) -> Result<bool> {
    let options = SampleOptions { max_record_bytes: config.max_record_bytes, ..SampleOptions::default() };
    let mut columns = Some(Columns::new(&plan.shapes));
    let mut decoder = Decoder::new(Arc::new(plan));
    sample(inputs, options, observer, |piece| match piece {
        Ok(Piece::Block(mut block)) => {
            let (file, framing) = (&inputs[block.input].name, block.framing.clone());
            let place = Block { bytes: &[], framing: &framing, file, offset: block.offset };
            // Same limit as in the run, as far as it can be known here: sample blocks are smaller, so more is allowed.
            decoder.set_max_flattened_bytes(memory::max_flattened(config.memory_bytes, block.bytes.len()));
            let reused = columns.take().unwrap_or_else(|| Columns::new(decoder.shapes()));
            let mut decoded = decoder.decode_in_place(&mut block.bytes, place, reused);
            each(Sampled::Decoded(&block, &mut decoded))?;
            columns = Some(decoded.columns).filter(|columns| columns.byte_capacity() <= MAX_KEPT_BYTES);
            Ok(())
        }
        Ok(Piece::Unreadable(unreadable)) => each(Sampled::Unreadable(unreadable)),
        Ok(Piece::EndOfInput { .. }) => Ok(()),
        Err(error) => each(Sampled::Failed(error)),
    })
}

/// Counts the attribute keys of a sample; the result is empty for a model without promoted attributes. Faulty input is
/// skipped here: the conversion reports it in input order, after any earlier fault.
pub(crate) fn count_keys(config: &Config, inputs: &[InputFile], observer: &dyn Observer) -> Result<KeyCounts> {
    let schema = TableSchema::new(&config.model, &[], AttributeMap::Rest, false)?;
    let plan = Plan::new(&config.model, &schema);
    let mut counts = KeyCounts::default();
    let Some(map) = schema.map_column else { return Ok(counts) };
    decode_sample(config, inputs, plan, observer, |sampled| {
        match sampled {
            Sampled::Decoded(_, decoded) => counts.add(&decoded.columns.columns[map].values),
            Sampled::Failed(error @ Error::Io { .. }) => drop(counts.refused.get_or_insert(error)),
            Sampled::Failed(_) | Sampled::Unreadable(_) => {}
        }
        Ok(())
    })?;
    Ok(counts)
}

impl KeyCounts {
    fn add(&mut self, maps: &Values) {
        let Values::Map { ends, keys, .. } = maps else { return };
        let mut start = 0;
        for &end in ends {
            self.participants += u64::from(end as usize > start);
            for entry in start..end as usize {
                let key = keys.get(entry);
                if key.len() > MAX_AUTO_KEY_BYTES {
                    continue;
                }
                let key = String::from_utf8_lossy(key);
                let is_full = self.keys.len() >= MAX_COUNTED_KEYS;
                match self.keys.get_mut(&*key) {
                    Some(count) => *count += 1,
                    None if is_full => {}
                    None => drop(self.keys.insert(key.into_owned(), 1)),
                }
            }
            start = end as usize;
        }
    }

    /// The keys that get columns of their own, most frequent first.
    pub fn frequent(&self) -> Vec<String> {
        let mut keys: Vec<(&String, u64)> = self
            .keys
            .iter()
            .filter(|(_, count)| **count * ATTRIBUTE_SHARE >= self.participants)
            .map(|(key, count)| (key, *count))
            .collect();
        keys.sort_unstable_by(|(a, a_count), (b, b_count)| b_count.cmp(a_count).then_with(|| a.cmp(b)));
        keys.into_iter().take(MAX_AUTO_ATTRIBUTES).map(|(key, _)| key.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::{Column, ColumnShape, ScalarType, TextValues};

    #[test]
    fn keys_of_one_in_a_hundred_participants_are_frequent_and_at_most_64_of_them() {
        let mut counts = KeyCounts { participants: 1000, ..KeyCounts::default() };
        counts.keys.insert("rare".into(), 9);
        counts.keys.insert("just".into(), 10);
        counts.keys.insert("b".into(), 500);
        counts.keys.insert("a".into(), 500);
        let frequent = counts.frequent();
        assert_eq!(frequent, ["a", "b", "just"]);
        counts.keys.extend((0..100).map(|n| (format!("k{n}"), 600)));
        assert_eq!(counts.frequent().len(), MAX_AUTO_ATTRIBUTES);
    }

    #[test]
    fn neither_long_keys_nor_too_many_are_counted() {
        let mut keys = TextValues::default();
        keys.push("x".repeat(MAX_AUTO_KEY_BYTES + 1).as_bytes());
        (0..=MAX_COUNTED_KEYS).for_each(|key| keys.push(key.to_string().as_bytes()));
        keys.push(b"0");
        let values = Box::new(Column::new(&ColumnShape::Scalar(ScalarType::Text)));
        let mut counts = KeyCounts::default();
        counts.add(&Values::Map { ends: vec![keys.len() as u32], keys, values });
        assert_eq!((counts.keys.len(), counts.keys["0"], counts.participants), (MAX_COUNTED_KEYS, 2, 1));
    }
}
