//! Keeps the column names of a proposal distinct.

use std::collections::HashSet;

use crate::model::{naming::snake_case, schema};

/// Names of columns that do not come from the model.
const RESERVED: [&str; 3] = [schema::EXTRA_COLUMN, schema::SOURCE_FILE_COLUMN, schema::SOURCE_OFFSET_COLUMN];

/// Names that are taken.
#[derive(Default)]
pub struct ColumnNames {
    taken: HashSet<String>,
}

impl ColumnNames {
    /// Reserves the wire names of an object's members: no other member may use one of them as its second name.
    pub fn of_members<'a>(wires: impl Iterator<Item = &'a str>) -> Self {
        Self { taken: wires.map(str::to_owned).collect() }
    }

    /// Claims a name like `wanted` that no other member of the object has, and whose column (with `prefix`) is free in
    /// `columns`. `wire` is the member's own name.
    pub fn claim(&mut self, wanted: &str, wire: &str, prefix: &str, mut columns: Option<&mut Self>) -> String {
        let mut segment = wanted.to_owned();
        let mut number = 2;
        loop {
            let column = format!("{prefix}{segment}");
            let is_free = (segment == wire || !self.taken.contains(&segment))
                && columns.as_ref().is_none_or(|columns| columns.is_free(&column));
            if is_free {
                self.taken.insert(segment.clone());
                if let Some(columns) = &mut columns {
                    columns.taken.insert(column);
                }
                return segment;
            }
            segment = format!("{wanted}_{number}");
            number += 1;
        }
    }

    fn is_free(&self, column: &str) -> bool {
        !RESERVED.contains(&column) && !self.taken.contains(column)
    }
}

/// The part of a column name that a member contributes: its `snake_case` form, with `_` for characters that a column
/// name cannot have.
pub fn column_segment(wire: &str) -> String {
    let allowed = |c: char| c.is_alphanumeric() && !c.is_uppercase();
    snake_case(wire).chars().map(|c| if allowed(c) { c } else { '_' }).collect()
}
