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
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

pub(super) const ISSUER: &str = "https://id.test";

/// What a test changes while the provider runs.
pub(super) struct Bent {
    pub(super) secret: String,
    pub(super) claims: Value,
    pub(super) userinfo: Value,
    pub(super) discovery: Value,
    pub(super) discoveries: usize,
    /// Codes and the challenges that they were asked for with.
    pub(super) codes: BTreeMap<String, String>,
    key: RsaPrivateKey,
}

#[derive(Clone)]
pub(super) struct Provider {
    pub(super) state: Arc<Mutex<Bent>>,
    pub(super) address: SocketAddr,
    pub(super) pem: String,
}

struct Tls {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (tcp, from) = self.tcp.accept().await.unwrap();
            if let Ok(tls) = self.acceptor.accept(tcp).await {
                return (tls, from);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

fn new_key() -> RsaPrivateKey {
    RsaPrivateKey::new(&mut rand::thread_rng(), 2048).unwrap()
}

impl Provider {
    pub(super) async fn start() -> Self {
        phoenix_understudies::shared::client::install_crypto();
        let certified = rcgen::generate_simple_self_signed(vec!["id.test".to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der());
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key.unwrap())
            .unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
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
            key: new_key(),
        }));
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(discover))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(Arc::clone(&state));
        let listener = Tls {
            tcp,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        };
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self {
            state,
            address,
            pem: certified.cert.pem(),
        }
    }

    /// Whom the next token speaks of.
    pub(super) fn says(&self, sub: &str, email: &str) {
        let now = jiff::Timestamp::now().as_second();
        self.state.lock().unwrap().claims = json!({
            "iss": ISSUER, "aud": ["client"], "azp": "client", "sub": sub,
            "name": "Ada Lovelace", "email": email, "iat": now, "exp": now + 3600,
        });
    }

    /// Another signing key, as after a rebuild.
    pub(super) fn rekey(&self) {
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
    let given = phoenix_understudies::shared::oidc::challenge(&form["code_verifier"]);
    let uri = form.get("redirect_uri").map(String::as_str);
    if challenge != Some(given) || uri != Some("http://wiki.test/oidc/callback") {
        return refuse("invalid_grant");
    }
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = encode(&json!({ "alg": "RS256", "kid": "mine" }));
    let signed = format!("{head}.{}", encode(&state.claims));
    let signature = SigningKey::<Sha256>::new(state.key.clone()).sign(signed.as_bytes());
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
