//! `GET /openapi.json`: the `OpenAPI` 3.1 document, generated from the routes.

use axum::{
    Extension, Router,
    body::Bytes,
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
};
use nolapse::wire::{COOKIE, PLAIN_TYPE, PROOF_HEADER, VERSION, VERSION_HEADER};
use utoipa::{
    IntoResponses, PartialSchema, ToSchema,
    openapi::{
        Components, Content, Header, InfoBuilder, OpenApi, PathItem, Ref, RefOr, Required,
        Response as ResponseObject, ResponseBuilder,
        path::{Operation, ParameterBuilder, ParameterIn},
        schema::{Object, Type},
        security::{
            ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
        },
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    App,
    cross_origin::{self, Guarded, Versioning},
    limits::Throttled,
    method_not_allowed,
    sign_out::SignedOut,
    token_response::TokenResponse,
};
use crate::problem::{Body, spelled};

/// The document as it is sent.
#[derive(Clone)]
struct Document(Bytes);

/// Returns the path of one member of a collection.
pub(super) fn one_of(collection: &str) -> String {
    format!("{collection}/{{id}}")
}

/// Returns the path of what is below another.
pub(super) fn below(path: &str, name: &str) -> String {
    format!("{path}/{name}")
}

/// Returns the path of the options of a ceremony.
pub(super) fn options_of(path: &str) -> String {
    below(path, "options")
}

/// Adds the CSRF guard to these routes, and documents it.
pub(super) fn guarded(mut endpoints: OpenApiRouter<App>, guarded: Guarded) -> OpenApiRouter<App> {
    let is_only = guarded.version == Versioning::Header;
    let header = ParameterBuilder::new()
        .name(VERSION_HEADER)
        .parameter_in(ParameterIn::Header)
        .description(Some(
            "absent with a body of text/plain, which says the version itself",
        ))
        .required(if is_only {
            Required::True
        } else {
            Required::False
        })
        .schema(Some(spelled(std::iter::once(VERSION))))
        .build();
    let proof = ParameterBuilder::new()
        .name(PROOF_HEADER)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "the proof of possession (RFC 9449) of a session that is bound to a key",
        ))
        .schema(Some(Object::with_type(Type::String)))
        .build();
    let refused = "not from an allowed origin, or without the version header";
    for operation in operations(endpoints.get_openapi_mut()) {
        let parameters = operation.parameters.get_or_insert_default();
        if guarded.version != Versioning::Absent {
            parameters.push(header.clone().into());
            parameters.push(proof.clone().into());
        }
        if guarded.version == Versioning::HeaderOrBody
            && let Some(RefOr::T(body)) = &mut operation.request_body
        {
            // The same object, with `version` and `dpop`, as text.
            let text = Content::new(Some(Object::with_type(Type::String)));
            body.content.insert(PLAIN_TYPE.to_owned(), text.into());
        }
        refuse(operation, "403", refused);
        if guarded.wants_cookie {
            require(
                operation,
                "cookie",
                "no cookie of a live session; reason says why",
            );
        }
    }
    let (router, document) = endpoints.split_for_parts();
    let guard = middleware::from_fn_with_state(guarded, cross_origin::guard);
    let router = router
        .method_not_allowed_fallback(method_not_allowed)
        .layer(guard);
    OpenApiRouter::with_openapi(document).merge(router.into())
}

/// Documents that these routes are throttled.
pub(super) fn throttled(mut endpoints: OpenApiRouter<App>) -> OpenApiRouter<App> {
    for operation in operations(endpoints.get_openapi_mut()) {
        operation.responses.responses.extend(Throttled::responses());
    }
    endpoints
}

/// Documents that these routes issue tokens.
pub(super) fn issuing(mut endpoints: OpenApiRouter<App>) -> OpenApiRouter<App> {
    let document = endpoints.get_openapi_mut();
    for operation in operations(document) {
        let responses = &mut operation.responses.responses;
        responses.insert("200".to_owned(), issued().into());
    }
    let mut schemas = vec![(TokenResponse::name().into_owned(), TokenResponse::schema())];
    TokenResponse::schemas(&mut schemas);
    let components = document.components.get_or_insert_with(Components::new);
    components.schemas.extend(schemas);
    endpoints
}

fn issued() -> ResponseObject {
    let body = Ref::from_schema_name(TokenResponse::name());
    ResponseBuilder::new()
        .content("application/json", Content::new(Some(body)))
        .header("set-cookie", Header::new(Object::with_type(Type::String)))
        .build()
}

