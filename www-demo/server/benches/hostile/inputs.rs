//! The worst inputs, beside usual input of about the same size.

use base64ct::{Base64UrlUnpadded, Encoding};

pub(crate) const PAGE: &str = "https://app.example.com";

/// Passwords that are costly to judge, as units to be repeated: many signs for one letter, signs for two
/// letters, digits alone, dates, repeats, words, walks over the keyboard, and letters of several octets.
pub(crate) const COSTLY: [&str; 10] = [
    "4@8({[<369&#!1/|0$5+7%2",
    "17|4@({[<6950$+8%2!3",
    "i$[is|1s[s<[|1|2[<2<[s$i[|[#21|<",
    "1029384756",
    "1-1-1999",
    "aaaaaaaab",
    "passwordiloveyou",
    "qwertyuiopasdfghjkl",
    "İabcﬁ",
    "1l0v3y0u4@8",
];

pub(crate) fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\norigin: {PAGE}\r\nnolapse-version: 1\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(crate) fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n")
}

/// Usual and worst input of about the same size, which is refused without a hash.
pub(crate) struct Pair {
    pub(crate) name: &'static str,
    pub(crate) is_for_api: bool,
    pub(crate) usual: String,
    pub(crate) worst: String,
}

fn at_auth(name: &'static str, usual: String, worst: String) -> Pair {
    Pair {
        name,
        is_for_api: false,
        usual,
        worst,
    }
}

fn sign_in(email: &str, password: &str) -> String {
    let body = serde_json::json!({ "email": email, "password": password });
    post("/auth/sign-in", &body.to_string())
}

fn bodies() -> Vec<Pair> {
    let refresh = |body: String| post("/auth/refresh", &body);
    let usual = refresh(format!(r#"{{"page":"{}"}}"#, "x".repeat(15_000)));
    let nested = refresh(format!(r#"{{"page":{}"#, "[".repeat(15_000)));
    let members = refresh(format!(r#"{{{}"z":1}}"#, r#""a":1,"#.repeat(2_400)));
    let escapes = refresh(format!(r#"{{"page":"{}"}}"#, r"\u00e9".repeat(2_400)));
    vec![
        at_auth("JSON: nested", usual.clone(), nested),
        at_auth("JSON: members", usual.clone(), members),
        at_auth("JSON: escapes", usual, escapes),
    ]
}

fn heads() -> Vec<Pair> {
    let text = "x".repeat(15_000);
    let with = |name: &str, value: &str| {
        let plain = sign_in("ada@e.org", "short");
        plain.replacen("\r\n", &format!("\r\n{name}: {value}\r\n"), 1)
    };
    let usual = get(&format!("/{text}"), "");
    let (cookies, hops) = ("a=1;".repeat(3_700), "1,".repeat(7_400));
    let (slashes, escapes) = ("/a".repeat(7_400), format!("/{}", "%2e".repeat(5_000)));
    vec![
        at_auth("cookies", with("cookie", &text), with("cookie", &cookies)),
        at_auth(
            "forwarded addresses",
            with("x-forwarded-for", &text),
            with("x-forwarded-for", &hops),
        ),
        at_auth("path: slashes", usual.clone(), get(&slashes, "")),
        at_auth("path: escapes", usual, get(&escapes, "")),
    ]
}

fn tokens() -> Vec<Pair> {
    let at_api = |name, usual: String, worst: String| {
        let bearer = |token: String| get("/me", &format!("authorization: Bearer {token}\r\n"));
        Pair {
            name,
            is_for_api: true,
            usual: bearer(usual),
            worst: bearer(worst),
        }
    };
    let header = |json: &str| {
        format!(
            "{}.e30.a",
            Base64UrlUnpadded::encode_string(json.as_bytes())
        )
    };
    let usual = header(&format!(r#"{{"a":"{}"}}"#, "x".repeat(2_900)));
    let members: Vec<String> = (0..290).map(|n| format!(r#""a{n}":[]"#)).collect();
    let members = format!("{{{}}}", members.join(","));
    let nested = header(&format!(r#"{{"a":{}"#, "[".repeat(2_900)));
    vec![
        at_api("token: segments", usual.clone(), "a.".repeat(2_000)),
        at_api("token: members", usual.clone(), header(&members)),
        at_api("token: nested", usual, nested),
    ]
}

fn names() -> Vec<Pair> {
    let plain = sign_in(&format!("{}@e.org", "a".repeat(900)), "short");
    let marks = "\u{301}\u{323}";
    let named = |name, email: String| at_auth(name, plain.clone(), sign_in(&email, "short"));
    vec![
        named("address: marks", format!("{}@e.org", marks.repeat(240))),
        named("address: U-labels", format!("a@{}.org", "ü".repeat(450))),
        named(
            "address: A-labels",
            format!("a@xn--{}.org", "9".repeat(900)),
        ),
        named("address: labels", format!("a@{}org", "ü.".repeat(330))),
        at_auth(
            "password: marks",
            sign_in("ada@e.org", &"x".repeat(12_000)),
            sign_in("ada@e.org", &marks.repeat(3_000)),
        ),
    ]
}

/// All of them.
pub(crate) fn pairs() -> impl Iterator<Item = Pair> {
    let kinds = [bodies(), heads(), tokens(), names()];
    kinds.into_iter().flatten()
}
