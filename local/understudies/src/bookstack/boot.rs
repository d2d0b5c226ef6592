//! Putting it together: the parts, the migration, the routes.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::time::Instant;

use super::configuration::Configuration;
use super::failure::{Exception, Failure};
use super::passwords::{self, Verifier};
use super::schema::{Seeds, migrate as migrate_schema};
use super::scratch::Scratch;
use super::storage::{Storage, public_base};
use super::web::{account, content, login, second_factor, status, visit};
use super::{Application, api, oidc};
use crate::platform::{BootError, Log, Platform};
use crate::shared::rate::RateLimit;
use crate::shared::text::random_bytes;

const DATABASE_WAIT: Duration = Duration::from_secs(30);
const DATABASE_POLL: Duration = Duration::from_millis(200);

/// Cache as the variables have it.
pub(super) fn cache(platform: &Platform, config: &Configuration) -> Scratch {
    let clock = platform.clock.clone();
    if config.cache_in_database {
        Scratch::cache_table(Arc::clone(&platform.database), clock)
    } else {
        Scratch::files(platform.files.join("framework/cache"), clock)
    }
}

/// The parts, from the platform and the variables.
pub(super) async fn assemble(platform: &Platform, log: Log) -> Result<Application, BootError> {
    let config = Configuration::read(platform)?;
    let clock = platform.clock.clone();
    let sessions = if config.sessions_in_database {
        Scratch::session_table(Arc::clone(&platform.database), clock.clone())
    } else {
        Scratch::files(platform.files.join("framework/sessions"), clock.clone())
    };
    if let Err(error) = wipe_for_new_container(platform).await {
        log.line(format!("could not prepare the framework folder: {error}"));
    }
    let limit = usize::try_from(config.api_requests_per_min).unwrap_or(usize::MAX);
    Ok(Application {
        attachments: Storage::attachments(platform, &config),
        images: Storage::images(platform, &config),
        image_base: public_base(&config),
        cache: cache(platform, &config),
        sessions,
        verifier: Verifier::default(),
        api_limit: platform
            .behaviour
            .rate_limits
            .then(|| RateLimit::new(limit, Duration::from_secs(60))),
        platform: platform.clone(),
        database: Arc::clone(&platform.database),
        clock,
        log,
        config,
    })
}

/// Cache and sessions belong to the container: another container id starts without them.
async fn wipe_for_new_container(platform: &Platform) -> std::io::Result<()> {
    let Some(id) = platform.env.get("HOSTNAME").filter(|id| !id.is_empty()) else {
        return Ok(());
    };
    let folder = platform.files.join("framework");
    let mark = folder.join("container");
    if tokio::fs::read_to_string(&mark)
        .await
        .is_ok_and(|last| last == *id)
    {
        return Ok(());
    }
    if tokio::fs::try_exists(&folder).await? {
        tokio::fs::remove_dir_all(&folder).await?;
    }
    tokio::fs::create_dir_all(&folder).await?;
    tokio::fs::write(&mark, id).await
}

/// Waits for the database, then migrates. Whatever comes of it is logged; the error is that it failed.
pub(super) async fn migrate(app: &Application) -> Result<(), String> {
    let deadline = Instant::now() + DATABASE_WAIT;
    while let Err(error) = app.database.ping().await {
        if Instant::now() >= deadline {
            app.log.line(format!(
                "No response from the database within 30 s: {error}"
            ));
            break;
        }
        tokio::time::sleep(DATABASE_POLL).await;
    }
    let admin_password = match passwords::hash("password", app.config.bcrypt_cost).await {
        Ok(hash) => hash,
        Err(error) => return Err(failed(app, &error)),
    };
    let seeds = Seeds {
        admin_password,
        instance_id: uuid(),
        now: app.moment(),
    };
    match migrate_schema(app.database.as_ref(), &seeds).await {
        Ok(applied) if applied.is_empty() => app.log.line("INFO  Nothing to migrate."),
        Ok(applied) => {
            for name in applied {
                app.log.line(format!("{name} ... DONE"));
            }
        }
        Err(error) => return Err(failed(app, &error)),
    }
    Ok(())
}

fn failed(app: &Application, error: &dyn std::fmt::Display) -> String {
    let words = format!("migration failed: {error}");
    app.log.line(words.clone());
    words
}

/// A random UUID (version 4).
fn uuid() -> String {
    let mut bytes = random_bytes(16);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = super::sealing::hexadecimal(&bytes);
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}

/// Every route.
pub(super) fn router(app: Arc<Application>) -> Router {
    let website = Router::new()
        .route("/", get(account::home))
        .route("/status", get(status::show))
        .route("/login", get(login::show).post(login::log_in))
        .route("/logout", post(login::log_out))
        .route("/oidc/login", post(oidc::flow::log_in))
        .route("/oidc/callback", get(oidc::flow::callback))
        .route("/oidc/logout", post(oidc::flow::log_out))
        .route("/mfa/setup", get(second_factor::setup))
        .route("/mfa/verify", get(second_factor::ask))
        .route("/mfa/totp/generate", get(second_factor::generate))
        .route("/mfa/totp/confirm", post(second_factor::confirm))
        .route("/mfa/totp/verify", post(second_factor::verify))
        .route("/my-account/profile", get(account::profile))
        .route(
            "/api-tokens/{user_id}/create",
            get(account::token_form).post(account::make_token),
        )
        .route("/api-tokens/{user_id}/{token}", get(account::show_token))
        .route("/books/{book}/page/{page}", get(content::page))
        .route("/attachments/{id}", get(content::attachment))
        .fallback(|| async { Failure::NotFound("Page Not Found".to_owned()) })
        .layer(from_fn_with_state(Arc::clone(&app), visit::layer));
    website
        .nest("/api", api::router(&app))
        .route("/uploads/images/{*path}", get(content::image))
        .layer(from_fn_with_state(Arc::clone(&app), guard))
        .with_state(app)
}

/// Around everything: a key that no cipher takes, and the log.
async fn guard(State(app): State<Arc<Application>>, request: Request, next: Next) -> Response {
    let is_static = request.uri().path().starts_with("/uploads/images/");
    let response = match app.key() {
        Err(failure) if !is_static => failure.into_response(),
        _ => next.run(request).await,
    };
    if let Some(Exception(message)) = response.extensions().get() {
        app.log.line(format!("production.ERROR: {message}"));
    }
    response
}
