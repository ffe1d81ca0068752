//! Reads all inputs of a run, one after another, as blocks of whole records.

use super::{
    Piece, ReadOptions,
    discover::{InputFile, Source},
    foreign::{BYTE_ORDER_MARK, refuse_foreign},
    read::{Access, InputReader},
    rejects::{self, Unpacker},
    split::{Begin, Layout, SNIFF_BYTES, Sniffer, Splitter, Step, reserved},
    stream::copy_front,
};
use crate::{
    error::{Error, Result},
    observe::{Observer, Silent},
};

/// Reads inputs in order. The pieces depend only on their content and the options.
pub struct BlockReader<'a> {
    inputs: Vec<InputFile>,
    options: ReadOptions,
    access: Access,
    /// Asked whether to stop while an input is silent.
    observer: &'a dyn Observer,
    /// Index of the input after the current one.
    next_input: usize,
    current: Option<Current<'a>>,
    splitter: Splitter,
    /// The beginning of the current input, read ahead to detect its layout.
    head: Vec<u8>,
    /// Why the current input cannot be read further. Reported after the lines that were read before.
    failure: Option<Error>,
    /// Bytes of the inputs before the current one, as stored.
    finished_bytes: u64,
    /// [`BlockReader::next_step`] announces a record before it buffers more bytes than this for it.
    long_record_bytes: usize,
    /// Whether the record that is being read was already announced.
    is_announced: bool,
    /// An input whose layout is still unknown, and how much of it to inspect next.
    opening: Option<(InputReader<'a>, usize, Sniffer)>,
}

/// The result of [`BlockReader::next_step`].
#[derive(Debug)]
pub enum ReadStep {
    /// The next piece; `None` after the end of the last input.
    Piece(Option<Piece>),
    /// A long record begins. The next step buffers it.
    LongRecord,
}

/// The input being read.
struct Current<'a> {
    reader: InputReader<'a>,
    head_pos: usize,
    layout: Layout,
    /// Present only for a rejects file.
    unpacker: Option<Unpacker>,
}

impl<'a> BlockReader<'a> {
    /// A reader of these inputs, for the conversion.
    #[must_use]
    pub fn new(inputs: Vec<InputFile>, options: ReadOptions) -> Self {
        Self::with_access(inputs, options, Access::Convert)
    }

    pub(super) fn with_access(inputs: Vec<InputFile>, options: ReadOptions, access: Access) -> Self {
        let options = options.within_limits();
        let splitter = Splitter::new(options);
        Self {
            inputs,
            options,
            access,
            observer: &Silent,
            next_input: 0,
            current: None,
            splitter,
            head: Vec::new(),
            failure: None,
            finished_bytes: 0,
            long_record_bytes: usize::MAX,
            is_announced: false,
            opening: None,
        }
    }

    /// Asks this observer whether to stop, even while an input is silent. Without it, reading cannot be stopped.
    #[must_use]
    pub const fn with_observer(mut self, observer: &'a dyn Observer) -> Self {
        self.observer = observer;
        self
    }

    /// Announces records that need more than `bytes` bytes: see [`BlockReader::next_step`].
    #[must_use]
    pub const fn announcing_long_records(mut self, bytes: usize) -> Self {
        self.long_record_bytes = bytes;
        self
    }

    /// Returns the next piece; `None` after the end of the last input. `recycled` is the buffer of an earlier block
    /// with its length unchanged, so that it need not be allocated and zeroed again.
    ///
    /// # Errors
    /// [`Error::Io`] if an input cannot be opened or read, [`Error::Input`] if its content does not match its format,
    /// [`Error::Interrupted`] if the observer asked to stop. Nothing can be read after an error.
    pub fn next_piece(&mut self, mut recycled: Option<Vec<u8>>) -> Result<Option<Piece>> {
        loop {
            if let ReadStep::Piece(piece) = self.next_step(recycled.take())? {
                return Ok(piece);
            }
        }
    }

