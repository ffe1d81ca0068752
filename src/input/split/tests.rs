use super::*;

fn begin(layout: Layout, block_bytes: usize, max_record_bytes: usize) -> Begin {
    Begin {
        input: 3,
        document: 7,
        offset: 100,
        layout,
        options: ReadOptions { block_bytes, max_record_bytes, ..ReadOptions::default() },
    }
}

/// Returns all pieces of a text that arrives `read_bytes` at a time.
fn cut(text: &[u8], begin: Begin, read_bytes: usize) -> Vec<Piece> {
    let mut splitter = Splitter::new(begin.options);
    splitter.begin(begin);
    let (mut pieces, mut pos) = (Vec::new(), 0);
    loop {
        match splitter.step() {
            Step::Piece(piece) => {
                if let Piece::Block(block) = &piece {
                    splitter.recycle(block.bytes.clone());
                }
                pieces.push(piece);
            }
            Step::NeedBytes => {
                let space = splitter.space();
                let n = space.len().min(read_bytes).min(text.len() - pos);
                space[..n].copy_from_slice(&text[pos..pos + n]);
                pos += n;
                splitter.advance(n);
            }
            Step::Done => return pieces,
        }
    }
}

/// Summarizes pieces: records, and refused texts with kind, offset, length, error offset and text if kept.
fn told(pieces: &[Piece]) -> Vec<String> {
    let mut told = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Block(block) => match &block.framing {
                Framing::Lines => {
                    let lines = block.bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
                    told.extend(lines.map(|line| String::from_utf8_lossy(line).into_owned()));
                }
                Framing::Ranges(ranges) => {
                    told.extend(
                        ranges.iter().map(|range| String::from_utf8_lossy(&block.bytes[range.clone()]).into_owned()),
                    );
                }
            },
            Piece::Unreadable(text) => {
                let raw = text.raw.as_ref().map_or("-".into(), |raw| String::from_utf8_lossy(raw).into_owned());
                told.push(format!(
                    "{} {}+{} at {}: {raw}{}",
                    text.kind.as_str(),
                    text.record_offset - 100,
                    text.raw_bytes,
                    text.offset - 100,
                    if text.kind == crate::report::RejectKind::Syntax { " ..." } else { "" }
                ));
            }
            Piece::EndOfInput { .. } => told.push("end".into()),
        }
    }
    told
}

/// Asserts that pieces have no gap between them, and that their newlines are those of the text.
fn assert_gapless(text: &[u8], pieces: &[Piece]) {
    let (mut at, mut newlines) = (100, 0);
    for piece in pieces {
        match piece {
            Piece::Block(block) => {
                assert_eq!((block.input, block.document, block.offset), (3, 7, at));
                let start = usize::try_from(at - 100).unwrap();
                assert_eq!(block.bytes, text[start..start + block.bytes.len()]);
                at += block.bytes.len() as u64;
                newlines += memchr_iter(b'\n', &block.bytes).count() as u64;
            }
            Piece::Unreadable(lost) => {
                assert_eq!((lost.input, lost.document, lost.record_offset), (3, 7, at));
                at += lost.raw_bytes;
                newlines += lost.num_newlines;
            }
            Piece::EndOfInput { .. } => unreachable!("a splitter does not say this"),
        }
    }
    assert_eq!(at, 100 + text.len() as u64);
    assert_eq!(newlines, memchr_iter(b'\n', text).count() as u64);
}

/// Returns the pieces of a text, and asserts that they are the same however it arrives and for all block sizes.
fn every_way(text: &str, layout: Layout, max_record_bytes: usize) -> Vec<String> {
    let expected = told(&cut(text.as_bytes(), begin(layout, 1 << 20, max_record_bytes), usize::MAX));
    for block_bytes in [0, 1, 2, 3, 5, 8, 13, 40, 100] {
        let begin = begin(layout, block_bytes, max_record_bytes);
        let pieces = cut(text.as_bytes(), begin, usize::MAX);
        assert_gapless(text.as_bytes(), &pieces);
        assert_eq!(told(&pieces), expected, "{text:?} in blocks of {block_bytes}");
        assert_eq!(cut(text.as_bytes(), begin, 1), pieces, "{text:?} byte by byte");
        assert_eq!(cut(text.as_bytes(), begin, 3), pieces, "{text:?} in threes");
    }
    expected
}

#[test]
fn lines_of_any_length_come_whole() {
    let long = "x".repeat(64);
    let text = format!("a\n\n{long}\r\nbb\n{long}{long}\nc");
    let expected = vec!["a".into(), format!("{long}\r"), "bb".into(), format!("{long}{long}"), "c".into()];
    assert_eq!(every_way(&text, Layout::Lines, 1000), expected);
    assert_eq!(every_way("", Layout::Lines, 1000), Vec::<String>::new());
    assert_eq!(every_way("\n\n", Layout::Lines, 1000), Vec::<String>::new());
}

#[test]
fn a_line_that_is_too_long_is_passed_over() {
    assert_eq!(every_way("12345\n", Layout::Lines, 5), ["12345"]);
    assert_eq!(every_way("123456", Layout::Lines, 5), ["size 0+6 at 0: -"]);
    assert_eq!(every_way("123456\n", Layout::Lines, 5), ["size 0+6 at 0: -"]);
    let text = format!("a\n{}\nb\n{}", "x".repeat(50), "y".repeat(11));
    assert_eq!(every_way(&text, Layout::Lines, 10), ["a", "size 2+50 at 2: -", "b", "size 55+11 at 55: -"]);
}

