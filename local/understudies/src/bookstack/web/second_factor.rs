//! The second factor: enrolment and verification of an authenticator's codes. The secret is
//! sealed with `APP_KEY` in `mfa_values.value`; with another key it cannot be opened, and nobody
//! who enrolled can finish a login.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::html;
use super::login::enter;
use super::visit::{Visit, found};
use crate::bookstack::Application;
use crate::bookstack::failure::Failure;
use crate::bookstack::rows::{first, number, params};
use crate::bookstack::totp;
use crate::bookstack::users::{self, User};
use crate::platform::Statement;
use crate::shared::text::{escape, with_params};

const ATTEMPT: &str = "auth-login-last-attempted";
const ATTEMPT_LIFETIME_S: i64 = 60 * 60;
const SETUP_SECRET: &str = "mfa-setup-totp-secret";
const WRONG_CODE: &str = "The provided code is not valid or has expired.";

/// Name of the session's mark that the second factor was passed by this user.
pub(in crate::bookstack) fn passed(user_id: i64) -> String {
    format!("mfa-verification-passed::{user_id}")
}

/// Remembers whose credentials were right, for an hour.
pub(in crate::bookstack) fn remember_attempt(
    app: &Application,
    visit: &Visit,
    user_id: i64,
    method: &str,
) {
    visit.put(
        ATTEMPT,
        &format!("{user_id}:{method}:{}", app.clock.now_s()),
    );
}

/// Whose credentials were right, and by which method.
fn attempt(app: &Application, visit: &Visit) -> Option<(i64, String)> {
    let value = visit.get(ATTEMPT)?;
    let mut parts = value.splitn(3, ':');
    let user_id = parts.next()?.parse().ok()?;
    let method = parts.next()?.to_owned();
    let at_s: i64 = parts.next()?.parse().ok()?;
    (at_s > app.clock.now_s() - ATTEMPT_LIFETIME_S).then_some((user_id, method))
}

/// Who is logged in, or whose login waits for the second factor.
async fn person(app: &Application, visit: &Visit) -> Result<User, Failure> {
    if let Some(user) = &visit.user {
        return Ok(user.clone());
    }
    let user = match attempt(app, visit) {
        Some((id, _)) => users::by_id(app.database.as_ref(), id).await?,
        None => None,
    };
    let missing = "A user for this action could not be found.";
    user.ok_or_else(|| Failure::NotFound(missing.to_owned()))
}

/// `GET /mfa/setup`.
pub(in crate::bookstack) async fn setup(
    State(app): State<Arc<Application>>,
    visit: Visit,
) -> Result<Response, Failure> {
    let user = person(&app, &visit).await?;
    let sql = "SELECT COUNT(*) FROM mfa_values WHERE user_id = ? AND method = 'totp'";
    let enrolled = number(app.database.as_ref(), sql, params![user.id]).await? > 0;
    let label = if enrolled {
        "Already configured"
    } else {
        "Set up"
    };
    let link = app.url("/mfa/totp/generate");
    let content = format!("<h1>Multi-Factor Authentication</h1><a href=\"{link}\">{label}</a>");
    Ok(visit.page("Multi-Factor Authentication", &content))
}

/// `GET /mfa/totp/generate`: the page carries the `otpauth:` address with the new secret.
pub(in crate::bookstack) async fn generate(
    State(app): State<Arc<Application>>,
    visit: Visit,
) -> Result<Response, Failure> {
    let user = person(&app, &visit).await?;
    let key = app.key()?;
    let secret = match visit.get(SETUP_SECRET) {
        Some(sealed) => key.unseal_serialised(&sealed)?,
        None => {
            let secret = totp::generate_secret();
            visit.put(SETUP_SECRET, &key.seal_serialised(&secret));
            secret
        }
    };
    let address = format!(
        "otpauth://totp/BookStack:{}",
        user.email.replace('@', "%40")
    );
    let url = with_params(&address, &[("secret", &secret), ("issuer", "BookStack")]);
    let fields = format!(
        "{}\n{}",
        html::input("text", "code", "Code"),
        html::button("Confirm")
    );
    let action = app.url("/mfa/totp/confirm");
    let form = html::form("mfa-confirm-form", &action, &visit.token(), &fields);
    let content = format!("<div class=\"text-break\">{}</div>\n{form}", escape(&url));
    Ok(visit.page("Mobile App Setup", &content))
}

/// `POST /mfa/totp/confirm`.
pub(in crate::bookstack) async fn confirm(
    State(app): State<Arc<Application>>,
    visit: Visit,
) -> Result<Response, Failure> {
    let user = person(&app, &visit).await?;
    let key = app.key()?;
    let sealed = visit.get(SETUP_SECRET).unwrap_or_default();
    let secret = key.unseal_serialised(&sealed)?;
    if !code_fits(&app, &visit, &secret) {
        return Ok(visit.refuse(&app, "/mfa/totp/generate", WRONG_CODE));
    }
    let now = app.moment();
    let value = key.seal_serialised(&secret);
    let insert = "INSERT INTO mfa_values (user_id, method, value, created_at, updated_at) \
                  VALUES (?, 'totp', ?, ?, ?)";
    let statements = [
        (
            "DELETE FROM mfa_values WHERE user_id = ? AND method = 'totp'",
            params![user.id],
        ),
        (insert, params![user.id, value, now.as_str(), now.as_str()]),
    ];
    let statements = statements
        .map(|(sql, params)| Statement {
            sql: sql.to_owned(),
            params,
        })
        .into_iter()
        .collect();
    app.database.transaction(statements).await?;
    visit.pull(SETUP_SECRET);
    if visit.user.is_none() {
        let again = "Multi-factor method configured, Please now login again using the method.";
        return Ok(visit.refuse(&app, "/login", again));
    }
    Ok(found(&app, "/mfa/setup"))
}

/// `GET /mfa/verify`.
pub(in crate::bookstack) async fn ask(
    State(app): State<Arc<Application>>,
    visit: Visit,
) -> Result<Response, Failure> {
    person(&app, &visit).await?;
    let fields = format!(
        "{}\n{}",
        html::input("text", "code", "Code"),
        html::button("Confirm")
    );
    let action = app.url("/mfa/totp/verify");
    let form = html::form("mfa-verify-form", &action, &visit.token(), &fields);
    Ok(visit.page("Verify Access", &form))
}

/// `POST /mfa/totp/verify`: 500 when the secret was sealed with another key.
pub(in crate::bookstack) async fn verify(
    State(app): State<Arc<Application>>,
    visit: Visit,
) -> Result<Response, Failure> {
    let user = person(&app, &visit).await?;
    let sql = "SELECT value FROM mfa_values WHERE user_id = ? AND method = 'totp'";
    let row = first(app.database.as_ref(), sql, params![user.id]).await?;
    let secret = match row {
        Some(row) => app.key()?.unseal_serialised(&row.text(0))?,
        None => String::new(),
    };
    if secret.is_empty() || !code_fits(&app, &visit, &secret) {
        return Ok(visit.refuse(&app, "/mfa/verify", WRONG_CODE));
    }
    visit.put(&passed(user.id), "true");
    let Some((_, method)) = attempt(&app, &visit) else {
        let words = "Login reattempt user does align with current session state";
        return Err(Failure::Exception(words.to_owned()));
    };
    visit.pull(ATTEMPT);
    enter(&app, &visit, &user, &method).await
}

fn code_fits(app: &Application, visit: &Visit, secret: &str) -> bool {
    let code = visit
        .form
        .get("code")
        .map(|code| code.trim())
        .unwrap_or_default();
    totp::verifies(secret, code, app.clock.now_s())
}
