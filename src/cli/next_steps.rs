//! First queries to paste, for `DuckDB` and for Spark, that read the partition values unchanged.
//!
//! By default both engines infer that the folder `queue=007` holds the number 7. The query therefore names the type of
//! each partition column for `DuckDB`, and turns type inference off in Spark where it would infer a different type.

use std::{fmt::Write, path::Path};

use partiquet::{
    columns::{ColumnShape, ScalarType},
    config::{PartitionField, Transform},
    model::TableSchema,
    partition::{path, transform::partition_name},
};

use super::{args::Target, quote};

/// A partition column, as readers should see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownColumn {
    /// Its name in the folders.
    pub name: String,
    /// Its type.
    pub kind: PartitionType,
}

/// The type of a partition column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartitionType {
    Text,
    Date,
    Int32,
    Int64,
    Bool,
}

impl PartitionType {
    const fn duckdb(self) -> &'static str {
        match self {
            Self::Text => "VARCHAR",
            Self::Date => "DATE",
            Self::Int32 => "INTEGER",
            Self::Int64 => "BIGINT",
            Self::Bool => "BOOLEAN",
        }
    }

    /// Whether Spark infers this type for all its values: it reads a boolean as text, and a small integer as `int`
    /// instead of `bigint`.
    const fn is_guessed(self) -> bool {
        matches!(self, Self::Date | Self::Int32)
    }

    /// The type to cast to; `None` for text, which needs no cast.
    const fn spark(self) -> Option<&'static str> {
        match self {
            Self::Text => None,
            Self::Date => Some("date"),
            Self::Int32 => Some("int"),
            Self::Int64 => Some("bigint"),
            Self::Bool => Some("boolean"),
        }
    }
}

/// The partition columns of a dataset. A column that the schema does not have is treated as text.
pub fn partition_columns(fields: &[PartitionField], schema: &TableSchema) -> Vec<ShownColumn> {
    let kind = |field: &PartitionField| {
        let column = schema.columns.iter().find(|column| column.name == field.column);
        let scalar = match column.map(|column| &column.shape) {
            Some(ColumnShape::Scalar(scalar)) => *scalar,
            _ => ScalarType::Text,
        };
        match (field.transform, scalar) {
            (Transform::Day, _) => PartitionType::Date,
            (Transform::Year | Transform::Bucket(_), _) => PartitionType::Int32,
            (Transform::Identity | Transform::Truncate(_), ScalarType::Int64) => PartitionType::Int64,
            (Transform::Identity, ScalarType::Bool) => PartitionType::Bool,
            _ => PartitionType::Text,
        }
    };
    fields
        .iter()
        .map(|field| ShownColumn { name: partition_name(&field.column, field.transform), kind: kind(field) })
        .collect()
}

/// How the columns of the files relate to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Columns {
    /// All files have the same columns.
    Alike,
    /// Some files lack columns that others have: readers must inspect all files and match columns by name.
    ByName,
}

/// Queries for the requested readers; `dir` is written as the user wrote it.
pub fn render(target: Target, dir: &Path, partitions: &[ShownColumn], columns: Columns) -> String {
    let mut text = String::new();
    if matches!(target, Target::All | Target::Duckdb) {
        // DuckDB reads a backslash in a pattern as a slash and a tilde as the home folder, SQL text is UTF-8, and a
        // folder above the dataset can look like one of its partitions. Then the query is for the folder itself.
        let begins_with_tilde = |dir: &str| dir.trim_start_matches("./").starts_with('~');
        let can_be_named =
            |dir: &&str| !dir.contains('\\') && !begins_with_tilde(dir) && !has_partition_of(dir, partitions);
        let lines = match dir.to_str().filter(can_be_named) {
            Some(dir) => format!("Query it in DuckDB:\n\n{}", indented(&duckdb(Some(dir), partitions, columns))),
            None => format!(
                "Query it in DuckDB, started in the folder (no pattern can name it):\n\n{}{}",
                indented(&format!("cd {}", quote::shell(dir.as_os_str().as_encoded_bytes()))),
                indented(&duckdb(None, partitions, columns))
            ),
        };
        let _ = writeln!(text, "{lines}");
    }
    if matches!(target, Target::All | Target::Spark) {
        let lines = match dir.to_str() {
            Some(dir) => format!("Query it in Spark (pyspark):\n\n{}", indented(&spark(dir, partitions, columns))),
            None => "Spark cannot read it: the path of the folder is not UTF-8. Rename it first.".to_owned(),
        };
        let _ = writeln!(text, "{lines}");
    }
    text
}

