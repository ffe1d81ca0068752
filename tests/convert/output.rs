//! The content of a folder after a run: the bytes of the files, and their rows as JSON.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use arrow::{
    array::{Array, AsArray, StructArray},
    datatypes::{DataType, Float64Type, Int64Type, SchemaRef, TimestampMicrosecondType},
};
use parquet::{
    arrow::arrow_reader::ParquetRecordBatchReaderBuilder,
    file::{
        metadata::ParquetMetaData,
        reader::{FileReader, SerializedFileReader},
    },
};
use serde_json::{Map, Value, json};

/// A row: column to value. Null columns are omitted, so that a test names only what it is about.
pub type Row = Map<String, Value>;

/// A dataset as a reader finds it.
pub struct Output {
    dir: PathBuf,
    /// Data files relative to the folder, in byte order of their paths.
    pub files: Vec<String>,
}

impl Output {
    pub fn read(dir: &Path) -> Self {
        let files = tree(dir).into_keys().filter(|path| path.ends_with(".parquet")).collect();
        Self { dir: dir.to_owned(), files }
    }

    /// Folder to rows, in the order of files and rows.
    pub fn partitions(&self) -> BTreeMap<String, Vec<Row>> {
        let mut partitions: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        for file in &self.files {
            let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
            partitions.entry(folder.to_owned()).or_default().extend(self.rows_of(file));
        }
        partitions
    }

    /// All rows, partition by partition.
    pub fn rows(&self) -> Vec<Row> {
        self.files.iter().flat_map(|file| self.rows_of(file)).collect()
    }

    /// The only row.
    #[track_caller]
    pub fn row(&self) -> Row {
        let rows = self.rows();
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.into_iter().next().unwrap()
    }

    /// The values of one column, row by row.
    pub fn column(&self, name: &str) -> Vec<Value> {
        self.rows().iter().map(|row| row.get(name).cloned().unwrap_or_default()).collect()
    }

    /// The texts of one column, sorted.
    pub fn sorted(&self, name: &str) -> Vec<String> {
        let mut texts: Vec<String> =
            self.column(name).iter().map(|value| value.as_str().unwrap_or("null").to_owned()).collect();
        texts.sort();
        texts
    }

    pub fn rows_of(&self, file: &str) -> Vec<Row> {
        let reader = self.builder(file).build().unwrap();
        reader.flat_map(|batch| rows(&StructArray::from(batch.unwrap()))).collect()
    }

    /// The schema of the first file.
    pub fn schema(&self) -> SchemaRef {
        self.builder(&self.files[0]).schema().clone()
    }

    pub fn column_names(&self) -> Vec<String> {
        self.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    pub fn footer(&self, file: &str) -> ParquetMetaData {
        let file = fs::File::open(self.dir.join(file)).unwrap();
        SerializedFileReader::new(file).unwrap().metadata().clone()
    }

    pub fn footers(&self) -> Vec<ParquetMetaData> {
        self.files.iter().map(|file| self.footer(file)).collect()
    }

    /// The value of `key` in the footer.
    pub fn said(&self, file: &str, key: &str) -> Option<String> {
        let footer = self.footer(file);
        let said = footer.file_metadata().key_value_metadata().unwrap().iter().find(|said| said.key == key)?;
        said.value.clone()
    }

    /// The manifest of commit `number`.
    pub fn manifest(&self, number: u64) -> Value {
        let path = self.dir.join(format!("_partiquet/commits/{number}.json"));
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    /// The lines of the only rejects file.
    #[track_caller]
    pub fn rejects(&self) -> Vec<Value> {
        let folder = fs::read_dir(self.dir.join("_partiquet/rejects")).unwrap();
        let files: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        let text = fs::read_to_string(&files[0]).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn builder(&self, file: &str) -> ParquetRecordBatchReaderBuilder<fs::File> {
        ParquetRecordBatchReaderBuilder::try_new(fs::File::open(self.dir.join(file)).unwrap()).unwrap()
    }
}

/// Every file below a folder: relative path to content. A missing folder has none.
pub fn tree(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in walkdir::WalkDir::new(dir).into_iter().filter_map(Result::ok) {
        if entry.file_type().is_file() {
            let path = entry.path().strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
            files.insert(path, fs::read(entry.path()).unwrap());
        }
    }
    files
}

/// Every file and folder below a folder, the folder itself included.
pub fn entries(dir: &Path) -> BTreeSet<PathBuf> {
    walkdir::WalkDir::new(dir).into_iter().filter_map(Result::ok).map(walkdir::DirEntry::into_path).collect()
}

fn rows(batch: &StructArray) -> Vec<Row> {
    (0..batch.len()).map(|row| members(batch, row)).collect()
}

fn members(array: &StructArray, row: usize) -> Row {
    let columns = array.fields().iter().zip(array.columns());
    let present = columns.filter(|(_, column)| !column.is_null(row));
    present.map(|(field, column)| (field.name().clone(), value(column, row))).collect()
}

/// A value as JSON; instants become texts of microseconds and unit, so that they cannot be confused with integers.
fn value(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    let elements = |list: &dyn Array| (0..list.len()).map(|element| value(list, element)).collect();
    match array.data_type() {
        DataType::Utf8 => json!(array.as_string::<i32>().value(row)),
        DataType::Int64 => json!(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => json!(array.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => json!(array.as_boolean().value(row)),
        DataType::Timestamp(_, Some(zone)) => {
            json!(format!("{} us {zone}", array.as_primitive::<TimestampMicrosecondType>().value(row)))
        }
        DataType::List(_) => Value::Array(elements(&array.as_list::<i32>().value(row))),
        DataType::Struct(_) => Value::Object(members(array.as_struct(), row)),
        DataType::Map(_, _) => {
            let entries = array.as_map().value(row);
            let keys = (0..entries.len()).map(|entry| entries.column(0).as_string::<i32>().value(entry).to_owned());
            keys.zip((0..entries.len()).map(|entry| value(entries.column(1), entry))).collect::<Map<_, _>>().into()
        }
        other => panic!("no column should be {other}"),
    }
}

/// Converts `2025-07-01T10:00:00Z` and the like to the form of [`value`].
pub fn instant(text: &str) -> Value {
    let instant: chrono::DateTime<chrono::Utc> = text.parse().unwrap();
    json!(format!("{} us UTC", instant.timestamp_micros()))
}
