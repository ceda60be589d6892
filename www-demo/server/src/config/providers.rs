//! Identity providers.

use std::{collections::BTreeSet, fmt, fs, path::PathBuf};

use super::{
    Config, ConfigError, SameSite,
    reader::{Reader, refuse},
};

const NAMES: &str =
    "at most 20 different names of a-z, 0-9 and -, of 1 to 32 characters, such as keycloak,auth0";
const MAX_PROVIDERS: usize = 20;
const ISSUER: &str = "an issuer such as https://id.example.com/realms/shop: https without query and fragment, or http on \
     this machine";
const SECRET: &str = "set: a secret, a file of one, or a private key, and no two of them";
const SCOPES: &str = "names with blanks between, openid among them";
const PARAMETERS: &str = "a query of parameters that this server does not set itself, such as audience=https%3A%2F%2Fapi.example.com";
/// The parameters of an authorization request that this server sets.
const OWN_PARAMETERS: [&str; 10] = [
    "client_id",
    "client_secret",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "redirect_uri",
    "response_mode",
    "response_type",
    "scope",
    "state",
];

/// Whose access tokens the sessions of a provider have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderMode {
    /// This server's.
    Own,
    /// The provider's, which this server refreshes.
    Mediate,
}

impl ProviderMode {
    /// Returns the value of the setting.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Mediate => "mediate",
        }
    }
}

/// Whom an assertion of `private_key_jwt` is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAudience {
    /// The issuer alone: no other party can use it.
    Issuer,
    /// The token endpoint, for providers that know no other (RFC 7523 §3).
    TokenEndpoint,
}

/// A secret text. It is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderSecret(String);

impl ProviderSecret {
    /// Creates one.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// Returns the text, to be sent to the provider.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ProviderSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ProviderSecret(…)")
    }
}

/// How this server authenticates at a provider (`OpenID` Connect Core 1.0 §9).
#[derive(Clone, Debug)]
pub enum ClientCredential {
    /// `client_secret_basic`, or `client_secret_post` where the provider knows that alone.
    Secret(ProviderSecret),
    /// `private_key_jwt`, with a key in PEM.
    PrivateKey(PathBuf),
}

/// The settings of one provider.
#[derive(Clone, Debug)]
pub struct ProviderConfig {
    /// Its name, in paths.
    pub name: String,
    /// `OIDC_…_LABEL`.
    pub label: String,
    /// `OIDC_…_ISSUER`.
    pub issuer: String,
    /// `OIDC_…_CLIENT_ID`.
    pub client_id: String,
    /// `OIDC_…_CLIENT_SECRET` or `OIDC_…_PRIVATE_KEY_FILE`.
    pub credential: ClientCredential,
    /// `OIDC_…_KEY_ID`.
    pub key_id: Option<String>,
    /// `OIDC_…_KEY_AUDIENCE`.
    pub key_audience: KeyAudience,
    /// `OIDC_…_SCOPES`.
    pub scopes: String,
    /// `OIDC_…_MODE`.
    pub mode: ProviderMode,
    /// `OIDC_…_PARAMETERS`, decoded.
    pub parameters: Vec<(String, String)>,
    /// `OIDC_…_POST_LOGOUT_REDIRECT_URI`.
    pub post_logout_redirect_uri: Option<String>,
    /// `OIDC_…_ROOT_CERTIFICATES`.
    pub root_certificates: Option<PathBuf>,
}

impl ProviderConfig {
    /// Creates the settings of a provider with a secret, and the defaults.
    #[must_use]
    pub fn new(name: &str, issuer: &str, client_id: &str, secret: &str) -> Self {
        Self {
            name: name.to_owned(),
            label: name.to_owned(),
            issuer: issuer.to_owned(),
            client_id: client_id.to_owned(),
            credential: ClientCredential::Secret(ProviderSecret::new(secret.to_owned())),
            key_id: None,
            key_audience: KeyAudience::Issuer,
            scopes: "openid email".to_owned(),
            mode: ProviderMode::Own,
            parameters: Vec::new(),
            post_logout_redirect_uri: None,
            root_certificates: None,
        }
    }
}

impl Config {
    pub(super) fn with_providers(
        self,
        read: &Reader<impl Fn(&str) -> Option<String>>,
    ) -> Result<Self, ConfigError> {
        let Some(names) = read.text("OIDC_PROVIDERS") else {
            return Ok(self);
        };
        let names: Vec<&str> = names.split(',').map(str::trim).collect();
        check_names(&names)?;
        let providers = names.into_iter().map(|name| provider(read, name));
        let config = Self {
            providers: providers.collect::<Result<_, _>>()?,
            ..self
        };
        check_providers(&config)?;
        Ok(config)
    }
}

