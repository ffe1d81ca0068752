//! Writes arbitrary columns as a row group: reading it must give what was written, and its statistics must be those of
//! the crate's own writer.

use std::{fs::File, sync::Arc};

use arbitrary::Arbitrary;
use arrow::{
    array::RecordBatch,
    compute::concat_batches,
    datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit},
};
use parquet::{
    arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder},
    file::{
        metadata::{ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader},
        properties::{EnabledStatistics, WriterProperties, WriterVersion},
    },
};
use partiquet::{
    batch,
    columns::{Bitmap, Column, ColumnShape, Columns, ScalarType, Values},
    config::Compression,
    encode::{EncodeOptions, EncodeScratch, FileSchema, Footer, StagedFileWriter, SyncWhen, encode_row_group},
};

/// More rows than two pages hold would make each round too slow.
const MAX_ROWS: usize = 40_000;
const MAX_ELEMENTS: usize = 100_000;
const MAX_TEXT_BYTES: usize = 4 << 20;

/// Some columns, and the way in which they are written.
#[derive(Debug, Arbitrary)]
pub struct Table {
    columns: Vec<Choice>,
    num_rows: u16,
    codec: u8,
    sorted: bool,
    bloom_filter: bool,
}

/// One column: its values come from a few choices in a repeating pattern, and so do nulls and the lengths of lists.
#[derive(Debug, Arbitrary)]
struct Choice {
    shape: Shape,
    rows: Pattern,
    elements: Pattern,
    lengths: Vec<u8>,
    texts: Vec<(String, u16)>,
    numbers: Vec<i64>,
    doubles: Vec<f64>,
    order: Vec<u8>,
}

#[derive(Debug, Arbitrary)]
enum Shape {
    Scalar(u8),
    List(u8),
    Structs(u8, u8),
    Map,
}

/// Lengths of alternating runs, present and absent, repeated; without runs everything is present.
#[derive(Debug, Arbitrary)]
struct Pattern(Vec<u16>);

impl Pattern {
    fn bits(&self, len: usize) -> Bitmap {
        let mut bits = Bitmap::default();
        let sum: usize = self.0.iter().map(|&run| usize::from(run)).sum();
        if sum == 0 {
            (0..len).for_each(|_| bits.push(true));
            return bits;
        }
        let runs = self.0.iter().cycle().zip([true, false].iter().cycle());
        for (&run, &bit) in runs {
            for _ in 0..run {
                if bits.len() == len {
                    return bits;
                }
                bits.push(bit);
            }
        }
        bits
    }
}

fn scalar(choice: u8) -> ScalarType {
    use ScalarType::{Bool, Float64, Instant, Int64, Json, Text};
    [Text, Json, Int64, Float64, Bool, Instant][usize::from(choice) % 6]
}

impl Choice {
    fn shape(&self) -> ColumnShape {
        match self.shape {
            Shape::Scalar(of) => ColumnShape::Scalar(scalar(of)),
            Shape::List(of) => ColumnShape::List(scalar(of)),
            Shape::Structs(a, b) => ColumnShape::Structs(vec![scalar(a), scalar(b)]),
            Shape::Map => ColumnShape::Map,
        }
    }