#[test]
fn records_of_a_document_come_whole() {
    let long = format!(r#"{{"a":"{}"}}"#, "]}{[\\\"".repeat(20));
    let text = format!("\n[ {{}} ,{long},\r\n{{\"b\":[1]}}]{{}}\n[]");
    assert_eq!(every_way(&text, Layout::Document, 1000), ["{}", &long, "{\"b\":[1]}", "{}"]);
    assert_eq!(every_way("", Layout::Document, 1000), Vec::<String>::new());
    assert_eq!(every_way("[]", Layout::Document, 1000), Vec::<String>::new());
    assert_eq!(every_way("[1,\"x\",null]", Layout::Document, 1000), ["1", "\"x\"", "null"]);
}

#[test]
fn a_record_of_a_document_that_is_too_long_is_passed_over() {
    assert_eq!(every_way("[{\"a\":1},{}]", Layout::Document, 7), ["{\"a\":1}", "{}"]);
    assert_eq!(every_way("[{\"a\":12},{}]", Layout::Document, 7), ["size 1+8 at 1: -", "{}"]);
    assert_eq!(every_way("[{\n\"a\":123\n},{}]", Layout::Document, 7), ["size 1+11 at 1: -", "{}"]);
    assert_eq!(
        every_way("[{},\"0123456789\",1234567890]", Layout::Document, 7),
        ["{}", "size 4+12 at 4: -", "size 17+10 at 17: -"]
    );
    assert_eq!(every_way("{} 0123456789", Layout::Document, 7), ["{}", "size 3+10 at 3: -"]);
    assert_eq!(every_way("[{\"a\":123456", Layout::Document, 7), ["syntax 1+11 at 12: - ..."]);
}

#[test]
fn a_fault_takes_the_rest_of_the_document() {
    assert_eq!(every_way("[{} {\n}]\n", Layout::Document, 100), ["{}", "syntax 4+5 at 4: {\n}]\n ..."]);
    assert_eq!(every_way("[{} {\n}]\n", Layout::Document, 4), ["{}", "syntax 4+5 at 4: - ..."]);
    assert_eq!(every_way("{}}", Layout::Document, 100), ["{}", "syntax 2+1 at 2: } ..."]);
    assert_eq!(every_way("[{},", Layout::Document, 100), ["{}", "syntax 4+0 at 4:  ..."]);
    assert_eq!(every_way("[{},\n{\"a\":\n1", Layout::Document, 100), ["{}", "syntax 5+7 at 12: {\"a\":\n1 ..."]);
    let [Piece::Block(_), Piece::Unreadable(lost)] = &cut(b"{}{\n\n", begin(Layout::Document, 100, 100), 9)[..] else {
        panic!("a block and a refusal")
    };
    assert_eq!((lost.num_newlines, lost.newlines_before_error), (2, 2));
}

#[test]
fn buffers_go_round() {
    let line = format!("{}\n", "x".repeat(99));
    let text = line.repeat(100);
    let mut splitter =
        Splitter::new(ReadOptions { block_bytes: 1000, max_record_bytes: 5000, ..ReadOptions::default() });
    splitter.begin(begin(Layout::Lines, 1000, 5000));
    let (mut pos, mut addresses) = (0, std::collections::BTreeSet::new());
    loop {
        match splitter.step() {
            Step::Piece(Piece::Block(block)) => {
                addresses.insert(block.bytes.as_ptr().addr());
                assert!(block.bytes.iter().all(|byte| b"x\n".contains(byte)));
                splitter.recycle(block.bytes);
            }
            Step::NeedBytes => {
                let space = splitter.space();
                let n = space.len().min(text.len() - pos);
                space[..n].copy_from_slice(&text.as_bytes()[pos..pos + n]);
                pos += n;
                splitter.advance(n);
            }
            _ => break,
        }
    }
    assert_eq!(addresses.len(), 2, "one buffer is filled while the other one is away");
    // Neither a buffer that is too small nor one that has grown for a long record is kept.
    splitter.recycle(Vec::with_capacity(999));
    splitter.recycle(Vec::with_capacity(4001));
    assert!(splitter.spare.is_none_or(|spare| spare.capacity() == 1000));
}

#[test]
fn where_reading_ends_early_every_whole_line_is_told_also_one_that_is_too_long() {
    let (long, text) = ("x".repeat(67), |long: &str| format!("{{}}\n{long}\n[]\nhalf"));
    let text = text(&long);
    let begin = begin(Layout::Lines, 64, 64);
    let mut splitter = Splitter::new(begin.options);
    splitter.begin(begin);
    let (mut pieces, mut pos) = (Vec::new(), 0);
    loop {
        match splitter.step() {
            Step::Piece(piece) => pieces.push(piece),
            Step::NeedBytes if pos < text.len() => {
                let space = splitter.space();
                let n = space.len().min(7).min(text.len() - pos);
                space[..n].copy_from_slice(&text.as_bytes()[pos..pos + n]);
                pos += n;
                splitter.advance(n);
            }
            Step::NeedBytes => break,
            Step::Done => unreachable!("nobody said that the text has ended"),
        }
    }
    while let Some(piece) = splitter.whole_lines() {
        pieces.push(piece);
    }
    assert_eq!(told(&pieces), ["{}", "size 3+67 at 3: -", "[]"]);
}