    /// Like [`BlockReader::next_piece`], but announces a long record before buffering it.
    ///
    /// # Errors
    /// As [`BlockReader::next_piece`].
    pub fn next_step(&mut self, recycled: Option<Vec<u8>>) -> Result<ReadStep> {
        if let Some(bytes) = recycled {
            self.splitter.recycle(bytes);
        }
        let step = self.advance();
        match &step {
            Ok(ReadStep::LongRecord) => {}
            Ok(ReadStep::Piece(_)) => self.is_announced = false,
            Err(_) => {
                self.next_input = self.inputs.len();
                (self.current, self.opening) = (None, None);
            }
        }
        step
    }

    /// Whether this many bytes for one record still have to be announced.
    fn must_announce(&mut self, bytes: usize) -> bool {
        let must_announce = bytes > self.long_record_bytes && !self.is_announced;
        self.is_announced |= must_announce;
        must_announce
    }

    /// Bytes of all inputs read so far, as stored.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.finished_bytes + self.current.as_ref().map_or(0, |current| current.reader.stored_bytes())
    }

    /// Whether the last piece comes from a rejects file. Its line is then the number of its document plus one, whatever
    /// newlines its text contains.
    #[must_use]
    pub fn is_in_rejects_file(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.unpacker.is_some())
    }

    /// Whether a stream has to be opened next, which may be silent for hours.
    #[must_use]
    pub fn is_before_stream(&self) -> bool {
        let is_stream = |input: &InputFile| matches!(input.source, Source::Stream(_));
        self.current.is_none() && self.inputs.get(self.next_input).is_some_and(is_stream)
    }

    /// Whether the current input is compressed.
    #[must_use]
    pub fn is_in_compressed(&self) -> bool {
        self.current.as_ref().is_some_and(|current| !current.reader.is_plain())
    }

    /// Whether the current input is line-delimited and not compressed, so that reading can start anywhere.
    pub(super) fn is_in_plain_lines(&self) -> bool {
        self.current.as_ref().is_some_and(|current| {
            current.layout == Layout::Lines && current.unpacker.is_none() && current.reader.is_plain()
        })
    }

    fn advance(&mut self) -> Result<ReadStep> {
        loop {
            let wanted = self.splitter.wanted();
            if self.current.is_some() && self.must_announce(wanted) {
                return Ok(ReadStep::LongRecord);
            }
            let Some(current) = &mut self.current else {
                if self.next_input == self.inputs.len() {
                    return Ok(ReadStep::Piece(None));
                }
                if !self.open()? {
                    return Ok(ReadStep::LongRecord);
                }
                continue;
            };
            if let Some(unpacker) = &mut current.unpacker
                && let Some(piece) = unpacker.step()?
            {
                return Ok(ReadStep::Piece(Some(piece)));
            }
            let piece = match self.splitter.step() {
                Step::Piece(piece) => match &mut current.unpacker {
                    None => Some(piece),
                    Some(unpacker) => unpacker.feed(piece),
                },
                // A refused text may be long, and nothing is passed on until its end.
                Step::NeedBytes if self.observer.stop_requested() => return Err(Error::Interrupted),
                Step::NeedBytes => read_some(current, &mut self.head, &mut self.failure, &mut self.splitter)?,
                Step::Done => {
                    let end = end_of_input(&current.reader, &self.inputs, self.next_input - 1)?;
                    self.finished_bytes += current.reader.stored_bytes();
                    self.current = None;
                    Some(end)
                }
            };
            if piece.is_some() {
                return Ok(ReadStep::Piece(piece));
            }
        }
    }

    /// Opens the next input and detects its layout. Returns false if its first record is long and was not announced
    /// yet.
    fn open(&mut self) -> Result<bool> {
        let input = self.next_input;
        let (mut reader, mut target, mut sniffer) = if let Some(opening) = self.opening.take() {
            opening
        } else {
            self.head.clear();
            (InputReader::open(&self.inputs[input], self.access, self.observer)?, SNIFF_BYTES, Sniffer::default())
        };
        let (layout, start, is_rejects) = loop {
            if self.must_announce(target) {
                self.opening = Some((reader, target, sniffer));
                return Ok(false);
            }
            let most = self.options.max_record_bytes.saturating_add(1);
            self.head.reserve_exact(reserved(target, most).saturating_sub(self.head.len()));
            let is_whole = match fill(&mut reader, &mut self.head, target) {
                Err(failure) if !self.head.is_empty() => {
                    self.failure = Some(failure);
                    true
                }
                is_whole => is_whole?,
            };
            refuse_foreign(&self.head, &self.inputs[input].name, !reader.is_plain())?;
            let start = if self.head.starts_with(&BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
            let head = &self.head[start..];
            if rejects::is_rejects_file(head, is_whole) {
                break (Layout::Lines, start, true);
            }
            if let Some(layout) = sniffer.look(head, is_whole) {
                break (layout, start, false);
            }
            if self.head.len() > self.options.max_record_bytes {
                // The first value is already longer than a record may be, and is still on one line.
                break (Layout::Lines, start, false);
            }
            target = (target + target / 2).min(most).max(self.head.len() + 1);
        };
        let options = if is_rejects { rejects::line_options(self.options) } else { self.options };
        self.splitter.begin(Begin { input, document: 0, offset: start as u64, layout, options });
        let unpacker = is_rejects.then(|| Unpacker::new(&self.inputs[input].name, input, self.options));
        self.current = Some(Current { reader, head_pos: start, layout, unpacker });
        self.next_input += 1;
        Ok(true)
    }
}

