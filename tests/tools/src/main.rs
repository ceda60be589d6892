//! Runs wasm-bindgen, or its browser test runner, at exactly the version that `Cargo.lock` names.

use std::env;
use std::iter;

use wasm_bindgen_cli::{wasm_bindgen, wasm_bindgen_test_runner};

fn main() -> anyhow::Result<()> {
    let mut arguments = env::args_os();
    let program = arguments.next().unwrap_or_default();
    let command = arguments.next().unwrap_or_default();
    let rest = iter::once(program).chain(arguments);
    match command.to_str() {
        Some("wasm-bindgen") => wasm_bindgen::run_cli_with_args(rest),
        Some("test-runner") => wasm_bindgen_test_runner::run_cli_with_args(rest),
        _ => anyhow::bail!("usage: cargo xtask wasm-bindgen|test-runner ARGUMENTS"),
    }
}
