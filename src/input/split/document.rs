//! Parses the grammar around the records of a JSON text that is not line-delimited.
//!
//! A text is any number of top-level values, with or without white space between them: an object is a record, and each
//! element of an array is a record. The grammar around the records is checked in full; the inside of a record is only
//! searched for its end.

use std::ops::Range;

use super::scan::BracketScan;

/// The state of the scan of a document. Positions are relative to the current buffer.
#[derive(Debug, Default)]
pub(super) struct DocumentScan {
    place: Position,
    open: Option<Open>,
    /// Position at which the open record begins.
    start: usize,
    /// All bytes before this position are scanned.
    pos: usize,
    ranges: Vec<Range<usize>>,
}

/// What may come next between records.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Position {
    /// A record or an array of records.
    #[default]
    Top,
    /// A record or `]`.
    ArrayBegun,
    /// A record.
    AfterComma,
    /// `,` or `]`.
    AfterElement,
}

/// A record whose end has not been seen yet.
#[derive(Debug)]
enum Open {
    Brackets(BracketScan),
    /// A string in place of a record, which the decoder will refuse.
    Text {
        escaped: bool,
    },
    /// A number, a literal or garbage, up to the next byte that cannot belong to it.
    Token,
}

/// A fault after which the text cannot be parsed further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DocumentFault {
    /// Position at which the refused text begins.
    pub(super) start: usize,
    /// Whether the error is the early end of the input, and not the text at `start`.
    pub(super) at_end: bool,
    pub(super) message: String,
}