    /// The value at position `at` of the repeating pattern.
    fn pick<'a, T>(&self, from: &'a [T], at: usize) -> Option<&'a T> {
        let by = self.order.get(at % self.order.len().max(1)).map_or(at, |&by| usize::from(by) + at / 1000);
        from.get(by % from.len().max(1))
    }

    fn fill_scalar(&self, column: &mut Column, validity: Bitmap) {
        let count = validity.count_ones();
        column.validity = validity;
        match &mut column.values {
            Values::Text(texts) => (0..count).for_each(|at| {
                let (unit, times) = self.pick(&self.texts, at).map_or(("", 0), |(unit, times)| (unit.as_str(), *times));
                let times = if texts.bytes.len() > MAX_TEXT_BYTES { 1 } else { usize::from(times) };
                texts.push(unit.repeat(times).as_bytes());
            }),
            Values::Int64(values) => {
                values.extend((0..count).map(|at| self.pick(&self.numbers, at).copied().unwrap_or(at as i64)));
            }
            Values::Float64(values) => {
                values.extend((0..count).map(|at| self.pick(&self.doubles, at).copied().unwrap_or(at as f64)));
            }
            Values::Bool(values) => {
                (0..count)
                    .for_each(|at| values.push(self.pick(&self.numbers, at).is_some_and(|number| number & 1 == 1)));
            }
            _ => unreachable!("a scalar"),
        }
    }

    fn ends(&self, lists: usize) -> Vec<u32> {
        let mut end = 0;
        let mut ends = Vec::with_capacity(lists);
        for at in 0..lists {
            let len = self.lengths.get(at % self.lengths.len().max(1)).map_or(1, |&len| usize::from(len) % 20);
            end += if end > MAX_ELEMENTS { len.min(1) } else { len };
            ends.push(end as u32);
        }
        ends
    }

    fn column(&self, num_rows: usize) -> Column {
        let mut column = Column::new(&self.shape());
        let rows = self.rows.bits(num_rows);
        let lists = rows.count_ones();
        let elements = |ends: &mut Vec<u32>| {
            *ends = self.ends(lists);
            self.elements.bits(ends.last().map_or(0, |&end| end as usize))
        };
        match &mut column.values {
            Values::List { ends, element } => {
                let validity = elements(ends);
                self.fill_scalar(element, validity);
            }
            Values::Structs { ends, element_validity, children } => {
                *element_validity = elements(ends);
                for (index, child) in children.iter_mut().enumerate() {
                    let mut validity = Bitmap::default();
                    // The first member is present in every struct, the second in some.
                    for element in 0..element_validity.len() {
                        validity.push(element_validity.get(element) && element % (index + 1) == 0);
                    }
                    self.fill_scalar(child, validity);
                }
            }
            Values::Map { ends, keys, values } => {
                let validity = elements(ends);
                let mut all = Column::new(&ColumnShape::Scalar(ScalarType::Text));
                let mut present = Bitmap::default();
                (0..ends.last().map_or(0, |&end| end)).for_each(|_| present.push(true));
                self.fill_scalar(&mut all, present);
                if let Values::Text(texts) = all.values {
                    *keys = texts;
                }
                self.fill_scalar(values, validity);
            }
            _ => {
                self.fill_scalar(&mut column, rows);
                return column;
            }
        }
        column.validity = rows;
        column
    }
}