/// Documents that a sign-out may leave a session at an identity provider.
pub(super) fn signing_out(mut endpoints: OpenApiRouter<App>) -> OpenApiRouter<App> {
    for operation in operations(endpoints.get_openapi_mut()) {
        let response = ResponseBuilder::new()
            .description("the identity provider may have a session too")
            .content("application/json", Content::new(Some(SignedOut::schema())))
            .header("set-cookie", Header::new(Object::with_type(Type::String)))
            .build();
        let responses = &mut operation.responses.responses;
        responses.insert("200".to_owned(), response.into());
    }
    endpoints
}

/// Documents that these routes require an access token.
pub(super) fn with_token(mut endpoints: OpenApiRouter<App>) -> OpenApiRouter<App> {
    for operation in operations(endpoints.get_openapi_mut()) {
        require(operation, "bearer", "no valid token");
    }
    endpoints
}

/// Documents that these routes are for servers that authenticate, where `SERVER_SECRETS` is set.
pub(super) fn for_servers(mut endpoints: OpenApiRouter<App>) -> OpenApiRouter<App> {
    for operation in operations(endpoints.get_openapi_mut()) {
        let requirement = SecurityRequirement::new("server", [""; 0]);
        operation.security.get_or_insert(vec![requirement]);
        refuse(operation, "401", "no secret of SERVER_SECRETS");
    }
    endpoints
}

/// Completes the document of some routes and serves it beside them, unless `OPENAPI=0`.
pub(super) fn serve(mut endpoints: OpenApiRouter<App>, app: &App, title: &str) -> Router<App> {
    if !app.settings.openapi {
        return endpoints.into();
    }
    endpoints = endpoints.routes(routes!(document));
    let (router, mut document) = endpoints.split_for_parts();
    document.info = InfoBuilder::new()
        .title(title)
        .version(env!("CARGO_PKG_VERSION"))
        .build();
    let bearer = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .build();
    let cookie = ApiKey::Cookie(ApiKeyValue::new(COOKIE));
    let server = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("a secret of SERVER_SECRETS"))
        .build();
    let components = document.components.get_or_insert_with(Components::new);
    components.add_security_scheme("server", SecurityScheme::Http(server));
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
    components
        .schemas
        .insert(Body::name().into_owned(), Body::schema());
    for operation in operations(&mut document) {
        answer(operation, "default", "whatever else went wrong");
        describe(operation);
    }
    // What was made of the types above has no key that is not a text.
    let text = document.to_json().unwrap_or_default();
    router.layer(Extension(Document(text.into())))
}

/// Describes this origin, in `OpenAPI` 3.1.
#[utoipa::path(
    get,
    path = "/openapi.json",
    responses((status = 200, body = Object, description = "this document"))
)]
async fn document(Extension(Document(text)): Extension<Document>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

fn operations(document: &mut OpenApi) -> impl Iterator<Item = &mut Operation> {
    document
        .paths
        .paths
        .values_mut()
        .flat_map(|item: &mut PathItem| {
            [&mut item.get, &mut item.post, &mut item.delete]
                .into_iter()
                .flatten()
        })
}

/// Adds a description to each response, which the specification requires.
fn describe(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            let status = status
                .parse()
                .ok()
                .and_then(|code| StatusCode::from_u16(code).ok());
            let reason = status.and_then(|status| status.canonical_reason());
            response.description = reason.unwrap_or_default().to_lowercase();
        }
    }
}

/// Documents the credentials that an operation requires, and the response without them.
fn require(operation: &mut Operation, scheme: &str, refused: &str) {
    let requirement = SecurityRequirement::new(scheme, [""; 0]);
    operation.security = Some(vec![requirement]);
    refuse(operation, "401", refused);
}

/// Adds a refusal, unless the operation documents one of its own with this status.
fn refuse(operation: &mut Operation, status: &str, description: &str) {
    if !operation.responses.responses.contains_key(status) {
        answer(operation, status, description);
    }
}

/// Returns the documentation of an error response.
pub(super) fn problem(description: &str) -> ResponseObject {
    let problem = Content::new(Some(Ref::from_schema_name(Body::name())));
    ResponseBuilder::new()
        .description(description)
        .content("application/json", problem)
        .build()
}

fn answer(operation: &mut Operation, status: &str, description: &str) {
    let responses = &mut operation.responses.responses;
    responses.insert(status.to_owned(), problem(description).into());
}
