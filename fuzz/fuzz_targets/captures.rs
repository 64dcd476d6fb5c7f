#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zbqtop::fuzzing::captures(data));
