//! Checks that one thing has one name: the retired words of the glossary are nowhere.

use std::fs;

use super::{files, root};

/// The retired words: the last column of the glossary.
fn retired_words() -> Vec<String> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("a file that can be read");
    let (_, glossary) = text.split_once("## Glossary").expect("a glossary");
    let glossary = glossary.split("\n## ").next().unwrap_or_default();
    let rows = glossary.lines().filter(|line| line.starts_with("| "));
    rows.filter_map(|row| row.rsplit('|').nth(1))
        .flat_map(|cell| cell.split(','))
        .filter_map(|word| {
            word.trim()
                .strip_prefix('`')?
                .strip_suffix('`')
                .map(|word| word.to_lowercase().replace('_', " "))
        })
        .collect()
}

#[test]
fn retired_words_appear_nowhere() {
    let words = retired_words();
    assert!(words.len() > 15, "{words:?}");
    let mut found = Vec::new();
    for (part, ending) in [("src", "rs"), ("src/host", "js"), ("pkg-template", "js")] {
        for path in files(part, ending) {
            let text = fs::read_to_string(&path).expect("a file that can be read");
            for (number, line) in text.to_lowercase().lines().enumerate() {
                let parts: Vec<_> = line.split(|c: char| !c.is_ascii_alphanumeric()).collect();
                let line = format!(" {} ", parts.join(" "));
                let retired = words
                    .iter()
                    .filter(|word| line.contains(&format!(" {word} ")));
                found.extend(
                    retired.map(|word| format!("{}:{}: {word}", path.display(), number + 1)),
                );
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
