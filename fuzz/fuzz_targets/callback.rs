#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| visioplainte::fuzzing::run("callback", data));
