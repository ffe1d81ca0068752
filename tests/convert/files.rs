//! The Parquet files: their number, size, sorting, codec and filters.

use arrow::datatypes::DataType;
use parquet::{
    basic::{Compression, Encoding},
    file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData},
};

use crate::{
    data::{conversation, export, lines},
    output::Output,
    run::Folder,
};

fn chunks(footer: &ParquetMetaData) -> impl Iterator<Item = &ColumnChunkMetaData> {
    footer.row_groups().iter().flat_map(RowGroupMetaData::columns)
}

fn convert(records: usize, args: &[&str]) -> (Folder, Output) {
    let folder = Folder::with("in.ndjson", lines(&export(records, 80)));
    let output = folder.converted(&[&["in.ndjson"], args].concat());
    (folder, output)
}

#[test]
fn a_partition_is_one_file_whatever_the_threads() {
    let (_folder, output) = convert(2000, &["--threads", "7", "--row-group-rows", "100"]);
    assert_eq!(output.files.len(), 8, "{:?}", output.files);
}

#[test]
fn files_roll_at_their_size_and_keep_the_order_of_rows() {
    let (folder, rolled) =
        convert(2500, &["--partition-by", "none", "--target-file-size", "64KiB", "--row-group-rows", "500"]);
    assert!(rolled.files.len() >= 3, "{:?}", rolled.files);
    for file in &rolled.files[..rolled.files.len() - 1] {
        assert!(std::fs::metadata(folder.path("out").join(file)).unwrap().len() >= 64 << 10, "{file}");
    }
    folder.convert(&["in.ndjson", "--out", "whole", "--partition-by", "none", "--row-group-rows", "500"]).ended_with(0);
    let whole = folder.output("whole");
    assert_eq!(whole.files.len(), 1);
    assert_eq!(rolled.column("id"), whole.column("id"));
}

