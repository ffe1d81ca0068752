//! The steps that bring rows in: reading and decoding a block, and reading rows back from disk.

use std::mem;

use super::Steps;
use crate::{
    columns::Columns,
    decode::{Block, Decoder},
    error::Result,
    input::{
        Framing, Piece,
        reader::{BlockReader, ReadStep},
    },
    pipeline::{
        MAX_SPARE_BYTES,
        account::LineNumbers,
        memory::Budget,
        state::{Arrived, Oversized, ReadBlock, SpilledPiece, State},
    },
    report::StageSeconds,
    spill,
};

impl<'a> Steps<'a> {
    /// Reads a piece and decodes it on the same worker, while its text is in the cache, unless it was read ahead.
    pub(super) fn read_and_decode(
        &self,
        decoder: &mut Decoder,
        reader: BlockReader<'a>,
        (text, columns): (Option<Vec<u8>>, Option<Columns>),
        busy: &mut StageSeconds,
    ) {
        let begun = self.observer.clock();
        let block = self.read(reader, text);
        let read = self.observer.clock();
        if let Some(block) = block {
            self.decode(decoder, block, columns);
        } else {
            // Kept for reuse: each of many small inputs ends with a piece that is not a block.
            self.lock().spare_columns.extend(columns);
        }
        busy.read += read.saturating_sub(begun).as_secs_f64();
        busy.decode += self.observer.clock().saturating_sub(read).as_secs_f64();
    }

    /// Reads the next piece; returns it if it is a block to be decoded now. The end of an input is not worth a step: the
    /// next one follows at once, if it may be read.
    fn read(&self, mut reader: BlockReader<'a>, mut recycled: Option<Vec<u8>>) -> Option<ReadBlock> {
        loop {
            let result = reader.next_step(recycled.take());
            let is_end = matches!(result, Ok(ReadStep::Piece(Some(Piece::EndOfInput { .. }))));
            let mut state = self.lock();
            let block = self.hand_on(&mut state, &reader, result);
            if is_end && state.may_read(Some(&reader), &self.limits) {
                drop(state);
                self.changed.notify_all();
                continue;
            }
            if !state.read_to_end {
                state.reader = Some(reader);
            }
            drop(state);
            self.changed.notify_all();
            return block;
        }
    }

    /// Hands on what was read, unless it is a block to be decoded now.
    fn hand_on(&self, state: &mut State<'a>, reader: &BlockReader<'_>, result: Result<ReadStep>) -> Option<ReadBlock> {
        let lines = if reader.is_in_rejects_file() { LineNumbers::Documents } else { LineNumbers::Counted };
        state.bytes_read = reader.bytes_read();
        let mut to_decode = None;
        // A huge block sets it again below; it then stays set until the block was routed.
        state.huge = Oversized::None;
        match result {
            Ok(ReadStep::LongRecord) => state.huge = Oversized::Pending,
            Ok(ReadStep::Piece(None)) => state.read_to_end = true,
            Ok(ReadStep::Piece(Some(Piece::Block(block)))) => {
                let piece = state.in_flight.begin(Budget::block_of(block.bytes.len()));
                let is_huge = self.is_huge(&block);
                let block = ReadBlock { piece, block, lines };
                if is_huge {
                    state.huge = Oversized::Admitted;
                }
                if !is_huge && self.limits.reads_ahead(reader) {
                    state.to_decode.push_back(block);
                } else {
                    to_decode = Some(block);
                }
            }
            Ok(ReadStep::Piece(Some(Piece::Unreadable(unreadable)))) => {
                // Charged twice, since it is copied for the rejects file.
                let bytes = 2 * unreadable.raw.as_ref().map_or(0, Vec::len);
                state.arrive(Arrived::Unreadable { unreadable, lines, bytes }, bytes);
            }
            Ok(ReadStep::Piece(Some(Piece::EndOfInput { input, content }))) => {
                state.arrive(Arrived::EndOfInput(input, content), 0);
            }
            // It is reported in input order, since an earlier record may be refused.
            Err(error) => {
                state.read_to_end = true;
                state.arrive(Arrived::Failed(error), 0);
            }
        }
        to_decode
    }

    /// Decodes a block; it then waits to be routed.
    pub(super) fn decode(&self, decoder: &mut Decoder, read: ReadBlock, columns: Option<Columns>) {
        let ReadBlock { piece, mut block, lines } = read;
        let columns = columns.unwrap_or_else(|| Columns::new(self.decoder.shapes()));
        decoder.set_max_flattened_bytes(self.limits.budget.max_flattened(block.bytes.len()));
        let framing = mem::replace(&mut block.framing, Framing::Lines);
        let place = Block { bytes: &[], framing: &framing, file: &self.file_names[block.input], offset: block.offset };
        let mut decoded = decoder.decode_in_place(&mut block.bytes, place, columns);
        block.framing = framing;
        if decoded.columns.num_rows == 0 && decoded.columns.byte_capacity() > MAX_SPARE_BYTES {
            // A huge record was refused; recording the reject needs the memory.
            decoded.columns = Columns::new(self.decoder.shapes());
        }
        let bytes = block.bytes.len() + decoded.byte_capacity();
        let mut state = self.lock();
        state.in_flight.measured(Budget::block_of(block.bytes.len()), bytes);
        state.arrived.insert(piece, Arrived::Decoded { block, decoded, lines, bytes });
        drop(state);
        self.changed.notify_all();
    }

    /// Reads a piece back from disk.
    pub(super) fn read_spilled(&self, piece: u64, spilled: SpilledPiece, bytes: usize) -> Result<()> {
        let arrived = match spilled {
            SpilledPiece::Batch(file, number, _) => {
                if bytes > self.limits.budget.blocks {
                    self.observer.before_large_allocation();
                }
                let batch = self.spill_files().batch(file, number)?;
                let rows = spill::decode(&batch.read()?)?;
                Arrived::Spilled { file, rows, bytes }
            }
            SpilledPiece::EndOfFile(file) => Arrived::EndOfSpillFile(file),
        };
        self.lock().arrived.insert(piece, arrived);
        self.changed.notify_all();
        Ok(())
    }
}
