//! Runs tests in browsers by wasm-bindgen's test runner, at exactly the version that `Cargo.lock` names.

use std::env;

use wasm_bindgen_cli::wasm_bindgen_test_runner;

fn main() -> anyhow::Result<()> {
    wasm_bindgen_test_runner::run_cli_with_args(env::args_os())
}
