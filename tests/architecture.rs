//! Checks the dependency rules of the architecture: which part may use which.
#![cfg(not(target_arch = "wasm32"))]

#[path = "architecture/glossary.rs"]
mod glossary;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Names that the files of a part must not contain.
struct Rule {
    part: &'static str,
    files: &'static str,
    not: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule {
        part: "src/core",
        files: "rs",
        not: &[
            "crate::bridge",
            "crate::client",
            "crate::npm",
            "wasm_bindgen",
            "js_sys",
            "web_sys",
            "gloo",
            "SystemTime",
            "std::time::Instant",
            "Instant::now",
            "std::fs",
            "std::net",
            "std::env",
            "std::thread",
            "rand::",
            "getrandom",
            "println!",
        ],
    },
    Rule {
        part: "src/verify",
        files: "rs",
        not: &[
            "crate::bridge",
            "crate::client",
            "crate::core",
            "crate::npm",
            "wasm_bindgen",
            "js_sys",
            "web_sys",
            "SystemTime",
            "Instant::now",
            "std::fs",
            "std::net",
        ],
    },
    Rule {
        part: "src/wire.rs",
        files: "rs",
        not: &["crate::", "wasm_bindgen", "js_sys", "web_sys"],
    },
    Rule {
        part: "src/bridge",
        files: "rs",
        not: &["crate::npm", "crate::client"],
    },
    Rule {
        part: "src/client",
        files: "rs",
        not: &["crate::npm"],
    },
    Rule {
        part: "src/npm",
        files: "rs",
        not: &["crate::core"],
    },
    Rule {
        part: "www-demo/server/domain/src",
        files: "rs",
        not: &[
            "nolapse_server",
            "SystemTime",
            "rand::",
            "getrandom",
            "std::env",
            "std::fs",
        ],
    },
    Rule {
        part: "www-demo/server/src/store",
        files: "rs",
        not: &["axum", "crate::routes"],
    },
    Rule {
        part: "www-demo/server/src",
        files: "rs",
        not: &["nolapse::core", "nolapse::client", "nolapse::bridge"],
    },
];