#[test]
fn the_rows_that_a_day_leaves_behind_do_not_wait_for_the_end() {
    // With this memory these rows are too few to be written as soon as the day seems to be over, but not too few for
    // ever.
    let first_day: String = (0..120)
        .map(|n| {
            let attributes = format!(r#""attributes":{{"note":"{}"}},"purpose""#, "-".repeat(1000));
            conversation(&format!("c{n}"), "2025-07-01T10:00:00Z").replace(r#""purpose""#, &attributes) + "\n"
        })
        .collect();
    // Every input is at least one block.
    for (blocks, row_groups) in [(40, 1), (70, 2)] {
        let folder = Folder::with("in/000.ndjson", &first_day);
        for block in 0..blocks {
            folder.write(&format!("in/{:03}.ndjson", block + 1), conversation("second day", "2025-07-02T10:00:00Z"));
        }
        folder.write("in/999.ndjson", conversation("late", "2025-07-01T11:00:00Z"));
        let output = folder.converted(&["in", "--memory", "64MiB", "--partition-by", "day(start_time)"]);
        assert_eq!(output.files.len(), 2);
        assert_eq!(output.footer(&output.files[0]).num_row_groups(), row_groups, "{blocks} blocks between");
        assert_eq!(output.rows_of(&output.files[0]).len(), 121);
    }
}

#[test]
fn row_groups_have_at_most_the_rows_asked_for_and_are_full() {
    let (_folder, output) = convert(1000, &["--partition-by", "none", "--row-group-rows", "300"]);
    let footer = output.footer(&output.files[0]);
    let rows: Vec<i64> = footer.row_groups().iter().map(RowGroupMetaData::num_rows).collect();
    let (last, full) = rows.split_last().unwrap();
    assert!(full.len() > 5 && full.iter().all(|&rows| rows == 300) && (1..=300).contains(last), "{rows:?}");
    assert_eq!(rows.iter().sum::<i64>(), footer.file_metadata().num_rows());
}

#[test]
fn sorted_row_groups_are_sorted_and_say_so() {
    let args = ["--partition-by", "none", "--row-group-rows", "400", "--sort-by", "purpose,start_time"];
    let (_folder, output) = convert(700, &args);
    let file = &output.files[0];
    let footer = output.footer(file);
    let leaf = |name: &str| {
        let columns = footer.file_metadata().schema_descr().columns();
        i32::try_from(columns.iter().position(|column| column.path().string() == name).unwrap()).unwrap()
    };
    let mut rows = output.rows_of(file).into_iter();
    assert!(footer.num_row_groups() > 3);
    for group in footer.row_groups() {
        let sorting = group.sorting_columns().unwrap();
        let said: Vec<_> = sorting.iter().map(|by| (by.column_idx, by.descending, by.nulls_first)).collect();
        assert_eq!(said, [(leaf("purpose"), false, false), (leaf("start_time"), false, false)]);
        // Microseconds of 2025 all have the same number of digits, so their texts compare like numbers. Nulls come
        // last.
        let key = |row: &crate::output::Row| {
            let text =
                |name: &str| row.get(name).map_or("\u{10ffff}".to_owned(), |value| value.as_str().unwrap().to_owned());
            (text("purpose"), text("start_time"))
        };
        let keys: Vec<_> = rows.by_ref().take(group.num_rows() as usize).map(|row| key(&row)).collect();
        assert!(keys.is_sorted(), "{keys:?}");
        assert!(keys.iter().any(|key| key.1.starts_with('\u{10ffff}')), "a null to be last");
    }
}

#[test]
fn without_sort_by_rows_keep_the_order_of_the_input() {
    let (_folder, output) = convert(300, &["--partition-by", "none"]);
    let ids: Vec<u64> =
        output.column("id").iter().map(|id| id.as_str().unwrap().split('-').next().unwrap().parse().unwrap()).collect();
    assert!(ids.is_sorted());
    assert!(
        output.footers().iter().all(|footer| footer.row_groups().iter().all(|group| group.sorting_columns().is_none()))
    );
}

#[test]
fn bloom_filters_are_where_they_were_asked_for() {
    let (_folder, output) = convert(300, &["--bloom-filter", "conversation_id,queue_id"]);
    for footer in output.footers() {
        for chunk in chunks(&footer) {
            let name = chunk.column_path().string();
            let asked = ["conversation_id", "queue_id"].contains(&name.as_str());
            assert_eq!(chunk.bloom_filter_offset().is_some(), asked, "{name}");
        }
    }
}

#[test]
fn options_that_name_no_fitting_column_are_usage_errors() {
    let folder = Folder::with("in.ndjson", lines(&export(3, 81)));
    for (args, says) in [
        (["--sort-by", "start_tme"], "start_tme"),
        (["--sort-by", "attributes"], "attributes cannot be sorted by"),
        (["--bloom-filter", "held"], "held cannot be given a bloom filter"),
        (["--bloom-filter", "nonsense"], "nonsense"),
        (["--partition-by", "day(purpose)"], "purpose"),
        (["--partition-by", "hour(start_time"], "hour(start_time"),
        (["--partition-by", "attributes"], "attributes"),
    ] {
        folder.convert(&[&["in.ndjson", "--out", "out"], &args[..]].concat()).ended_with(2).says(&[says]);
        assert!(!folder.path("out").exists(), "{args:?}");
    }
    let args = ["in.ndjson", "--out", "out", "--partition-by", "queue_id", "--bloom-filter", "id,queue_id"];
    folder.convert(&args).ended_with(2).says(&["queue_id cannot be given a bloom filter: it is a partition column"]);
}

#[test]
fn every_codec_is_written_and_read() {
    let folder = Folder::with("in.ndjson", lines(&export(200, 82)));
    let mut rows = Vec::new();
    for (codec, said) in
        [("zstd", "ZSTD"), ("zstd(3)", "ZSTD"), ("snappy", "SNAPPY"), ("lz4", "LZ4_RAW"), ("none", "UNCOMPRESSED")]
    {
        folder.convert(&["in.ndjson", "--out", codec, "--compression", codec, "--partition-by", "none"]).ended_with(0);
        let (output, mut said_somewhere) = (folder.output(codec), false);
        for footer in output.footers() {
            // The crate shows zstd with a level, which the file does not contain.
            let is_said = |codec: Compression| format!("{codec:?}").starts_with(said);
            // Chunks of a few hundred bytes are not compressed.
            let is_small = |chunk: &ColumnChunkMetaData| {
                chunk.compression() == Compression::UNCOMPRESSED && chunk.uncompressed_size() < 2048
            };
            assert!(chunks(&footer).all(|chunk| is_said(chunk.compression()) || is_small(chunk)), "{codec}");
            said_somewhere |= chunks(&footer).any(|chunk| is_said(chunk.compression()));
        }
        assert!(said_somewhere, "{codec}");
        rows.push(output.rows());
    }
    assert!(rows.iter().all(|other| *other == rows[0]));
}

#[test]
fn files_say_what_readers_can_use() {
    let (_folder, output) = convert(300, &[]);
    for (file, footer) in output.files.iter().zip(output.footers()) {
        assert_eq!(footer.file_metadata().version(), 2);
        assert!(footer.file_metadata().created_by().unwrap().starts_with("partiquet version "));
        for chunk in chunks(&footer) {
            let name = chunk.column_path().string();
            assert!(chunk.offset_index_offset().is_some(), "{file}: {name} has no offset index");
            let is_scalar = chunk.column_descr().max_rep_level() == 0;
            assert_eq!(chunk.column_index_offset().is_some(), is_scalar, "{file}: {name}");
            assert!(
                !chunk.encodings().any(|encoding| encoding == Encoding::BYTE_STREAM_SPLIT),
                "Spark 3 cannot read it"
            );
        }
    }
}

#[test]
fn the_types_are_those_that_every_reader_knows() {
    let (_folder, output) = convert(20, &["--provenance"]);
    for field in output.schema().fields() {
        let is_known = match field.data_type() {
            DataType::Utf8 | DataType::Int64 | DataType::Float64 | DataType::Boolean => true,
            DataType::Timestamp(unit, zone) => {
                *unit == arrow::datatypes::TimeUnit::Microsecond && zone.as_deref() == Some("UTC")
            }
            DataType::List(element) => element.name() == "element",
            DataType::Map(entries, _) => entries.name() == "key_value",
            _ => false,
        };
        assert!(is_known, "{field:?}");
        assert!(field.is_nullable(), "{}", field.name());
        let is_from_json = !["extra", "source_file", "source_offset"].contains(&field.name().as_str());
        assert_eq!(field.metadata().contains_key("partiquet.path"), is_from_json, "{}", field.name());
        assert!(!field.metadata().contains_key("partiquet.description"), "said once, and not by each file");
    }
}

#[test]
fn the_schema_does_not_depend_on_the_data() {
    let folder = Folder::with("a.ndjson", "{}\n");
    folder.write("b.ndjson", lines(&export(50, 83)));
    let schema = |input: &str| {
        folder.convert(&[input, "--out", &format!("out-{input}"), "--attribute-columns", "Language"]).ended_with(0);
        folder.output(&format!("out-{input}")).schema().fields().clone()
    };
    assert_eq!(schema("a.ndjson"), schema("b.ndjson"));
}
