//! Which folder a row belongs to, and the rows that wait there for their row group.
//!
//! [`plan`] checks what was asked for against the table, [`transform`] makes partition values of column values,
//! [`path`] makes folder names of them, [`route`] tells the rows of decoded blocks their partitions, [`buffer`] keeps
//! them until their row group is complete. Rows of a partition keep the order of the input; everything here depends on
//! that order alone, never on timing.

pub mod buffer;
mod murmur3;
pub mod path;
pub mod plan;
pub mod route;
pub mod transform;

pub use buffer::{RowBuffers, WaitingRows};
pub use plan::{PartitionColumn, PartitionPlan};
pub use route::{Partitions, Router};
