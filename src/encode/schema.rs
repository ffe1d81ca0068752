//! The schema and properties that all data files of a run have in common.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use parquet::{
    arrow::ArrowSchemaConverter,
    file::metadata::SortingColumn,
    schema::types::{SchemaDescPtr, SchemaDescriptor},
};

use super::{
    EncodeOptions, arrow_schema, bug,
    chunk::ChunkOptions,
    metadata::footer::FooterParts,
    range::Range,
    thrift::{Type, begin_list, write_binary},
};
use crate::{
    config::Compression,
    error::{Error, Result},
    model::arrow::PATH_KEY,
};

/// The table schema without the partition columns, and how its columns are written.
#[derive(Debug)]
pub struct FileSchema {
    /// For each column of the file, its index in the table.
    columns: Vec<usize>,
    arrow: SchemaRef,
    /// Shared by all files, since with the columns' names it is larger than all that an unfinished file keeps.
    parquet: SchemaDescPtr,
    table_width: usize,
    /// Indexes into the table: columns to sort by, without those that are constant in a file.
    sort_by: Vec<usize>,
    /// Indexes into the table: columns whose ranges the manifest lists.
    ranged: BTreeSet<usize>,
    /// The common parts of all footers, including the Arrow schema (with the fields' paths) and the sort order.
    footer_parts: FooterParts,
    /// How the chunks of each leaf are written.
    chunk_options: Vec<ChunkOptions>,
}

impl FileSchema {
    /// Schema of the files of `table` without `partition_columns` (indexes into it), whose value is the same in all
    /// rows of a file and is in its path.
    ///
    /// # Errors
    /// [`Error::Usage`] when nothing would be left to write, or an option names a column that it cannot be used for.
    pub fn new(table: &SchemaRef, partition_columns: &[usize], options: &EncodeOptions) -> Result<Self> {
        let table_width = table.fields().len();
        let columns: Vec<usize> = (0..table_width).filter(|index| !partition_columns.contains(index)).collect();
        if columns.is_empty() {
            return Err(Error::usage("every column is a partition column", "leave at least one column to the files"));
        }
        let projected = table.project(&columns).map_err(|error| Error::Bug(error.to_string()))?;
        let arrow =
            Arc::new(Schema::new(projected.fields().iter().map(|field| with_path_only(field)).collect::<Fields>()));
        let descriptor = Arc::new(parquet_schema(&arrow)?);
        check_options(table, partition_columns, options)?;
        let place = |index: &usize| columns.iter().position(|column| column == index);
        let sort_by: Vec<usize> = options.sort_by.iter().copied().filter(|index| place(index).is_some()).collect();
        let sorting_columns = sort_by.iter().filter_map(place).filter_map(|column| {
            let column_idx = i32::try_from(first_leaf(&descriptor, column)).ok()?;
            Some(SortingColumn { column_idx, descending: false, nulls_first: false })
        });
        let sorting_columns: Vec<_> = sorting_columns.collect();
        let is_ranged = |index: &usize| Range::is_in_manifest(table.field(*index), sort_by.contains(index));
        let ranged = columns.iter().copied().filter(is_ranged).collect();
        let codec = options.codec()?;
        let chunk_options = descriptor.columns().iter().enumerate().map(|(leaf, descriptor_of_leaf)| ChunkOptions {
            descriptor: Arc::clone(descriptor_of_leaf),
            compression: options.compression,
            codec,
            path: encoded_path(descriptor_of_leaf.path().parts()),
            bloom_filter: options.bloom_filter.contains(&columns[descriptor.get_column_root_idx(leaf)]),
        });
        let footer_parts = FooterParts::new(&descriptor, arrow_schema::encode(&arrow)?, sorting_columns)?;
        Ok(Self {
            chunk_options: chunk_options.collect(),
            footer_parts,
            table_width,
            columns,
            sort_by,
            ranged,
            arrow,
            parquet: descriptor,
        })
    }

    /// The Arrow schema of the files. Of the fields' metadata it has only the path.
    #[must_use]
    pub const fn arrow(&self) -> &SchemaRef {
        &self.arrow
    }

    /// For each column of the files, its index in the table.
    #[must_use]
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// Number of columns of the table.
    pub(super) const fn table_width(&self) -> usize {
        self.table_width
    }

    /// The first leaf of a column of the files.
    pub(super) fn first_leaf(&self, column: usize) -> usize {
        first_leaf(&self.parquet, column)
    }

