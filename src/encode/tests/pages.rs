//! Tests where pages end, how they are encoded, and what is not compressed.

use parquet::column::page::Page;

use super::*;

#[test]
fn pages_have_an_index_and_a_column_of_nulls_is_one_small_page() {
    let shapes = [INT64, TEXT, ColumnShape::Map];
    let pages = 3;
    let num_rows = EncodeOptions::DATA_PAGE_ROWS * (pages - 1) + 1;
    let rows = (0..num_rows as i64).map(|row| vec![Cell::Int(row), Cell::Null, Cell::Null]).collect();
    let (_, metadata) = round_trip(&EncodeOptions::default(), &shapes, &[rows]);

    let index = metadata.page_index().unwrap();
    let pages_of = |column: usize| index.offset_index(0, column).unwrap().page_locations().len();
    assert_eq!([pages_of(0), pages_of(1), pages_of(2), pages_of(3)], [pages, 1, 1, 1]);
    let first_rows = index.offset_index(0, 0).unwrap().page_locations().iter().map(|page| page.first_row_index);
    assert!(first_rows.eq((0..pages).map(|page| (page * EncodeOptions::DATA_PAGE_ROWS) as i64)));
    assert_eq!(index.column_index(0, 0).unwrap().null_count(0), Some(0));
    assert!(index.column_index(0, 1).unwrap().is_null_page(0));
    let group = metadata.row_group(0);
    assert!((1..4).all(|leaf| group.column(leaf).dictionary_page_offset().is_none()));
    assert!((1..4).all(|leaf| group.column(leaf).compressed_size() < 100));
}

#[test]
fn the_header_of_a_page_says_what_is_in_it() {
    let shapes = [TEXT, ColumnShape::List(ScalarType::Int64)];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("0.staged");
    let list = |values: &[Cell]| Cell::List(values.to_vec());
    let rows = vec![
        vec![Cell::Null, list(&[])],
        vec![text("a"), list(&[Cell::Int(1), Cell::Null])],
        vec![Cell::Null, Cell::Null],
        vec![Cell::Null, list(&[Cell::Int(2)])],
    ];
    write(&file_schema(&shapes, &EncodeOptions::default()), &shapes, &[rows], &path).unwrap();
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let group = reader.get_row_group(0).unwrap();
    let counts = |leaf: usize| match group.get_column_page_reader(leaf).unwrap().next().unwrap().unwrap() {
        Page::DataPageV2 { num_values, num_nulls, num_rows, .. } => (num_values, num_nulls, num_rows),
        page => panic!("{page:?}"),
    };
    // Values with nulls, and empty and null lists count as one.
    assert_eq!([counts(0), counts(1)], [(4, 3, 4), (5, 3, 4)]);
}

#[test]
fn encodings_suit_what_is_in_the_columns() {
    let shapes = [TEXT, TEXT, INSTANT];
    let row =
        |row: i64| vec![text(&format!("{row:036}")), text(["agent", "customer"][row as usize % 2]), Cell::Int(row)];
    let (_, metadata) = round_trip(&EncodeOptions::default(), &shapes, &[(0..20_000).map(row).collect()]);

    let encodings = |leaf: usize| metadata.row_group(0).column(leaf).encodings().collect::<Vec<_>>();
    assert!(encodings(0).contains(&Encoding::DELTA_LENGTH_BYTE_ARRAY), "ids outgrow the dictionary");
    assert!(encodings(1).contains(&Encoding::RLE_DICTIONARY));
    assert!(!encodings(1).contains(&Encoding::DELTA_LENGTH_BYTE_ARRAY), "two values fit in it");
    assert!(encodings(2).contains(&Encoding::DELTA_BINARY_PACKED));
    assert!(metadata.row_group(0).column(2).compressed_size() < 1000, "even steps take no room");
    assert_eq!(metadata.row_group(0).column(0).compression(), Codec::ZSTD(ZstdLevel::default()));
    assert_eq!(metadata.file_metadata().version(), 2);
    assert_eq!(metadata.file_metadata().created_by(), Some(EncodeOptions::CREATED_BY));
}

#[test]
fn a_small_chunk_has_no_codec() {
    let least = EncodeOptions::MIN_COMPRESSED_CHUNK_BYTES;
    let codecs = |texts: &[String]| {
        let rows: Vec<Row> = texts.iter().map(|value| vec![text(value), Cell::Null]).collect();
        let (found, metadata) = round_trip(&EncodeOptions::default(), &[TEXT, TEXT], std::slice::from_ref(&rows));
        assert_eq!(found, rows);
        [0, 1].map(|leaf| metadata.row_group(0).column(leaf).compression() != Codec::UNCOMPRESSED)
    };
    // A text counts one byte for its length, in a dictionary or not.
    assert_eq!(codecs(&["x".repeat(least - 2)]), [false, false]);
    assert_eq!(codecs(&["x".repeat(least - 1)]), [true, false]);
    let repeated = |count: usize| vec!["0123456".to_owned(); count];
    assert_eq!(codecs(&repeated(least / 8 - 1)), [false, false]);
    assert_eq!(codecs(&repeated(least / 8)), [true, false]);
}

#[test]
fn a_value_longer_than_a_page_comes_back_and_its_statistics_stay_short() {
    let rows = vec![vec![text(&"ä".repeat(EncodeOptions::DATA_PAGE_BYTES))], vec![text("b")]];
    let (found, metadata) = round_trip(&EncodeOptions::default(), &[TEXT], std::slice::from_ref(&rows));
    assert_eq!(found, rows);
    let statistics = metadata.row_group(0).column(0).statistics().unwrap();
    assert!(statistics.max_bytes_opt().unwrap().len() <= EncodeOptions::STATISTICS_BYTES);
    assert!(!statistics.max_is_exact() && statistics.min_is_exact());
}

#[test]
fn lists_of_nulls_fill_pages_too() {
    let shapes = [ColumnShape::List(ScalarType::Text)];
    let rows: Vec<Row> = (0..1500).map(|_| vec![Cell::List(vec![Cell::Null; 1000])]).collect();
    let size = columns(&shapes, &rows).byte_size();
    assert!(size > 1_500_000, "a budget sees them: {size}");
    let group = encode(&file_schema(&shapes, &EncodeOptions::default()), &columns(&shapes, &rows)).unwrap();
    assert_eq!(group.leaf_values().collect::<Vec<_>>(), [0]);
    let (_, metadata) = round_trip(&EncodeOptions::default(), &shapes, &[rows]);
    let pages = metadata.page_index().unwrap().offset_index(0, 0).unwrap().page_locations().len();
    assert!((2..=5).contains(&pages), "{pages} pages for 3 MB of levels");
}
