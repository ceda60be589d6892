//! Bodies on both sides of each bound of a schema.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// How many bodies with two changed members are sent to each operation.
const COMBINED: usize = 40;

/// `SplitMix64`: the same bodies in each run.
pub(crate) struct Generator(pub(crate) u64);

impl Generator {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bound = u64::try_from(bound).expect("it fits");
        usize::try_from((mixed ^ (mixed >> 31)) % bound).expect("it is below")
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    /// Characters of one, two, three or four bytes, none of which composes with its neighbours.
    fn text(&mut self, alphabet: &str, chars: usize) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        (0..chars).map(|_| self.one_of(&alphabet)).collect()
    }

    /// Values on both sides of each bound of a schema, and values of all other types.
    fn values(&mut self, schema: &Value) -> Vec<Value> {
        let mut values = vec![json!(null), json!(true), json!(false), json!([]), json!({})];
        values.extend([json!(""), json!("text"), json!(0), json!(1), json!(1.5)]);
        for word in schema["enum"].as_array().into_iter().flatten() {
            let word = word.as_str().expect("a text");
            let near = [word.to_owned(), word.to_uppercase(), format!("{word} ")];
            values.extend(near.map(Value::from));
        }
        let is = |name: &str| {
            schema["type"] == name
                || schema["type"]
                    .as_array()
                    .is_some_and(|types| types.contains(&name.into()))
        };
        if schema["properties"].is_object() {
            values.push(self.usual(schema).into());
        }
        if is("array") {
            values.extend(self.lists(schema));
        }
        if is("integer") {
            values.extend(integers(schema));
        }
        if is("string") && schema["format"] == "email" {
            values.extend(self.addresses());
        } else if is("string") {
            values.extend(self.texts(schema));
        }
        values
    }

    /// Lists of one item, and of as many as are allowed, one fewer and one more.
    fn lists(&mut self, schema: &Value) -> Vec<Value> {
        let items = self.values(&schema["items"]);
        let judge = jsonschema::validator_for(&schema["items"]).expect("a schema");
        let valid: Vec<_> = items.iter().filter(|item| judge.is_valid(item)).collect();
        let most = schema["maxItems"].as_u64().expect("a bound");
        let most = usize::try_from(most).expect("it fits");
        let long = |count: usize| valid.iter().cycle().take(count).copied().cloned().collect();
        let mut lists: Vec<Value> = [most - 1, most, most + 1].map(long).into();
        lists.extend(items.into_iter().map(|item| json!([item])));
        lists
    }

    fn texts(&mut self, schema: &Value) -> Vec<Value> {
        let bound = |name: &str| {
            schema[name]
                .as_u64()
                .and_then(|bound| usize::try_from(bound).ok())
        };
        let (min, max) = (bound("minLength").unwrap_or(0), bound("maxLength"));
        let lengths = [
            min.checked_sub(1),
            Some(min),
            Some(min + 1),
            max.map(|max| max - 1),
            max,
            max.map(|max| max + 1),
        ];
        let lengths: BTreeSet<usize> = lengths.into_iter().flatten().collect();
        let mut texts = Vec::new();
        for chars in lengths {
            for alphabet in [
                "abcdefghijkmnpqrstuvwxyz23456789",
                "äöüßøåéñçžšłđ",
                "日本語文字列検査用",
                "😀🚀🌍🎉🦀🔑🧭🪐",
            ] {
                texts.push(self.text(alphabet, chars));
            }
            // A password of one repeated character is a common one, which no schema expresses.
            let is_password = schema["format"] == "password";
            let blanks: &[&str] = if is_password {
                &[]
            } else {
                &[" ", "\u{3000}", "\t\n", "\u{a0}"]
            };
            let blanks = blanks.iter();
            texts.extend(blanks.map(|blank| blank.repeat(chars).chars().take(chars).collect()));
            let inner = self.text("abcdefghijkmnpqrstuvwxyz23456789", chars.saturating_sub(2));
            texts.push(format!(" {inner} "));
        }
        let middle = self.text("abcdefghijkmnpqrstuvwxyz23456789", min.max(10));
        texts.extend(
            ["\u{feff}", "\u{85}", "\u{200b}", "\r\n"].map(|mark| format!("{mark}{middle}")),
        );
        texts.extend(["\u{feff}", "\u{85}", "\u{200b}", "\u{2028}"].map(str::to_owned));
        texts.extend(["\0", "\u{1}", "\u{7f}"].map(|mark| format!("{middle}{mark}{middle}")));
        texts.into_iter().map(Value::from).collect()
    }

    fn addresses(&mut self) -> Vec<Value> {
        let mut long = |chars: usize| {
            let local = self.text(
                "abcdefghijkmnpqrstuvwxyz23456789",
                chars - "@example.org".len(),
            );
            format!("{local}@example.org")
        };
        let mut texts = vec![long(12 + 20), long(253), long(254), long(255), long(300)];
        let plain = [
            "ada@example.org",
            "Ada@Example.ORG",
            "ada+tag@example.org",
            "a@b.c",
            "a.b.c@example.org",
        ];
        let odd = [
            "ada",
            "@",
            "@b",
            "a@",
            "a@b@c",
            "a b@example.org",
            "a@exa mple.org",
            "a@\texample.org",
            "a\0@example.org",
        ];
        texts.extend(plain.into_iter().chain(odd).map(str::to_owned));
        texts.into_iter().map(Value::from).collect()
    }

    /// Bodies of an object's schema: all that is required, each member with each value, each member absent, one
    /// member too many, and other types in its place.
    pub(crate) fn bodies(&mut self, schema: &Value) -> Vec<Value> {
        // An object, or null beside it.
        let choices = schema["oneOf"].as_array().into_iter().flatten();
        let mut choices = choices.chain([schema]);
        let schema = choices.find(|choice| choice["properties"].is_object());
        let schema = schema.expect("an object's schema");
        let members = schema["properties"].as_object().expect("an object");
        let members: Vec<(String, Vec<Value>)> = members
            .iter()
            .map(|(name, schema)| (name.clone(), self.values(schema)))
            .collect();
        let usual = self.usual(schema);
        let mut bodies = vec![
            json!(null),
            json!(true),
            json!(7),
            json!("text"),
            json!([]),
            json!([{}]),
            json!({}),
        ];
        bodies.push(usual.clone().into());
        let mut more = usual.clone();
        more.insert("unknown".to_owned(), json!(1));
        bodies.push(more.into());
        for (name, values) in &members {
            let mut without = usual.clone();
            without.remove(name);
            bodies.push(without.into());
            for value in values {
                let mut with = usual.clone();
                with.insert(name.clone(), value.clone());
                bodies.push(with.into());
            }
        }
        for _ in 0..COMBINED {
            let mut with = usual.clone();
            for _ in 0..2 {
                let (name, values) = self.one_of(&members);
                with.insert(name, self.one_of(&values));
            }
            bodies.push(with.into());
        }
        bodies
    }

    /// A valid body with the required members alone.
    fn usual(&mut self, schema: &Value) -> Map<String, Value> {
        let required = schema["required"].as_array().into_iter().flatten();
        let required = required.filter_map(Value::as_str);
        let member = |name: &str| {
            let schema = &schema["properties"][name];
            let judge = jsonschema::validator_for(schema).expect("a schema");
            let mut values = self.values(schema).into_iter();
            let valid = values.rfind(|value| judge.is_valid(value));
            (name.to_owned(), valid.expect("some value is valid"))
        };
        required.map(member).collect()
    }
}

fn integers(schema: &Value) -> Vec<Value> {
    let whole = |name: &str| schema[name].as_f64();
    let wide = [
        2_147_483_647.0,
        4_294_967_295.0,
        9_007_199_254_740_992.0,
        1.844_674_407_370_955_2e19,
        1e300,
    ];
    let bounds = [whole("minimum"), whole("maximum"), Some(251.0)];
    let mut values = Vec::new();
    for middle in bounds.into_iter().flatten().chain(wide) {
        for number in [middle - 1.0, middle, middle + 1.0, middle + 0.5] {
            values.push(json!(number));
            #[expect(clippy::cast_possible_truncation, reason = "it is looked at")]
            let spelled = number as i64;
            #[expect(clippy::cast_precision_loss, reason = "it is looked at")]
            if (spelled as f64).to_bits() == number.to_bits() {
                values.push(json!(spelled));
            }
        }
    }
    values.extend([
        json!(-1),
        json!(-1.0),
        json!(-0.0),
        json!(u64::MAX),
        json!(i64::MIN),
    ]);
    values
}
