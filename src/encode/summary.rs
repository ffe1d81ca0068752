//! Reads back the footer of a data file, to compare it with the manifest.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    path::Path,
};

use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::error::{Error, Result};

/// A summary of the footer of a data file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileSummary {
    /// Number of rows; the footer and its row groups agree on it.
    pub rows: u64,
    /// Number of row groups.
    pub row_groups: u64,
    /// Names of the columns.
    pub columns: BTreeSet<String>,
    /// Key-value metadata, see [`super::Footer::key_values`].
    pub key_values: BTreeMap<String, String>,
}

impl FileSummary {
    /// Reads the footer of the file at `path`. The inner error says in words what is wrong with the file.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be opened.
    pub fn read(path: &Path) -> Result<Result<Self, String>> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let reader = match SerializedFileReader::new(file) {
            Ok(reader) => reader,
            Err(error) => return Ok(Err(format!("its footer cannot be read: {error}"))),
        };
        let metadata = reader.metadata();
        let rows = metadata.file_metadata().num_rows();
        let in_groups: i128 = metadata.row_groups().iter().map(|row_group| i128::from(row_group.num_rows())).sum();
        if i128::from(rows) != in_groups {
            return Ok(Err(format!("its footer says {rows} rows, its row groups {in_groups}")));
        }
        let key_values = metadata.file_metadata().key_value_metadata().into_iter().flatten();
        let root = metadata.file_metadata().schema_descr().root_schema();
        Ok(Ok(Self {
            rows: u64::try_from(rows).unwrap_or_default(),
            row_groups: metadata.num_row_groups() as u64,
            columns: root.get_fields().iter().map(|field| field.name().to_owned()).collect(),
            key_values: key_values.filter_map(|pair| Some((pair.key.clone(), pair.value.clone()?))).collect(),
        }))
    }
}
