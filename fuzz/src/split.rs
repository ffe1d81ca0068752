//! Cuts arbitrary bytes as an input into blocks: every byte must be accounted for, whatever the sizes.

use std::{
    io::{self, Read},
    ops::Range,
};

use partiquet::{
    input::{
        Framing, InputContent, Piece, ReadOptions, RecordBlock, Unreadable, discover::InputFile, reader::BlockReader,
        rejects::is_rejects_file, stream::Stream,
    },
    report::RejectKind,
};
use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_128;

/// A compressed input may be a bomb; after this many bytes of blocks it is read no further.
const ENOUGH_BYTES: usize = 4 << 20;

/// An error within this many first bytes is reported before anything else, because they determine the format.
const MAGIC_BYTES: usize = 6;

/// How an input arrives, and how it is to be cut.
#[derive(Debug, Clone)]
pub struct Way {
    pub options: ReadOptions,
    /// Bytes of each read, repeated; 0 counts as 1.
    pub reads: Vec<u8>,
    /// Reading fails after this many bytes.
    pub fails_at: Option<usize>,
}

/// A reader that returns the given number of bytes at a time.
struct Trickle {
    bytes: io::Cursor<Vec<u8>>,
    reads: Vec<u8>,
    at: usize,
    fails_at: Option<usize>,
}

impl Read for Trickle {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = self.reads.get(self.at % self.reads.len().max(1)).map_or(usize::MAX, |&len| usize::from(len).max(1));
        self.at += 1;
        let left = self.fails_at.map_or(usize::MAX, |at| at.saturating_sub(self.bytes.position() as usize));
        if left == 0 {
            return Err(io::Error::other("of the fuzzer's making"));
        }
        let len = len.min(out.len()).min(left);
        self.bytes.read(&mut out[..len])
    }
}

/// All pieces of an input, or the error that ends it.
pub fn pieces(stored: &[u8], way: &Way) -> (Vec<Piece>, Option<String>) {
    let trickle =
        Trickle { bytes: io::Cursor::new(stored.to_vec()), reads: way.reads.clone(), at: 0, fails_at: way.fails_at };
    let mut reader = BlockReader::new(vec![InputFile::stream("in.json", Stream::new(trickle))], way.options);
    let (mut pieces, mut recycled, mut num_bytes) = (Vec::new(), None, 0);
    while num_bytes < ENOUGH_BYTES {
        match reader.next_piece(recycled.take()) {
            Ok(None) => return (pieces, None),
            Ok(Some(piece)) => {
                if let Piece::Block(block) = &piece {
                    num_bytes += block.bytes.len();
                    recycled = Some(block.bytes.clone());
                }
                pieces.push(piece);
            }
            Err(error) => return (pieces, Some(error.to_string())),
        }
    }
    (pieces, Some("enough".to_owned()))
}

/// What a piece says about its records, independent of the block boundaries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    Record { document: u64, offset: u64, text: Vec<u8> },
    Refused(Unreadable),
    End(u64, u128),
}

/// The records of the pieces in order.
pub fn told(pieces: &[Piece]) -> Vec<Told> {
    let mut told = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Block(block) => told.extend(records(block).map(|record| Told::Record {
                document: block.document,
                offset: block.offset + record.start as u64,
                text: block.bytes[record].to_vec(),
            })),
            Piece::Unreadable(refused) => told.push(Told::Refused(refused.clone())),
            Piece::EndOfInput { content, .. } => told.push(Told::End(content.bytes, content.digest)),
        }
    }
    told
}

fn records(block: &RecordBlock) -> impl Iterator<Item = Range<usize>> + '_ {
    let ranges: Vec<_> = match &block.framing {
        Framing::Ranges(ranges) => ranges.clone(),
        Framing::Lines => {
            let mut start = 0;
            let lines = block.bytes.split(|byte| *byte == b'\n').map(|line| {
                let range = start..start + line.len();
                start = range.end + 1;
                range
            });
            lines.filter(|line| !block.bytes[line.clone()].iter().all(|byte| b" \t\r".contains(byte))).collect()
        }
    };
    ranges.into_iter()
}

