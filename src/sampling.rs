//! A look at a sample of the input before it is converted: which attribute keys are frequent, what partitions there are.

use std::{collections::HashMap, sync::Arc};

use crate::{
    columns::{Columns, Values},
    config::Config,
    decode::{Block, DecodedBlock, Decoder},
    error::Result,
    input::{
        RecordBlock,
        discover::InputFile,
        sample::{SampleOptions, sample_blocks},
    },
    model::{AttributeMap, ColumnOrigin, Plan, TableSchema},
};

/// An attribute key gets a column of its own if at least one in this many participants with attributes has it.
pub const ATTRIBUTE_SHARE: u64 = 100;

/// At most so many attribute keys get columns of their own without being named: beyond it a table is hard to read, and
/// the map holds the rest as well.
pub const MAX_AUTO_ATTRIBUTES: usize = 64;

/// Longer keys get no column unless they are named: they are data that someone used as a key.
pub const MAX_AUTO_KEY_BYTES: usize = 128;

/// A part of the input, as it is.
pub(crate) struct Sample {
    blocks: Vec<RecordBlock>,
    names: Vec<String>,
    /// Whether it is all there is.
    pub is_complete: bool,
}

/// Attribute keys of a sample.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KeyCounts {
    /// Participants that have attributes.
    pub participants: u64,
    /// How many of them have each key.
    pub keys: HashMap<String, u64>,
}

impl Sample {
    /// Takes a sample of the inputs.
    pub fn take(config: &Config, inputs: &[InputFile]) -> Result<Self> {
        let options = SampleOptions { max_record_bytes: config.max_record_bytes, ..SampleOptions::default() };
        let blocks = sample_blocks(inputs, options)?;
        let sampled: u64 = blocks.iter().map(|block| block.bytes.len() as u64).sum();
        let total = crate::input::discover::total_bytes(inputs);
        let names = inputs.iter().map(|input| input.name.clone()).collect();
        Ok(Self { blocks, names, is_complete: total.is_some_and(|total| sampled >= total) })
    }

    /// Decodes the sample, block by block.
    pub fn decode(&self, plan: Plan, mut each: impl FnMut(&RecordBlock, &mut DecodedBlock) -> Result<()>) -> Result<()> {
        let plan = Arc::new(plan);
        let mut decoder = Decoder::new(Arc::clone(&plan));
        let mut columns = Columns::new(&plan.shapes);
        for block in &self.blocks {
            let file = &self.names[block.input];
            let bytes = Block { bytes: &block.bytes, framing: &block.framing, file, offset: block.offset };
            let mut decoded = decoder.decode(bytes, columns);
            each(block, &mut decoded)?;
            columns = decoded.columns;
        }
        Ok(())
    }

    /// Counts the attribute keys. Empty for a model without promoted attributes.
    pub fn count_keys(&self, config: &Config) -> Result<KeyCounts> {
        let schema = TableSchema::new(&config.model, &[], AttributeMap::Rest, false)?;
        let mut counts = KeyCounts::default();
        let plan = Plan::new(&config.model, &schema);
        let Some(map) = promoted_map(&config.model, &schema) else { return Ok(counts) };
        self.decode(plan, |_, decoded| {
            counts.add(&decoded.columns.columns[map].values);
            Ok(())
        })?;
        Ok(counts)
    }
}

/// The column of the map whose keys are promoted.
fn promoted_map(model: &crate::model::Model, schema: &TableSchema) -> Option<usize> {
    use crate::model::FieldKind;
    fn find(fields: &[crate::model::Field], path: &str) -> Option<String> {
        fields.iter().find_map(|field| {
            let path = format!("{path}/{}", crate::model::naming::pointer_step(&field.wire));
            match &field.kind {
                FieldKind::Map { promote: true } => Some(path),
                FieldKind::Object(members) => find(members, &path),
                _ => None,
            }
        })
    }
    let path = find(&model.row, "")?;
    schema.columns.iter().position(|column| column.origin == ColumnOrigin::Row && column.path == path)
}

impl KeyCounts {
    fn add(&mut self, maps: &Values) {
        let Values::Map { ends, keys, .. } = maps else { return };
        let mut start = 0;
        for &end in ends {
            self.participants += u64::from(end as usize > start);
            for entry in start..end as usize {
                let key = String::from_utf8_lossy(keys.get(entry));
                match self.keys.get_mut(&*key) {
                    Some(count) => *count += 1,
                    None => drop(self.keys.insert(key.into_owned(), 1)),
                }
            }
            start = end as usize;
        }
    }

    /// The keys that get columns of their own, most frequent first.
    pub fn frequent(&self) -> Vec<(String, u64)> {
        let mut keys: Vec<(String, u64)> = self
            .keys
            .iter()
            .filter(|(key, count)| **count * ATTRIBUTE_SHARE >= self.participants && key.len() <= MAX_AUTO_KEY_BYTES)
            .map(|(key, count)| (key.clone(), *count))
            .collect();
        keys.sort_unstable_by(|(a, a_count), (b, b_count)| b_count.cmp(a_count).then_with(|| a.cmp(b)));
        keys.truncate(MAX_AUTO_ATTRIBUTES);
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_one_in_a_hundred_participants_are_frequent_and_at_most_64_of_them() {
        let mut counts = KeyCounts { participants: 1000, keys: HashMap::new() };
        counts.keys.insert("rare".into(), 9);
        counts.keys.insert("just".into(), 10);
        counts.keys.insert("b".into(), 500);
        counts.keys.insert("a".into(), 500);
        counts.keys.insert("x".repeat(MAX_AUTO_KEY_BYTES + 1), 1000);
        let frequent = counts.frequent();
        assert_eq!(frequent, [("a".into(), 500), ("b".into(), 500), ("just".into(), 10)]);
        counts.keys.extend((0..100).map(|n| (format!("k{n}"), 600)));
        assert_eq!(counts.frequent().len(), MAX_AUTO_ATTRIBUTES);
    }
}
