//! The v2 services as the Connect protocol has them: a POST of JSON for each procedure, 200 for
//! every success, and errors by name. This is what the official SDKs speak.

mod keys;
mod projects;
mod users;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::errors::ApiError;
use super::server::{App, Zitadel};
use super::{api, login, users as rest};

pub(super) use keys::verified_assertion;
pub(super) use users::verified_secret;

/// Largest answer of a REST handler that is passed on, in bytes.
const ANSWER_MAX: usize = 64 * 1024 * 1024;

/// `POST /{service}/{procedure}`.
pub(super) async fn call(
    State(app): State<App>,
    Path((service, procedure)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let call = Call {
        app,
        headers,
        body: match serde_json::from_slice(&body) {
            Ok(body @ Value::Object(_)) => body,
            _ => return refused(&ApiError::invalid("invalid request body")),
        },
    };
    match call.answered(&service, &procedure).await {
        Ok(Some(answer)) => Json(answer).into_response(),
        // A service that has no such procedure is no service at all.
        Ok(None) => (StatusCode::NOT_FOUND, "404 page not found\n").into_response(),
        Err(error) => refused(&error),
    }
}

/// An error by the name that the protocol has for its code.
fn refused(error: &ApiError) -> Response {
    let (status, code) = match error.code {
        3 => (StatusCode::BAD_REQUEST, "invalid_argument"),
        5 => (StatusCode::NOT_FOUND, "not_found"),
        6 => (StatusCode::CONFLICT, "already_exists"),
        7 => (StatusCode::FORBIDDEN, "permission_denied"),
        9 => (StatusCode::BAD_REQUEST, "failed_precondition"),
        16 => (StatusCode::UNAUTHORIZED, "unauthenticated"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
    };
    (
        status,
        Json(json!({"code": code, "message": error.message})),
    )
        .into_response()
}

/// A procedure that is called.
struct Call {
    app: App,
    headers: HeaderMap,
    body: Value,
}

type Answer = Result<Value, ApiError>;

impl Call {
    async fn answered(&self, service: &str, procedure: &str) -> Result<Option<Value>, ApiError> {
        let name = service.strip_prefix("zitadel.").unwrap_or_default();
        let answer = match (name, procedure) {
            ("user.v2.UserService", _) => return self.user(procedure).await,
            ("project.v2.ProjectService", _) => return self.project(procedure).await,
            ("application.v2.ApplicationService", _) => return self.application(procedure).await,
            ("authorization.v2.AuthorizationService", _) => {
                return self.authorization(procedure).await;
            }
            ("session.v2.SessionService", "CreateSession") => {
                passed(login::create_session(self.state(), self.headers(), self.json()).await).await
            }
            ("session.v2.SessionService", "GetSession") => self.session().await,
            ("session.v2.SessionService", "DeleteSession") => self.end_session().await,
            ("oidc.v2.OIDCService", "GetAuthRequest") => {
                let id = Path(self.text("/authRequestId").to_owned());
                passed(login::read_request(self.state(), id, self.headers()).await).await
            }
            ("oidc.v2.OIDCService", "CreateCallback") => {
                let id = Path(self.text("/authRequestId").to_owned());
                let finished =
                    login::finish_request(self.state(), id, self.headers(), self.json()).await;
                passed(finished).await
            }
            ("org.v2.OrganizationService", "ListOrganizations") => self.organisations().await,
            ("instance.v2.InstanceService", "GetInstance") => self.instance().await,
            ("internal_permission.v2.InternalPermissionService", "CreateAdministrator") => {
                if !self.flag("/resource/instance") {
                    let message = "only administrators of the instance are played here";
                    return Err(ApiError::new(9, message));
                }
                let added = rest::add_member(self.state(), self.headers(), self.json()).await;
                passed(added).await?;
                Ok(json!({"creationDate": self.now()}))
            }
            ("feature.v2.FeatureService", "GetInstanceFeatures") => {
                passed(api::get_features(self.state(), self.headers()).await).await
            }
            ("feature.v2.FeatureService", "SetInstanceFeatures") => {
                passed(api::set_features(self.state(), self.headers(), self.json()).await).await
            }
            ("webkey.v2.WebKeyService", "ListWebKeys") => {
                passed(api::web_keys(self.state(), self.headers()).await).await
            }
            _ => return Ok(None),
        };
        answer.map(Some)
    }

    fn state(&self) -> State<App> {
        State(App::clone(&self.app))
    }

    fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    fn json(&self) -> Json<Value> {
        Json(self.body.clone())
    }

    /// A text of the request; empty where there is none.
    fn text(&self, pointer: &str) -> &str {
        self.body
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    fn flag(&self, pointer: &str) -> bool {
        self.body.pointer(pointer) == Some(&Value::Bool(true))
    }

    /// A text that the request has to have.
    fn required(&self, pointer: &str) -> Result<&str, ApiError> {
        match self.text(pointer) {
            "" => Err(ApiError::invalid(&format!("invalid field {pointer}"))),
            text => Ok(text),
        }
    }

    /// Now, as answers write it.
    fn now(&self) -> String {
        written(self.app.platform.clock.now_ms())
    }

    async fn organisations(&self) -> Answer {
        let org = passed(api::org_me(self.state(), self.headers()).await).await?;
        let mut org = org["org"].clone();
        org["state"] = "ORGANIZATION_STATE_ACTIVE".into();
        Ok(json!({"details": {"totalResult": "1"}, "result": [org]}))
    }

    async fn instance(&self) -> Answer {
        let mut answer = passed(api::instance_me(self.state(), self.headers()).await).await?;
        answer["instance"]["state"] = "STATE_RUNNING".into();
        Ok(answer)
    }

    async fn session(&self) -> Answer {
        self.app.caller(&self.headers).await?;
        let id = self.required("/sessionId")?;
        let rows = self
            .app
            .platform
            .database
            .query(
                "SELECT s.user_id, u.username FROM auth_tokens s \
                 JOIN projections_users14 u ON u.id = s.user_id \
                 WHERE s.id = ? AND s.kind = 'session'",
                vec![id.into()],
            )
            .await?;
        let row = rows.first().ok_or_else(|| ApiError::not_found("Session"))?;
        let user = json!({"id": row.text(0), "loginName": row.text(1)});
        Ok(json!({"session": {"id": id, "factors": {"user": user}}}))
    }

    async fn end_session(&self) -> Answer {
        self.app.caller(&self.headers).await?;
        let ended = self
            .app
            .platform
            .database
            .execute(
                "DELETE FROM auth_tokens WHERE id = ? AND kind = 'session'",
                vec![self.required("/sessionId")?.into()],
            )
            .await?;
        if ended == 0 {
            return Err(ApiError::not_found("Session"));
        }
        Ok(json!({"details": {}}))
    }
}

/// A moment in milliseconds, as answers write it.
fn written(moment_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(moment_ms)
        .unwrap_or_default()
        .to_string()
}

/// What a REST handler answers, as an answer of a procedure.
async fn passed(answer: Result<Response, ApiError>) -> Answer {
    let bytes = axum::body::to_bytes(answer?.into_body(), ANSWER_MAX).await;
    let bytes = bytes.map_err(|why| ApiError::new(13, why.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|why| ApiError::new(13, why.to_string()))
}

/// A list with how many there are; an empty one is left out.
fn listed(name: &str, found: Vec<Value>) -> Value {
    let mut answer = Map::new();
    let total = found.len().to_string();
    answer.insert("pagination".to_owned(), json!({"totalResult": total}));
    if !found.is_empty() {
        answer.insert(name.to_owned(), found.into());
    }
    Value::Object(answer)
}

/// Whether a name fits what a filter asks for.
fn fits(name: &str, wanted: &str, method: &str) -> bool {
    let plain = method.strip_suffix("_IGNORE_CASE");
    let (name, wanted) = match plain {
        Some(_) => (name.to_lowercase(), wanted.to_lowercase()),
        None => (name.to_owned(), wanted.to_owned()),
    };
    let method = plain.unwrap_or(method);
    if method.ends_with("_STARTS_WITH") {
        name.starts_with(&wanted)
    } else if method.ends_with("_ENDS_WITH") {
        name.ends_with(&wanted)
    } else if method.ends_with("_CONTAINS") {
        name.contains(&wanted)
    } else {
        name == wanted
    }
}

impl Zitadel {
    /// When something was made, in milliseconds, by the first event of it.
    async fn made_ms(&self, aggregate: &str) -> Result<i64, ApiError> {
        let sql = "SELECT MIN(created_at) FROM eventstore_events2 WHERE aggregate_id = ?";
        let rows = self.platform.database.query(sql, vec![aggregate.into()]);
        Ok(rows.await?.first().map_or(0, |row| row.integer(0)))
    }
}
