use std::{
    fs,
    io::{self, Read, Write},
    path::Path,
};

use proptest::prelude::*;
use xxhash_rust::xxh3::xxh3_128;

use super::*;
use crate::input::{Framing, InputContent, RecordBlock, stream::Stream};

fn gz(members: &[&[u8]]) -> Vec<u8> {
    let mut stored = Vec::new();
    for member in members {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(member).unwrap();
        stored.extend(encoder.finish().unwrap());
    }
    stored
}

fn zst(frames: &[&[u8]]) -> Vec<u8> {
    frames.iter().flat_map(|frame| zstd::encode_all(*frame, 1).unwrap()).collect()
}

/// A reader that returns at most this many bytes at a time.
struct Trickle(io::Cursor<Vec<u8>>, usize);

impl Read for Trickle {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = out.len().min(self.1);
        self.0.read(&mut out[..n])
    }
}

fn pieces(input: InputFile, options: ReadOptions) -> Result<Vec<Piece>> {
    let mut reader = BlockReader::new(vec![input], options);
    let mut pieces = Vec::new();
    let mut recycled = None;
    while let Some(piece) = reader.next_piece(recycled.take())? {
        if let Piece::Block(block) = &piece {
            recycled = Some(block.bytes.clone());
        }
        pieces.push(piece);
    }
    Ok(pieces)
}

/// What an input with these stored bytes contains.
fn content_of(stored: &[u8], text_digest: Option<u128>) -> InputContent {
    let bytes = stored.len() as u64;
    let head = &stored[..InputContent::head_bytes(bytes) as usize];
    InputContent { bytes, digest: xxh3_128(stored), head_digest: xxh3_128(head), text_digest }
}

fn pieces_of(stored: &[u8]) -> Result<Vec<Piece>> {
    pieces(InputFile::stream("it", Stream::new(io::Cursor::new(stored.to_vec()))), ReadOptions::default())
}

/// Returns the records of the blocks, and asserts that the blocks have no gap between them.
fn records(pieces: &[Piece], text: &[u8]) -> Vec<String> {
    let mut records = Vec::new();
    let mut at = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    for piece in pieces {
        let Piece::Block(block) = piece else { continue };
        assert_eq!(block.offset, at as u64);
        assert_eq!(block.bytes, text[at..at + block.bytes.len()]);
        at += block.bytes.len();
        let texts: Vec<&[u8]> = match &block.framing {
            Framing::Lines => block.bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).collect(),
            Framing::Ranges(ranges) => ranges.iter().map(|range| &block.bytes[range.clone()]).collect(),
        };
        let texts = texts.into_iter().filter(|text| !text.is_empty());
        records.extend(texts.map(|text| String::from_utf8(text.to_vec()).unwrap()));
    }
    assert_eq!(at, text.len());
    records
}

fn record() -> impl Strategy<Value = String> {
    let text = prop::collection::vec(
        prop::sample::select(vec!["a", "\\\"", "\\\\", "{", "}", "[", "]", ",", ":", "\\n", "ä", "🦜", " "]),
        0..12,
    );
    let member = (text.clone(), text, prop::sample::select(vec!["1", "null", "[]", "{}", "[{\"a\":[]}]"]));
    prop::collection::vec(member, 0..6).prop_map(|members| {
        let members =
            members.iter().map(|(key, text, value)| format!("\"{}\":[\"{}\",{value}]", key.concat(), text.concat()));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    })
}

/// The record with line breaks and blanks wherever they may be.
fn pretty(record: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(record).unwrap();
    serde_json::to_string_pretty(&value).unwrap()
}

#[derive(Debug, Clone)]
enum Envelope {
    Lines { crlf: bool, last: bool },
    Concatenated,
    Array,
}

