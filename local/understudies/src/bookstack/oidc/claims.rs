//! What an ID token must say, in upstream's order and words.

use serde_json::Value as Json;

use crate::shared::oidc::{Jwk, TokenError, audiences, verified_claims};

const SKEW_S: i64 = 120;
const DAY_S: i64 = 24 * 60 * 60;

/// Against what a token is held.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) keys: &'a [Jwk],
    /// The theme's event puts `azp` in the place of `aud`.
    pub(super) trims_audience: bool,
    pub(super) now_s: i64,
}

/// The claims of a valid token, as the theme left them; otherwise upstream's words for what is
/// wrong.
pub(super) fn validated(token: &str, expected: &Expected<'_>) -> Result<Json, String> {
    // Every key is tried: the key id is not looked at.
    let mut claims = verified_claims(token, expected.keys, false).map_err(|error| match error {
        TokenError::Malformed => "Could not parse out a valid header within the provided token",
        TokenError::Signature => "Token signature could not be validated using the provided keys",
    })?;
    if expected.trims_audience
        && let Some(azp) = claims.get("azp").cloned()
    {
        claims["aud"] = azp;
    }
    checked(&claims, expected)?;
    Ok(claims)
}

fn checked(claims: &Json, expected: &Expected<'_>) -> Result<(), String> {
    let text = |name: &str| claims.get(name).and_then(Json::as_str).unwrap_or_default();
    let number = |name: &str| claims.get(name).and_then(Json::as_i64).unwrap_or_default();
    let refuse = |words: &str| Err(words.to_owned());
    if text("iss") != expected.issuer {
        return refuse("Missing or non-matching token issuer value");
    }
    let audiences = audiences(claims);
    if audiences.is_empty() {
        return refuse("Missing token audience value");
    }
    if !audiences
        .iter()
        .any(|audience| audience == expected.client_id)
    {
        return refuse("Token audience value did not match the expected client_id");
    }
    if audiences.len() != 1 {
        let count = audiences.len();
        return Err(format!(
            "Token audience value has {count} values, Expected 1"
        ));
    }
    if claims
        .get("azp")
        .is_some_and(|azp| azp != expected.client_id)
    {
        return refuse("Token authorized party exists but does not match the expected client_id");
    }
    if number("exp") == 0 {
        return refuse("Missing token expiration time value");
    }
    if expected.now_s >= number("exp") + SKEW_S {
        return refuse("Token has expired");
    }
    let issued_s = number("iat");
    if issued_s == 0 {
        return refuse("Missing token issued at time value");
    }
    if issued_s > expected.now_s + SKEW_S || issued_s < expected.now_s - DAY_S {
        return refuse("Token issue at time is not recent or is invalid");
    }
    if text("sub").is_empty() {
        return refuse("Missing token subject value");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(now_s: i64) -> Expected<'static> {
        let issuer = "https://id.test";
        Expected {
            issuer,
            client_id: "7",
            keys: &[],
            trims_audience: false,
            now_s,
        }
    }

    fn claims() -> Json {
        serde_json::json!({
            "iss": "https://id.test", "aud": ["7"], "azp": "7",
            "exp": 2000, "iat": 1000, "sub": "42",
        })
    }

    #[test]
    fn each_rule_has_its_words() {
        assert_eq!(checked(&claims(), &expected(1500)), Ok(()));
        let wrong = |name: &str, value: Json| {
            let mut claims = claims();
            claims[name] = value;
            checked(&claims, &expected(1500)).unwrap_err()
        };
        assert_eq!(
            wrong("iss", "https://id.test/".into()),
            "Missing or non-matching token issuer value"
        );
        assert_eq!(
            wrong("aud", serde_json::json!(["7", "8"])),
            "Token audience value has 2 values, Expected 1"
        );
        assert_eq!(
            wrong("aud", serde_json::json!(["8"])),
            "Token audience value did not match the expected client_id"
        );
        assert_eq!(
            wrong("azp", "8".into()),
            "Token authorized party exists but does not match the expected client_id"
        );
        assert_eq!(wrong("sub", "".into()), "Missing token subject value");
        assert_eq!(wrong("exp", 1380.into()), "Token has expired");
        let early = "Token issue at time is not recent or is invalid";
        assert_eq!(wrong("iat", 1621.into()), early);
        assert_eq!(checked(&claims(), &expected(2119)), Ok(()));
    }
}