/// Cuts `stored` in several ways, and compares the results.
pub fn check(stored: &[u8], way: &Way) {
    let whole = Way { reads: Vec::new(), fails_at: None, ..way.clone() };
    if let Some(at) = way.fails_at.filter(|at| *at <= stored.len()) {
        check_failure(&stored[..at], way);
    }
    let way = &Way { fails_at: None, ..way.clone() };
    let (expected, error) = pieces(stored, &whole);
    let (found, other_error) = pieces(stored, way);
    if is_compressed(stored) && error.is_some() {
        // Where damage of a compressed stream is noticed depends on how much of it was available.
        assert!(other_error.is_some(), "however it is read");
        return;
    }
    assert_eq!(found, expected, "however it is read");
    assert_eq!(error, other_error, "however it is read");
    check_sizes(&expected, way.options);

    let text = without_bom(stored);
    let is_rejects = is_rejects_file(text, true);
    if !is_rejects && !is_compressed(stored) && error.is_none() {
        check_cover(stored, stored.len() - text.len(), &expected, way.options);
    }

    // Records and refused texts must not depend on the size of the blocks.
    let large = Way { options: ReadOptions { block_bytes: ReadOptions::BLOCK_BYTES, ..way.options }, ..whole.clone() };
    let (in_large_blocks, large_error) = pieces(stored, &large);
    if error.is_none() || large_error.is_none() {
        assert_eq!(error, large_error, "of any block size");
        assert_eq!(told(&expected), told(&in_large_blocks), "of any block size");
    }

    // Without a limit in reach, valid JSON gives all its values.
    let free = Way { options: ReadOptions::default(), ..whole };
    if !is_rejects && let Some(values) = values_of(text) {
        let (pieces, error) = pieces(stored, &free);
        assert_eq!(error, None);
        let is_document =
            pieces.iter().any(|piece| matches!(piece, Piece::Block(RecordBlock { framing: Framing::Ranges(_), .. })));
        if is_document {
            let told = told(&pieces);
            let found: Vec<&[u8]> = told
                .iter()
                .filter_map(|told| match told {
                    Told::Record { text, .. } => Some(&text[..]),
                    Told::Refused(refused) => panic!("refused, but fine: {refused:?}"),
                    Told::End(..) => None,
                })
                .collect();
            assert_eq!(found, values);
        }
    }
}

/// Checks a read error after `stored`: the pieces before it are as if the input ended there, up to the last whole line.
fn check_failure(stored: &[u8], way: &Way) {
    let (until, error) = pieces(stored, way);
    assert!(error.is_some(), "a read error is told");
    if is_compressed(stored) {
        return;
    }
    let (ended, error) = pieces(stored, &Way { fails_at: None, ..way.clone() });
    let is_lines = ended.iter().all(|piece| match piece {
        Piece::Block(block) => block.framing == Framing::Lines && block.document == 0,
        Piece::Unreadable(refused) => refused.kind != RejectKind::Syntax,
        Piece::EndOfInput { .. } => true,
    });
    let (until, all) = (told(&until), told(&ended));
    assert!(all.starts_with(&until), "the same as before an end");
    if error.is_none() && is_lines && !is_rejects_file(without_bom(stored), true) && stored.len() >= MAGIC_BYTES {
        // Only the line that the error cuts off (if it is more than blanks) and the end may be missing.
        assert!(all.len() - until.len() <= 2, "{} pieces too few", all.len() - until.len());
    }
}

fn is_compressed(stored: &[u8]) -> bool {
    stored.starts_with(b"\x1f\x8b")
        || stored.get(1..4).is_some_and(|magic| magic == b"\xb5\x2f\xfd" || magic == b"\x2a\x4d\x18")
}

fn without_bom(stored: &[u8]) -> &[u8] {
    stored.strip_prefix(b"\xef\xbb\xbf").unwrap_or(stored)
}

