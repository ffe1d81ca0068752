//! The measurements, in the form in which the JSON has them.

use partiquet::report::StageSeconds;
use serde::Serialize;

use super::{machine::Machine, matrix::Setting, peers::Peer};

/// All results of one benchmark.
#[derive(Debug, Serialize)]
pub struct Results {
    pub version: String,
    /// Time of the measurement, RFC 3339.
    pub measured_at: String,
    pub machine: Machine,
    pub rounds: u32,
    pub settings: Vec<Setting>,
    /// For each setting, in the order of `settings`, one for each contender.
    pub rows: Vec<Row>,
    /// Contenders that were asked for and are not available, and why.
    pub missing: Vec<(String, String)>,
}

/// A program that converts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Contender {
    /// This program, with all attributes.
    Ours,
    /// This program, with these keys as columns: for peers that have no maps.
    OursByKey(Vec<String>),
    /// Another engine.
    Peer { peer: Peer, version: String, keys: Option<Vec<String>> },
}

impl Contender {
    /// The attribute keys that are columns. A contender is compared with our runs that have the same keys, and so did
    /// the same work.
    pub const fn keys(&self) -> Option<&Vec<String>> {
        match self {
            Self::Ours => None,
            Self::OursByKey(keys) => Some(keys),
            Self::Peer { keys, .. } => keys.as_ref(),
        }
    }

    pub const fn is_ours(&self) -> bool {
        matches!(self, Self::Ours | Self::OursByKey(_))
    }

    pub fn name(&self) -> String {
        match self {
            Self::Ours => "partiquet".to_owned(),
            Self::OursByKey(keys) => format!("partiquet, {} keys", keys.len()),
            Self::Peer { peer, version, keys } => {
                let keys = keys.as_ref().map(|keys| format!(", {} keys", keys.len())).unwrap_or_default();
                format!("{peer} {version}{keys}")
            }
        }
    }
}

/// One contender with one setting.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Index into `settings`.
    pub setting: usize,
    pub contender: Contender,
    pub outcome: Outcome,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Measured(Figures),
    /// Why it cannot do this.
    Cannot(String),
}

/// The runs of one contender with one setting, and what they made.
#[derive(Debug, Default, Serialize)]
pub struct Figures {
    pub runs: Vec<Run>,
    /// Bytes of JSON, as our own program counts them.
    pub json_bytes: u64,
    pub rows: u64,
    pub output_bytes: u64,
    pub files: u64,
    /// Mean time by stage, of our own runs only.
    pub stages: Option<StageSeconds>,
    /// Result of comparing the output with ours; `None` until it was compared.
    pub agreement: Option<Agreement>,
    /// Wall time divided by that of our run of the same round, median; only where the outputs agree.
    pub times_ours: Option<f64>,
}

/// One run.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Run {
    pub wall_seconds: f64,
    /// User and system.
    pub cpu_seconds: f64,
    pub peak_bytes: u64,
}

/// Whether two outputs hold the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Agreement {
    /// In this many sums.
    Agrees(u64),
    /// In the sums listed here.
    Differs(Vec<String>),
    NotChecked(String),
}

impl Figures {
    pub fn median(&self, of: impl Fn(&Run) -> f64) -> f64 {
        median(self.runs.iter().map(of).collect())
    }

    pub fn wall(&self) -> f64 {
        self.median(|run| run.wall_seconds)
    }

    pub fn min_wall(&self) -> f64 {
        self.runs.iter().map(|run| run.wall_seconds).fold(f64::INFINITY, f64::min)
    }

    pub fn max_wall(&self) -> f64 {
        self.runs.iter().map(|run| run.wall_seconds).fold(0.0, f64::max)
    }

    pub fn peak_bytes(&self) -> u64 {
        self.runs.iter().map(|run| run.peak_bytes).max().unwrap_or_default()
    }

    /// Bytes of JSON per second of wall time, median.
    pub fn bytes_per_second(&self) -> f64 {
        self.json_bytes as f64 / self.wall()
    }

    pub fn rows_per_second(&self) -> f64 {
        self.rows as f64 / self.wall()
    }
}

/// Middle value, or the mean of the two middle values; 0 for an empty list.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let of = |values: &[f64]| median(values.to_vec()).to_string();
        assert_eq!([of(&[]), of(&[3.0]), of(&[9.0, 1.0, 2.0]), of(&[4.0, 1.0])], ["0", "3", "2", "2.5"]);
    }
}
