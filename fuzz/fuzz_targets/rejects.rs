//! Reads a rejects file made of arbitrary texts, with an arbitrary tail.

#![no_main]

use libfuzzer_sys::fuzz_target;
use partiquet_fuzz::rejects::File;

fuzz_target!(|file: File| file.check());
