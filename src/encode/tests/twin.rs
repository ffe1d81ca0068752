//! Compares our pages with those of the crate's own writer, which takes Arrow arrays: rows and metadata read from both
//! must be the same.

use parquet::{
    arrow::arrow_writer::{ArrowRowGroupWriterFactory, compute_leaves},
    basic::Type,
    file::{
        metadata::ColumnChunkMetaData,
        page_index::{column_index::ColumnIndexMetaData, offset_index::OffsetIndexMetaData},
        properties::{EnabledStatistics, WriterProperties, WriterVersion},
        statistics::Statistics,
        writer::SerializedFileWriter,
    },
};

use super::*;
use crate::batch::to_arrays;

/// The file that the crate's writer makes of the same rows, in memory.
fn twin_file(schema: &Arc<FileSchema>, columns: &Columns, options: &EncodeOptions) -> Vec<u8> {
    let codec = match options.compression {
        Compression::Zstd(level) => Codec::ZSTD(ZstdLevel::try_new(level).unwrap()),
        Compression::Snappy => Codec::SNAPPY,
        Compression::Lz4 => Codec::LZ4_RAW,
        Compression::None => Codec::UNCOMPRESSED,
    };
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(codec)
        .set_data_page_size_limit(EncodeOptions::DATA_PAGE_BYTES)
        .set_data_page_row_count_limit(EncodeOptions::DATA_PAGE_ROWS)
        .set_dictionary_page_size_limit(EncodeOptions::DICTIONARY_BYTES)
        .set_write_batch_size(64)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_statistics_truncate_length(Some(EncodeOptions::STATISTICS_BYTES))
        .set_column_index_truncate_length(Some(EncodeOptions::STATISTICS_BYTES));
    for leaf in schema.parquet().columns() {
        let path = leaf.path().clone();
        let encoding = match leaf.physical_type() {
            Type::INT64 => Encoding::DELTA_BINARY_PACKED,
            Type::BYTE_ARRAY => Encoding::DELTA_LENGTH_BYTE_ARRAY,
            _ => Encoding::PLAIN,
        };
        properties = properties.set_column_encoding(path, encoding);
    }
    let sink = || {
        SerializedFileWriter::new(Vec::new(), schema.parquet().root_schema_ptr(), Arc::new(properties.clone().build()))
    };
    let mut file = sink().unwrap();
    let factory = ArrowRowGroupWriterFactory::new(&file, Arc::clone(schema.arrow()));
    let mut writers = factory.create_column_writers(0).unwrap().into_iter();
    let mut row_group = file.next_row_group().unwrap();
    let arrays = to_arrays(columns, schema.arrow()).unwrap();
    for (array, field) in arrays.iter().zip(schema.arrow().fields()) {
        for leaf in compute_leaves(field, array).unwrap() {
            let mut writer = writers.next().unwrap();
            writer.write(&leaf).unwrap();
            writer.close().unwrap().append_to_row_group(&mut row_group).unwrap();
        }
    }
    row_group.close().unwrap();
    file.into_inner().unwrap()
}

fn page_indexes(metadata: &ParquetMetaData, leaf: usize) -> (Option<&ColumnIndexMetaData>, &OffsetIndexMetaData) {
    let index = metadata.page_index().unwrap();
    (index.column_index(0, leaf), index.offset_index(0, leaf).unwrap())
}

/// Metadata that does not depend on where pages end.
fn facts(chunk: &ColumnChunkMetaData) -> (Statistics, i64, Option<i64>, Vec<i64>, Vec<i64>) {
    let histogram = |of: Option<&parquet::file::metadata::LevelHistogram>| of.map_or(vec![], |of| of.values().to_vec());
    (
        chunk.statistics().unwrap().clone(),
        chunk.num_values(),
        chunk.unencoded_byte_array_data_bytes(),
        histogram(chunk.repetition_level_histogram()),
        histogram(chunk.definition_level_histogram()),
    )
}