impl Table {
    pub fn check(&self) {
        let choices = &self.columns[..self.columns.len().min(4)];
        let num_rows = usize::from(self.num_rows).min(MAX_ROWS);
        if choices.is_empty() || num_rows == 0 {
            return;
        }
        let shapes: Vec<ColumnShape> = choices.iter().map(Choice::shape).collect();
        let columns = Columns { columns: choices.iter().map(|choice| choice.column(num_rows)).collect(), num_rows };
        let table = schema(&shapes);
        let compression = [Compression::Zstd(1), Compression::Snappy, Compression::Lz4, Compression::None]
            [usize::from(self.codec) % 4];
        let is_flat = |at: &usize| matches!(shapes[*at], ColumnShape::Scalar(_));
        let has_filter = |at: &usize| is_flat(at) && shapes[*at] != ColumnShape::Scalar(ScalarType::Bool);
        let flat: Vec<usize> = (0..shapes.len()).filter(is_flat).collect();
        let options = EncodeOptions {
            compression,
            sort_by: if self.sorted { flat.clone() } else { Vec::new() },
            bloom_filter: (0..shapes.len()).filter(has_filter).filter(|_| self.bloom_filter).collect(),
        };

        let folder = tempfile::tempdir().expect("a folder");
        let (path, twin_path) = (folder.path().join("ours"), folder.path().join("twin"));
        let schema = Arc::new(FileSchema::new(&table, &[], &options).expect("a schema"));
        let mut scratch = EncodeScratch::default();
        let mut writer = StagedFileWriter::create(&path, Arc::clone(&schema)).expect("a writer");
        // The second row group is encoded with reused memory.
        for _ in 0..2 {
            writer.append(encode_row_group(&schema, &columns, &mut scratch).expect("a row group")).expect("written");
        }
        writer.finish(&Footer { key_values: Vec::new(), sync: SyncWhen::Each }).expect("finished");

        let batch = batch::to_record_batch(&columns, &table).expect("a batch");
        let properties = WriterProperties::builder()
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_statistics_truncate_length(Some(EncodeOptions::STATISTICS_BYTES))
            .build();
        let file = File::create(&twin_path).expect("a file");
        let mut twin = ArrowWriter::try_new(file, Arc::clone(&table), Some(properties)).expect("a writer");
        twin.write(&batch).expect("written");
        twin.close().expect("closed");

        let (ours, twins) = (metadata(&path), metadata(&twin_path));
        let [first, second] = [0, 1].map(|group| read(&path, group));
        let text = |batch: &RecordBatch| format!("{:?}", batch.columns());
        assert_eq!(text(&first), text(&second), "what was encoded before is not seen");
        if options.sort_by.is_empty() {
            assert_eq!(text(&first), text(&batch), "rows come back");
        }
        for (our, twin) in ours.row_group(0).columns().iter().zip(twins.row_group(0).columns()) {
            let is_flat = our.column_descr().max_rep_level() == 0;
            assert_eq!(facts(our, is_flat), facts(twin, is_flat), "{:?}", our.column_path());
        }
    }
}

fn facts(chunk: &ColumnChunkMetaData, with_extremes: bool) -> String {
    let statistics = chunk.statistics().expect("statistics");
    let extremes = with_extremes.then(|| format!("{statistics:?}"));
    format!(
        "{:?} {extremes:?} {} {:?} {:?} {:?}",
        statistics.null_count_opt(),
        chunk.num_values(),
        chunk.unencoded_byte_array_data_bytes(),
        chunk.repetition_level_histogram(),
        chunk.definition_level_histogram(),
    )
}

fn metadata(path: &std::path::Path) -> ParquetMetaData {
    let mut reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
    reader.try_parse(&File::open(path).expect("a file")).expect("metadata");
    reader.finish().expect("metadata")
}

fn read(path: &std::path::Path, group: usize) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).expect("a file")).expect("a reader");
    let schema = Arc::clone(builder.schema());
    let batches: Vec<RecordBatch> =
        builder.with_row_groups(vec![group]).build().expect("a reader").map(|batch| batch.expect("rows")).collect();
    concat_batches(&schema, &batches).expect("one batch")
}

fn scalar_type(scalar: ScalarType) -> DataType {
    match scalar {
        ScalarType::Text | ScalarType::Json => DataType::Utf8,
        ScalarType::Int64 => DataType::Int64,
        ScalarType::Float64 => DataType::Float64,
        ScalarType::Bool => DataType::Boolean,
        ScalarType::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    }
}

fn schema(shapes: &[ColumnShape]) -> SchemaRef {
    let list = |element: DataType| DataType::List(Arc::new(Field::new("element", element, true)));
    let fields = shapes.iter().enumerate().map(|(index, shape)| {
        let data_type = match shape {
            ColumnShape::Scalar(of) => scalar_type(*of),
            ColumnShape::List(of) => list(scalar_type(*of)),
            ColumnShape::Structs(of) => {
                let members = of.iter().enumerate();
                let members: Fields =
                    members.map(|(at, of)| Field::new(format!("m{at}"), scalar_type(*of), true)).collect();
                list(DataType::Struct(members))
            }
            ColumnShape::Map => {
                let entry = vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Utf8, true)];
                DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(entry.into()), false)), false)
            }
        };
        Field::new(format!("c{index}"), data_type, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
