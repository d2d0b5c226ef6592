//! A small book-keeping server of the ordinary, nasty kind: one-time tokens against forgery, a
//! session in a cookie, a form that redirects to what it made, a JSON API with tokens beside it,
//! files apart from rows, pages of three, and a temper. It also lies, when it is told how.

mod api;
mod pages;
mod provider;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Json, Response};
use axum::routing::{get, post};
use serde_json::json;

pub(crate) const PASSWORD: &str = "correct horse&battery";
pub(crate) const PAGE: usize = 3;

/// How it lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Lie {
    #[default]
    None,
    /// A write is answered with 200 and a page that says that something went wrong.
    ErrorPage,
    /// A write is answered as if it had been stored.
    NothingStored,
    /// A change is answered as if it had been made.
    OldVersion,
    /// A write is stored twice.
    Twice,
    /// A file is cut short.
    Truncated,
    /// What is not there is answered with 500.
    ErrorOnAbsent,
    /// A good write leads to the login page.
    LeadsToLogin,
    /// A write is stored, and never answered.
    Silent,
    /// A write is stored, and answered with 500.
    StoredAnd500,
    /// A write is refused in due form.
    Refuses,
    /// Nobody is behind the router.
    Gateway,
    /// The list is an error with status 200.
    ListIsError,
    /// Every page of the list is the first.
    SamePage,
    /// The row points at another file.
    WrongFile,
    /// What is read is an error page with status 200.
    ReadIsErrorPage,
    /// It says whatever it was sent.
    Echo,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) file: Option<String>,
}

#[derive(Default)]
pub(crate) struct Books {
    pub(crate) lie: Lie,
    pub(crate) entries: BTreeMap<u32, Entry>,
    pub(crate) next: u32,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// Who is in, by session; nobody until they logged in.
    pub(crate) sessions: BTreeMap<String, bool>,
    pub(crate) forgery: BTreeMap<String, String>,
    pub(crate) tokens: BTreeSet<String>,
    /// So many writes are too much, and are told so.
    pub(crate) busy: u32,
    pub(crate) account: u32,
    /// The last page whose writer had to wait.
    pub(crate) requests: Vec<String>,
    made: u32,
}

impl Books {
    /// A value that nobody can guess, as far as a test goes.
    pub(crate) fn fresh(&mut self, what: &str) -> String {
        self.made += 1;
        format!("{what}-{:08x}", self.made.wrapping_mul(2_654_435_761))
    }

    pub(crate) fn store(&mut self, entry: Entry) -> u32 {
        let times = if self.lie == Lie::Twice { 2 } else { 1 };
        for _ in 0..times {
            self.next += 1;
            if self.lie != Lie::NothingStored {
                self.entries.insert(self.next, entry.clone());
            }
        }
        self.next
    }
}

pub(crate) type Shared = Arc<Mutex<Books>>;

/// The server, and what it holds.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) books: Shared,
}

impl Server {
    pub(crate) async fn start() -> Self {
        // Whoever came first has chosen the same.
        let _already = rustls::crypto::ring::default_provider().install_default();
        let books: Shared = Arc::default();
        books.lock().expect("books").account = 17;
        let router = Router::new()
            .route("/healthz", get(health))
            .route("/login", get(pages::login_page).post(pages::log_in))
            .route("/", get(pages::home))
            .route("/entries", get(pages::list).post(pages::create))
            .route("/entries/new", get(pages::new_entry))
            .route("/entries/{id}", get(pages::show))
            .route("/me", get(pages::me))
            .route("/api/token", post(api::token))
            .route("/api/entries", get(api::list).post(api::create))
            .route(
                "/api/entries/{id}",
                get(api::show).put(api::change).delete(api::remove),
            )
            .route("/api/uploads", post(api::upload))
            .route("/files/{name}", get(api::file))
            .route("/moved", get(provider::moved))
            .route("/elsewhere", get(provider::elsewhere))
            .route("/sso", get(provider::start))
            .route("/sso/callback", get(provider::callback))
            .route("/authorize", get(provider::authorize))
            .route("/ui/login", get(provider::page).post(provider::fill))
            .layer(axum::middleware::from_fn_with_state(
                Arc::clone(&books),
                temper,
            ))
            .with_state(Arc::clone(&books));
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, books }
    }

    pub(crate) fn lies(&self, lie: Lie) {
        self.books.lock().expect("books").lie = lie;
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Books) -> T) -> T {
        look(&mut self.books.lock().expect("books"))
    }
}

/// What happens to a request before it reaches anything.
async fn temper(
    State(books): State<Shared>,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    let writes = request.method() != axum::http::Method::GET;
    let path = request.uri().path().to_owned();
    let (lie, busy) = {
        let mut books = books.lock().expect("books");
        let line = format!("{} {}", request.method(), request.uri());
        books.requests.push(line);
        let busy = writes && path.contains("entries") && books.busy > 0;
        if busy {
            books.busy -= 1;
        }
        (books.lie, busy)
    };
    if lie == Lie::Gateway {
        return (StatusCode::NOT_FOUND, "404 page not found").into_response();
    }
    if busy {
        return (
            StatusCode::TOO_MANY_REQUESTS,
            [("retry-after", "1")],
            "slow down",
        )
            .into_response();
    }
    if lie == Lie::Echo && path != "/healthz" {
        let said = format!("{:?}", request.headers());
        let body = axum::body::to_bytes(request.into_body(), 1 << 20).await;
        let body = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
        return (StatusCode::FORBIDDEN, format!("{body} {said}")).into_response();
    }
    let writes = writes && path.contains("entries");
    let answer = next.run(request).await;
    match lie {
        Lie::Silent if writes => std::future::pending().await,
        Lie::StoredAnd500 if writes => {
            (StatusCode::INTERNAL_SERVER_ERROR, "it broke").into_response()
        }
        Lie::ErrorPage if writes => page("Something went wrong. Your changes were not saved."),
        Lie::LeadsToLogin if writes => {
            (StatusCode::FOUND, [("location", "/login")]).into_response()
        }
        _ => answer,
    }
}

async fn health() -> Response {
    Json(json!({"db": "ok", "installation": "i-1"})).into_response()
}

pub(crate) fn page(words: &str) -> Response {
    axum::response::Html(format!("<html><body><p>{words}</p></body></html>")).into_response()
}

/// What is answered where nothing is.
pub(crate) fn nothing_here(lie: Lie) -> Response {
    if lie == Lie::ErrorOnAbsent {
        (StatusCode::INTERNAL_SERVER_ERROR, "no row").into_response()
    } else {
        (StatusCode::NOT_FOUND, "no such entry").into_response()
    }
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

pub(crate) fn session_of(headers: &HeaderMap) -> Option<String> {
    let line = headers.get("cookie")?.to_str().ok()?;
    line.split("; ")
        .find_map(|one| one.strip_prefix("session="))
        .map(str::to_owned)
}