/// Whether a folder in this path looks like one of the partitions below it. `DuckDB` does not tell cases apart.
fn has_partition_of(dir: &str, partitions: &[ShownColumn]) -> bool {
    let is_of = |name: &str| partitions.iter().any(|column| path::escape(&column.name).eq_ignore_ascii_case(name));
    dir.split('/').filter_map(|folder| folder.split_once('=')).any(|(name, _)| is_of(name))
}

fn indented(lines: &str) -> String {
    lines.lines().flat_map(|line| ["    ", line, "\n"]).collect()
}

/// One SQL statement, for this folder or for the current folder.
fn duckdb(dir: Option<&str>, partitions: &[ShownColumn], columns: Columns) -> String {
    let by_name = if columns == Columns::ByName { ", union_by_name = true" } else { "" };
    let folder = dir.map(|dir| quote::duckdb_glob(folder(dir)) + "/").unwrap_or_default();
    let glob = quote::sql(&(folder + "**/*.parquet"));
    if partitions.is_empty() {
        return format!(
            "SELECT count(*) AS participants\nFROM read_parquet({glob}, hive_partitioning = false{by_name});"
        );
    }
    // DuckDB takes the names of the columns from the folders as they are written, escapes included.
    let named = || partitions.iter().map(|column| (path::escape(&column.name), column.kind));
    let types = named().map(|(name, kind)| format!("{}: {}", quote::sql(&name), kind.duckdb()));
    let types = types.collect::<Vec<_>>().join(", ");
    let names = named().map(|(name, _)| quote::sql_name(&name)).collect::<Vec<_>>().join(", ");
    format!(
        "SELECT {names}, count(*) AS participants\n\
         FROM read_parquet({glob}, hive_partitioning = true, hive_types = {{{types}}}{by_name})\n\
         GROUP BY ALL ORDER BY ALL LIMIT 20;"
    )
}

/// Lines for a pyspark shell or notebook, where `spark` is the session.
fn spark(dir: &str, partitions: &[ShownColumn], columns: Columns) -> String {
    let option = if columns == Columns::ByName { ".option(\"mergeSchema\", \"true\")" } else { "" };
    let path = quote::python(&quote::hadoop_glob(&hadoop_path(folder(dir))));
    let read = format!("calls = spark.read{option}.parquet({path})\n");
    if partitions.is_empty() {
        return read + "calls.count()";
    }
    let mut text = String::new();
    let may_guess = partitions.iter().all(|column| column.kind.is_guessed());
    if !may_guess {
        text.push_str("spark.conf.set(\"spark.sql.sources.partitionColumnTypeInference.enabled\", \"false\")\n");
    }
    text.push_str(&read);
    if !may_guess {
        for column in partitions {
            if let Some(kind) = column.kind.spark() {
                let name = quote::python(&column.name);
                let quoted = quote::python(&quote::back_quoted(&column.name));
                let _ = writeln!(text, "calls = calls.withColumn({name}, calls[{quoted}].cast(\"{kind}\"))");
            }
        }
    }
    let quoted = |column: &ShownColumn| quote::python(&quote::back_quoted(&column.name));
    let names = partitions.iter().map(quoted).collect::<Vec<_>>().join(", ");
    let _ = write!(text, "calls.groupBy({names}).count().orderBy({names}).show()");
    text
}

