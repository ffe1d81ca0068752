//! Column names of a proposal: no two alike.

use std::collections::HashSet;

use crate::model::naming::snake_case;

/// Columns that every table has, whatever its model.
const RESERVED: [&str; 3] = ["extra", "source_file", "source_offset"];

/// Names that are taken, case folded.
#[derive(Default)]
pub struct ColumnNames {
    taken: HashSet<String>,
}

impl ColumnNames {
    /// The names that an object's members have anyway: no other member may have one of them as its second name.
    pub fn of_members<'a>(wires: impl Iterator<Item = &'a str>) -> Self {
        Self { taken: wires.map(str::to_owned).collect() }
    }

    /// A segment like `wanted` that no other member of the object has as a name, and whose column (`prefix` before it)
    /// is free in `columns`; both are taken then. `wire` is the member's own name.
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

/// The part of a column's name that a member gives: its `snake_case` form, with `_` for what a name cannot have.
pub fn column_segment(wire: &str) -> String {
    let allowed = |c: char| c.is_alphanumeric() && !c.is_uppercase();
    snake_case(wire).chars().map(|c| if allowed(c) { c } else { '_' }).collect()
}
