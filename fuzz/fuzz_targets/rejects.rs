//! A rejects file made of any texts, with any tail.

#![no_main]

use libfuzzer_sys::fuzz_target;
use partiquet_fuzz::rejects::File;

fuzz_target!(|file: File| file.check());
