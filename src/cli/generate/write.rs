//! Writes generated parts to files: all threads make and compress them, one writes them in order, and the files get
//! their final name only when all of them are complete.

use std::{
    fs::{self, File},
    io::{self, Write},
    ops::Range,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use clap::ValueEnum;
use flate2::write::GzEncoder;
use partiquet::{
    Error, Result,
    generate::{Generator, Part},
};
use rayon::prelude::*;

use crate::cli::report_file::staged_beside;

/// How generated input is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InputCompression {
    Gz,
    Zst,
}

impl InputCompression {
    /// The default of `gzip`, and the level that most exporters use.
    const GZ_LEVEL: u32 = 6;
    /// The default of `zstd`.
    const ZST_LEVEL: i32 = 3;

    /// The suffix of a file name.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Gz => ".gz",
            Self::Zst => ".zst",
        }
    }

    /// What the ending of a file's name says.
    pub fn by_ending(path: &Path) -> Option<Self> {
        let name = path.as_os_str().as_encoded_bytes();
        [Self::Gz, Self::Zst].into_iter().find(|compression| name.ends_with(compression.ending().as_bytes()))
    }

    fn compress(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Gz => {
                let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::new(Self::GZ_LEVEL));
                encoder.write_all(bytes)?;
                encoder.finish()
            }
            Self::Zst => zstd::bulk::compress(bytes, Self::ZST_LEVEL),
        }
    }
}

/// Where to write.
pub struct Destination<'a> {
    pub path: &'a Path,
    /// Number of files in a folder; `None` for a single file.
    pub files: Option<u64>,
    pub if_exists: IfExists,
    pub compression: Option<InputCompression>,
}

/// What to do if the path already exists.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IfExists {
    /// Refuse.
    #[default]
    Error,
    /// Replace generated data.
    Overwrite,
}

/// What was written.
#[derive(Debug, Default, Clone, Copy)]
pub struct Written {
    pub made: Part,
    /// Bytes of JSON.
    pub bytes: u64,
    /// Bytes of the files.
    pub bytes_stored: u64,
}

/// Parts that each thread makes while the previous ones are written: enough that no thread waits for another.
const PARTS_PER_THREAD: usize = 4;

/// Prefix of the file names in a folder.
const FILE_STEM: &str = "calls-";

/// Maximum number of files in one folder: more take too long to list, and five digits suffice for their numbers.
const MAX_FILES: u64 = 99_999;

/// Writes all parts.
///
/// # Errors
/// [`Error::Usage`] for a path that exists or cannot be used, [`Error::Io`] when the system refuses,
/// [`Error::Interrupted`] when `stop` is set.
pub fn write(generator: &Generator, to: &Destination<'_>, threads: usize, stop: &AtomicBool) -> Result<Written> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| Error::usage(format!("cannot start {threads} threads: {error}"), "use fewer"))?;
    let parts = 0..generator.num_parts();
    let writer = PartsWriter { generator, compression: to.compression, stop, batch: threads * PARTS_PER_THREAD };
    if to.path == Path::new("-") {
        if to.files.is_some() {
            return Err(Error::usage("standard output is no folder", "leave out --files, or give --out a path"));
        }
        return pool.install(|| writer.write(parts, &mut io::stdout(), Path::new("standard output")));
    }
    let place = StagedPath::claim(to.path, to.if_exists)?;
    let Some(files) = to.files else {
        let mut file = File::create_new(&place.staged).map_err(Error::io("create", to.path))?;
        let written = pool.install(|| writer.write(parts, &mut file, to.path))?;
        place.publish()?;
        return Ok(written);
    };
    if !(1..=generator.num_parts().min(MAX_FILES)).contains(&files) {
        let most = generator.num_parts().min(MAX_FILES);
        let message = format!("{files} files are not possible for so much data");
        let hint =
            if files == 0 { "use 1 or more".to_owned() } else { format!("use at most {most}, or ask for more data") };
        return Err(Error::usage(message, hint));
    }
    fs::create_dir(&place.staged).map_err(Error::io("create the folder", to.path))?;
    let mut all = Written::default();
    let ending = to.compression.map_or("", InputCompression::ending);
    for number in 0..files {
        let path = place.staged.join(format!("{FILE_STEM}{:05}.ndjson{ending}", number + 1));
        let mut file = File::create_new(&path).map_err(Error::io("create", &path))?;
        let first = |number: u64| (u128::from(parts.end) * u128::from(number) / u128::from(files)) as u64;
        let one = pool.install(|| writer.write(first(number)..first(number + 1), &mut file, &path))?;
        all.made += one.made;
        all.bytes += one.bytes;
        all.bytes_stored += one.bytes_stored;
    }
    place.publish()?;
    Ok(all)
}