fn text(records: &[String], blanks: &[&str], envelope: &Envelope) -> String {
    let mut text = String::new();
    for (idx, record) in records.iter().enumerate() {
        let blank = blanks[idx % blanks.len()];
        let is_last = idx + 1 == records.len();
        match envelope {
            Envelope::Lines { crlf, last } => {
                text += record;
                if !is_last || *last {
                    text += if *crlf { "\r\n" } else { "\n" };
                }
            }
            Envelope::Concatenated => text.extend([blank, record.as_str()]),
            Envelope::Array => {
                text += if idx == 0 { "[" } else { "," };
                text.extend([blank, record.as_str(), blank]);
                text += if is_last { "]" } else { "" };
            }
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn records_come_back_whole_from_any_layout(
        records_in in prop::collection::vec(record(), 0..30),
        is_pretty: bool,
        bom: bool,
        blanks in prop::collection::vec(prop::sample::select(vec!["", " ", "\n", "\r\n", "\n\n\t"]), 1..8),
        envelope in prop_oneof![
            (any::<bool>(), any::<bool>()).prop_map(|(crlf, last)| Envelope::Lines { crlf, last }),
            Just(Envelope::Concatenated),
            Just(Envelope::Array),
        ],
        block_bytes in 1_usize..2000,
        read_bytes in 1_usize..500,
        compression in 0..4,
    ) {
        let is_pretty = is_pretty && !matches!(envelope, Envelope::Lines { .. });
        let expected: Vec<String> =
            if is_pretty { records_in.iter().map(|record| pretty(record)).collect() } else { records_in };
        let mark = if bom { "\u{feff}" } else { "" };
        let text = format!("{mark}{}", text(&expected, &blanks, &envelope)).into_bytes();
        let (a, b) = text.split_at(text.len() / 3);
        let stored = match compression {
            0 => text.clone(),
            1 => gz(&[&text]),
            2 => gz(&[a, b"", b]),
            _ => zst(&[a, b]),
        };
        let options = ReadOptions { block_bytes, ..ReadOptions::default() };
        let trickle = Stream::new(Trickle(io::Cursor::new(stored.clone()), read_bytes));
        let pieces = super::tests::pieces(InputFile::stream("it", trickle), options).unwrap();
        prop_assert_eq!(records(&pieces, &text), expected);
        let text_digest = (compression > 0).then(|| xxh3_128(&text));
        let end = Piece::EndOfInput { input: 0, content: content_of(&stored, text_digest) };
        prop_assert_eq!(pieces.last(), Some(&end));
        prop_assert!(!pieces.iter().any(|piece| matches!(piece, Piece::Unreadable(_))));
        // The same text from a file, read at once.
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&stored).unwrap();
        prop_assert_eq!(super::tests::pieces(InputFile::open(file.path()).unwrap(), options).unwrap(), pieces);
    }

    /// For arbitrary bytes, each byte is in exactly one piece.
    #[test]
    fn nothing_is_lost_of_any_bytes(
        bytes in prop::collection::vec(prop::sample::select(&b"{}[]\",:\\\n\r a1\0\xff"[..]), 0..300),
        block_bytes in 1_usize..100,
        max_record_bytes in 0_usize..100,
    ) {
        let input = InputFile::stream("it", Stream::new(io::Cursor::new(bytes.clone())));
        let pieces = super::tests::pieces(input, ReadOptions { block_bytes, max_record_bytes, ..ReadOptions::default() }).unwrap();
        let mut at = 0;
        for piece in pieces {
            match piece {
                Piece::Block(block) => {
                    prop_assert_eq!(block.offset, at);
                    at += block.bytes.len() as u64;
                }
                Piece::Unreadable(lost) => {
                    prop_assert_eq!(lost.record_offset, at);
                    prop_assert!(lost.raw.is_none_or(|raw| raw == bytes[usize::try_from(at).unwrap()..][..raw.len()]));
                    at += lost.raw_bytes;
                }
                Piece::EndOfInput { .. } => prop_assert_eq!(at, bytes.len() as u64),
            }
        }
    }
}

#[test]
fn inputs_without_records_have_an_end_all_the_same() {
    for text in ["", "\u{feff}", "\n\r\n \n", "[]", "[ ] [\n]"] {
        for stored in
            [text.as_bytes().to_vec(), gz(&[text.as_bytes()]), gz(&[b"", text.as_bytes()]), zst(&[text.as_bytes()])]
        {
            let pieces = pieces_of(&stored).unwrap();
            assert_eq!(records(&pieces, text.as_bytes()), Vec::<String>::new(), "{text:?}");
            assert!(matches!(pieces.last(), Some(Piece::EndOfInput { .. })));
        }
    }
}

#[test]
fn a_truncated_compressed_file_is_an_error_at_each_byte() {
    let text = b"{\"a\":1}\n{\"b\":\"some more text\"}\n".repeat(3);
    for stored in [gz(&[&text]), zst(&[&text])] {
        for len in 1..stored.len() {
            // The first byte of a zstd file is a plain `(`: a line that the decoder refuses.
            if stored[..len] == *b"(" {
                continue;
            }
            let error = pieces_of(&stored[..len]).unwrap_err();
            let Error::Input { file, offset, message, .. } = &error else { panic!("{error}") };
            assert_eq!((file.as_str(), *offset), ("it", len as u64), "{message}");
            assert!(message.contains("truncated"), "{message}");
        }
        assert_eq!(records(&pieces_of(&stored).unwrap(), &text).len(), 6);
    }
}

#[test]
fn a_damaged_compressed_file_is_never_read_as_if_it_were_whole() {
    let text = b"{\"a\":1}\n{\"b\":\"some more text\"}\n".repeat(20);
    let stored = gz(&[&text]);
    // Starts after the header, whose time stamp and other fields may be anything.
    for at in 10..stored.len() {
        let mut damaged = stored.clone();
        damaged[at] ^= 0x10;
        assert!(matches!(pieces_of(&damaged), Err(Error::Input { .. })), "byte {at}");
    }
}

#[test]
fn after_gzip_only_padding_may_stand() {
    let stored = gz(&[b"{}\n"]);
    let padded = [&stored[..], &vec![0; 300_000]].concat();
    let pieces = pieces_of(&padded).unwrap();
    assert_eq!(records(&pieces, b"{}\n"), ["{}"]);
    let end = Piece::EndOfInput { input: 0, content: content_of(&padded, Some(xxh3_128(b"{}\n"))) };
    assert_eq!(pieces.last(), Some(&end));
    for garbage in [&b"{}\n"[..], b"\0\0x", b"\0\x1f\x8b"] {
        let Err(Error::Input { offset, message, .. }) = pieces_of(&[&stored, garbage].concat()) else {
            panic!("garbage {garbage:?} was taken")
        };
        let zeros = garbage.iter().take_while(|byte| **byte == 0).count();
        assert_eq!(offset, (stored.len() + zeros) as u64, "{message}");
    }
    assert!(pieces_of(&[&stored, &b"\x1f"[..]].concat()).is_err());
}

#[test]
fn a_zstd_file_may_begin_with_a_skippable_frame() {
    let skippable = [&[0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    let stored = [skippable.clone(), zst(&[b"{}\n"]), skippable].concat();
    assert_eq!(records(&pieces_of(&stored).unwrap(), b"{}\n"), ["{}"]);
    assert!(pieces_of(&[&zst(&[b"{}"])[..], b"\0\0\0\0\0\0\0\0"].concat()).is_err());
}

#[test]
fn other_encodings_and_formats_are_named() {
    for (stored, word) in [
        (&b"\xff\xfe{\0}\0"[..], "UTF-16"),
        (b"\xfe\xff\0{\0}", "UTF-16"),
        (b"BZh91AY", "bzip2"),
        (b"\xfd7zXZ\0\0", "xz"),
        (b"PK\x03\x04\x14", "a zip archive"),
        (b"PAR1\x15\x04", "a Parquet file"),
        (b"Obj\x01\x04\x16", "an Avro file"),
        (b"<!DOCTYPE html>", "an HTML page"),
        (b"<?xml version", "an XML document"),
        (&[&b"a.json"[..], &[0; 251], b"ustar\x0000"].concat(), "a tar archive"),
    ] {
        for (stored, is_compressed) in [(stored.to_vec(), false), (gz(&[stored]), true), (zst(&[stored]), true)] {
            let Err(Error::Input { offset: 0, message, .. }) = pieces_of(&stored) else { panic!("{word} was taken") };
            assert!(message.contains(word), "{message}");
            assert_eq!(message.contains("what is compressed in it"), is_compressed, "{message}");
        }
    }
    // What stands in an archive at this place can stand in a text, too; and a mark may stand before a page.
    let text = format!("{{\"x\":\"{}ustar\"}}\n", "m".repeat(251));
    assert_eq!(&text[257..262], "ustar");
    assert_eq!(records(&pieces_of(text.as_bytes()).unwrap(), text.as_bytes()).len(), 1);
    assert!(pieces_of(b"\xef\xbb\xbf<!DOCTYPE html>").is_err());
    for (once, word) in [(gz(&[b"{}"]), "gzip again"), (zst(&[b"{}"]), "zstd again")] {
        let Err(Error::Input { message, .. }) = pieces_of(&gz(&[&once])) else { panic!("{word} was taken") };
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn bytes_that_are_not_json_are_left_to_the_decoder() {
    for text in [&b"\0\0\0"[..], b"(", b"\x1e{}\n", b"\xff\xff\n{}\n", b"hello\nworld\n"] {
        let pieces = pieces_of(text).unwrap();
        let [Piece::Block(block), Piece::EndOfInput { .. }] = &pieces[..] else { panic!("{pieces:?}") };
        assert_eq!((&block.bytes[..], &block.framing), (text, &Framing::Lines));
    }
}

#[test]
fn inputs_follow_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        InputFile::open(path).unwrap()
    };
    let inputs = vec![write("a", b"{\"a\":1}"), write("b", b""), write("c", &gz(&[b"[{\"c\":1}]"]))];
    let total = crate::input::discover::total_bytes(&inputs).unwrap();
    let mut reader = BlockReader::new(inputs, ReadOptions::default());
    let mut told = Vec::new();
    while let Some(piece) = reader.next_piece(None).unwrap() {
        told.push(match piece {
            Piece::Block(block) => (block.input, String::from_utf8(block.bytes).unwrap()),
            Piece::Unreadable(lost) => (lost.input, lost.message),
            Piece::EndOfInput { input, .. } => (input, "end".to_owned()),
        });
    }
    let expected = [(0, "{\"a\":1}"), (0, "end"), (1, "end"), (2, "[{\"c\":1}]"), (2, "end")];
    assert_eq!(told, expected.map(|(input, text)| (input, text.to_owned())));
    assert_eq!(reader.bytes_read(), total);
}

#[test]
fn a_long_record_is_told_once_before_it_is_read_and_changes_nothing() {
    let long = |at: &str| format!("{{\"id\":\"{at}\",\"x\":\"{}\"}}\n", "y".repeat(100_000));
    let small = |at: usize| format!("{{\"id\":\"{at}\"}}\n");
    let many: String = (0..2000).map(small).collect();
    let options = ReadOptions { block_bytes: 1000, ..ReadOptions::default() };
    for (text, times) in [
        (many.clone(), 0),
        (long("first") + &many, 1),
        (many.clone() + &long("last"), 1),
        (many.clone() + &long("one") + &long("two") + &many + &long("three"), 3),
    ] {
        let input = || InputFile::stream("it", Stream::new(io::Cursor::new(text.clone().into_bytes())));
        let mut reader = BlockReader::new(vec![input()], options).announcing_long_records(70_000);
        let (mut words, mut told) = (0, Vec::new());
        loop {
            match reader.next_step(None).unwrap() {
                ReadStep::LongRecord => words += 1,
                ReadStep::Piece(Some(piece)) => told.push(piece),
                ReadStep::Piece(None) => break,
            }
        }
        assert_eq!(words, times);
        assert_eq!(told, pieces(input(), options).unwrap());
    }
}

#[test]
fn nothing_comes_after_an_error() {
    let inputs = vec![
        InputFile {
            name: "gone".into(),
            source: crate::input::discover::Source::File("/no/such".into()),
            bytes: None,
            place: None,
        },
        InputFile::stream("it", Stream::new(&b"{}"[..])),
    ];
    let mut reader = BlockReader::new(inputs, ReadOptions::default());
    assert!(matches!(reader.next_piece(None), Err(Error::Io { path, .. }) if path == Path::new("/no/such")));
    assert_eq!(reader.next_piece(None).unwrap(), None);
}

#[test]
fn a_first_record_longer_than_any_window_is_read_whole() {
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(300_000));
    let text = format!("{long} {long}\n{{}}");
    assert_eq!(records(&pieces_of(text.as_bytes()).unwrap(), text.as_bytes()), [&long, &long, "{}"]);
    let lines = format!("{long}\n{long}\n");
    let pieces = pieces_of(lines.as_bytes()).unwrap();
    assert_eq!(records(&pieces, lines.as_bytes()), [&long[..], &long]);
    assert!(matches!(&pieces[0], Piece::Block(RecordBlock { framing: Framing::Lines, .. })));
}

/// A line of a rejects file.
fn reject(raw: &str) -> String {
    serde_json::json!({"partiquet_reject": 1, "file": "f", "offset": 9, "raw_bytes": raw.len(), "raw": raw}).to_string()
}

#[test]
fn mended_rejects_are_read_as_the_texts_they_hold() {
    let lines = [
        reject("{\"a\":1}"),
        String::new(),
        reject("{\n \"b\": [2]\n}"),
        reject("[{\"c\":3},{\"d\":4}]"),
        reject(""),
        "{\"partiquet_reject\":1,\"raw_base64\":\"eyJlIjo1fQ==\"}".to_owned(),
        reject("{\"f\":6}\n{\"g\":7}\n"),
    ];
    let text = lines.join("\r\n");
    let input = InputFile::stream("it", Stream::new(io::Cursor::new(text.clone().into_bytes())));
    let mut reader = BlockReader::new(vec![input], ReadOptions::default());
    let mut told = Vec::new();
    while let Some(Piece::Block(block)) = reader.next_piece(None).unwrap() {
        assert!(reader.is_in_rejects_file());
        let line = usize::try_from(block.document).unwrap();
        assert_eq!(block.offset, lines[..line].iter().map(|line| line.len() as u64 + 2).sum::<u64>());
        let records = match &block.framing {
            Framing::Ranges(ranges) => ranges.len(),
            Framing::Lines => block.bytes.trim_ascii().split(|byte| *byte == b'\n').count(),
        };
        told.push((line, String::from_utf8(block.bytes).unwrap(), records));
    }
    let expected = [
        (0, "{\"a\":1}", 1),
        (2, "{\n \"b\": [2]\n}", 1),
        (3, "[{\"c\":3},{\"d\":4}]", 2),
        (5, "{\"e\":5}", 1),
        (6, "{\"f\":6}\n{\"g\":7}\n", 2),
    ];
    assert_eq!(told, expected.map(|(line, text, records)| (line, text.to_owned(), records)));
}

#[test]
fn a_line_that_is_not_a_reject_is_refused_alone() {
    let text = format!("{}\n{{}}\n{{\"partiquet_reject\":1,\n{}\n", reject("[{}"), reject("{\"b\":1}"));
    let pieces = pieces_of(text.as_bytes()).unwrap();
    let told: Vec<_> = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Block(block) => (block.document, String::from_utf8(block.bytes.clone()).unwrap()),
            Piece::Unreadable(lost) => (lost.document, format!("refused {:?}", lost.raw.as_ref().map(Vec::len))),
            Piece::EndOfInput { .. } => (9, "end".to_owned()),
        })
        .collect();
    let expected = [
        (0, "[{}"),
        (0, "refused Some(0)"),
        (1, "refused Some(2)"),
        (2, "refused Some(22)"),
        (3, "{\"b\":1}"),
        (9, "end"),
    ];
    assert_eq!(told, expected.map(|(line, text)| (line, text.to_owned())));
}