/// Checks what holds of all providers together.
pub(crate) fn check_providers(config: &Config) -> Result<(), ConfigError> {
    let names: Vec<&str> = config
        .providers
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    check_names(&names)?;
    if config.cookie_same_site == SameSite::None {
        // A cookie that a top-level navigation sets is in another partition than the embedded app's.
        return refuse("COOKIE_SAME_SITE", "strict where OIDC_PROVIDERS is set");
    }
    Ok(())
}

fn check_names(names: &[&str]) -> Result<(), ConfigError> {
    let is_name = |name: &&str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=32).contains(&name.len()) && name.bytes().all(plain)
    };
    let distinct: BTreeSet<&&str> = names.iter().collect();
    if names.len() > MAX_PROVIDERS || distinct.len() < names.len() || !names.iter().all(is_name) {
        return refuse("OIDC_PROVIDERS", NAMES);
    }
    Ok(())
}

fn provider(
    read: &Reader<impl Fn(&str) -> Option<String>>,
    name: &str,
) -> Result<ProviderConfig, ConfigError> {
    let prefix = name.to_ascii_uppercase().replace('-', "_");
    let variable = |setting: &str| format!("OIDC_{prefix}_{setting}");
    let text = |setting: &str| read.text(&variable(setting));
    let issuer = text("ISSUER").filter(|issuer| is_issuer(issuer));
    let Some(issuer) = issuer else {
        return refuse(variable("ISSUER"), ISSUER);
    };
    let Some(client_id) = text("CLIENT_ID") else {
        return refuse(variable("CLIENT_ID"), "the client's id at the provider");
    };
    let mode = match text("MODE").as_deref() {
        None | Some("own") => ProviderMode::Own,
        Some("mediate") => ProviderMode::Mediate,
        Some(_) => return refuse(variable("MODE"), "own or mediate"),
    };
    let default_scopes = match mode {
        ProviderMode::Own => "openid email",
        ProviderMode::Mediate => "openid email offline_access",
    };
    let scopes = text("SCOPES").unwrap_or_else(|| default_scopes.to_owned());
    if !scopes.split(' ').any(|scope| scope == "openid") {
        return refuse(variable("SCOPES"), SCOPES);
    }
    let key_audience = match text("KEY_AUDIENCE").as_deref() {
        None | Some("issuer") => KeyAudience::Issuer,
        Some("token_endpoint") => KeyAudience::TokenEndpoint,
        Some(_) => return refuse(variable("KEY_AUDIENCE"), "issuer or token_endpoint"),
    };
    let parameters = text("PARAMETERS").unwrap_or_default();
    let parameters: Vec<(String, String)> = url::form_urlencoded::parse(parameters.as_bytes())
        .into_owned()
        .collect();
    if parameters
        .iter()
        .any(|(name, _)| OWN_PARAMETERS.contains(&name.as_str()))
    {
        return refuse(variable("PARAMETERS"), PARAMETERS);
    }
    Ok(ProviderConfig {
        name: name.to_owned(),
        label: text("LABEL").unwrap_or_else(|| name.to_owned()),
        issuer,
        client_id,
        credential: credential(&variable, &text)?,
        key_id: text("KEY_ID"),
        key_audience,
        scopes,
        mode,
        parameters,
        post_logout_redirect_uri: text("POST_LOGOUT_REDIRECT_URI"),
        root_certificates: text("ROOT_CERTIFICATES").map(PathBuf::from),
    })
}

fn credential(
    variable: &impl Fn(&str) -> String,
    text: &impl Fn(&str) -> Option<String>,
) -> Result<ClientCredential, ConfigError> {
    let secret = text("CLIENT_SECRET");
    let (file, key) = (text("CLIENT_SECRET_FILE"), text("PRIVATE_KEY_FILE"));
    match (secret, file, key) {
        (Some(secret), None, None) => Ok(ClientCredential::Secret(ProviderSecret::new(secret))),
        (None, Some(file), None) => {
            let read = fs::read_to_string(file).ok();
            let secret = read.map(|text| text.trim().to_owned());
            match secret.filter(|secret| !secret.is_empty()) {
                Some(secret) => Ok(ClientCredential::Secret(ProviderSecret::new(secret))),
                None => refuse(
                    variable("CLIENT_SECRET_FILE"),
                    "a file with a secret that this user may read",
                ),
            }
        }
        (None, None, Some(key)) => Ok(ClientCredential::PrivateKey(PathBuf::from(key))),
        _ => refuse(variable("CLIENT_SECRET"), SECRET),
    }
}

/// Returns whether a text can be an issuer (`OpenID` Connect Discovery 1.0 §4): the URL of its discovery document begins with it.
fn is_issuer(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| {
        let is_secure = url.scheme() == "https"
            || url.scheme() == "http" && url.host_str().is_some_and(is_this_machine);
        is_secure
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    })
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