impl DocumentScan {
    /// Scans on to the end of `bytes`.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Result<(), DocumentFault> {
        while self.pos < bytes.len() {
            if self.open.is_some() {
                match self.close(&bytes[self.pos..]) {
                    Some(len) => {
                        self.pos += len;
                        self.ranges.push(self.start..self.pos);
                    }
                    None => self.pos = bytes.len(),
                }
            } else {
                self.between(bytes[self.pos])?;
            }
        }
        Ok(())
    }

    /// Ends the scan: the input has ended at `len`.
    pub(super) fn finish(&mut self, len: usize) -> Result<(), DocumentFault> {
        if matches!(self.open, Some(Open::Token)) {
            self.open = None;
            self.element();
            self.ranges.push(self.start..len);
        }
        if self.open.is_some() {
            let message = "the input ends inside a record".to_owned();
            return Err(DocumentFault { start: self.start, at_end: true, message });
        }
        if self.place != Position::Top {
            let message = "the input ends inside an array of records: its `]` is missing".to_owned();
            return Err(DocumentFault { start: len, at_end: true, message });
        }
        Ok(())
    }

    /// Scans on inside the open record. Returns the number of bytes up to and including its last one, if that was
    /// found.
    pub(super) fn close(&mut self, bytes: &[u8]) -> Option<usize> {
        let end = match self.open.as_mut()? {
            Open::Brackets(scan) => scan.advance(bytes),
            Open::Text { escaped } => bytes
                .iter()
                .position(|&byte| {
                    let closes = byte == b'"' && !*escaped;
                    *escaped = byte == b'\\' && !*escaped;
                    closes
                })
                .map(|at| at + 1),
            Open::Token => bytes.iter().position(|byte| b" \t\r\n,:[]{}\"".contains(byte)),
        }?;
        self.open = None;
        self.element();
        Some(end)
    }

    /// Position at which the open record begins, if there is one.
    pub(super) fn open_start(&self) -> Option<usize> {
        self.open.as_ref().map(|_| self.start)
    }

    /// Whether the end of the input may end the open record.
    pub(super) const fn may_end_here(&self) -> bool {
        matches!(self.open, None | Some(Open::Token))
    }

    /// The records found so far.
    pub(super) fn ranges(&self) -> &[Range<usize>] {
        &self.ranges
    }

    /// Removes the bytes before `at` from the buffer, and returns the records found so far.
    pub(super) fn cut(&mut self, at: usize) -> Vec<Range<usize>> {
        self.pos = self.pos.saturating_sub(at);
        self.start = self.start.saturating_sub(at);
        std::mem::take(&mut self.ranges)
    }

    /// Handles a byte outside records.
    fn between(&mut self, byte: u8) -> Result<(), DocumentFault> {
        match (byte, self.place) {
            (b' ' | b'\t' | b'\r' | b'\n', _) => {}
            (b'[', Position::Top) => self.place = Position::ArrayBegun,
            (b']', Position::ArrayBegun | Position::AfterElement) => self.place = Position::Top,
            (b',', Position::AfterElement) => self.place = Position::AfterComma,
            (_, Position::AfterElement) => {
                return Err(self.fault(byte, "a comma or `]` should stand between two records"));
            }
            (b']' | b'}' | b',' | b':', Position::AfterComma) => {
                return Err(self.fault(byte, "a record should follow the comma"));
            }
            (b']' | b'}' | b',' | b':', _) => return Err(self.fault(byte, "a record should begin here")),
            (_, Position::Top | Position::ArrayBegun | Position::AfterComma) => {
                self.start = self.pos;
                self.open = Some(match byte {
                    b'{' | b'[' => Open::Brackets(BracketScan::default()),
                    b'"' => Open::Text { escaped: false },
                    _ => Open::Token,
                });
                // The bracket scan starts with the opening bracket itself, a string ends with the next quote.
                self.pos += usize::from(byte == b'"');
                return Ok(());
            }
        }
        self.pos += 1;
        Ok(())
    }

    /// Records that a record has ended.
    fn element(&mut self) {
        if self.place != Position::Top {
            self.place = Position::AfterElement;
        }
    }

    fn fault(&self, byte: u8, what: &str) -> DocumentFault {
        let message = format!("{what}, not `{}`", byte.escape_ascii());
        DocumentFault { start: self.pos, at_end: false, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the records and the fault of a whole text.
    fn read(text: &str) -> (Vec<&str>, Option<(usize, bool)>) {
        let mut scan = DocumentScan::default();
        let result = scan.scan(text.as_bytes()).and_then(|()| scan.finish(text.len()));
        let records = scan.ranges().iter().map(|range| &text[range.clone()]).collect();
        (records, result.err().map(|fault| (fault.start, fault.at_end)))
    }

    #[test]
    fn records_stand_in_arrays_or_alone() {
        assert_eq!(read(r#"[{"a":1}, {"b":[2]}]"#), (vec![r#"{"a":1}"#, r#"{"b":[2]}"#], None));
        assert_eq!(read("{}{}\n[{}] [] {}"), (vec!["{}"; 4], None));
        assert_eq!(read(" \r\n\t"), (vec![], None));
        assert_eq!(read("[]"), (vec![], None));
    }

    #[test]
    fn other_values_are_framed_for_the_decoder_to_refuse() {
        assert_eq!(read(r#"[1,"a\"]",[{}],null]"#), (vec!["1", r#""a\"]""#, "[{}]", "null"], None));
        assert_eq!(read(r#"{} 12"x""#), (vec!["{}", "12", r#""x""#], None));
        assert_eq!(read("{} nul"), (vec!["{}", "nul"], None));
    }

    #[test]
    fn the_grammar_around_records_is_strict() {
        assert_eq!(read("[{} {}]"), (vec!["{}"], Some((4, false))));
        assert_eq!(read("[{},]"), (vec!["{}"], Some((4, false))));
        assert_eq!(read("[,{}]"), (vec![], Some((1, false))));
        assert_eq!(read("{},{}"), (vec!["{}"], Some((2, false))));
        assert_eq!(read("{}}"), (vec!["{}"], Some((2, false))));
        assert_eq!(read("[]]"), (vec![], Some((2, false))));
        assert_eq!(read("[{}}"), (vec!["{}"], Some((3, false))));
    }

    #[test]
    fn an_end_that_comes_too_early_is_seen() {
        assert_eq!(read(r#"{} {"a":"#), (vec!["{}"], Some((3, true))));
        assert_eq!(read("[{}"), (vec!["{}"], Some((3, true))));
        assert_eq!(read("[1"), (vec!["1"], Some((2, true))));
        assert_eq!(read(r#"["a]"#), (vec![], Some((1, true))));
        assert_eq!(read("[{},"), (vec!["{}"], Some((4, true))));
    }
}