struct PartsWriter<'a> {
    generator: &'a Generator,
    compression: Option<InputCompression>,
    stop: &'a AtomicBool,
    /// Parts made at a time.
    batch: usize,
}

/// A part, as it is stored in the file.
#[derive(Default)]
struct Made {
    part: Part,
    num_bytes: u64,
    stored: Vec<u8>,
}

impl PartsWriter<'_> {
    /// Writes these parts in order while the next ones are made. At most two batches are in memory.
    fn write(&self, parts: Range<u64>, out: &mut (dyn Write + Send), path: &Path) -> Result<Written> {
        let refused = |error| Error::io("write", path)(error);
        let mut written = Written::default();
        let mut ready: Vec<Made> = Vec::new();
        let mut spare: Vec<Made> = Vec::new();
        let mut next = parts.start;
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            let end = parts.end.min(next + self.batch as u64);
            let mut making = std::mem::take(&mut spare);
            making.resize_with((end - next) as usize, Made::default);
            let (wrote, made) = rayon::join(
                || ready.iter().try_for_each(|made| out.write_all(&made.stored)),
                || making.par_iter_mut().enumerate().try_for_each(|(at, made)| self.make(next + at as u64, made)),
            );
            wrote.and(made).map_err(refused)?;
            for made in &ready {
                written.made += made.part;
                written.bytes += made.num_bytes;
                written.bytes_stored += made.stored.len() as u64;
            }
            if making.is_empty() {
                return out.flush().map_err(refused).map(|()| written);
            }
            (spare, ready, next) = (ready, making, end);
        }
    }

    fn make(&self, part: u64, made: &mut Made) -> io::Result<()> {
        made.stored.clear();
        made.part = self.generator.part(part, &mut made.stored);
        made.num_bytes = made.stored.len() as u64;
        if let Some(compression) = self.compression {
            made.stored = compression.compress(&made.stored)?;
        }
        Ok(())
    }
}

/// A path that appears complete or not at all. It is not synced: what a power cut destroys can be generated again.
struct StagedPath<'a> {
    path: &'a Path,
    staged: PathBuf,
}

impl<'a> StagedPath<'a> {
    fn claim(path: &'a Path, if_exists: IfExists) -> Result<Self> {
        let Some(staged) = staged_beside(path) else {
            return Err(Error::usage(
                format!("{} cannot be written to", path.display()),
                "give --out a name of its own",
            ));
        };
        let is_there = path.symlink_metadata().is_ok();
        if is_there && if_exists == IfExists::Error {
            let message = format!("{} is already there", path.display());
            return Err(Error::usage(message, "choose another path, or say --mode overwrite to replace it"));
        }
        if is_there && !path.symlink_metadata().is_ok_and(|there| there.is_file() || there.is_dir()) {
            let message = format!("{} is a link, a pipe or a device, which is not replaced", path.display());
            return Err(Error::usage(message, "choose another path, or write there yourself: --out - >FILE"));
        }
        if is_there && let Some(foreign) = foreign_entry(path)? {
            let message = format!("{} holds {}, which was not generated", path.display(), foreign.display());
            return Err(Error::usage(message, "choose another path: overwriting replaces generated data only"));
        }
        Ok(Self { path, staged })
    }

    /// Renames the staged file to its final name. An existing one is removed only afterwards, and restored if the
    /// rename fails.
    fn publish(self) -> Result<()> {
        let refused = |error| Error::io("write", self.path)(error);
        let old = self.staged.with_extension("old");
        let was_there = match fs::rename(self.path, &old) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(refused(error)),
        };
        if let Err(error) = fs::rename(&self.staged, self.path) {
            if was_there {
                let _ = fs::rename(&old, self.path);
            }
            return Err(refused(error));
        }
        if was_there {
            remove(&old).map_err(Error::io("remove what was replaced", &old))?;
        }
        Ok(())
    }
}

impl Drop for StagedPath<'_> {
    fn drop(&mut self) {
        // After the rename there is nothing left to remove.
        let _ = remove(&self.staged);
    }
}

/// Finds an entry of a folder that is not a generated file.
fn foreign_entry(folder: &Path) -> Result<Option<PathBuf>> {
    if !folder.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Ok(None);
    }
    for entry in fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let name = entry.map_err(Error::io("list", folder))?.file_name();
        let is_ours = name.to_str().is_some_and(|name| name.starts_with(FILE_STEM) && name.contains(".ndjson"));
        if !is_ours {
            return Ok(Some(name.into()));
        }
    }
    Ok(None)
}

fn remove(path: &Path) -> io::Result<()> {
    if path.symlink_metadata()?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}
