//! The phases of a start: variables, nginx, secrets, database, migrations, application.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tokio_util::sync::CancellationToken;

use super::configuration::Configuration;
use super::uploads::Uploads;
use super::{Application, Limits, api, guard, schema, worker};
use crate::platform::{BootError, DatabaseError, Log, Platform, Running};
use crate::shared::rate::RateLimit;
use crate::shared::server::serve;

const DATABASE_POLL: Duration = Duration::from_millis(100);
const MINUTE: Duration = Duration::from_secs(60);
/// Requests a minute that one account may make.
const REQUESTS_A_MINUTE: usize = 200;
/// Passwords that may be tried for one name in half an hour.
const PASSWORDS_A_HALF_HOUR: usize = 5;

/// Where the start is: nothing in it is nginx alone.
#[derive(Default)]
struct Phase {
    up: OnceLock<()>,
}

pub(super) async fn start(platform: Platform) -> Result<Running, BootError> {
    let log = Log::default();
    let config = Configuration::read(&platform)?;
    let limits = (platform.behaviour.rate_limits && config.rate_limiting).then(|| Limits {
        calls: RateLimit::new(REQUESTS_A_MINUTE, MINUTE),
        passwords: RateLimit::new(PASSWORDS_A_HALF_HOUR, 30 * MINUTE),
    });
    let end = CancellationToken::new();
    let app = Arc::new(Application {
        uploads: Uploads::new(&platform, &config),
        events: super::events::Queues::default(),
        database: Arc::clone(&platform.database),
        clock: platform.clock.clone(),
        limits,
        config,
        log: log.clone(),
        platform: platform.clone(),
        _end: end.clone().drop_guard(),
    });
    let phase = Arc::new(Phase::default());
    let gate = Gate {
        app: Arc::clone(&app),
        phase: Arc::clone(&phase),
    };
    let router: Router = api::router(Arc::clone(&app)).layer(from_fn_with_state(gate, pass));
    // The task holds nothing that keeps a stopped server alive.
    tokio::spawn(bring_up(Arc::downgrade(&app), phase, end));
    drop(app);
    serve(&platform, router, log).await
}

#[derive(Clone)]
struct Gate {
    app: Arc<Application>,
    phase: Arc<Phase>,
}

async fn pass(
    State(gate): State<Gate>,
    peer: ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    if let Some(response) = guard::forbidden(&gate.app, &request, peer) {
        return response;
    }
    if gate.phase.up.get().is_none() {
        return guard::bad_gateway();
    }
    match guard::refused(&gate.app, request.headers(), peer) {
        Some(response) => response,
        None => next.run(request).await,
    }
}

/// Waits for the database as long as it takes, then migrates, and sets the worker to work.
async fn bring_up(weak: Weak<Application>, phase: Arc<Phase>, end: CancellationToken) {
    let mut told = false;
    loop {
        let Some(app) = weak.upgrade() else { return };
        let outcome = match app.database.ping().await {
            Ok(()) => {
                let dictionary = app.platform.behaviour.dictionary;
                schema::migrate(app.database.as_ref(), dictionary).await
            }
            Err(error) => Err(error),
        };
        match outcome {
            Ok(()) => {
                app.log
                    .line("Database migrations done; starting the application");
                let _first = phase.up.set(());
                drop(app);
                return worker::work(weak, end).await;
            }
            Err(DatabaseError::Refused(words)) => {
                app.log.line(words);
                app.log
                    .line("Zulip migration failed with exit code 1. Exiting.");
                return;
            }
            Err(error) if !told => {
                app.log
                    .line(format!("Could not connect to database server: {error}"));
                told = true;
            }
            Err(_) => {}
        }
        drop(app);
        tokio::time::sleep(DATABASE_POLL).await;
    }
}
