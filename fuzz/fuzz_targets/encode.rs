//! Arbitrary columns, written as Parquet by us and by the parquet crate.

#![no_main]

use libfuzzer_sys::fuzz_target;
use partiquet_fuzz::encode::Table;

fuzz_target!(|table: Table| table.check());
