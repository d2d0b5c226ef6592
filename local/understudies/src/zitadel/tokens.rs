//! Opaque tokens and signed ones. An opaque token is its row's id and the user's, sealed with the
//! OIDC key: with another master key it opens to rubbish, and the answer is 401.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::errors::ApiError;
use super::keys::Keys;
use super::server::{Zitadel, new_id};
use crate::platform::{DatabaseError, Platform};

/// Who calls, by a token that opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) token_id: String,
    pub(super) user_id: String,
}

/// A sealed token for an id and a user.
pub(super) fn seal(keys: &Keys, id: &str, user: &str) -> String {
    URL_SAFE_NO_PAD.encode(keys.encrypt("oidcKey", format!("{id}:{user}").as_bytes()))
}

/// What a sealed token holds, if it opens to anything that makes sense.
pub(super) fn open(keys: &Keys, token: &str) -> Option<Caller> {
    let sealed = URL_SAFE_NO_PAD.decode(token).ok()?;
    let plain = String::from_utf8(keys.decrypt("oidcKey", &sealed)?).ok()?;
    let (token_id, user_id) = plain.split_once(':')?;
    Some(Caller {
        token_id: token_id.to_owned(),
        user_id: user_id.to_owned(),
    })
}

/// A personal access token; it never expires here unless asked to.
pub(super) async fn new_pat(
    platform: &Platform,
    keys: &Keys,
    user: &str,
) -> Result<String, DatabaseError> {
    let id = new_id();
    platform
        .database
        .execute(
            "INSERT INTO projections_personal_access_tokens3 (id, user_id, expires_at) \
             VALUES (?, ?, ?)",
            vec![id.as_str().into(), user.into(), i64::MAX.into()],
        )
        .await?;
    Ok(seal(keys, &id, user))
}

/// The bearer token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")
}

impl Zitadel {
    /// The caller of an API: a personal access token, or an access token of a login.
    pub(super) async fn caller(&self, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let caller = bearer(headers)
            .and_then(|token| open(&self.keys, token))
            .ok_or_else(ApiError::unauthenticated)?;
        let now = self.platform.clock.now_s();
        // Codes and sessions are kept beside access tokens, and let nobody in.
        for table in [
            "projections_personal_access_tokens3 WHERE",
            "auth_tokens WHERE kind = 'access' AND",
        ] {
            let rows = self
                .platform
                .database
                .query(
                    &format!("SELECT 1 FROM {table} id = ? AND user_id = ? AND expires_at > ?"),
                    vec![
                        caller.token_id.as_str().into(),
                        caller.user_id.as_str().into(),
                        now.into(),
                    ],
                )
                .await?;
            if !rows.is_empty() {
                return Ok(caller);
            }
        }
        Err(ApiError::unauthenticated())
    }

    /// A caller with a role on the instance.
    pub(super) async fn administrator(&self, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let caller = self.caller(headers).await?;
        let rows = self
            .platform
            .database
            .query(
                "SELECT roles FROM projections_instance_members4 WHERE user_id = ?",
                vec![caller.user_id.as_str().into()],
            )
            .await?;
        if rows.is_empty() {
            return Err(ApiError::new(
                7,
                "No matching permissions found (AUTH-5mWD2)",
            ));
        }
        Ok(caller)
    }

    /// An opaque token kept in a row: authorization codes and access tokens.
    pub(super) async fn new_token(
        &self,
        kind: &str,
        user: &str,
        request: &str,
        lasts_s: i64,
    ) -> Result<String, ApiError> {
        let id = new_id();
        self.platform
            .database
            .execute(
                "INSERT INTO auth_tokens (id, kind, user_id, request, expires_at) \
                 VALUES (?, ?, ?, ?, ?)",
                vec![
                    id.as_str().into(),
                    kind.into(),
                    user.into(),
                    request.into(),
                    (self.platform.clock.now_s() + lasts_s).into(),
                ],
            )
            .await?;
        Ok(seal(&self.keys, &id, user))
    }

    /// A token signed with the active web key; the error is the one of a key that does not open.
    pub(super) async fn sign(&self, claims: &Value) -> Result<String, ApiError> {
        let rows = self
            .platform
            .database
            .query(
                "SELECT id, private_key FROM projections_web_keys1 WHERE active = 1",
                Vec::new(),
            )
            .await?;
        let row = rows
            .first()
            .ok_or_else(|| ApiError::new(13, "Errors.WebKey.NoActive"))?;
        let opened = self
            .keys
            .decrypt("oidcKey", &row.blob(1))
            .unwrap_or_default();
        let key = RsaPrivateKey::from_pkcs8_der(&opened).map_err(|_| {
            self.log
                .line("Errors.Internal (QUERY-Iuk0s): signing key cannot be parsed");
            ApiError::new(13, "Errors.Internal (QUERY-Iuk0s)")
        })?;
        let header = json!({"alg": "RS256", "kid": row.text(0), "typ": "JWT"});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = SigningKey::<Sha256>::new(key).sign(signed.as_bytes());
        Ok(format!(
            "{signed}.{}",
            URL_SAFE_NO_PAD.encode(signature.to_bytes())
        ))
    }
}
