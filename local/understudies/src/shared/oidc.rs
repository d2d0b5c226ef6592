//! The relying party's side of OpenID Connect, with the differences between applications as
//! arguments: they are what breaks after a disaster.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use phoenix_evidence::words::error_chain;
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::signature::Verifier as _;
use rsa::{BigUint, RsaPublicKey};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// What discovery says, as far as applications use it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Discovery {
    /// Issuer.
    pub issuer: String,
    /// Where the browser is sent.
    pub authorization_endpoint: String,
    /// Where the code is exchanged.
    pub token_endpoint: String,
    /// Where claims are asked for.
    pub userinfo_endpoint: String,
    /// Where the signing keys are.
    pub jwks_uri: String,
}

/// Why discovery gave nothing usable: the three that applications word differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiscoveryError {
    /// Network, TLS, name or time-out.
    Unreachable(String),
    /// Something answered, and it was no JSON object of the right shape.
    NotJson(String),
}

/// Fetches the discovery document of an issuer.
///
/// # Errors
/// See [`DiscoveryError`].
pub async fn discover(client: &reqwest::Client, issuer: &str) -> Result<Discovery, DiscoveryError> {
    let url = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    let body = fetch(client, &url)
        .await
        .map_err(DiscoveryError::Unreachable)?;
    serde_json::from_str(&body).map_err(|why| DiscoveryError::NotJson(why.to_string()))
}

/// Fetches the RSA signing keys of a key set.
///
/// # Errors
/// The words of the failure.
pub async fn signing_keys(client: &reqwest::Client, url: &str) -> Result<Vec<Jwk>, String> {
    #[derive(Deserialize)]
    struct KeySet {
        keys: Vec<Jwk>,
    }
    let body = fetch(client, url).await?;
    let set: KeySet = serde_json::from_str(&body).map_err(|why| why.to_string())?;
    Ok(set
        .keys
        .into_iter()
        .filter(|key| key.kty == "RSA")
        .collect())
}

async fn fetch(client: &reqwest::Client, url: &str) -> Result<String, String> {
    let answer = client
        .get(url)
        .send()
        .await
        .map_err(|why| error_chain(&why))?;
    answer.text().await.map_err(|why| error_chain(&why))
}

/// A key of a key set.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Jwk {
    /// Key type.
    pub kty: String,
    /// Key id.
    #[serde(default)]
    pub kid: String,
    /// Modulus, base64url.
    #[serde(default)]
    pub n: String,
    /// Exponent, base64url.
    #[serde(default)]
    pub e: String,
}

/// A code verifier and its S256 challenge (PKCE, RFC 7636).
#[must_use]
pub fn pkce() -> (String, String) {
    let verifier = super::text::token(32);
    let challenge = challenge(&verifier);
    (verifier, challenge)
}

/// The S256 challenge of a verifier.
#[must_use]
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

/// How a client proves itself at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// HTTP Basic.
    Basic,
    /// In the form.
    Post,
}

/// An exchange of a code.
#[derive(Clone, Debug)]
pub struct Exchange<'a> {
    /// The token endpoint.
    pub endpoint: &'a str,
    /// Client id.
    pub client_id: &'a str,
    /// Client secret.
    pub client_secret: &'a str,
    /// How they are sent.
    pub auth: ClientAuth,
    /// The code.
    pub code: &'a str,
    /// The redirect URI that it was asked for with.
    pub redirect_uri: &'a str,
    /// PKCE verifier, where one was used.
    pub verifier: Option<&'a str>,
}

/// What the token endpoint gave.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Tokens {
    /// Access token.
    #[serde(default)]
    pub access_token: String,
    /// `Bearer`.
    #[serde(default)]
    pub token_type: String,
    /// ID token.
    #[serde(default)]
    pub id_token: String,
}

/// Why a code was not exchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeError {
    /// Status, where there was an answer.
    pub status: Option<u16>,
    /// OAuth's `error`, where the answer has one; otherwise the words of the failure.
    pub error: String,
}

