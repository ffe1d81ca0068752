//! What can be named as an input, and the forms in which its bytes may come.

use crate::{
    data::{conversation, conversations, gzip, zstd},
    run::Folder,
};

const DAY: &str = "2025-07-01T10:00:00Z";

#[track_caller]
fn ids(folder: &Folder, args: &[&str]) -> Vec<String> {
    folder.converted(args).sorted("conversation_id")
}

#[test]
fn a_folder_is_searched_for_the_known_endings_at_any_depth() {
    let folder = Folder::new();
    let line = |id: &str| conversation(id, DAY) + "\n";
    folder.write("in/a.json", line("a"));
    folder.write("in/deep/er/b.ndjson", line("b"));
    folder.write("in/c.JSONL", line("c"));
    folder.write("in/d.json.gz", gzip(line("d").as_bytes()));
    folder.write("in/e.ndjson.zst", zstd(line("e").as_bytes()));
    // Compression is detected by the bytes, not by the name.
    folder.write("in/f.json", gzip(line("f").as_bytes()));
    folder.write("in/g.jsonl.gz", line("g"));
    for other in ["in/notes.txt", "in/.hidden.json", "in/_x/y.json", "in/data.json.bak", "in/json"] {
        folder.write(other, "not to be read");
    }
    assert_eq!(ids(&folder, &["in"]), ["a", "b", "c", "d", "e", "f", "g"]);
}

#[test]
fn patterns_and_names_are_taken_as_given() {
    let folder = Folder::new();
    for name in ["x1.txt", "x2.txt", "y1.txt", "in/z[1].txt"] {
        folder.write(name, conversation(name, DAY));
    }
    assert_eq!(ids(&folder, &["x*.txt", "in/z[1].txt"]), ["in/z[1].txt", "x1.txt", "x2.txt"]);
}

#[test]
fn an_input_given_twice_is_read_once() {
    let folder = Folder::with("in/a.json", conversation("a", DAY));
    folder.write("in/b.json", conversation("b", DAY));
    assert_eq!(ids(&folder, &["in", "in/a.json", "./in/a.json", "in/*.json", "in/../in"]), ["a", "b"]);
}

#[test]
fn what_is_not_there_is_a_usage_error_with_advice() {
    let folder = Folder::with("calls.json", conversation("a", DAY));
    folder.write("empty/readme.txt", "");
    let refused = |input: &str, says: &[&str]| {
        folder.convert(&[input, "--out", "out"]).ended_with(2).says(says);
        assert!(!folder.path("out").exists());
    };
    refused("cals.json", &["there is no file or folder cals.json", "did you mean calls.json?"]);
    refused("nothing-*.json", &["no file matches the pattern"]);
    refused("empty", &["the folder empty holds no inputs", "*.ndjson"]);
}

#[test]
fn standard_input_is_read_plain_and_compressed() {
    let text = conversations(3);
    for (name, bytes) in
        [("plain", text.clone().into_bytes()), ("gz", gzip(text.as_bytes())), ("zst", zstd(text.as_bytes()))]
    {
        let folder = Folder::new();
        folder.convert_piped(&["-", "--out", "out"], &bytes).ended_with(0);
        let output = folder.output("out");
        assert_eq!(output.sorted("conversation_id"), ["c0", "c1", "c2"], "{name}");
        assert_eq!(output.manifest(1)["inputs"][0]["path"], "-");
        assert_eq!(output.manifest(1)["inputs"][0]["bytes"], bytes.len());
    }
}

#[test]
fn standard_input_goes_together_with_files() {
    let folder = Folder::with("a.json", conversation("file", DAY));
    folder.convert_piped(&["a.json", "-", "--out", "out"], conversation("pipe", DAY).as_bytes()).ended_with(0);
    assert_eq!(folder.output("out").sorted("conversation_id"), ["file", "pipe"]);
}

