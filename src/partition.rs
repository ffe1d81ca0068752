//! Assigns rows to partition folders, and buffers them until their row group is complete.
//!
//! [`plan`] checks the requested partition columns against the table, [`transform`] turns column values into partition
//! values, [`path`] turns these into folder names, [`route`] finds the partition of each row of a decoded block, and
//! [`buffer`] keeps rows until their row group is complete. Rows of a partition keep the order of the input; everything
//! here depends on that order alone, never on timing.

pub mod buffer;
mod murmur3;
pub mod path;
pub mod plan;
pub mod route;
pub mod transform;

pub use buffer::{RowBuffers, WaitingRows};
pub use plan::{PartitionColumn, PartitionPlan};
pub use route::{Partitions, Router};
