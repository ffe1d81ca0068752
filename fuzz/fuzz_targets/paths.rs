//! Routes rows with arbitrary values, and checks the folders they get.

#![no_main]

use libfuzzer_sys::fuzz_target;
use partiquet_fuzz::paths::{By, Row, check};

fuzz_target!(|input: (Vec<By>, Vec<Row>)| check(&input.0, &input.1));
