//! The plan of a run: the columns, partitions and files it will have; and what is made of it when its files are complete.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use super::VERSION;
use crate::{
    config::{AttributeColumns, Config, MaxRejects, PartitionBy, PartitionField},
    dataset::{RejectsWriter, RunRecord, SchemaDocument, StagedFile, StagedRun, run_id, staged_rejects_path},
    encode::{EncodeOptions, FileSchema},
    error::{Error, Result},
    input::{
        ReadOptions,
        discover::{InputFile, total_bytes},
    },
    model::{Plan, TableSchema},
    nearest::nearest,
    observe::{Observer, Progress},
    partition::PartitionPlan,
    pipeline::{Run, Staged, Totals},
    report::{Report, hex},
    sampling::count_keys,
};

/// What a run will write, settled before the first record is converted.
pub(super) struct RunPlan {
    pub schema: TableSchema,
    pub partitions: PartitionPlan,
    file_schema: Arc<FileSchema>,
    /// See [`KeyCounts::refused`](crate::sampling::KeyCounts::refused).
    refused: Option<Error>,
}

/// A run whose files are complete but not yet committed.
pub(super) struct FinishedRun {
    pub staged: StagedRun,
    pub report: Report,
    pub progress: Progress,
}

impl RunPlan {
    /// Settles the output of a run. `kept` is the schema of existing rows that the run keeps: it chooses the attribute
    /// columns, and the run must agree with it.
    pub fn new(
        config: &Config,
        inputs: &[InputFile],
        kept: Option<&SchemaDocument>,
        observer: &dyn Observer,
    ) -> Result<Self> {
        let mut refused = None;
        let keys = match (&config.attribute_columns, kept) {
            (AttributeColumns::None, _) => Vec::new(),
            (AttributeColumns::Keys(keys), _) => keys.clone(),
            (AttributeColumns::Auto, Some(kept)) => {
                kept.attributes.iter().map(|attribute| attribute.key.clone()).collect()
            }
            (AttributeColumns::Auto, None) => {
                observer.progress(&Progress { input_bytes_total: total_bytes(inputs), ..Progress::default() });
                let counts = count_keys(config, inputs, observer)?;
                let keys = counts.frequent();
                refused = counts.refused;
                keys
            }
        };
        let schema = TableSchema::new(&config.model, &keys, config.attribute_map, config.provenance)?;
        let partitions = PartitionPlan::new(&schema, &config.partition_by)
            .map_err(|error| by_default(error, &config.partition_by))?;
        if let Some(kept) = kept {
            let document = SchemaDocument::new(&config.model.name, &schema, &config.partition_by);
            kept.joined_by(&document, 0, &config.out)?;
        }
        let in_path: Vec<usize> = (0..schema.columns.len()).filter(|&column| partitions.is_in_path(column)).collect();
        let options = EncodeOptions {
            compression: config.compression,
            sort_by: named_columns(&schema, &config.sort_by, "--sort-by")?,
            bloom_filter: named_columns(&schema, &config.bloom_filter, "--bloom-filter")?,
        };
        let file_schema = Arc::new(FileSchema::new(&schema.arrow_schema(), &in_path, &options)?);
        Ok(Self { schema, partitions, file_schema, refused })
    }