    /// Columns of the table by which rows are sorted.
    #[must_use]
    pub fn sort_by(&self) -> &[usize] {
        &self.sort_by
    }

    /// Whether pages are compressed.
    #[must_use]
    pub fn is_compressed(&self) -> bool {
        self.chunk_options.iter().all(|options| options.compression != Compression::None)
    }

    /// Each column of the files: its field, and its index in the table.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&Field, usize)> {
        self.arrow.fields().iter().map(AsRef::as_ref).zip(self.columns.iter().copied())
    }

    /// Whether the manifest lists the ranges of a column, given by its index in the table.
    pub(super) fn has_range(&self, column: usize) -> bool {
        self.ranged.contains(&column)
    }

    /// The fields of the columns with ranges in the manifest, in file order.
    pub(super) fn ranged_fields(&self) -> impl Iterator<Item = &Field> {
        self.fields().filter(|(_, column)| self.has_range(*column)).map(|(field, _)| field)
    }

    /// The Parquet schema of the files.
    #[cfg(test)]
    pub(super) const fn parquet(&self) -> &SchemaDescPtr {
        &self.parquet
    }

    /// The common parts of all footers.
    pub(super) const fn footer_parts(&self) -> &FooterParts {
        &self.footer_parts
    }

    /// Number of leaf columns of the files.
    #[must_use]
    pub const fn num_leaves(&self) -> usize {
        self.chunk_options.len()
    }

    /// How the chunks of each leaf are written.
    pub(super) fn chunk_options(&self) -> &[ChunkOptions] {
        &self.chunk_options
    }
}

/// The field as stored in files, with only the path as metadata. Descriptions are stored once per dataset and not in
/// each of perhaps thousands of files: with them, the schema took more space than all rows of a small file.
fn with_path_only(field: &Field) -> Field {
    let path = field.metadata().get(PATH_KEY).map(|path| (PATH_KEY.to_owned(), path.clone()));
    let data_type = match field.data_type() {
        DataType::List(element) => DataType::List(Arc::new(with_path_only(element))),
        DataType::Struct(members) => DataType::Struct(members.iter().map(|member| with_path_only(member)).collect()),
        other => other.clone(),
    };
    field.clone().with_data_type(data_type).with_metadata(path.into_iter().collect::<HashMap<_, _>>())
}

/// The path of a leaf, encoded as a Thrift list.
fn encoded_path(parts: &[String]) -> Vec<u8> {
    let mut out = Vec::new();
    begin_list(&mut out, Type::Binary, parts.len());
    for part in parts {
        write_binary(&mut out, part.as_bytes());
    }
    out
}

fn parquet_schema(arrow: &Schema) -> Result<SchemaDescriptor> {
    ArrowSchemaConverter::new().schema_root("schema").convert(arrow).map_err(|error| bug(&error))
}

/// Refuses to sort by a column, or to give it a bloom filter, where that cannot be done.
fn check_options(table: &Schema, partition_columns: &[usize], options: &EncodeOptions) -> Result<()> {
    for &index in &options.sort_by {
        check_column(table, index, "sorted by", |data_type| !data_type.is_nested())?;
    }
    for &index in &options.bloom_filter {
        let fits = |data_type: &DataType| !data_type.is_nested() && *data_type != DataType::Boolean;
        check_column(table, index, "given a bloom filter", fits)?;
        if partition_columns.contains(&index) {
            return Err(Error::usage(
                format!(
                    "column {} cannot be given a bloom filter: it is a partition column",
                    table.field(index).name()
                ),
                "leave it out: its value is in the name of the folder, and not in the files",
            ));
        }
    }
    Ok(())
}

/// The first leaf of a column of the files; the number of leaves if there is no such column.
fn first_leaf(descriptor: &SchemaDescriptor, column: usize) -> usize {
    let num_leaves = descriptor.num_columns();
    (0..num_leaves).find(|leaf| descriptor.get_column_root_idx(*leaf) >= column).unwrap_or(num_leaves)
}

fn check_column(table: &Schema, index: usize, what: &str, fits: impl Fn(&DataType) -> bool) -> Result<()> {
    let Some(field) = table.fields().get(index) else {
        return Err(Error::Bug(format!("column {index} to be {what} is not in the table")));
    };
    if fits(field.data_type()) {
        return Ok(());
    }
    let holds = if *field.data_type() == DataType::Boolean { "true or false" } else { "lists or maps" };
    Err(Error::usage(
        format!("column {} cannot be {what}: it holds {holds}", field.name()),
        "choose a column that holds one text, number or instant",
    ))
}