#[test]
fn rejects_that_cannot_be_converted_say_why() {
    for (line, word) in [
        ("{\"partiquet_reject\":1,\"raw_bytes\":99}", "too long"),
        ("{\"partiquet_reject\":2,\"raw\":\"{}\"}", "version 2"),
    ] {
        let text = format!("{}\n{line}\n", reject("{}"));
        let Err(Error::Input { offset, message, .. }) = pieces_of(text.as_bytes()) else { panic!("{line} was taken") };
        assert_eq!(offset, reject("{}").len() as u64 + 1);
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn a_file_that_was_cut_between_two_records_is_told_from_a_whole_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("in");
    for (text, cut) in [("{}\n{\"a\":1}\n".as_bytes().to_vec(), 3), (gz(&[b"{}\n", b"{}\n"]), gz(&[b"{}\n"]).len())] {
        fs::write(&path, &text).unwrap();
        let input = InputFile::open(&path).unwrap();
        pieces(input.clone(), ReadOptions::default()).unwrap();
        // A file that has grown is read to its end.
        fs::write(&path, [&text[..], &text].concat()).unwrap();
        pieces(input.clone(), ReadOptions::default()).unwrap();
        for len in [0, cut] {
            fs::write(&path, &text[..len]).unwrap();
            match pieces(input.clone(), ReadOptions::default()) {
                Err(Error::Input { offset, message, .. }) => {
                    assert_eq!((offset, message.contains("cut short")), (len as u64, true), "{message}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
