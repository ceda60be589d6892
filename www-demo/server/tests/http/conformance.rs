//! `GET /openapi.json` and the server accept the same bodies. The bodies are generated from the document's own
//! schemas, each keyword's bounds and the values beside them; another implementation of JSON Schema judges them.

use hyper::Method;
use jsonschema::Validator;
use nolapse::wire::{
    PASSKEYS_PATH, PASSWORD_PATH, SESSION_PATH, SIGN_IN_PATH, STEP_UP_PATH, TOTP_PATH,
};
use serde_json::{Value, json};

use crate::{
    conformance_bodies::Generator,
    contract::Document,
    support::{Call, EMAIL, PASSWORD, SERVER_SECRET, Signed, World},
};

/// The keywords for which [`Generator`] has valid and invalid values. `format` is an annotation.
const KEYWORDS: [&str; 17] = [
    "additionalProperties",
    "default",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minLength",
    "minimum",
    "oneOf",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
];
/// Puts the schemas that are referred to in the place of their references.
fn inlined(document: &Value, schema: &Value) -> Value {
    match schema {
        Value::Object(members) => {
            if let Some(name) = members.get("$ref").and_then(Value::as_str) {
                let target = document.pointer(name.trim_start_matches('#'));
                return inlined(document, target.expect("it leads somewhere"));
            }
            let members = members.iter();
            let members = members.map(|(name, value)| (name.clone(), inlined(document, value)));
            Value::Object(members.collect())
        }
        Value::Array(items) => items.iter().map(|item| inlined(document, item)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => schema.clone(),
    }
}

fn knows_every_keyword(schema: &Value) {
    let Some(members) = schema.as_object() else {
        return;
    };
    for (keyword, value) in members {
        assert!(
            KEYWORDS.contains(&keyword.as_str()),
            "{keyword} needs values"
        );
        match keyword.as_str() {
            "properties" => value
                .as_object()
                .expect("an object")
                .values()
                .for_each(knows_every_keyword),
            "items" => knows_every_keyword(value),
            "oneOf" => value
                .as_array()
                .expect("a list")
                .iter()
                .for_each(knows_every_keyword),
            _ => {}
        }
    }
}

async fn is_refused(
    world: &World,
    signed: &Signed,
    on_auth: bool,
    path: &str,
    body: &Value,
) -> bool {
    let server = &world.server;
    let address = if on_auth {
        server.auth_addr
    } else {
        server.api_addr
    };
    let is_for_servers = path == SESSION_PATH;
    let bearer = if is_for_servers {
        SERVER_SECRET
    } else {
        &signed.token
    };
    let call = Call::new(address.to_string(), Method::POST, &with_id(path))
        .header("origin", &world.page())
        .header("nolapse-version", "1")
        .bearer(bearer)
        .json(body);
    // Elsewhere it would end the session.
    let takes_cookie = [PASSWORD_PATH, STEP_UP_PATH, PASSKEYS_PATH].contains(&path)
        || path.starts_with(TOTP_PATH)
        || path.contains("{id}")
        || path.starts_with("/demo/");
    let call = if takes_cookie {
        call.cookie(&signed.cookie)
    } else {
        call
    };
    let answer = call.send().await;
    assert!(
        answer.status != 422 && answer.status.as_u16() < 500,
        "{path} {body}: {answer:?}"
    );
    if answer.status == 400 {
        answer.is_problem(400, "invalid_request");
    }
    answer.status == 400
}

/// Puts an id of nothing into a path.
fn with_id(path: &str) -> String {
    path.replace("{id}", &"A".repeat(22))
}

/// The operations that take a body, with its schema. Those that break the server on purpose come last.
fn operations(document: &Document) -> Vec<(String, Value)> {
    let taking = document
        .operations()
        .into_iter()
        .filter_map(|(path, method, operation)| {
            let schema = operation["requestBody"]["content"]["application/json"].get("schema")?;
            assert_eq!(method, "POST");
            Some((path, inlined(&document.text, schema)))
        });
    let mut all: Vec<(String, Value)> = taking.collect();
    all.sort_by_key(|(path, _)| path == "/demo/outage");
    all
}

#[tokio::test]
async fn p48_the_document_and_the_server_accept_the_same_bodies() {
    let seed = 0x6e6f_6c61_7073_6530;
    let mut generator = Generator(seed);
    let world = World::with(|config| {
        config.passwords_per_account = 0;
        config.refreshes_per_minute = 0;
        config.token_lifetime = std::time::Duration::from_hours(1);
    })
    .await;
    let signed = world.sign_up().await;
    let (mut bodies, mut refused, mut apart) = (0, 0, Vec::new());

    for (document, on_auth) in [(&world.contract.auth, true), (&world.contract.api, false)] {
        for (path, schema) in operations(document) {
            knows_every_keyword(&schema);
            let judge: Validator = jsonschema::validator_for(&schema).expect("a schema");
            for body in generator.bodies(&schema) {
                let is_invalid = !judge.is_valid(&body);
                let is_refused = is_refused(&world, &signed, on_auth, &path, &body).await;
                bodies += 1;
                refused += usize::from(is_refused);
                if is_invalid != is_refused {
                    let text: String = body.to_string().chars().take(200).collect();
                    apart.push(format!("{path}: refused: {is_refused}: {text}"));
                }
            }
        }
    }

    assert!(
        apart.is_empty(),
        "seed {seed:#x}: {} apart:\n{}",
        apart.len(),
        apart.join("\n")
    );
    assert!(bodies > 500 && refused > 100 && bodies - refused > 100);
}

#[tokio::test]
async fn p48_a_body_is_optional_where_it_is_documented_so() {
    let world = World::new().await;
    world.sign_up().await;

    for (document, on_auth) in [(&world.contract.auth, true), (&world.contract.api, false)] {
        for (path, method, operation) in document.operations() {
            let Some(body) = operation.get("requestBody") else {
                continue;
            };
            assert_eq!(method, "POST");
            // One of them signs out.
            let credentials = json!({ "email": EMAIL, "password": PASSWORD });
            let signed = world.auth(Method::POST, SIGN_IN_PATH).json(&credentials);
            let signed = signed.send().await.signed();
            let call = if on_auth {
                let call = world
                    .auth(Method::POST, &with_id(&path))
                    .bearer(SERVER_SECRET);
                call.cookie(&signed.cookie)
            } else {
                world.api(Method::POST, &path).bearer(&signed.token)
            };
            let answer = call.send().await;
            let is_refused = [400, 415].contains(&answer.status.as_u16());
            assert_eq!(is_refused, body["required"] == true, "{path}: {answer:?}");
        }
    }
}
