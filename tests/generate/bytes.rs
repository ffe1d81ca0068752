//! The bytes: the same for the same seed, as many as requested, and written completely or not at all.

use std::{fs, io::Read};

use crate::folder::Folder;

fn num_lines(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', bytes).count()
}

const SMALL: [&str; 2] = ["--size", "3MB"];

#[test]
fn a_seed_gives_the_same_bytes_on_any_number_of_threads() {
    let folder = Folder::new();
    for (out, more) in [("a", ["-j", "1"]), ("b", ["-j", "3"]), ("c", ["--seed", "2"])] {
        folder.generate(&[&SMALL[..], &["--profile", "dirty", "--out", out], &more].concat());
    }
    assert!(folder.read("a") == folder.read("b"));
    assert!(folder.read("a") != folder.read("c"));
}

#[test]
fn bytes_are_a_promise() {
    // Benchmarks of two versions can be compared only if both had the same input. This digest may change when the
    // generator is changed on purpose, and the change is then noted in CHANGELOG.md.
    let digest = |shape: &str| {
        let folder = Folder::new();
        folder.generate(&["--records", "300", "--profile", "dirty", "--shape", shape, "--out", "a"]);
        format!("{:016x}", xxhash_rust::xxh3::xxh3_64(&folder.read("a")))
    };
    let digests = ["conversations", "participants", "listing", "notifications"].map(digest);
    assert_eq!(digests, ["c4905b13e4b1578f", "8346a6661e2c35cb", "54fd64faf76a75fb", "3d1c10b107536df3"]);
}

#[test]
fn files_and_compression_change_nothing_but_the_place() {
    let folder = Folder::new();
    folder.generate(&[&SMALL[..], &["--out", "one"]].concat());
    for compress in [None, Some("gz"), Some("zst")] {
        let (out, ending) = compress.map_or(("plain".to_owned(), String::new()), |c| (c.to_owned(), format!(".{c}")));
        let mut args = [&SMALL[..], &["--out", &out, "--files", "2"]].concat();
        args.extend(compress.iter().flat_map(|compress| ["--compress", compress]));
        folder.generate(&args);
        let names = folder.names(&out);
        assert_eq!(names, [format!("calls-00001.ndjson{ending}"), format!("calls-00002.ndjson{ending}")]);
        let all: Vec<u8> = names
            .iter()
            .flat_map(|name| {
                let stored = folder.read(&format!("{out}/{name}"));
                let mut plain = Vec::new();
                match compress {
                    None => plain = stored,
                    Some("gz") => drop(flate2::read::MultiGzDecoder::new(&stored[..]).read_to_end(&mut plain).unwrap()),
                    Some(_) => plain = zstd::decode_all(&stored[..]).unwrap(),
                }
                plain
            })
            .collect();
        assert!(all == folder.read("one"), "{compress:?}");
    }
}

#[test]
fn sizes_and_numbers_are_met() {
    let folder = Folder::new();
    for shape in ["conversations", "participants", "notifications"] {
        folder.generate(&["--size", "5MB", "--shape", shape, "--out", shape]);
        let size = folder.read(shape).len();
        assert!((4_950_000..5_050_000).contains(&size), "{shape}: {size}");
    }
    folder.generate(&["--size", "10MB", "--shape", "listing", "--out", "listing"]);
    let size = folder.read("listing").len();
    assert!((9_500_000..10_500_000).contains(&size), "a page is long: {size}");
    for (number, shape) in [(1, "listing"), (1, "participants"), (257, "conversations"), (1000, "notifications")] {
        folder.generate(&["--records", &number.to_string(), "--shape", shape, "--out", "n", "--mode", "overwrite"]);
        assert_eq!(num_lines(&folder.read("n")), number, "{shape}");
    }
    folder.generate(&["--size", "1", "--out", "least"]);
    assert_eq!(num_lines(&folder.read("least")), 1, "never nothing");
}

#[test]
fn what_is_there_is_replaced_only_when_that_is_said() {
    let folder = Folder::new();
    fs::write(folder.path("a"), "mine").unwrap();
    let said = folder.ended(2, &["generate", "--records", "1", "--out", "a"]);
    assert!(said.contains("a is already there") && said.contains("--mode overwrite"), "{said}");
    assert_eq!(folder.read("a"), b"mine");
    folder.generate(&["--records", "1", "--out", "a", "--mode", "overwrite"]);
    assert!(folder.read("a").starts_with(b"{\"id\""));
    // A folder can replace a file, and a file a folder.
    folder.generate(&["--records", "1", "--files", "1", "--out", "a", "--mode", "overwrite"]);
    assert_eq!(folder.names("a"), ["calls-00001.ndjson"]);
    folder.generate(&["--records", "1", "--out", "a", "--mode", "overwrite"]);
    assert_eq!(folder.names(""), ["a"], "nothing is left beside it");
}

#[test]
fn a_failure_leaves_nothing() {
    let folder = Folder::new();
    let said = folder.ended(1, &["generate", "--records", "1", "--out", "absent/a"]);
    assert!(said.contains("cannot create absent/a"), "{said}");
    folder.ended(2, &["generate", "--records", "1", "--files", "7", "--out", "a"]);
    assert_eq!(folder.names(""), [""; 0]);
}

#[test]
fn standard_output_is_a_place() {
    let folder = Folder::new();
    folder.generate(&["--records", "20", "--out", "file"]);
    let output = folder.run(&["generate", "--records", "20", "--out", "-"]);
    assert!(output.status.success());
    assert!(output.stdout == folder.read("file"));
    assert_eq!(folder.names(""), ["file"]);
}

#[test]
fn a_file_is_compressed_as_its_name_says() {
    let folder = Folder::new();
    for (name, magic) in [("a.ndjson.gz", &[0x1f, 0x8b][..]), ("a.ndjson.zst", &[0x28, 0xb5]), ("a.ndjson", b"{\"")] {
        folder.generate(&["--records", "10", "--out", name]);
        assert!(folder.read(name).starts_with(magic), "{name}");
    }
}
