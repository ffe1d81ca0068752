//! The data of the benchmarks: a few MB of generated calls, in blocks and as decoded columns.

use std::sync::Arc;

use partiquet::{
    columns::Columns,
    decode::{Block, Decoder},
    generate::{Amount, Generator, Profile, Settings, Shape},
    input::Framing,
    model::{AttributeMap, Model, Plan, TableSchema},
};

/// Enough that no cache holds all of it, while all benchmarks finish within minutes. Unoptimized builds only check that
/// the benchmarks run.
const BYTES: u64 = if cfg!(debug_assertions) { 200 << 10 } else { 4 << 20 };

/// Lines of this shape, in the blocks that the generator makes.
pub fn blocks(shape: Shape, profile: Profile) -> Vec<Vec<u8>> {
    let settings = Settings { shape, amount: Amount::Bytes(BYTES), ..Settings::for_profile(profile) };
    let generator = Generator::new(settings).unwrap();
    let block = |part| {
        let mut bytes = Vec::new();
        generator.part(part, &mut bytes);
        bytes
    };
    (0..generator.num_parts()).map(block).collect()
}

pub fn num_bytes(blocks: &[Vec<u8>]) -> u64 {
    blocks.iter().map(|block| block.len() as u64).sum()
}

/// The table of the built-in model with these keys as columns.
pub fn table(keys: &[&str], map: AttributeMap) -> (Model, TableSchema) {
    let model = Model::load(Model::DEFAULT).unwrap();
    let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    let table = TableSchema::new(&model, &keys, map, false).unwrap();
    (model, table)
}

pub fn decoder(keys: &[&str]) -> Decoder {
    let (model, table) = table(keys, AttributeMap::Rest);
    Decoder::new(Arc::new(Plan::new(&model, &table)))
}

/// Decodes a block into reused columns.
pub fn decode(decoder: &mut Decoder, bytes: &mut Vec<u8>, columns: Columns) -> Columns {
    let block = Block { bytes: &[], framing: &Framing::Lines, file: "bench", offset: 0 };
    let decoded = decoder.decode_in_place(bytes, block, columns);
    assert!(decoded.rejects.is_empty());
    decoded.columns
}