/// The folder without a trailing slash; `/` itself stays.
fn folder(dir: &str) -> &str {
    let trimmed = dir.trim_end_matches('/');
    if trimmed.is_empty() && dir.starts_with('/') { "/." } else { trimmed }
}

/// In the first segment of a relative path, Hadoop would read the text before a colon as a URI scheme.
fn hadoop_path(dir: &str) -> String {
    let first = dir.split('/').next().unwrap_or_default();
    let is_address = dir.contains("://");
    if first.contains(':') && !is_address { format!("./{dir}") } else { dir.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: PartitionType) -> ShownColumn {
        ShownColumn { name: name.to_owned(), kind }
    }

    #[test]
    fn the_types_of_partition_columns_follow_transform_and_column() {
        let schema = TableSchema {
            columns: Vec::new(),
            attributes: Vec::new(),
            map_column: None,
            attribute_map: partiquet::config::AttributeMap::Rest,
        };
        let fields = [Transform::Year, Transform::Month, Transform::Day, Transform::Hour, Transform::Bucket(4)]
            .map(|transform| PartitionField { column: "t".to_owned(), transform });
        let columns = partition_columns(&fields, &schema);
        let named = columns.iter().map(|c| (c.name.as_str(), c.kind)).collect::<Vec<_>>();
        assert_eq!(
            named,
            [
                ("t_year", PartitionType::Int32),
                ("t_month", PartitionType::Text),
                ("t_day", PartitionType::Date),
                ("t_hour", PartitionType::Text),
                ("t_bucket", PartitionType::Int32),
            ]
        );
    }

    #[test]
    fn duckdb_is_told_the_types() {
        let partitions = [column("start_time_day", PartitionType::Date), column("purpose", PartitionType::Text)];
        assert_eq!(
            duckdb(Some("calls/"), &partitions, Columns::Alike),
            "SELECT \"start_time_day\", \"purpose\", count(*) AS participants\n\
             FROM read_parquet('calls/**/*.parquet', hive_partitioning = true, \
             hive_types = {'start_time_day': DATE, 'purpose': VARCHAR})\n\
             GROUP BY ALL ORDER BY ALL LIMIT 20;"
        );
        let text = duckdb(None, &[column("a/b", PartitionType::Text)], Columns::Alike);
        assert!(text.contains("SELECT \"a%2Fb\"") && text.contains("{'a%2Fb': VARCHAR}"), "as in the folders: {text}");
    }

    #[test]
    fn spark_may_guess_only_where_no_text_can_suffer() {
        let day = column("start_time_day", PartitionType::Date);
        assert_eq!(
            spark("calls", std::slice::from_ref(&day), Columns::Alike),
            "calls = spark.read.parquet(\"calls\")\n\
             calls.groupBy(\"`start_time_day`\").count().orderBy(\"`start_time_day`\").show()"
        );
        assert_eq!(
            spark("calls", &[day, column("purpose", PartitionType::Text)], Columns::Alike),
            "spark.conf.set(\"spark.sql.sources.partitionColumnTypeInference.enabled\", \"false\")\n\
             calls = spark.read.parquet(\"calls\")\n\
             calls = calls.withColumn(\"start_time_day\", calls[\"`start_time_day`\"].cast(\"date\"))\n\
             calls.groupBy(\"`start_time_day`\", \"`purpose`\").count().orderBy(\"`start_time_day`\", \"`purpose`\").show()"
        );
    }

    #[test]
    fn spark_is_told_what_it_would_not_guess() {
        for (kind, cast) in [(PartitionType::Bool, "boolean"), (PartitionType::Int64, "bigint")] {
            let lines = spark("calls", &[column("x", kind)], Columns::Alike);
            assert!(lines.contains("partitionColumnTypeInference.enabled\", \"false\""), "{lines}");
            assert!(lines.contains(&format!("calls.withColumn(\"x\", calls[\"`x`\"].cast(\"{cast}\"))")), "{lines}");
        }
        assert!(!spark("calls", &[column("x", PartitionType::Int32)], Columns::Alike).contains("cast"));
    }

    #[test]
    fn a_folder_that_duckdb_cannot_name_is_entered() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
        let day = [column("start_time_day", PartitionType::Date)];
        let lines = render(Target::Duckdb, Path::new("it's\\here"), &day, Columns::Alike);
        assert!(
            lines.contains("\n    cd 'it'\\''s\\here'\n    SELECT ") && lines.contains("read_parquet('**/*.parquet'"),
            "{lines}"
        );
        let odd = Path::new(OsStr::from_bytes(b"it's\xff"));
        let lines = render(Target::All, odd, &day, Columns::Alike);
        assert!(lines.contains("\n    cd $'it\\'s\\xff'\n") && lines.contains("Spark cannot read it"), "{lines}");
        let like_a_partition = Path::new("x=1/Start_Time_day=1999-01-01/calls");
        let lines = render(Target::Duckdb, like_a_partition, &day, Columns::Alike);
        assert!(lines.contains("cd ") && lines.contains("read_parquet('**/*.parquet'"), "{lines}");
        let lines = render(Target::Duckdb, Path::new("region=eu/calls"), &day, Columns::Alike);
        assert!(lines.contains("read_parquet('region=eu/calls/**/*.parquet'"), "{lines}");
        for (dir, is_entered) in [("~x", true), ("./~", true), ("a/~", false)] {
            assert_eq!(
                render(Target::Duckdb, Path::new(dir), &day, Columns::Alike).contains("cd "),
                is_entered,
                "{dir}"
            );
        }
    }

    #[test]
    fn a_line_break_in_a_path_does_not_break_the_line() {
        let lines = render(Target::All, Path::new("a\nb'c"), &[], Columns::Alike);
        assert!(lines.contains("read_parquet(E'a\\nb''c/**/*.parquet'"), "{lines}");
        assert!(lines.contains("spark.read.parquet(\"a\\nb'c\")"), "{lines}");
    }

    #[test]
    fn one_unpartitioned_folder() {
        assert_eq!(
            duckdb(Some("/"), &[], Columns::Alike),
            "SELECT count(*) AS participants\nFROM read_parquet('/./**/*.parquet', hive_partitioning = false);"
        );
        assert_eq!(spark("calls", &[], Columns::Alike), "calls = spark.read.parquet(\"calls\")\ncalls.count()");
    }

    #[test]
    fn files_that_lack_columns_are_read_by_name() {
        let day = [column("start_time_day", PartitionType::Date)];
        assert!(
            duckdb(Some("calls"), &day, Columns::ByName).contains("{'start_time_day': DATE}, union_by_name = true)")
        );
        assert!(
            duckdb(Some("calls"), &[], Columns::ByName).contains("hive_partitioning = false, union_by_name = true)")
        );
        let lines = spark("calls", &[], Columns::ByName);
        assert_eq!(lines, "calls = spark.read.option(\"mergeSchema\", \"true\").parquet(\"calls\")\ncalls.count()");
    }

    #[test]
    fn awkward_paths_are_quoted() {
        assert!(duckdb(Some("it's [1]"), &[], Columns::Alike).contains("read_parquet('it''s [[]1]/**/*.parquet'"));
        assert!(spark("it's \"[1]\"", &[], Columns::Alike).contains(r#"spark.read.parquet("it's \"\\[1\\]\"")"#));
    }

    #[test]
    fn the_target_chooses_the_lines() {
        assert!(!render(Target::Duckdb, Path::new("calls"), &[], Columns::Alike).contains("Spark"));
        assert!(!render(Target::Spark, Path::new("calls"), &[], Columns::Alike).contains("DuckDB"));
        let both = render(Target::All, Path::new("calls"), &[], Columns::Alike);
        assert!(both.contains("DuckDB:\n\n    SELECT") && both.contains("(pyspark):\n\n    calls ="));
    }
}
