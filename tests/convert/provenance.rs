//! `--provenance`: the place of each row in the input.

use crate::{
    data::{export, gzip, lines},
    run::Folder,
};

#[test]
fn the_source_has_the_row_at_its_offset() {
    let [plain, packed, array] = [70, 71, 72].map(|seed| export(120, seed));
    let plain = format!("\u{feff}{}", lines(&plain).replace('\n', "\r\n"));
    let packed = lines(&packed);
    let array = serde_json::to_string_pretty(
        &serde_json::from_str::<serde_json::Value>(&format!("[{}]", array.join(","))).unwrap(),
    )
    .unwrap();
    let folder = Folder::with("a.ndjson", &plain);
    folder.write("b.ndjson.gz", gzip(packed.as_bytes()));
    folder.write("c.json", &array);
    let output = folder.converted(&["a.ndjson", "b.ndjson.gz", "c.json", "--provenance", "--threads", "3"]);
    assert!(output.column_names().ends_with(&["source_file".to_owned(), "source_offset".to_owned()]));
    let rows = output.rows();
    assert!(rows.len() > 900);
    for row in rows {
        // Offsets refer to the decompressed text.
        let text = match row["source_file"].as_str().unwrap() {
            "a.ndjson" => &plain,
            "b.ndjson.gz" => &packed,
            "c.json" => &array,
            other => panic!("{other}"),
        };
        let offset = usize::try_from(row["source_offset"].as_i64().unwrap()).unwrap();
        let mut values = serde_json::Deserializer::from_str(&text[offset..]).into_iter::<serde_json::Value>();
        let participant = values.next().unwrap().unwrap();
        assert_eq!(participant["id"], row["id"], "offset {offset}");
    }
}

#[test]
fn names_are_those_of_the_report() {
    let folder = Folder::with("in/sub/a.ndjson", lines(&export(3, 73)));
    folder.convert(&["./in", "--out", "out", "--provenance", "--report", "r.json"]).ended_with(0);
    let name = folder.json("r.json")["inputs"][0]["path"].clone();
    assert!(folder.output("out").column("source_file").iter().all(|file| *file == name), "{name}");
}

#[test]
fn without_it_there_are_no_such_columns() {
    let folder = Folder::with("in.ndjson", lines(&export(3, 74)));
    let names = folder.converted(&["in.ndjson"]).column_names();
    assert!(!names.iter().any(|name| name.starts_with("source_")), "{names:?}");
}
