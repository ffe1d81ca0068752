//! `docs/columns.md` must match the program's output word for word.

use std::{fs, path::Path, process::Command};

#[test]
fn the_page_of_columns_is_current() {
    let output = Command::new(env!("CARGO_BIN_EXE_partiquet")).args(["schema", "--as", "markdown"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();

    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/columns.md");
    let checked_in = fs::read_to_string(&page).unwrap_or_default();
    let stale = printed.lines().zip(checked_in.lines()).find(|(printed, checked_in)| printed != checked_in);
    assert!(
        printed == checked_in,
        "docs/columns.md is out of date; renew it with\n  cargo run -- schema --as markdown > docs/columns.md\n\
         first difference (program, page): {stale:?}"
    );
}

#[test]
fn the_page_counts_what_the_reference_counts() {
    let output = Command::new(env!("CARGO_BIN_EXE_partiquet")).args(["schema", "--as", "json"]).output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let columns = document["columns"].as_array().unwrap();
    let rest = |column: &&serde_json::Value| column["origin"] == "row" && column["form"] != "notification";
    assert_eq!(columns.iter().filter(rest).count(), 120, "leaves of a participant over REST");

    let top_level =
        |column: &&serde_json::Value| column["path"].as_str().unwrap().split('/').nth(1).unwrap().to_owned();
    let distinct = |original: bool| {
        let leaves = columns.iter().filter(rest).filter(|column| !original || column["original"] == true);
        leaves.map(|column| top_level(&column)).collect::<std::collections::BTreeSet<_>>().len()
    };
    assert_eq!((distinct(false), distinct(true)), (58, 51), "properties of a participant, and those of the baseline");
}