/// Writes with both, and compares.
pub(super) fn check(shapes: &[ColumnShape], rows: &[Row], options: &EncodeOptions) {
    let schema = file_schema(shapes, options);
    let columns = columns(shapes, rows);
    let folder = tempfile::tempdir().unwrap();
    let (path, twin_path) = (folder.path().join("0.staged"), folder.path().join("1.staged"));
    let mut writer = StagedFileWriter::create(&path, Arc::clone(&schema)).unwrap();
    writer.append(encode(&schema, &columns).unwrap()).unwrap();
    writer.finish(&footer(&[])).unwrap().unwrap();
    std::fs::write(&twin_path, twin_file(&schema, &columns, options)).unwrap();

    // NaN is not equal to itself.
    let text = |rows: &[Row]| format!("{rows:?}");
    assert_eq!(text(&read(&path).1), text(rows));
    assert_eq!(text(&read(&twin_path).1), text(rows));

    let (ours, twins) = (metadata(&path), metadata(&twin_path));
    let (ours, twins) = (&ours, &twins);
    for (leaf, (our, twin)) in ours.row_group(0).columns().iter().zip(twins.row_group(0).columns()).enumerate() {
        let (our_facts, mut twin_facts) = (facts(our), facts(twin));
        if our.column_descr().max_rep_level() > 0 {
            // Leaves in lists have no minimum and maximum.
            assert_eq!(our_facts.0.null_count_opt(), twin_facts.0.null_count_opt(), "leaf {leaf}");
            assert_eq!(our_facts.0.min_bytes_opt(), None);
            twin_facts.0 = our_facts.0.clone();
        }
        assert_eq!(format!("{our_facts:?}"), format!("{twin_facts:?}"), "leaf {leaf}");
        let ((our_index, our_offsets), (twin_index, twin_offsets)) =
            (page_indexes(ours, leaf), page_indexes(twins, leaf));
        let first_rows = |index: &OffsetIndexMetaData| -> Vec<i64> {
            index.page_locations().iter().map(|page| page.first_row_index).collect()
        };
        if first_rows(our_offsets) == first_rows(twin_offsets) {
            if our.column_descr().max_rep_level() == 0 {
                assert_eq!(format!("{our_index:?}"), format!("{twin_index:?}"), "leaf {leaf}");
            }
            assert_eq!(
                our_offsets.unencoded_byte_array_data_bytes(),
                twin_offsets.unencoded_byte_array_data_bytes(),
                "leaf {leaf}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn both_say_the_same_of_any_rows((shapes, rows) in any_table(300), compression in any_compression()) {
        if !rows.is_empty() {
            check(&shapes, &rows, &EncodeOptions { compression, ..EncodeOptions::default() });
        }
    }
}

#[test]
fn both_say_the_same_of_every_type_with_every_pattern_of_nulls() {
    let shapes = AWKWARD.map(|shape| shape());
    let patterns: [fn(usize) -> bool; 6] =
        [|_| true, |_| false, |row| row % 2 == 0, |row| row / 64 % 2 == 0, |row| row / 300 % 2 == 1, |row| row == 1999];
    for (pattern, num_rows) in patterns.iter().zip([2000, 2000, 2001, 1999, 2000, 2000]) {
        let row = |row: usize| if pattern(row) { awkward_row(row as i64) } else { vec![Cell::Null; shapes.len()] };
        let rows: Vec<Row> = (0..num_rows).map(row).collect();
        for compression in [Compression::Zstd(1), Compression::None] {
            check(&shapes, &rows, &EncodeOptions { compression, ..EncodeOptions::default() });
        }
        // One row alone.
        check(&shapes, &rows[..1], &EncodeOptions::default());
    }
}

#[test]
fn both_say_the_same_at_the_borders_of_pages() {
    let shapes = AWKWARD.map(|shape| shape());
    for num_rows in [EncodeOptions::DATA_PAGE_ROWS, EncodeOptions::DATA_PAGE_ROWS + 1] {
        let rows: Vec<Row> = (0..num_rows as i64).map(|row| awkward_row(row / 1000)).collect();
        check(&shapes, &rows, &EncodeOptions::default());
    }
}

#[test]
fn both_say_the_same_of_awkward_numbers() {
    let double = ColumnShape::Scalar(ScalarType::Float64);
    let doubles = [
        vec![f64::NAN],
        vec![f64::NAN, -f64::NAN, f64::from_bits(f64::NAN.to_bits() | 1)],
        vec![f64::NAN, 1.0, f64::NAN],
        vec![-0.0, 0.0],
        vec![0.0, -0.0],
        vec![f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE],
        [0.5, 0.25, f64::NAN].repeat(100),
    ];
    for values in doubles {
        let rows: Vec<Row> = values.into_iter().map(|value| vec![Cell::Float(value)]).collect();
        check(std::slice::from_ref(&double), &rows, &EncodeOptions::default());
    }
    for values in [vec![i64::MIN, i64::MAX], vec![i64::MAX, i64::MIN, 0], vec![i64::MIN; 300], (-300..300).collect()] {
        let rows: Vec<Row> = values.into_iter().map(|value| vec![Cell::Int(value), Cell::Int(value)]).collect();
        check(&[INT64, INSTANT], &rows, &EncodeOptions::default());
    }
}

#[test]
fn both_say_the_same_of_awkward_texts() {
    let long = |unit: &str, len: usize| unit.repeat(len.div_ceil(unit.len()));
    let texts = [
        vec![String::new()],
        vec![String::new(), "a".into(), String::new()],
        // Statistics are cut, at the limit and in the middle of characters.
        [62, 63, 64, 65, 66].map(|len| "x".repeat(len)).to_vec(),
        [61, 62, 63, 64].map(|len| format!("{}€", "x".repeat(len))).to_vec(),
        [61, 62, 63, 64].map(|len| format!("{}😀a", "x".repeat(len))).to_vec(),
        vec![long("\u{10FFFF}", 80), long("\u{7F}", 80), long("\u{7FF}", 80), long("\u{D7FF}", 81)],
        // Longer than a page.
        vec![long("ä", 3 << 20), "b".into(), long("xyz", 2 << 20), "a".into()],
        (0..5000).map(|at| format!("{at}")).collect(),
        (0..5000).map(|at| format!("some longer text that is repeated {}", at % 7)).collect(),
    ];
    for values in texts {
        let rows: Vec<Row> = values.iter().map(|value| vec![text(value), Cell::List(vec![text(value); 2])]).collect();
        check(&[TEXT, ColumnShape::List(ScalarType::Text)], &rows, &EncodeOptions::default());
    }
}