/// Exchanges a code for tokens.
///
/// # Errors
/// When the endpoint cannot be reached, or refuses.
pub async fn exchange(
    client: &reqwest::Client,
    exchange: &Exchange<'_>,
) -> Result<Tokens, ExchangeError> {
    let failed = |why: String| ExchangeError {
        status: None,
        error: why,
    };
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", exchange.code),
        ("redirect_uri", exchange.redirect_uri),
    ];
    if let Some(verifier) = exchange.verifier {
        form.push(("code_verifier", verifier));
    }
    let mut request = client
        .post(exchange.endpoint)
        .header("accept", "application/json");
    match exchange.auth {
        ClientAuth::Basic => {
            let encode = |text: &str| {
                url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>()
            };
            request = request.basic_auth(
                encode(exchange.client_id),
                Some(encode(exchange.client_secret)),
            );
        }
        ClientAuth::Post => {
            form.push(("client_id", exchange.client_id));
            form.push(("client_secret", exchange.client_secret));
        }
    }
    let answer = request
        .form(&form)
        .send()
        .await
        .map_err(|why| failed(error_chain(&why)))?;
    let status = answer.status().as_u16();
    let body = answer
        .text()
        .await
        .map_err(|why| failed(error_chain(&why)))?;
    if status != 200 {
        let error = serde_json::from_str::<Value>(&body)
            .ok()
            .and_then(|json| json.get("error")?.as_str().map(str::to_owned))
            .unwrap_or(body);
        return Err(ExchangeError {
            status: Some(status),
            error,
        });
    }
    serde_json::from_str(&body).map_err(|why| failed(why.to_string()))
}

/// Why a token was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// It is no signed token.
    Malformed,
    /// No key of the set fits its signature.
    Signature,
}

/// The claims of a token signed by one of these keys. Every key is tried when `by_kid` is false.
///
/// # Errors
/// See [`TokenError`].
pub fn verified_claims(token: &str, keys: &[Jwk], by_kid: bool) -> Result<Value, TokenError> {
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(TokenError::Malformed);
    };
    let decode = |part: &str| {
        URL_SAFE_NO_PAD
            .decode(part)
            .map_err(|_| TokenError::Malformed)
    };
    let head: Value =
        serde_json::from_slice(&decode(header)?).map_err(|_| TokenError::Malformed)?;
    if head.get("alg").and_then(Value::as_str) != Some("RS256") {
        return Err(TokenError::Malformed);
    }
    let kid = head.get("kid").and_then(Value::as_str).unwrap_or_default();
    let signed = format!("{header}.{payload}");
    let signature = decode(signature)?;
    let signature = Signature::try_from(signature.as_slice()).map_err(|_| TokenError::Malformed)?;
    let fits = keys
        .iter()
        .filter(|key| !by_kid || key.kid == kid)
        .any(|key| {
            let (Ok(n), Ok(e)) = (decode(&key.n), decode(&key.e)) else {
                return false;
            };
            let Ok(key) = RsaPublicKey::new(BigUint::from_bytes_be(&n), BigUint::from_bytes_be(&e))
            else {
                return false;
            };
            VerifyingKey::<Sha256>::new(key)
                .verify(signed.as_bytes(), &signature)
                .is_ok()
        });
    if !fits {
        return Err(TokenError::Signature);
    }
    serde_json::from_slice(&decode(payload)?).map_err(|_| TokenError::Malformed)
}

/// The audiences of a token: one or many.
#[must_use]
pub fn audiences(claims: &Value) -> Vec<String> {
    match claims.get("aud") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => many
            .iter()
            .filter_map(|one| one.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    }
}

/// The claims at the userinfo endpoint.
///
/// # Errors
/// When it cannot be reached, refuses, or answers no JSON.
pub async fn userinfo(
    client: &reqwest::Client,
    endpoint: &str,
    access_token: &str,
) -> Result<Value, String> {
    let answer = client
        .get(endpoint)
        .bearer_auth(access_token)
        .header("accept", "application/json")
        .send()
        .await
        .map_err(|why| error_chain(&why))?;
    let status = answer.status().as_u16();
    let body = answer.text().await.map_err(|why| error_chain(&why))?;
    if status != 200 {
        return Err(format!("userinfo answered {status}"));
    }
    serde_json::from_str(&body).map_err(|why| why.to_string())
}
