//! Decodes texts and numbers in a column of instants, one after another.

#![no_main]

use libfuzzer_sys::fuzz_target;
use partiquet_fuzz::instants::{Instant, check};

fuzz_target!(|values: Vec<Instant>| check(&values));