#[test]
fn bytes_before_between_and_behind_records_do_not_matter() {
    let [a, b] = ["a", "b"].map(|id| conversation(id, DAY));
    let pretty = |record: &str| {
        serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(record).unwrap()).unwrap()
    };
    let texts = [
        ("LF", format!("{a}\n{b}\n")),
        ("CRLF", format!("{a}\r\n{b}\r\n")),
        ("no final newline", format!("{a}\n{b}")),
        ("byte order mark", format!("\u{feff}{a}\n{b}\n")),
        ("byte order mark and CRLF", format!("\u{feff}{a}\r\n{b}")),
        ("blank lines", format!("\n\n  {a}  \n \t\r\n{b}\n\n\n")),
        ("array on one line", format!("[{a},{b}]")),
        ("pretty array", format!("[\n{},\n{}\n]\n", pretty(&a), pretty(&b))),
        ("pretty array and CRLF", format!("\u{feff}[\n{},\n{}\n]\n", pretty(&a), pretty(&b)).replace('\n', "\r\n")),
        ("pretty objects", format!("{}\n{}\n", pretty(&a), pretty(&b))),
        ("objects without a gap", format!("{a}{b}")),
        ("pretty objects without a gap", format!("{}{}", pretty(&a), pretty(&b))),
    ];
    for (name, text) in texts {
        for (form, bytes) in [("plain", text.clone().into_bytes()), ("gz", gzip(text.as_bytes()))] {
            let folder = Folder::with("in.json", bytes);
            let run = folder.convert(&["in.json", "--out", "out"]);
            assert_eq!(run.code, 0, "{name}, {form}: {}", run.stderr);
            assert_eq!(folder.output("out").column("conversation_id"), ["a", "b"], "{name}, {form}");
        }
    }
}

#[test]
fn nothing_to_read_is_a_dataset_without_files() {
    for (name, bytes) in [
        ("empty", vec![]),
        ("blanks", b" \n\r\n\t\n".to_vec()),
        ("byte order mark", b"\xef\xbb\xbf".to_vec()),
        ("empty gz", gzip(b"")),
        ("empty zst", zstd(b"")),
        ("empty array", b" [ ]\n".to_vec()),
    ] {
        let folder = Folder::with("in.json", &bytes);
        let run = folder.convert(&["in.json", "--out", "out"]);
        assert_eq!(run.code, 0, "{name}: {}", run.stderr);
        assert!(run.stdout.contains("there is nothing to query"), "{name}: {}", run.stdout);
        let output = folder.output("out");
        assert!(output.files.is_empty(), "{name}: {:?}", output.files);
        let manifest = output.manifest(1);
        assert_eq!((&manifest["rows"], &manifest["records"]), (&0.into(), &0.into()), "{name}");
    }
}

#[test]
fn an_empty_file_among_others_changes_nothing() {
    let folder = Folder::with("in/a.json", conversation("a", DAY));
    folder.write("in/b.json", "");
    folder.write("in/c.json", conversation("c", DAY));
    assert_eq!(ids(&folder, &["in"]), ["a", "c"]);
}

#[test]
fn the_output_may_lie_inside_the_input_folder() {
    let folder = Folder::with("in/a.json", conversation("a", DAY));
    // The folder contains an existing dataset with files that look like inputs.
    folder.convert(&["in", "--out", "in/out"]).ended_with(0);
    assert_eq!(folder.output("in/out").sorted("conversation_id"), ["a"]);
    folder.convert(&["in", "--out", "in/out", "--mode", "overwrite"]).ended_with(0);
    assert_eq!(folder.output("in/out").sorted("conversation_id"), ["a"]);
    folder
        .convert(&["in/out", "--out", "in/out", "--mode", "overwrite"])
        .ended_with(2)
        .says(&["is the output dataset"]);
    assert_eq!(folder.output("in/out").sorted("conversation_id"), ["a"]);
}

#[test]
fn damaged_compressed_files_end_the_run_with_their_name() {
    let text = conversations(2000);
    let gz = gzip(text.as_bytes());
    let zst = zstd(text.as_bytes());
    let mut flipped = gz.clone();
    let crc = gz.len() - 6;
    flipped[crc] ^= 1;
    for (name, bytes) in [
        ("cut.json.gz", gz[..gz.len() / 2].to_vec()),
        ("tail.json.gz", gz[..gz.len() - 3].to_vec()),
        ("flipped.json.gz", flipped),
        ("garbage.json.gz", [&gz[..], b"garbage"].concat()),
        ("cut.json.zst", zst[..zst.len() / 2].to_vec()),
    ] {
        let folder = Folder::with(name, bytes);
        let run = folder.convert(&[name, "--out", "out", "--max-rejects", "unlimited"]);
        assert_eq!(run.code, 1, "{name}: {}", run.stderr);
        assert!(run.stderr.contains(&format!("{name}, byte ")), "{}", run.stderr);
        assert!(!folder.path("out").exists(), "{name}");
    }
}

