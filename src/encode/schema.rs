//! What all data files of a run have in common.

use std::{io, sync::Arc};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::{
    arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata, arrow_writer::ArrowRowGroupWriterFactory},
    file::{
        metadata::SortingColumn,
        properties::{WriterProperties, WriterPropertiesPtr},
        writer::SerializedFileWriter,
    },
    schema::types::{ColumnPath, SchemaDescriptor, TypePtr},
};

use super::{EncodeOptions, bug};
use crate::{
    columns::Columns,
    error::{Error, Result},
};

/// The table schema without the columns that the folders' names hold, and how its columns are written.
#[derive(Debug)]
pub struct FileSchema {
    /// For each column of the file, its index in the table.
    columns: Vec<usize>,
    /// For each column of the file, its leaves.
    leaves: Vec<Vec<ColumnPath>>,
    arrow: SchemaRef,
    parquet: TypePtr,
    table_width: usize,
    /// Indexes into the table: columns to sort by, without those that are constant in a file.
    sort_by: Vec<usize>,
    /// Indexes into `columns`.
    bloom_filter: Vec<usize>,
    /// For column chunks.
    chunk_properties: WriterProperties,
    /// For whole files: with the Arrow schema (it carries the fields' metadata) and the sort order.
    file_properties: WriterPropertiesPtr,
}

impl FileSchema {
    /// Files of the table `table` without `partition_columns` (indexes into it): those whose value is the same in
    /// all rows of a file and stands in its path.
    ///
    /// # Errors
    /// [`Error::Usage`] when nothing would be left to write, or an option names a column that it cannot be used for.
    pub fn new(table: &SchemaRef, partition_columns: &[usize], options: &EncodeOptions) -> Result<Self> {
        let table_width = table.fields().len();
        let columns: Vec<usize> = (0..table_width).filter(|index| !partition_columns.contains(index)).collect();
        if columns.is_empty() {
            return Err(Error::usage("every column is a partition column", "leave at least one column to the files"));
        }
        let arrow = Arc::new(table.project(&columns).map_err(|error| Error::Bug(error.to_string()))?);
        let descriptor = parquet_schema(&arrow)?;
        let mut leaves = vec![Vec::new(); columns.len()];
        let mut first_leaf = vec![0; columns.len()];
        // From the last to the first, so that the first leaf of a column is the one that stays.
        for (index, leaf) in descriptor.columns().iter().enumerate().rev() {
            let column = descriptor.get_column_root_idx(index);
            leaves[column].push(leaf.path().clone());
            first_leaf[column] = index;
        }

        let place = |index: &usize| columns.iter().position(|column| column == index);
        for &index in &options.sort_by {
            check_column(table, index, "sorted by", |data_type| !data_type.is_nested())?;
        }
        for &index in &options.bloom_filter {
            let fits = |data_type: &DataType| !data_type.is_nested() && *data_type != DataType::Boolean;
            check_column(table, index, "given a bloom filter", fits)?;
        }
        let sort_by: Vec<usize> = options.sort_by.iter().copied().filter(|index| place(index).is_some()).collect();
        let sorting_columns = sort_by.iter().filter_map(place).map(|column| SortingColumn {
            column_idx: first_leaf[column] as i32,
            descending: false,
            nulls_first: false,
        });
        let sorting_columns: Vec<_> = sorting_columns.collect();

        let chunk_properties = options.properties(&descriptor)?;
        let mut file_properties = chunk_properties
            .clone()
            .into_builder()
            .set_sorting_columns((!sorting_columns.is_empty()).then_some(sorting_columns))
            .build();
        add_encoded_arrow_schema_to_metadata(&arrow, &mut file_properties);
        Ok(Self {
            parquet: descriptor.root_schema_ptr(),
            sort_by,
            bloom_filter: options.bloom_filter.iter().filter_map(place).collect(),
            file_properties: Arc::new(file_properties),
            chunk_properties,
            table_width,
            columns,
            leaves,
            arrow,
        })
    }

    /// The columns of the files.
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

    /// Columns of the table by which rows are sorted.
    pub(super) fn sort_by(&self) -> &[usize] {
        &self.sort_by
    }

    /// Each column of the files: its field, and its index in the table.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&Field, usize)> {
        self.arrow.fields().iter().map(AsRef::as_ref).zip(self.columns.iter().copied())
    }

    /// An empty file of this schema around `target`.
    pub(super) fn file_writer<W: io::Write + Send>(
        &self,
        target: W,
    ) -> parquet::errors::Result<SerializedFileWriter<W>> {
        SerializedFileWriter::new(target, Arc::clone(&self.parquet), Arc::clone(&self.file_properties))
    }

    /// Makes the column writers of one row group, with properties that suit the columns of `rows`.
    pub(super) fn writer_factory(&self, rows: &Columns) -> parquet::errors::Result<ArrowRowGroupWriterFactory> {
        let mut builder = self.chunk_properties.clone().into_builder();
        for (leaves, &column) in self.leaves.iter().zip(&self.columns) {
            if rows.columns[column].num_values() == 0 {
                // Nothing but nulls: one page without a dictionary says it all.
                for leaf in leaves {
                    builder = builder
                        .set_column_dictionary_enabled(leaf.clone(), false)
                        .set_column_data_page_row_count_limit(leaf.clone(), rows.num_rows.max(1));
                }
            }
        }
        for &column in &self.bloom_filter {
            let values = rows.columns[self.columns[column]].num_values();
            for leaf in self.leaves[column].iter().filter(|_| values > 0) {
                // Sized for values that are all different; the writer folds it down to those that are.
                builder = builder
                    .set_column_bloom_filter_enabled(leaf.clone(), true)
                    .set_column_bloom_filter_fpp(leaf.clone(), EncodeOptions::BLOOM_FILTER_ERROR_RATE)
                    .set_column_bloom_filter_max_ndv(leaf.clone(), values as u64);
            }
        }
        // The factory asks for a file and takes schema and properties from it.
        let file = SerializedFileWriter::new(io::sink(), Arc::clone(&self.parquet), Arc::new(builder.build()))?;
        Ok(ArrowRowGroupWriterFactory::new(&file, Arc::clone(&self.arrow)))
    }
}

fn parquet_schema(arrow: &Schema) -> Result<SchemaDescriptor> {
    ArrowSchemaConverter::new().schema_root("schema").convert(arrow).map_err(|error| bug(&error))
}

fn check_column(table: &Schema, index: usize, what: &str, fits: impl Fn(&DataType) -> bool) -> Result<()> {
    let Some(field) = table.fields().get(index) else {
        return Err(Error::Bug(format!("column {index} to be {what} is not in the table")));
    };
    if fits(field.data_type()) {
        return Ok(());
    }
    let (name, data_type) = (field.name(), field.data_type());
    Err(Error::usage(
        format!("column {name} cannot be {what}: it is {data_type}"),
        "choose a column that holds one text, number or instant",
    ))
}
