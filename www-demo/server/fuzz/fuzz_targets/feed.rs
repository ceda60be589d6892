//! Fuzzes what reads the feed of revocations. Without `--cfg fuzzing` it plays the files that are named.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    nolapse_server_fuzz::feed::check(input);
});

#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    nolapse_server_fuzz::play(nolapse_server_fuzz::feed::check)
}