/// The values of a valid JSON text: the elements of its arrays, and the values outside of arrays.
fn values_of(text: &[u8]) -> Option<Vec<&[u8]>> {
    let text = std::str::from_utf8(text).ok()?;
    let mut values = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        let value = value.ok()?.get();
        if value.starts_with('[') {
            let elements: Vec<&RawValue> = serde_json::from_str(value).ok()?;
            values.extend(elements.into_iter().map(|element| element.get().as_bytes()));
        } else {
            values.push(value.as_bytes());
        }
    }
    Some(values)
}

/// Checks that no piece keeps more than a block and the longest record.
fn check_sizes(pieces: &[Piece], options: ReadOptions) {
    let most = options.block_bytes.max(1).saturating_add(options.max_record_bytes);
    for piece in pieces {
        let bytes = match piece {
            Piece::Block(block) => block.bytes.len(),
            Piece::Unreadable(refused) => refused.raw.as_ref().map_or(0, Vec::len),
            Piece::EndOfInput { .. } => 0,
        };
        assert!(bytes <= most, "a piece of {bytes} bytes");
    }
}

/// Checks that the pieces cover all bytes of the text from `start` on, each of them once and in order.
fn check_cover(stored: &[u8], start: usize, pieces: &[Piece], options: ReadOptions) {
    let newlines = |text: &[u8]| text.iter().filter(|byte| **byte == b'\n').count() as u64;
    let mut at = start;
    let Some((Piece::EndOfInput { input: 0, content }, pieces)) = pieces.split_last() else {
        panic!("the last piece is the end")
    };
    assert_eq!((content.bytes, content.digest), (stored.len() as u64, xxh3_128(stored)));
    let head = &stored[..InputContent::head_bytes(content.bytes) as usize];
    assert_eq!((content.head_digest, content.text_digest), (xxh3_128(head), None));
    for (idx, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Block(block) => {
                assert_eq!((block.input, block.document, block.offset), (0, 0, at as u64));
                assert!(!block.bytes.is_empty());
                assert_eq!(block.bytes, stored[at..at + block.bytes.len()]);
                check_block(block, options);
                at += block.bytes.len();
            }
            Piece::Unreadable(lost) => {
                assert_eq!((lost.input, lost.document, lost.record_offset), (0, 0, at as u64));
                let end = at + lost.raw_bytes as usize;
                let text = &stored[at..end];
                let error = lost.offset as usize;
                assert!((at..=end).contains(&error), "{lost:?}");
                assert_eq!(lost.num_newlines, newlines(text), "{lost:?}");
                assert_eq!(lost.newlines_before_error, newlines(&stored[at..error]), "{lost:?}");
                assert_eq!(lost.raw.is_some(), text.len() <= options.max_record_bytes, "{lost:?}");
                assert!(lost.raw.as_ref().is_none_or(|raw| raw == text), "{lost:?}");
                match lost.kind {
                    RejectKind::Size => {
                        assert!(text.len() > options.max_record_bytes, "{lost:?}");
                    }
                    RejectKind::Syntax => {
                        assert_eq!(idx, pieces.len() - 1, "nothing comes after the rest of the document");
                    }
                    kind => panic!("{kind:?}"),
                }
                at = end;
            }
            Piece::EndOfInput { .. } => panic!("one end"),
        }
    }
    assert_eq!(at, stored.len());
}

fn check_block(block: &RecordBlock, options: ReadOptions) {
    let mut end = 0;
    for record in records(block) {
        assert!(record.start >= end && record.end <= block.bytes.len() && !record.is_empty(), "{:?}", block.framing);
        assert!(record.len() <= options.max_record_bytes, "a record of {} bytes", record.len());
        let blanks: &[u8] = if block.framing == Framing::Lines { b" \t\r\n" } else { b" \t\r\n,[]" };
        assert!(block.bytes[end..record.start].iter().all(|byte| blanks.contains(byte)), "between records");
        end = record.end;
    }
}
