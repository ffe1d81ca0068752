//! The sample data must match their README.

use std::path::Path;

use crate::run::Folder;

/// The rows `| file | what | records | rows |` of the README.
fn table() -> Vec<(String, u64, u64)> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data/README.md");
    let text = std::fs::read_to_string(readme).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        (cells[0].trim_matches('`').to_owned(), cells[2].parse().unwrap(), cells[3].parse().unwrap())
    })
    .collect()
}

fn sample(name: &str) -> String {
    format!("{}/sample-data/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_file_has_the_records_and_rows_of_the_readme() {
    let table = table();
    assert_eq!(table.len(), 6, "{table:?}");
    let folder = Folder::new();
    for (name, records, rows) in table {
        let broken = name.starts_with("broken");
        let run = folder.convert(&[&sample(&name), "--out", &name, "--max-rejects", "unlimited", "--report", "r.json"]);
        run.ended_with(if broken { 3 } else { 0 });
        let report = folder.json("r.json");
        assert_eq!((report["records"].as_u64(), report["rows"].as_u64()), (Some(records), Some(rows)), "{name}");
        assert_eq!(folder.output(&name).rows().len() as u64, rows, "{name}");
        assert_eq!(report["rejected"].as_u64().unwrap() > 0, broken, "{name}");
    }
}

#[test]
fn the_folder_converts_as_a_whole() {
    let folder = Folder::new();
    let output = folder.converted(&[&sample("")]);
    let rows: u64 = table().iter().filter(|(name, ..)| !name.starts_with("broken")).map(|(.., rows)| rows).sum();
    assert_eq!(output.rows().len() as u64, rows);
    assert!(output.files.iter().any(|file| file.starts_with("start_time_day=2025-07-01/")), "{:?}", output.files);
    assert!(output.files.iter().any(|file| file.starts_with("start_time_day=__HIVE_DEFAULT_PARTITION__/")));
}

#[test]
fn hard_partition_values_stay_inside_the_folder_and_lose_nothing() {
    let folder = Folder::new();
    let output = folder.converted(&[&sample(""), "--partition-by", "purpose"]);
    let folders: Vec<String> = output.partitions().into_keys().collect();
    for name in ["purpose=sales%2Feu", "purpose=a%3Db", "purpose=100%25 Kulanz", "purpose=Rückruf Team", "purpose=.."]
    {
        assert!(folders.iter().any(|folder| folder == name), "{name} is not among {folders:?}");
    }
    assert_eq!(folder.names(), ["out"]);
    // An empty text and the default partition's name cannot name a folder: these rows keep the value in `extra`.
    let displaced: Vec<_> = output.partitions()["purpose=__HIVE_DEFAULT_PARTITION__"]
        .iter()
        .filter_map(|row| row.get("extra")?.get("/purpose").cloned())
        .collect();
    assert!(
        displaced.contains(&"\"\"".into()) && displaced.contains(&"\"__HIVE_DEFAULT_PARTITION__\"".into()),
        "{displaced:?}"
    );
    // The column is only in the path.
    assert!(!output.column_names().contains(&"purpose".to_owned()));
}

#[test]
fn values_of_two_columns_that_cannot_name_folders_are_kept_on_each_row() {
    let participant = |id: &str| format!(r#"{{"id":"{id}","purpose":"","ani":"","sentimentScore":"?"}}"#);
    let folder = Folder::with("in.ndjson", [participant("a"), participant("b"), participant("c")].join("\n"));
    let output = folder.converted(&["in.ndjson", "--partition-by", "purpose, ani"]);
    let rows = output.rows();
    assert_eq!(rows.len(), 3);
    for row in rows {
        let kept = row.get("extra").unwrap();
        for path in ["/purpose", "/ani", "/sentimentScore"] {
            assert!(kept.get(path).is_some(), "{path} is not in {kept}");
        }
    }
}
