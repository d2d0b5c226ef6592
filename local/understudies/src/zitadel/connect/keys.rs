//! Keys of machines: a machine signs what it says of itself, and gets a token for it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::pkcs8::{DecodePublicKey as _, EncodePublicKey as _, LineEnding};
use rsa::signature::Verifier as _;
use rsa::{RsaPrivateKey, RsaPublicKey};
use serde_json::{Value, json};
use sha2::Sha256;

use super::super::server::new_id;
use super::{Answer, ApiError, Call, Zitadel, listed, written};

impl Call {
    /// A key for a machine: its own, or a new one, whose private half is shown once.
    pub(super) async fn add_key(&self) -> Answer {
        let user = self.machine().await?;
        let id = new_id();
        let invalid = |why: String| ApiError::invalid(&why);
        let (public, content) = match self.text("/publicKey") {
            "" => {
                let made = tokio::task::spawn_blocking(|| {
                    RsaPrivateKey::new(&mut rand::thread_rng(), 2048)
                });
                let internal = |why: String| ApiError::new(13, why);
                let key = made
                    .await
                    .map_err(|why| internal(why.to_string()))?
                    .map_err(|why| internal(why.to_string()))?;
                let public = key.to_public_key().to_public_key_pem(LineEnding::LF);
                let private = key.to_pkcs1_pem(LineEnding::LF);
                let private = private.map_err(|why| internal(why.to_string()))?;
                let content = json!({
                    "type": "serviceaccount", "keyId": id, "key": private.as_str(),
                    "userId": user,
                });
                (
                    public.map_err(|why| internal(why.to_string()))?,
                    Some(STANDARD.encode(content.to_string())),
                )
            }
            given => {
                let pem = STANDARD
                    .decode(given)
                    .map_err(|why| invalid(why.to_string()))?;
                let pem = String::from_utf8(pem).map_err(|why| invalid(why.to_string()))?;
                RsaPublicKey::from_public_key_pem(&pem).map_err(|why| invalid(why.to_string()))?;
                (pem, None)
            }
        };
        let expires_ms = match self.text("/expirationDate") {
            "" => i64::MAX,
            date => date
                .parse::<jiff::Timestamp>()
                .map_err(|why| invalid(why.to_string()))?
                .as_millisecond(),
        };
        self.app
            .platform
            .database
            .execute(
                "INSERT INTO projections_authn_keys2 (id, user_id, public_key, expires_at) \
                 VALUES (?, ?, ?, ?)",
                vec![
                    id.as_str().into(),
                    user.into(),
                    public.into(),
                    expires_ms.into(),
                ],
            )
            .await?;
        self.app.event("user.machine.key.added", &id, "{}").await?;
        let mut answer = json!({"creationDate": self.now(), "keyId": id});
        if let Some(content) = content {
            answer["keyContent"] = content.into();
        }
        Ok(answer)
    }

    pub(super) async fn keys(&self) -> Answer {
        self.app.administrator(&self.headers).await?;
        let sql = "SELECT id, user_id, expires_at FROM projections_authn_keys2 ORDER BY id";
        let rows = self.app.platform.database.query(sql, Vec::new()).await?;
        let wanted = self.text("/filters/0/userIdFilter/id");
        let mut found = Vec::new();
        for row in &rows {
            if wanted.is_empty() || row.text(1) == wanted {
                let mut shown = json!({"id": row.text(0), "userId": row.text(1)});
                if row.integer(2) != i64::MAX {
                    shown["expirationDate"] = written(row.integer(2)).into();
                }
                found.push(self.with_date(shown, &row.text(0)).await?);
            }
        }
        Ok(listed("result", found))
    }

    pub(super) async fn remove_key(&self) -> Answer {
        let user = self.machine().await?;
        let sql = "DELETE FROM projections_authn_keys2 WHERE user_id = ? AND id = ?";
        self.removed(sql, user, self.required("/keyId")?, "Key")
            .await
    }
}

/// Whom an assertion is of, if it is signed with a key of that machine, is for this issuer, and is
/// still good.
pub(in crate::zitadel) async fn verified_assertion(
    app: &Zitadel,
    issuer: &str,
    assertion: &str,
) -> Result<Option<String>, ApiError> {
    let Some(signed) = Signed::read(assertion) else {
        return Ok(None);
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let user = text(&signed.claims["sub"]);
    let now = app.platform.clock.now_s();
    let rows = app
        .platform
        .database
        .query(
            "SELECT public_key FROM projections_authn_keys2 \
             WHERE id = ? AND user_id = ? AND expires_at > ?",
            vec![
                text(&signed.header["kid"]).into(),
                user.as_str().into(),
                now.saturating_mul(1000).into(),
            ],
        )
        .await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let claims = &signed.claims;
    let for_us = match &claims["aud"] {
        Value::Array(audience) => audience.iter().any(|one| one == issuer),
        one => one == issuer,
    };
    let good = claims["exp"].as_i64().is_some_and(|until| until > now) && claims["iss"] == user;
    Ok((for_us && good && signed.verifies(&row.text(0))).then_some(user))
}

/// A token in its parts.
struct Signed<'t> {
    header: Value,
    claims: Value,
    text: &'t str,
    signature: Vec<u8>,
}

impl<'t> Signed<'t> {
    fn read(token: &'t str) -> Option<Self> {
        let (text, signature) = token.rsplit_once('.')?;
        let (header, claims) = text.split_once('.')?;
        let part = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        Some(Self {
            header: part(header)?,
            claims: part(claims)?,
            text,
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
    }

    fn verifies(&self, pem: &str) -> bool {
        let (Ok(key), Ok(signature)) = (
            RsaPublicKey::from_public_key_pem(pem),
            Signature::try_from(self.signature.as_slice()),
        ) else {
            return false;
        };
        self.header["alg"] == "RS256"
            && VerifyingKey::<Sha256>::new(key)
                .verify(self.text.as_bytes(), &signature)
                .is_ok()
    }
}
