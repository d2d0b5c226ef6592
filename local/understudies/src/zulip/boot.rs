//! The phases of a start: variables, nginx, secrets, database, migrations, application.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;

use super::configuration::Configuration;
use super::uploads::Uploads;
use super::{Application, api, guard, schema, worker};
use crate::platform::{BootError, Log, Platform, Running};
use crate::shared::rate::RateLimit;
use crate::shared::server::serve;

const DATABASE_POLL: Duration = Duration::from_millis(100);
/// Requests a minute that one account may make.
const REQUESTS_A_MINUTE: usize = 200;

/// Where the start is: nothing in it is nginx alone.
#[derive(Default)]
struct Phase {
    up: OnceLock<()>,
}

pub(super) async fn start(platform: Platform) -> Result<Running, BootError> {
    let log = Log::default();
    let config = Configuration::read(&platform)?;
    let limit = (platform.behaviour.rate_limits && config.rate_limiting)
        .then(|| RateLimit::new(REQUESTS_A_MINUTE, Duration::from_secs(60)));
    let app = Arc::new(Application {
        uploads: Uploads::new(&platform, &config),
        database: Arc::clone(&platform.database),
        clock: platform.clock.clone(),
        limit,
        config,
        log: log.clone(),
        platform: platform.clone(),
    });
    let phase = Arc::new(Phase::default());
    let gate = Gate {
        app: Arc::clone(&app),
        phase: Arc::clone(&phase),
    };
    let router: Router = api::router(Arc::clone(&app)).layer(from_fn_with_state(gate, pass));
    // The tasks hold nothing that keeps a stopped server alive.
    tokio::spawn(bring_up(Arc::downgrade(&app), phase));
    tokio::spawn(worker::work(Arc::downgrade(&app)));
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
    if gate.phase.up.get().is_none() {
        return guard::bad_gateway();
    }
    match guard::refused(&gate.app, request.headers(), peer) {
        Some(response) => response,
        None => next.run(request).await,
    }
}

/// Waits for the database as long as it takes, then migrates.
async fn bring_up(app: Weak<Application>, phase: Arc<Phase>) {
    let mut told = false;
    loop {
        let Some(app) = app.upgrade() else { return };
        let outcome = match app.database.ping().await {
            Ok(()) => schema::migrate(app.database.as_ref()).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(()) => {
                app.log
                    .line("Database migrations done; starting the application");
                let _first = phase.up.set(());
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
