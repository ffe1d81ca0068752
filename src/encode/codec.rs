//! The compression codecs, with memory that is reused from page to page.

use std::io::Cursor;

use snap::raw::{Encoder as Snappy, max_compress_len};
use zstd::{
    bulk::Compressor as Zstd,
    zstd_safe::{CParameter, compress_bound},
};

use super::EncodeOptions;
use crate::{
    config::Compression,
    error::{Error, Result},
};

/// Compresses pages. The result depends on the page alone, not on earlier ones.
#[derive(Default)]
pub(super) struct Compressor {
    /// The zstd context and its level. Created by the first page, since it takes more memory than all pages of a small
    /// row group.
    zstd: Option<(i32, Zstd<'static>)>,
    snappy: Option<Snappy>,
}

impl Compressor {
    /// Appends the compressed `page` to `out`; with [`Compression::None`], the page as it is.
    pub fn append(&mut self, codec: Compression, page: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        match codec {
            Compression::Zstd(level) => {
                out.reserve(compress_bound(page.len()));
                let mut target = Cursor::new(out);
                target.set_position(start as u64);
                let zstd = self.zstd(level)?;
                // Zero selects the default of the level.
                let is_large = level == 1 && page.len() > EncodeOptions::LARGE_PAGE_BYTES;
                let hash_log = if is_large { EncodeOptions::LARGE_PAGE_HASH_LOG } else { 0 };
                zstd.set_parameter(CParameter::HashLog(hash_log)).map_err(|error| failed(&error))?;
                zstd.compress_to_buffer(page, &mut target).map_err(|error| failed(&error))?;
            }
            Compression::Snappy => {
                out.resize(start + max_compress_len(page.len()), 0);
                let snappy = self.snappy.get_or_insert_with(Snappy::new);
                let len = snappy.compress(page, &mut out[start..]).map_err(|error| failed(&error))?;
                out.truncate(start + len);
            }
            Compression::Lz4 => {
                out.resize(start + lz4_flex::block::get_maximum_output_size(page.len()), 0);
                let len = lz4_flex::block::compress_into(page, &mut out[start..]).map_err(|error| failed(&error))?;
                out.truncate(start + len);
            }
            Compression::None => out.extend_from_slice(page),
        }
        Ok(())
    }

    fn zstd(&mut self, level: i32) -> Result<&mut Zstd<'static>> {
        if self.zstd.as_ref().is_none_or(|(made_for, _)| *made_for != level) {
            self.zstd = Some((level, Zstd::new(level).map_err(|error| failed(&error))?));
        }
        match &mut self.zstd {
            Some((_, zstd)) => Ok(zstd),
            None => Err(Error::Bug("there is no zstd".to_owned())),
        }
    }
}

fn failed(error: &dyn std::error::Error) -> Error {
    Error::Bug(format!("a page cannot be compressed: {error}"))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn a_page_is_compressed_alike_whatever_came_before_it() {
        let page = |bytes: usize| {
            let (mut text, mut chance) = (String::new(), 1_u64);
            while text.len() < bytes {
                chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let _ = write!(text, "{} street, town {}; ", chance >> 52, chance >> 40 & 0xfff);
            }
            text.into_bytes()
        };
        let (small, large) = (page(EncodeOptions::LARGE_PAGE_BYTES / 2), page(EncodeOptions::LARGE_PAGE_BYTES * 2));
        for codec in [Compression::Zstd(1), Compression::Zstd(3), Compression::Snappy, Compression::Lz4] {
            let (mut fresh, mut after, mut large_page) = (Vec::new(), Vec::new(), Vec::new());
            Compressor::default().append(codec, &small, &mut fresh).unwrap();
            let mut used = Compressor::default();
            used.append(codec, &large, &mut large_page).unwrap();
            used.append(codec, &small, &mut after).unwrap();
            assert!(fresh == after, "{codec}");
        }
    }
}
