//! Decompresses gzip and zstd, member after member, straight into the caller's buffer.

use std::io;

use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{Decoder as ZstdDecoder, Operation};

use super::Stored;

pub(super) const TRUNCATED_HINT: &str = "copy or download the file again";

/// Why no decompressed bytes can be returned.
pub(super) enum InflateFault {
    /// The bytes as stored cannot be read.
    Io(io::Error),
    /// The stored bytes are damaged at this offset, as stored.
    Damaged { offset: u64, message: String, hint: String },
}

/// A decompressor, and the stored bytes that are waiting for it.
pub(super) struct Inflater {
    codec: Codec,
    input: Vec<u8>,
    pos: usize,
    len: usize,
    ended: bool,
    /// Whether it is inside a gzip member or zstd frame.
    inside: bool,
}

enum Codec {
    Gzip(Box<Decompress>),
    Zstd(ZstdDecoder<'static>),
}

/// What one call of a codec did.
struct Progress {
    consumed: usize,
    produced: usize,
    member_ended: bool,
}

impl Inflater {
    /// As much as is read at once.
    const INPUT_BYTES: usize = super::READ_BYTES;

    /// The maximum window size of DEFLATE.
    const GZIP_WINDOW_BITS: u8 = 15;

    pub(super) fn gzip() -> Self {
        Self::new(Codec::Gzip(Box::new(Decompress::new_gzip(Self::GZIP_WINDOW_BITS))))
    }

    pub(super) fn zstd() -> io::Result<Self> {
        Ok(Self::new(Codec::Zstd(ZstdDecoder::new()?)))
    }

    fn new(codec: Codec) -> Self {
        Self { codec, input: vec![0; Self::INPUT_BYTES], pos: 0, len: 0, ended: false, inside: false }
    }

    /// Reads some bytes; returns 0 at the end of the last member, and only if that member is complete.
    pub(super) fn read(&mut self, stored: &mut Stored<'_>, out: &mut [u8]) -> Result<usize, InflateFault> {
        loop {
            self.refill(stored)?;
            if !self.inside {
                if self.pos == self.len || self.skip_padding(stored)? {
                    return Ok(0);
                }
                self.inside = true;
            }
            let input = &self.input[self.pos..self.len];
            let Progress { consumed, produced, member_ended } =
                self.codec.run(input, out).map_err(|message| self.damaged(stored, message))?;
            self.pos += consumed;
            if member_ended {
                self.inside = false;
                self.codec.reset().map_err(InflateFault::Io)?;
            }
            if produced > 0 {
                return Ok(produced);
            }
            if consumed == 0 && !member_ended && (self.ended || self.pos < self.len) {
                let what = self.codec.name();
                let message = format!("the {what} stream ends too early: the file is truncated");
                return Err(self.damaged_with(stored, message, TRUNCATED_HINT.to_owned()));
            }
        }
    }

    /// Reads more stored bytes if all were consumed.
    fn refill(&mut self, stored: &mut Stored<'_>) -> Result<(), InflateFault> {
        if self.pos == self.len && !self.ended {
            self.pos = 0;
            self.len = stored.read(&mut self.input).map_err(InflateFault::Io)?;
            self.ended = self.len == 0;
        }
        Ok(())
    }

    /// Zero bytes after the last gzip member are padding (tapes, block devices). Returns true if only padding is left,
    /// and false if another member begins.
    fn skip_padding(&mut self, stored: &mut Stored<'_>) -> Result<bool, InflateFault> {
        if !matches!(self.codec, Codec::Gzip(_)) || self.input[self.pos] == 0x1f {
            return Ok(false);
        }
        loop {
            match self.input[self.pos..self.len].iter().position(|&byte| byte != 0) {
                Some(garbage) => {
                    self.pos += garbage;
                    let message = "after the end of the gzip data there is something else".to_owned();
                    return Err(self.damaged(stored, message));
                }
                None => self.pos = self.len,
            }
            self.refill(stored)?;
            if self.ended {
                return Ok(true);
            }
        }
    }

    fn damaged(&self, stored: &Stored<'_>, message: String) -> InflateFault {
        self.damaged_with(stored, message, self.codec.hint())
    }

    fn damaged_with(&self, stored: &Stored<'_>, message: String, hint: String) -> InflateFault {
        InflateFault::Damaged { offset: stored.bytes - (self.len - self.pos) as u64, message, hint }
    }
}

impl Codec {
    fn run(&mut self, input: &[u8], out: &mut [u8]) -> Result<Progress, String> {
        match self {
            Self::Gzip(gzip) => {
                let (before_in, before_out) = (gzip.total_in(), gzip.total_out());
                let status = gzip
                    .decompress(input, out, FlushDecompress::None)
                    .map_err(|error| format!("the gzip stream is damaged: {error}"))?;
                Ok(Progress {
                    // Both are bounded by the lengths of the slices.
                    consumed: usize::try_from(gzip.total_in() - before_in).unwrap_or(usize::MAX),
                    produced: usize::try_from(gzip.total_out() - before_out).unwrap_or(usize::MAX),
                    member_ended: status == Status::StreamEnd,
                })
            }
            Self::Zstd(zstd) => {
                let status =
                    zstd.run_on_buffers(input, out).map_err(|error| format!("the zstd stream is damaged: {error}"))?;
                Ok(Progress {
                    consumed: status.bytes_read,
                    produced: status.bytes_written,
                    member_ended: status.remaining == 0,
                })
            }
        }
    }

    fn reset(&mut self) -> io::Result<()> {
        match self {
            Self::Gzip(gzip) => {
                gzip.reset(true);
                Ok(())
            }
            Self::Zstd(zstd) => zstd.reinit(),
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Gzip(_) => "gzip",
            Self::Zstd(_) => "zstd",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Gzip(_) => "`gzip -t FILE` should say the same; copy or download the file again".to_owned(),
            Self::Zstd(_) => "`zstd -t FILE` should say the same; copy or download the file again (a window beyond \
                              128 MiB, `--long=28` and more, has to be decompressed first: zstd -dc --long=31 FILE; and so has \
                              what was compressed with a dictionary: zstd -dc -D DICTIONARY FILE)"
                .to_owned(),
        }
    }
}
