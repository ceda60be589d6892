//! Writes the glue of a compiled module with the wasm-bindgen that `Cargo.lock` names.

use std::env;

use wasm_bindgen_cli_support::Bindgen;

const USAGE: &str = "usage: bindgen bundler|web MODULE FOLDER NAME";

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [target, module, folder, name] = arguments.as_slice() else {
        anyhow::bail!(USAGE);
    };
    let mut bindgen = Bindgen::new();
    match target.as_str() {
        "bundler" => bindgen.bundler(true)?,
        "web" => bindgen.web(true)?,
        _ => anyhow::bail!(USAGE),
    };
    bindgen
        .input_path(module)
        .out_name(name)
        .remove_producers_section(true)
        .omit_default_module_path(false)
        .typescript(true)
        .generate(folder)
}
