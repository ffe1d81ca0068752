//! Cross-checks the ledger: compares what a walk counted as kept with what the columns hold.

use std::sync::Arc;

use super::{DecodedBlock, PathTally};
use crate::{
    model::plan::{Action, ObjectPlan, PathId, Plan},
    report::{Counts, Firsts},
};

/// Knows where the values of each path arrive.
#[derive(Debug, Clone)]
pub(super) struct Arrivals {
    plan: Arc<Plan>,
    /// By path: the table column that all of its values go to, if there is one.
    column_of_path: Vec<Option<usize>>,
}

impl Arrivals {
    pub fn new(plan: Arc<Plan>) -> Self {
        let mut column_of_path = vec![None; plan.paths.len()];
        columns_by_path(&plan.row, &mut column_of_path);
        Self { plan, column_of_path }
    }

    /// Replaces what the walk says it kept by what the columns hold, so that the ledger closes only if both agree.
    pub fn recount(&self, decoded: &mut DecodedBlock) {
        let mut next = 0;
        for ((id, path), column) in self.plan.paths.iter().enumerate().zip(&self.column_of_path) {
            let Some(tally) = decoded.tallies.get_mut(next).filter(|tally| tally.known == Some(id as PathId)) else {
                if let Some(stray) = column.filter(|&column| decoded.columns.columns[column].num_values() > 0) {
                    // Values that were not counted: their path's empty count makes the ledger fail to close.
                    let kept = decoded.columns.columns[stray].num_values() as u64;
                    let counts = Counts { kept, ..Counts::default() };
                    decoded.tallies.push(PathTally {
                        path: path.clone(),
                        known: Some(id as PathId),
                        counts,
                        first_offsets: Firsts::default(),
                    });
                }
                continue;
            };
            next += 1;
            if let Some(column) = *column {
                let arrived = decoded.columns.columns[column].num_values() as u64 + tally.counts.null;
                tally.counts.kept = arrived.saturating_sub(tally.counts.coerced);
            }
        }
    }
}

/// Finds the paths whose values all go to one table column.
fn columns_by_path(object: &ObjectPlan, found: &mut [Option<usize>]) {
    let mut set = |path: PathId, column: usize| found[usize::from(path)] = Some(column);
    for member in &object.members {
        match &member.action {
            Action::Scalar { column, .. } | Action::List { column, .. } | Action::Structs { column, .. } => {
                set(member.path, *column);
            }
            Action::Map { column, promoted, .. } => {
                if let Some(column) = column {
                    set(member.path, *column);
                }
                for promoted in promoted {
                    set(promoted.path, promoted.column);
                }
            }
            Action::Object(_) | Action::Ignored => {}
        }
    }
    for member in &object.members {
        if let Action::Object(inner) = &member.action {
            columns_by_path(inner, found);
        }
    }
}