/// Which modules the scripts of a part may import.
const SCRIPTS: &[(&str, &[&str])] = &[
    ("src/host", &["./", "../generated/codes.js"]),
    (
        "pkg-template",
        &[
            "./",
            "../verify/",
            "../src/host/",
            "../../src/host/",
            "jose",
        ],
    ),
    ("www-demo/site/src", &["./", "nolapse"]),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a part with this extension; fails if there are none.
fn files(part: &str, ending: &str) -> Vec<PathBuf> {
    fn add(path: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        if path.is_dir() {
            for entry in fs::read_dir(path).expect("a folder that can be read") {
                add(&entry.expect("an entry").path(), ending, found);
            }
        } else if path
            .extension()
            .is_some_and(|extension| extension == ending)
        {
            found.push(path.to_owned());
        }
    }
    let mut found = Vec::new();
    add(&root().join(part), ending, &mut found);
    assert!(!found.is_empty(), "{part} has no .{ending} files");
    found
}

/// The code of a file, without comments and unit tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a file that can be read");
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn no_part_knows_of_one_that_it_must_not_know_of() {
    for rule in RULES {
        for path in files(rule.part, rule.files) {
            let code = code(&path);
            for word in rule.not {
                assert!(!code.contains(word), "{} names {word}", path.display());
            }
        }
    }
}

#[test]
fn the_domain_declares_neither_a_web_framework_nor_a_database_nor_a_runtime() {
    let manifest = root().join("www-demo/server/domain/Cargo.toml");
    let manifest = fs::read_to_string(manifest).expect("a manifest that can be read");
    for banned in ["axum", "sqlx", "tokio"] {
        assert!(!manifest.contains(banned), "it names {banned}");
    }
}

#[test]
fn scripts_import_what_their_part_may_know_of() {
    for (part, allowed) in SCRIPTS {
        let endings: &[&str] = if part.ends_with("site/src") {
            &["ts"]
        } else {
            &["js"]
        };
        for path in endings.iter().flat_map(|ending| files(part, ending)) {
            for line in code(&path).lines() {
                let is_import = line.starts_with("import ")
                    || line.starts_with("export ")
                    || line.starts_with("} from ");
                let Some((_, from)) = line.split_once(" from \"").filter(|_| is_import) else {
                    continue;
                };
                let is_allowed = allowed.iter().any(|start| from.starts_with(start));
                assert!(is_allowed, "{} imports {from}", path.display());
            }
        }
    }
}

#[test]
fn what_builds_the_package_knows_nothing_of_the_tests() {
    let endings = ["js", "mjs", "rs", "toml"];
    for path in endings
        .iter()
        .flat_map(|ending| files("pkg-template", ending))
    {
        assert!(!code(&path).contains("tests/"), "{}", path.display());
    }
}

#[test]
fn the_site_uses_the_package_by_the_names_of_its_entries_alone() {
    for path in files("www-demo/site/src", "ts") {
        let code = code(&path).replace("\"nolapse/passkeys\"", "");
        assert!(!code.contains("nolapse/"), "{}", path.display());
    }
}

/// The files of `src/core` without unit tests, and the module directly in `core` that each belongs to.
fn core_files() -> Vec<(String, PathBuf)> {
    let core = root().join("src/core");
    let mut found = Vec::new();
    for path in files("src/core", "rs") {
        let inside = path.strip_prefix(&core).expect("a file of the core");
        let names: Vec<_> = inside
            .iter()
            .map(|name| name.to_string_lossy().trim_end_matches(".rs").to_owned())
            .collect();
        if !names.iter().any(|name| name == "tests" || name == "mod") {
            found.push((names.first().expect("a name").clone(), path.clone()));
        }
    }
    found
}

#[test]
fn no_modules_of_the_core_import_each_other_in_a_circle() {
    let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (module, path) in core_files() {
        let is_child = path.file_stem().is_some_and(|stem| *stem != *module);
        let prefix = if is_child {
            "use super::super::"
        } else {
            "use super::"
        };
        let code = code(&path);
        let imported = code.lines().filter_map(|line| line.strip_prefix(prefix));
        let names = imported.map(|rest| {
            let name = rest.split("::").next().unwrap_or_default();
            let is_module = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            assert!(is_module, "{} imports {rest}", path.display());
            name.to_owned()
        });
        let of_module = imports.entry(module.clone()).or_default();
        of_module.extend(names.filter(|name| *name != module));
    }
    assert!(imports.values().map(BTreeSet::len).sum::<usize>() > 50);
    while let Some(free) = imports
        .iter()
        .find(|(_, of)| of.iter().all(|name| !imports.contains_key(name)))
        .map(|(module, _)| module.clone())
    {
        imports.remove(&free);
    }
    assert!(imports.is_empty(), "a circle: {imports:?}");
}

/// The parts of a session.
const PARTS: &[&str] = &[
    "backoff",
    "callers",
    "credential",
    "effects",
    "lifecycle",
    "peers",
    "refresher",
    "session",
];

#[test]
fn the_session_has_few_fields_and_its_parts_have_private_ones_only() {
    let mut checked = 0;
    for (_, path) in core_files()
        .into_iter()
        .filter(|(module, _)| PARTS.contains(&module.as_str()))
    {
        checked += 1;
        for line in code(&path).lines() {
            let mut words = line.split_whitespace().skip_while(|word| {
                word.starts_with("pub") || word.ends_with(')') && !word.contains(':')
            });
            let is_public = line.trim_start().starts_with("pub");
            let is_field = words.next().is_some_and(|word| word.ends_with(':'));
            assert!(!(is_public && is_field), "{}: {line}", path.display());
        }
    }
    assert!(checked >= PARTS.len());
    let session = code(&root().join("src/core/session.rs"));
    let (_, fields) = session
        .split_once("pub struct Session {\n")
        .expect("a session");
    let fields = fields.split("\n}").next().unwrap_or_default();
    assert!((5..=10).contains(&fields.lines().count()), "{fields}");
}

#[test]
fn module_and_host_spell_the_contract_alike() {
    use nolapse::wire;
    let script = |name: &str| {
        fs::read_to_string(root().join("src/host").join(name)).expect("a file that can be read")
    };

    let answers = script("http.js").replace('_', "");
    assert!(answers.contains(&format!(
        "const LIMIT = {};",
        wire::MAX_TOKEN_RESPONSE_BYTES
    )));
    assert!(script("options.js").contains(&format!("${{server}}{}`", wire::REFRESH_PATH)));
    assert!(script("options.js").contains(&format!("${{server}}{}`", wire::SIGN_OUT_PATH)));
    assert!(script("push.js").contains(&format!("${{server}}{}`", wire::EVENTS_PATH)));
    let ended = wire::ErrorCode::SessionEnded.as_str();
    assert!(script("requests.js").contains(&format!("=== \"{ended}\"")));
    assert!(answers.contains(&format!("\"{}\"", wire::VERSION_HEADER)));
}