/// Gives the splitter the next bytes of the input: first what is left of its head, then what is read. If reading fails,
/// returns the whole lines that were read before, and the failure the next time.
fn read_some(
    current: &mut Current<'_>,
    head: &mut Vec<u8>,
    failure: &mut Option<Error>,
    splitter: &mut Splitter,
) -> Result<Option<Piece>> {
    let space = splitter.space();
    let left = &head[current.head_pos..];
    let read = if !left.is_empty() {
        Ok(copy_front(left, space))
    } else if let Some(failure) = failure.take() {
        Err(failure)
    } else {
        current.reader.read(space)
    };
    let n = match read {
        Ok(n) => n,
        Err(failed) => {
            let lines = splitter.whole_lines().filter(|_| current.unpacker.is_none());
            let Some(lines) = lines else { return Err(failed) };
            *failure = Some(failed);
            return Ok(Some(lines));
        }
    };
    current.head_pos += n.min(left.len());
    if current.head_pos == head.len() && head.capacity() > SNIFF_BYTES {
        // Frees the buffer of a huge first record.
        (*head, current.head_pos) = (Vec::new(), 0);
    }
    splitter.advance(n);
    Ok(None)
}

/// The end of input number `input`, which `reader` has read. Fails if a file has become shorter since it was found: cut
/// between two records it looks complete.
fn end_of_input(reader: &InputReader<'_>, inputs: &[InputFile], input: usize) -> Result<Piece> {
    let bytes = reader.stored_bytes();
    let InputFile { name, source, bytes: found, .. } = &inputs[input];
    if let (Source::File(_), Some(expected)) = (source, found)
        && bytes < *expected
    {
        return Err(Error::Input {
            file: name.clone(),
            offset: bytes,
            message: format!("it ends here, and had {expected} bytes when it was found: it was cut short"),
            hint: "let whoever writes it finish, then run again".to_owned(),
        });
    }
    Ok(Piece::EndOfInput { input, content: reader.content() })
}

/// Bytes read first of an input that is not compressed.
const FIRST_READ_BYTES: usize = 8 << 10;

/// Reads until `head` has `target` bytes. Returns whether the input ended before. After an error `head` has what was
/// read.
fn fill(reader: &mut InputReader<'_>, head: &mut Vec<u8>, target: usize) -> Result<bool> {
    let mut filled = head.len();
    while filled < target {
        // The room has to be zeroed, and many an input is small. What is compressed is inflated at once as far as it is
        // needed, so that damage is seen before the text in front of it is looked at.
        let least = if reader.is_plain() { (2 * filled).max(FIRST_READ_BYTES) } else { target };
        head.resize(target.min(least), 0);
        match reader.read(&mut head[filled..]) {
            Ok(n) if n > 0 => filled += n,
            end => {
                head.truncate(filled);
                return end.map(|_| true);
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests;
