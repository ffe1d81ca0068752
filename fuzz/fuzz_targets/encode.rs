//! Writes arbitrary columns as Parquet, with our writer and with the parquet crate.

#![no_main]

use libfuzzer_sys::fuzz_target;
use partiquet_fuzz::encode::Table;

fuzz_target!(|table: Table| table.check());
