//! Small inputs that decompress to something huge: they are refused at a limit, and memory stays bounded.

use std::{io::Write, process::Stdio};

use flate2::{Compression, write::GzEncoder};

use crate::{
    data::conversations,
    run::{Folder, watched},
};

/// Size of the decompressed bombs: more than the memory allowed.
const MIB: usize = if cfg!(debug_assertions) { 48 } else { 1024 };

/// Maximum resident memory. Blocks in flight, the longest record and the program itself take about 32 MiB.
const MAX_BYTES: u64 = 44 << 20;

/// Writes `start`, then one MiB of `filling` after another.
fn write_bomb(out: &mut impl Write, start: &str, filling: &str) {
    let filling = filling.repeat((1 << 20) / filling.len());
    out.write_all(start.as_bytes()).unwrap();
    (0..MIB).for_each(|_| out.write_all(filling.as_bytes()).unwrap());
}

fn gz_bomb(start: &str, filling: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    write_bomb(&mut encoder, start, filling);
    encoder.finish().unwrap()
}

fn zst_bomb(start: &str, filling: &str) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    write_bomb(&mut encoder, start, filling);
    encoder.finish().unwrap()
}

/// Returns the exit code, standard error and the peak resident memory of a conversion of this input.
fn measured(bomb: &[u8], options: &[&str]) -> (i32, String, u64) {
    let folder = Folder::with("bomb.json", bomb);
    let args = ["convert", "bomb.json", "--out", "out", "--threads", "2", "--memory", "64MiB"];
    let mut command = folder.command(&[&args, options].concat());
    let said = std::fs::File::create(folder.path("said")).unwrap();
    let mut child = command.stdout(Stdio::null()).stderr(said).spawn().unwrap();
    let peak = watched(&mut child) << 10;
    assert!(peak > 1 << 20, "{peak} bytes: not measured");
    (child.wait().unwrap().code().unwrap_or(-1), folder.read("said"), peak)
}

#[test]
fn a_bomb_is_refused_at_the_limit_of_a_record_in_little_memory() {
    let too_long = "more than --max-record-size allows (1048576)";
    for (bomb, max_rejects, said) in [
        (gz_bomb("", "\0"), "0", too_long),
        (zst_bomb("{\"id\":\"", "x"), "0", too_long),
        (zst_bomb("[{\"id\":\"", "x"), "0", too_long),
        (zst_bomb("[{\"id\":\"", "x"), "1", "ends inside a record"),
        // Blanks are not a record: the input holds none.
        (zst_bomb("[", "\n"), "0", "its `]` is missing"),
    ] {
        assert!(bomb.len() < MIB << 20 >> 6, "{} bytes are no bomb", bomb.len());
        let (code, text, peak) = measured(&bomb, &["--max-record-size", "1MiB", "--max-rejects", max_rejects]);
        assert_eq!(code, 1, "{text}");
        assert!(text.contains("bomb.json") && text.contains(said), "{said}: {text}");
        assert!(peak < MAX_BYTES, "{said}: {peak} bytes of memory");
    }
}

/// By default the first refused text ends the run, so nobody waits for the end of a text that has none.
#[test]
fn a_text_without_end_ends_the_run() {
    for start in ["", "{}\n", "[{}\n", "[{} oops"] {
        let folder = Folder::new();
        let said = std::fs::File::create(folder.path("said")).unwrap();
        let args = ["convert", "-", "--out", "out", "--max-record-size", "64KiB", "--attribute-columns", "none"];
        let mut child = folder.command(&args).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(said).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(start.as_bytes()).unwrap();
        let filling = vec![b'x'; 1 << 16];
        // Far more than the pipe holds: the program must end first.
        let written = (0..1 << 14).take_while(|_| stdin.write_all(&filling).is_ok()).count();
        assert!(written < 1 << 10, "it has read {written} times 64 KiB after {start:?}");
        assert_eq!(child.wait().unwrap().code(), Some(1), "{start:?}");
        assert!(folder.read("said").contains("nothing was committed"), "{start:?}: {}", folder.read("said"));
        assert!(!folder.path("out/_partiquet/commits").exists());
    }
}

#[test]
fn a_bomb_among_good_records_costs_one_reject() {
    let start = conversations(3) + "{\"id\":\"";
    let options = ["--max-record-size", "1MiB", "--max-rejects", "1"];
    let (code, text, peak) = measured(&gz_bomb(&start, "x"), &options);
    assert_eq!(code, 3, "{text}");
    assert!(peak < MAX_BYTES, "{peak} bytes of memory");
}

#[test]
fn a_zstd_frame_that_asks_for_a_huge_window_is_refused_before_it_gets_one() {
    // Magic number, no flags, a window of 2 GiB, and one last block of two raw bytes.
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x11, 0x00, 0x00, b'{', b'}'];
    let (code, text, peak) = measured(&frame, &[]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("bomb.json") && text.contains("--long=31"), "{text}");
    assert!(peak < MAX_BYTES, "{peak} bytes of memory");
}