#[test]
fn utf_16_is_told_how_to_become_utf_8() {
    let bytes: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let folder = Folder::with("in.json", bytes);
    folder.convert(&["in.json", "--out", "out"]).ended_with(1).says(&["UTF-16", "iconv"]);
}

#[test]
fn names_that_are_not_utf_8_are_inputs_like_others() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt, process::Stdio};
    let folder = Folder::new();
    let odd = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
    for (name, id) in [(odd(b"a\xff.json"), "a"), (odd(b"a\xfe.json"), "b")] {
        std::fs::write(folder.path("").join(name), conversation(id, DAY)).unwrap();
    }
    for args in [vec![odd(b".")], vec![odd(b"a\xff.json"), odd(b"a\xfe.json")], vec![odd(b"a*.json")]] {
        let mut command = folder.command(&["convert", "--out", "out", "--mode", "overwrite", "--provenance"]);
        crate::run::Run::of(command.args(&args).stdin(Stdio::null()).spawn().unwrap()).ended_with(0);
        let output = folder.output("out");
        assert_eq!(output.sorted("conversation_id"), ["a", "b"]);
        let names = output.sorted("source_file");
        assert!(names[0].ends_with("a\\xFE.json") && names[1].ends_with("a\\xFF.json"), "{names:?}");
    }
}

#[test]
fn of_two_faults_the_one_in_the_earlier_input_is_told() {
    for keys in ["auto", "none"] {
        let folder = Folder::with("in/a.json", "{\"id\":!}\n");
        folder.write("in/b.json.gz", &gzip(conversations(100).as_bytes())[..50]);
        // Reading it from the beginning is an error of the system.
        std::os::unix::fs::symlink("/proc/self/mem", folder.path("in/c.json")).unwrap();
        let run = folder.convert(&["in", "--out", "out", "--attribute-columns", keys]).ended_with(1);
        run.says(&["in/a.json, line 1, byte 6"]);
    }
}

#[test]
fn what_is_not_json_at_all_is_told_what_it_is() {
    for (name, content, said) in [
        ("calls.csv", &b"id;name\n1;x\n"[..], "This looks like CSV, and JSON is read: make JSON lines of it first"),
        ("quoted.csv", b"\"id\",\"name\"\n\"1\",\"x\"\n", "This looks like CSV"),
        ("tabs.txt", b"1\t2\n", "This looks like CSV"),
        ("page.json", b"<!DOCTYPE html><html></html>", "this is an HTML page, not JSON"),
        ("old.parquet", b"PAR1\x15\x04\x15\x10", "this is a Parquet file, not JSON"),
        ("calls.zip", b"PK\x03\x04\x14\x00\x00\x00", "this is a zip archive, not JSON"),
        ("calls.avro", b"Obj\x01\x04\x16avro.schema", "this is an Avro file, not JSON"),
    ] {
        let folder = Folder::with(name, content);
        folder.convert(&[name, "--out", "out"]).ended_with(1).says(&[name, said]);
        assert_eq!(folder.names(), [name]);
    }
    // A broken record is not a table, wherever it is.
    for text in ["{\"id\":1,\"name\"}\n", "{}\nid,name\n", "garbage\n{}\n"] {
        let run = Folder::with("in.ndjson", text).convert(&["in.ndjson", "--out", "out"]).ended_with(1);
        run.says(&["Mend the record"]);
    }
}

#[test]
fn a_broken_record_in_front_of_the_damage_of_a_compressed_file_is_told_first() {
    let text = "{\n".to_owned() + &conversations(300);
    let whole = gzip(text.as_bytes());
    let folder = Folder::with("in.ndjson.gz", &whole[..whole.len() - 20]);
    let run = folder.convert(&["in.ndjson.gz", "--out", "out"]).ended_with(1);
    assert!(run.stderr.contains("in.ndjson.gz, line 1, byte "), "{}", run.stderr);
    folder.convert(&["in.ndjson.gz", "--out", "out", "--max-rejects", "1"]).ended_with(1).says(&["ends too early"]);
}