    /// The run over these inputs, with its files in `staging`.
    pub fn run<'a>(
        &'a self,
        config: &'a Config,
        inputs: Vec<InputFile>,
        staging: &Path,
        observer: &'a dyn Observer,
    ) -> Run<'a> {
        Run {
            footer: Box::new(|totals| self.footer(config, totals)),
            inputs,
            read: read_options(config),
            plan: Arc::new(Plan::new(&config.model, &self.schema)),
            partitions: self.partitions.clone(),
            file_schema: Arc::clone(&self.file_schema),
            row_group_rows: config.row_group_rows,
            target_file_bytes: config.target_file_bytes,
            memory_bytes: config.memory_bytes,
            threads: config.threads,
            staging: staging.to_owned(),
            rejects: RejectsWriter::new(staged_rejects_path(staging)),
            max_rejects: config.max_rejects,
            observer,
        }
    }

    /// Key-value metadata of the footers that describes the run.
    fn footer(&self, config: &Config, totals: &Totals) -> Vec<(String, String)> {
        vec![
            ("partiquet.version".to_owned(), VERSION.to_owned()),
            ("partiquet.model".to_owned(), config.model.name.clone()),
            ("partiquet.run_id".to_owned(), run_id(VERSION, &self.options(config, totals), &totals.digests)),
        ]
    }

    /// Finishes the files, and assembles what is to be committed.
    pub fn finish(mut self, config: &Config, mut staged: Staged, observer: &dyn Observer) -> Result<FinishedRun> {
        if let Some(error) = self.refused.take() {
            return Err(error);
        }
        let options = self.options(config, &staged.totals);
        let run_id = run_id(VERSION, &options, &staged.totals.digests);
        let num_partitions = staged.files.len() as u64;
        let progress = staged.totals.progress(num_partitions);
        observer.progress(&progress);
        let files: Vec<StagedFile> = staged
            .finish_files()?
            .into_iter()
            .map(|(partition, file)| StagedFile {
                staged_path: file.path,
                run_id: run_id.clone(),
                partition,
                rows: file.rows,
                bytes: file.bytes,
                row_groups: file.row_groups,
                digest: hex(file.digest),
                ranges: file.ranges,
            })
            .collect();
        let Staged { totals, rejects, busy, .. } = staged;
        let rejects = rejects.finish()?;
        let rows_in_files: u64 = files.iter().map(|file| file.rows).sum();
        if rows_in_files != totals.rows {
            return Err(Error::Bug(format!("{} rows were decoded and {rows_in_files} written", totals.rows)));
        }
        let record = RunRecord {
            run_id: run_id.clone(),
            version: VERSION.to_owned(),
            model: config.model.name.clone(),
            committed_at: config.committed_at.clone(),
            inputs: totals.inputs.clone(),
            partition_by: config.partition_by.clone(),
            options,
            records: totals.records,
            rejected: totals.rejected,
            records_without_rows: totals.records_without_rows,
            rows: totals.rows,
            values: totals.ledger.total(),
            ledger: totals.ledger.clone(),
            partition_values_displaced: totals.partition_values_displaced,
        };
        let schema = SchemaDocument::new(&config.model.name, &self.schema, &config.partition_by);
        let report = Report { stage_seconds: busy, ..self.report(config, totals, run_id, num_partitions) };
        Ok(FinishedRun { staged: StagedRun { record, files, rejects, schema }, report, progress })
    }

    /// Everything that decides the bytes of the files, apart from the version and the inputs.
    fn options(&self, config: &Config, totals: &Totals) -> BTreeMap<String, String> {
        let mut options: BTreeMap<String, String> = [
            ("attribute_map", json(&config.attribute_map)),
            ("attributes", json(&self.schema.attributes.iter().map(|(key, _)| key).collect::<Vec<_>>())),
            ("bloom_filter", json(&config.bloom_filter)),
            ("compression", json(&config.compression)),
            ("max_record_bytes", json(&config.max_record_bytes)),
            ("memory_bytes", json(&config.memory_bytes)),
            ("partition_by", json(&config.partition_by)),
            ("provenance", json(&config.provenance)),
            ("row_group_rows", json(&config.row_group_rows)),
            ("sort_by", json(&config.sort_by)),
            ("target_file_bytes", json(&config.target_file_bytes)),
            ("columns", fingerprint_of_schema(&self.schema)),
            ("model", fingerprint(&format!("{:?}", config.model))),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        if config.provenance {
            // With provenance the files contain the names of the inputs.
            let names: Vec<&String> = totals.inputs.iter().map(|input| &input.path).collect();
            options.insert(RunRecord::INPUT_NAMES.to_owned(), json(&names));
        }
        options
    }

    fn report(&self, config: &Config, totals: Totals, run_id: String, partitions: u64) -> Report {
        let Totals {
            inputs,
            digests: _,
            json_bytes,
            records,
            kept: _,
            rejected,
            rejected_without_text,
            records_without_rows,
            rows,
            ledger,
            rejects,
            partition_values_displaced,
            spilled_bytes,
        } = totals;
        let column = |index: usize| self.schema.columns[index].name.clone();
        Report {
            run_id,
            version: VERSION.to_owned(),
            model: config.model.name.clone(),
            input_bytes: inputs.iter().map(|input| input.bytes).sum(),
            inputs,
            json_bytes,
            records,
            rejected,
            rejected_without_text,
            records_without_rows,
            rows,
            ledger,
            rejects,
            attribute_columns: self
                .schema
                .attributes
                .iter()
                .map(|(key, index)| (key.clone(), column(*index)))
                .collect(),
            partitions,
            partition_values_displaced,
            spilled_bytes,
            ..Report::default()
        }
    }
}

/// Adds to an error about the default partitions that they are the default.
fn by_default(error: Error, partition_by: &[PartitionField]) -> Error {
    match error {
        Error::Usage { message, hint } if partition_by == PartitionBy::default().0 => Error::usage(
            format!("{message}; {} is what rows go by unless --partition-by says otherwise", PartitionBy::default()),
            format!("name a column of this table with --partition-by, or say --partition-by none; {hint}"),
        ),
        error => error,
    }
}

/// A hash that stands for a long text. Run ids are made from it, so the texts should change with the program's version
/// only, which run ids contain anyway.
fn fingerprint(text: &str) -> String {
    hex(xxhash_rust::xxh3::xxh3_128(text.as_bytes()))
}

/// A hash of what decides the columns of the files, in words that do not change with the fields of [`TableSchema`].
fn fingerprint_of_schema(schema: &TableSchema) -> String {
    let TableSchema { columns, attributes, map_column: _, attribute_map } = schema;
    fingerprint(&format!(
        "TableSchema {{ columns: {columns:?}, attributes: {attributes:?}, attribute_map: {attribute_map:?} }}"
    ))
}

/// An option's value as text.
fn json(value: &(impl serde::Serialize + ?Sized)) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn named_columns(schema: &TableSchema, names: &[String], option: &str) -> Result<Vec<usize>> {
    names
        .iter()
        .map(|name| {
            schema.column_index(name).ok_or_else(|| {
                let near = nearest(name, schema.columns.iter().map(|column| column.name.as_str()));
                let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
                Error::usage(
                    format!("{option}: there is no column {name}{near}"),
                    "`partiquet schema` lists the columns; attribute columns depend on the input, see --dry-run",
                )
            })
        })
        .collect()
}

/// How the inputs of a run are read.
fn read_options(config: &Config) -> ReadOptions {
    let max_record_bytes = config.max_record_bytes;
    let ends_with_first = matches!(config.max_rejects, MaxRejects::Count(0));
    // The first refused text ends the run. Its length is told if its end is near, but a bomb or a device has none.
    let followed = (max_record_bytes as u64).saturating_mul(MAX_SKIPPED_RECORDS);
    let max_skipped_bytes = if ends_with_first { followed } else { u64::MAX };
    ReadOptions { max_record_bytes, max_skipped_bytes, ..ReadOptions::default() }
}

/// A refused text that ends the run is followed for this many times the longest record.
const MAX_SKIPPED_RECORDS: u64 = 16;
