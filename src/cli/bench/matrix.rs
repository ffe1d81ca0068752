//! The varied options, and every combination of their values.

use partiquet::config::{AttributeColumns, Compression, PartitionBy, Size};
use serde::Serialize;

use super::inputs::{Input, Stored};

/// The values of each varied option; none of the lists is empty.
pub struct Matrix {
    pub threads: Vec<usize>,
    pub memories: Vec<Size>,
    pub codecs: Vec<Compression>,
    pub partitions: Vec<PartitionBy>,
    pub sizes: Vec<Size>,
    pub stored: Vec<Stored>,
    pub attributes: AttributeColumns,
}

/// One combination of options.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    pub input: Input,
    pub threads: usize,
    #[serde(serialize_with = "as_text")]
    pub memory: Size,
    #[serde(serialize_with = "as_text")]
    pub codec: Compression,
    #[serde(serialize_with = "as_text")]
    pub partition_by: PartitionBy,
    #[serde(serialize_with = "as_text")]
    pub attributes: AttributeColumns,
}

fn as_text<S: serde::Serializer>(value: &impl std::fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Every combination; the threads vary fastest.
pub fn settings(asked: &Matrix, inputs: &[Input]) -> Vec<Setting> {
    let mut settings = Vec::new();
    for input in inputs {
        for partition_by in &asked.partitions {
            for (codec, memory) in asked.codecs.iter().flat_map(|codec| asked.memories.iter().map(move |m| (codec, m)))
            {
                for threads in &asked.threads {
                    settings.push(Setting {
                        input: input.clone(),
                        threads: *threads,
                        memory: *memory,
                        codec: *codec,
                        partition_by: partition_by.clone(),
                        attributes: asked.attributes.clone(),
                    });
                }
            }
        }
    }
    settings
}

impl Setting {
    /// A short label that tells this setting from the others: only the values that differ among them.
    pub fn label(&self, among: &[Self]) -> String {
        let differs = |value: &dyn Fn(&Self) -> String| among.iter().any(|other| value(other) != value(self));
        let values: [&dyn Fn(&Self) -> String; 6] = [
            &|setting| setting.input.size_text(),
            &|setting| setting.input.stored.to_string(),
            &|setting| setting.partition_by.to_string(),
            &|setting| setting.codec.to_string(),
            &|setting| setting.memory.to_string(),
            &|setting| format!("{} thread{}", setting.threads, if setting.threads == 1 { "" } else { "s" }),
        ];
        let told: Vec<String> = values.iter().filter(|value| differs(*value)).map(|value| value(self)).collect();
        if told.is_empty() { values[5](self) } else { told.join(", ") }
    }

    /// Whether the settings are equal in everything but the threads.
    pub fn is_same_but_threads(&self, other: &Self) -> bool {
        Self { threads: 0, ..self.clone() } == Self { threads: 0, ..other.clone() }
    }

    /// Whether the settings are equal in everything but the size of the input.
    pub fn is_same_but_size(&self, other: &Self) -> bool {
        Self { input: other.input.clone(), ..self.clone() } == *other && self.input.stored == other.input.stored
    }
}
