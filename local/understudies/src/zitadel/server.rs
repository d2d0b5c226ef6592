//! Start-up, health, and the routes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post, put};
use axum::{Json, Router};
use serde_json::json;

use super::configuration::Configuration;
use super::errors::ApiError;
use super::keys::Keys;
use super::{api, bootstrap, connect, login, oidc, schema, users};
use crate::platform::{BootError, Log, Platform, Running};
use crate::shared::server::{asked, serve};

/// What every handler sees.
pub(super) struct Zitadel {
    pub(super) platform: Platform,
    pub(super) configuration: Configuration,
    pub(super) keys: Keys,
    pub(super) log: Log,
}

/// Shared by all handlers.
pub(super) type App = Arc<Zitadel>;

pub(super) async fn start(platform: Platform) -> Result<Running, BootError> {
    let configuration = Configuration::read(&platform)?;
    let log = Log::default();
    await_database(&platform, &configuration, &log).await?;
    let failed = |what: &str, why: &dyn std::fmt::Display| {
        BootError::GaveUp(format!("{what} failed: {why}"))
    };
    schema::create(platform.database.as_ref())
        .await
        .map_err(|e| failed("init", &e))?;
    let keys = Keys::load(platform.database.as_ref(), &configuration.masterkey)
        .await
        .map_err(|e| failed("setup", &e))?;
    bootstrap::first_instance(&platform, &configuration, &keys, &log)
        .await
        .map_err(|e| failed("setup 03_default_instance", &e))?;
    log.line("server is listening");
    let app = Arc::new(Zitadel {
        platform: platform.clone(),
        configuration,
        keys,
        log: log.clone(),
    });
    serve(&platform, router(app), log).await
}

/// The original does not retry unless it is told to.
async fn await_database(
    platform: &Platform,
    configuration: &Configuration,
    log: &Log,
) -> Result<(), BootError> {
    let deadline = Instant::now() + configuration.await_database;
    loop {
        match platform.database.ping().await {
            Ok(()) => return Ok(()),
            Err(why) => log.line(format!("unable to connect to database: {why}")),
        }
        if Instant::now() >= deadline {
            return Err(BootError::GaveUp(
                "unable to connect to database".to_owned(),
            ));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn router(app: App) -> Router {
    let instance = Router::new()
        .route("/", get(|| async { found("/ui/login") }))
        .route("/.well-known/openid-configuration", get(oidc::discovery))
        .route("/oauth/v2/keys", get(oidc::key_set))
        .route(
            "/oauth/v2/authorize",
            get(oidc::authorize).post(oidc::authorize),
        )
        .route(
            "/oauth/v2/authorize/callback",
            get(oidc::authorize_callback),
        )
        .route("/oauth/v2/token", post(oidc::token))
        .route(
            "/oidc/v1/userinfo",
            get(oidc::userinfo).post(oidc::userinfo),
        )
        .route("/oauth/v2/introspect", post(oidc::introspect))
        .route("/oidc/v1/end_session", get(|| async { found("/ui/login") }))
        .route("/ui/login", get(|| async { found("/ui/console/") }))
        .route("/ui/login/healthz", get(|| async { "OK" }))
        .route("/ui/login/login", get(login::show))
        .route("/ui/login/loginname", post(login::login_name))
        .route("/ui/login/password", post(login::password))
        .route("/ui/login/password/change", post(login::change_password))
        .route("/ui/login/mfa/prompt", post(login::mfa_prompt))
        .route("/management/v1/healthz", get(|| async { Json(json!({})) }))
        .route("/management/v1/orgs/me", get(api::org_me))
        .route("/admin/v1/instances/me", get(api::instance_me))
        .route("/management/v1/actions", post(api::set_action))
        .route("/management/v1/projects", post(api::create_project))
        .route(
            "/management/v1/projects/_search",
            post(api::search_projects),
        )
        .route(
            "/management/v1/projects/{project}/roles",
            post(api::add_role),
        )
        .route(
            "/management/v1/projects/{project}/apps/oidc",
            post(api::create_app),
        )
        .route(
            "/management/v1/projects/{project}/apps/_search",
            post(api::search_apps),
        )
        .route(
            "/management/v1/projects/{project}/apps/{app}",
            get(api::read_app),
        )
        .route(
            "/management/v1/projects/{project}/apps/{app}/oidc_config/_generate_client_secret",
            post(api::new_client_secret),
        )
        .route(
            "/management/v1/users/human/_import",
            post(users::import_human),
        )
        .route("/management/v1/users/machine", post(users::create_machine))
        .route("/management/v1/users/_search", post(users::search))
        .route("/management/v1/users/{user}/pats", post(users::create_pat))
        .route("/management/v1/users/{user}/grants", post(users::grant))
        .route(
            "/management/v1/users/{user}",
            axum::routing::delete(users::delete),
        )
        .route("/admin/v1/members", post(users::add_member))
        .route("/v2/users/human", post(users::create_human))
        .route("/v2/users", post(users::search))
        .route("/v2/users/{user}", get(users::read).delete(users::delete))
        .route("/v2/users/{user}/metadata", post(users::set_metadata))
        .route(
            "/v2/users/{user}/metadata/search",
            post(users::search_metadata),
        )
        .route("/v2/users/{user}/mfa_init_skipped", post(users::skip_mfa))
        .route(
            "/v2/features/instance",
            put(api::set_features).get(api::get_features),
        )
        .route("/v2/web_keys", get(api::web_keys))
        .route("/v2/sessions", post(login::create_session))
        .route(
            "/v2/oidc/auth_requests/{request}",
            get(login::read_request).post(login::finish_request),
        )
        .route("/{service}/{procedure}", post(connect::call))
        .fallback(any(|| async { ApiError::new(5, "Not Found") }))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            known_instance,
        ));
    Router::new()
        .route("/debug/healthz", get(|| async { "ok" }))
        .route("/debug/ready", get(ready))
        .route("/debug/validate", get(validate))
        .route("/debug/metrics", get(|| async { "# HELP up\nup 1\n" }))
        .merge(instance)
        .with_state(app)
}

pub(super) fn found(location: &str) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, location.to_owned())]).into_response()
}

