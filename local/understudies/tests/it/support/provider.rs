//! An identity provider over TLS whose every answer a test can bend.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rsa::pkcs1v15::SigningKey;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use rsa::traits::PublicKeyParts as _;
use rsa::{RsaPrivateKey, RsaPublicKey};
use serde_json::{Value, json};
use sha2::Sha256;

use super::tls::Tls;

pub(crate) const ISSUER: &str = "https://id.test";

/// What a test changes while the provider runs.
pub(crate) struct Bent {
    pub(crate) secret: String,
    pub(crate) claims: Value,
    pub(crate) userinfo: Value,
    pub(crate) discovery: Value,
    pub(crate) discoveries: usize,
    /// Codes and the challenges that they were asked for with, empty where there was none.
    pub(crate) codes: BTreeMap<String, String>,
    /// Where a code may be sent.
    redirect_uri: String,
    /// How the token names its key; the key set has it as `other`.
    pub(crate) kid: String,
    key: RsaPrivateKey,
    /// Signs the next token in the place of `key`.
    hidden: Option<RsaPrivateKey>,
}

#[derive(Clone)]
pub(crate) struct Provider {
    pub(crate) state: Arc<Mutex<Bent>>,
    pub(crate) address: SocketAddr,
    pub(crate) pem: String,
}

fn new_key() -> RsaPrivateKey {
    RsaPrivateKey::new(&mut rand::thread_rng(), 2048).unwrap()
}

impl Provider {
    pub(crate) async fn start(redirect_uri: &str) -> Self {
        let listener = Tls::listen("id.test").await;
        let (address, pem) = (listener.address, listener.pem.clone());
        let discovery = json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://id.test/authorize",
            "token_endpoint": "https://id.test/token",
            "userinfo_endpoint": "https://id.test/userinfo",
            "end_session_endpoint": "https://id.test/end",
            "jwks_uri": "https://id.test/keys",
        });
        let state = Arc::new(Mutex::new(Bent {
            secret: "the secret".to_owned(),
            claims: json!({}),
            userinfo: json!({}),
            discovery,
            discoveries: 0,
            codes: BTreeMap::new(),
            redirect_uri: redirect_uri.to_owned(),
            kid: "mine".to_owned(),
            key: new_key(),
            hidden: None,
        }));
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(discover))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self {
            state,
            address,
            pem,
        }
    }

    /// Whom the next token speaks of.
    pub(crate) fn says(&self, sub: &str, email: &str) {
        let now = jiff::Timestamp::now().as_second();
        self.state.lock().unwrap().claims = json!({
            "iss": ISSUER, "aud": ["client"], "azp": "client", "sub": sub,
            "name": "Ada Lovelace", "email": email, "iat": now, "exp": now + 3600,
        });
    }

    /// Signs the next token with a key that the key set does not have.
    pub(crate) fn sign_with_a_key_that_is_not_shown(&self) {
        self.state.lock().unwrap().hidden = Some(new_key());
    }

    /// Another signing key, as after a rebuild.
    pub(crate) fn rekey(&self) {
        self.state.lock().unwrap().key = new_key();
    }
}

type Shared = State<Arc<Mutex<Bent>>>;

async fn discover(State(state): Shared) -> Json<Value> {
    let mut state = state.lock().unwrap();
    state.discoveries += 1;
    Json(state.discovery.clone())
}

async fn keys(State(state): Shared) -> Json<Value> {
    let public = RsaPublicKey::from(&state.lock().unwrap().key);
    let encode = |number: &rsa::BigUint| URL_SAFE_NO_PAD.encode(number.to_bytes_be());
    Json(json!({ "keys": [
        { "kty": "EC", "crv": "P-256", "use": "sig" },
        { "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "other",
          "n": encode(public.n()), "e": encode(public.e()) },
    ] }))
}

async fn token(
    State(state): Shared,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> (StatusCode, Json<Value>) {
    let mut state = state.lock().unwrap();
    let refuse = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error })));
    let basic = STANDARD.encode(format!("client:{}", state.secret.replace(' ', "+")));
    if headers
        .get("authorization")
        .is_none_or(|given| *given != format!("Basic {basic}"))
    {
        return refuse("invalid_client");
    }
    let challenge = state.codes.remove(&form["code"]);
    let given = form
        .get("code_verifier")
        .map(|verifier| phoenix_understudies::shared::oidc::challenge(verifier));
    let fits = challenge == Some(given.unwrap_or_default());
    if !fits || form.get("redirect_uri") != Some(&state.redirect_uri) {
        return refuse("invalid_grant");
    }
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = encode(&json!({ "alg": "RS256", "kid": state.kid }));
    let signed = format!("{head}.{}", encode(&state.claims));
    let key = state.hidden.take().unwrap_or_else(|| state.key.clone());
    let signature = SigningKey::<Sha256>::new(key).sign(signed.as_bytes());
    let id_token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()));
    let tokens = json!({ "access_token": "at", "token_type": "Bearer", "id_token": id_token });
    (StatusCode::OK, Json(tokens))
}

async fn userinfo(State(state): Shared, headers: HeaderMap) -> (StatusCode, Json<Value>) {
    if headers
        .get("authorization")
        .is_none_or(|given| given != "Bearer at")
    {
        return (StatusCode::UNAUTHORIZED, Json(json!({})));
    }
    (StatusCode::OK, Json(state.lock().unwrap().userinfo.clone()))
}
