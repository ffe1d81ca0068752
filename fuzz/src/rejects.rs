//! Writes texts to a rejects file and reads them back: each must give the same as it does alone.

use arbitrary::Arbitrary;
use partiquet::{
    input::{Piece, ReadOptions, rejects},
    report::{Reject, RejectKind},
};

use crate::split::{Told, Way, pieces, told};

/// A rejects file with some damage.
#[derive(Debug, Arbitrary)]
pub struct File {
    texts: Vec<Vec<u8>>,
    /// Appended after the last line.
    tail: Vec<u8>,
    reads: Vec<u8>,
    block_bytes: u16,
    max_record_bytes: u16,
    crlf: bool,
}

impl File {
    pub fn check(&self) {
        let options = ReadOptions {
            block_bytes: usize::from(self.block_bytes),
            max_record_bytes: usize::from(self.max_record_bytes).max(1),
            ..ReadOptions::default()
        };
        let way = Way { options, reads: self.reads.clone(), fails_at: None };
        let whole = Way { options, reads: Vec::new(), fails_at: None };
        let mut file = Vec::new();
        for text in &self.texts {
            file.extend(serde_json::to_vec(&reject(text)).expect("a reject is JSON"));
            file.extend_from_slice(if self.crlf { b"\r\n" } else { b"\n" });
        }
        if self.texts.is_empty() {
            file.extend_from_slice(b"{\"partiquet_reject\":1,");
        }
        let num_lines = file.iter().filter(|byte| **byte == b'\n').count();
        let lines_end = file.len() as u64;
        file.extend_from_slice(&self.tail);
        assert!(rejects::is_rejects_file(&file, true));

        let (found, error) = pieces(&file, &way);
        let (again, again_error) = pieces(&file, &whole);
        assert_eq!((&found, &error), (&again, &again_error), "however it is read");

        // The texts must give the same records as they would as inputs, whatever becomes of the tail.
        let mut found = told(&found).into_iter();
        let mut offset = 0;
        for (line_idx, text) in self.texts.iter().enumerate() {
            for expected in told_alone(text, options) {
                match (expected, found.next()) {
                    (Told::End(..), _) => unreachable!("taken out"),
                    (Told::Record { text, .. }, Some(Told::Record { document, offset: at, text: found })) => {
                        assert_eq!(text, found);
                        assert_eq!(document, line_idx as u64);
                        assert!(at >= offset && at < lines_end);
                    }
                    (Told::Refused(expected), Some(Told::Refused(found))) => {
                        assert_eq!(found.document, line_idx as u64);
                        assert!(found.record_offset >= offset);
                        assert_eq!(
                            (found.kind, found.raw, found.raw_bytes, found.offset - found.record_offset),
                            (expected.kind, expected.raw, expected.raw_bytes, expected.offset - expected.record_offset)
                        );
                    }
                    (expected, found) => panic!("{expected:?}\n{found:?}"),
                }
            }
            offset += line_len(&file[offset as usize..]);
        }
        for told in found {
            let document = match told {
                Told::Record { document, .. } => document,
                Told::Refused(refused) => refused.document,
                Told::End(bytes, _) => {
                    assert_eq!(bytes, file.len() as u64);
                    continue;
                }
            };
            assert!(document >= num_lines as u64, "more than the text of a line gives alone");
        }
    }
}

fn line_len(rest: &[u8]) -> u64 {
    rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1) as u64
}

fn reject(text: &[u8]) -> Reject {
    let mut reject = Reject {
        partiquet_reject: Reject::VERSION,
        file: "in.json".to_owned(),
        offset: 0,
        line: 1,
        record_offset: 0,
        kind: RejectKind::Syntax,
        path: String::new(),
        message: "of the fuzzer's making".to_owned(),
        is_rest: false,
        raw_bytes: text.len() as u64,
        raw: None,
        raw_base64: None,
    };
    reject.set_raw(Some(text));
    reject
}

/// The result of a text that is cut alone, as the text of a reject is: not decompressed, and with its byte order mark.
fn told_alone(text: &[u8], options: ReadOptions) -> Vec<Told> {
    use partiquet::input::split::{Begin, Splitter, Step, sniff};
    let mut splitter = Splitter::new(options);
    let layout = sniff(text);
    splitter.begin(Begin { input: 0, document: 0, offset: 0, layout, options });
    let (mut pieces, mut rest): (Vec<Piece>, &[u8]) = (Vec::new(), text);
    loop {
        match splitter.step() {
            Step::Piece(piece) => pieces.push(piece),
            Step::Done => return told(&pieces),
            Step::NeedBytes => {
                let space = splitter.space();
                let (now, later) = rest.split_at(space.len().min(rest.len()));
                space[..now.len()].copy_from_slice(now);
                rest = later;
                splitter.advance(now.len());
            }
        }
    }
}