/// The instance is chosen by host name without port; health paths never look.
async fn known_instance(State(app): State<App>, request: Request, next: Next) -> Response {
    let host = asked(request.headers()).host;
    let name = host.split(':').next().unwrap_or_default();
    let expected = &app.configuration.external_domain;
    if name == expected {
        return next.run(request).await;
    }
    let path = request.uri().path();
    let message = format!(
        "unable to set instance using origin {host} (ExternalDomain is {expected}): \
         ID=QUERY-1kIjX Message=Errors.IAM.NotFound"
    );
    let rest = ["/management/", "/admin/", "/v2/"]
        .iter()
        .any(|api| path.starts_with(api));
    if rest {
        ApiError::new(5, message).into_response()
    } else {
        (StatusCode::NOT_FOUND, message).into_response()
    }
}

async fn ready(State(app): State<App>) -> Response {
    match app.platform.database.ping().await {
        Ok(()) => Json("ok").into_response(),
        Err(why) => {
            app.log.line(format!("ready: {why}"));
            let text = "ID=API-F24h2 Message=DB CONNECTION ERROR";
            (StatusCode::PRECONDITION_FAILED, text).into_response()
        }
    }
}

async fn validate(State(app): State<App>) -> Response {
    match app.platform.database.ping().await {
        Ok(()) => Json("ok").into_response(),
        Err(_) => Json(json!(["ID=API-F24h2 Message=DB CONNECTION ERROR"])).into_response(),
    }
}

impl Zitadel {
    /// The issuer, as the caller asked for it: host with port, https whenever external is secure.
    pub(super) fn issuer(&self, headers: &HeaderMap) -> String {
        let asked = asked(headers);
        let scheme = if self.configuration.external_secure {
            "https"
        } else {
            &asked.scheme
        };
        format!("{scheme}://{}", asked.host)
    }

    /// Records an event: the truth that projections are made from.
    pub(super) async fn event(
        &self,
        kind: &str,
        aggregate: &str,
        payload: &str,
    ) -> Result<(), ApiError> {
        self.platform
            .database
            .execute(
                "INSERT INTO eventstore_events2 (event_type, aggregate_id, created_at, payload) \
                 VALUES (?, ?, ?, ?)",
                vec![
                    kind.into(),
                    aggregate.into(),
                    self.platform.clock.now_ms().into(),
                    payload.into(),
                ],
            )
            .await?;
        Ok(())
    }

    /// A setting of the instance.
    pub(super) async fn setting(&self, name: &str) -> Result<Option<String>, ApiError> {
        let rows = self
            .platform
            .database
            .query(
                "SELECT value FROM system_settings WHERE name = ?",
                vec![name.into()],
            )
            .await?;
        Ok(rows.first().map(|row| row.text(0)))
    }

    /// Sets a setting of the instance.
    pub(super) async fn set_setting(&self, name: &str, value: &str) -> Result<(), ApiError> {
        let database = &self.platform.database;
        let changed = database
            .execute(
                "UPDATE system_settings SET value = ? WHERE name = ?",
                vec![value.into(), name.into()],
            )
            .await?;
        if changed == 0 {
            database
                .execute(
                    "INSERT INTO system_settings (name, value) VALUES (?, ?)",
                    vec![name.into(), value.into()],
                )
                .await?;
        }
        Ok(())
    }
}

/// A fresh id: 18 decimal digits.
pub(super) fn new_id() -> String {
    let first = crate::shared::text::random_from(b"123456789", 1);
    first + &crate::shared::text::random_from(b"0123456789", 17)
}
