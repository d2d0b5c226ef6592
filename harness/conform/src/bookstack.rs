//! BookStack's contract.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::json;

use crate::ask::{Asker, Judged, Not, insist, unique};
use crate::call::{Call, Came};

const SOURCE: &str = "BookStackApp/BookStack v25.07 to v26.05";
const KNOWN: &[&str] = &["docs", "books", "no-such-book", "validation"];
const ROUND: &[&str] = &[
    "create-book",
    "create-page",
    "read-page",
    "filter",
    "search",
    "attach",
    "attachment",
    "delete-book",
    "deleted",
];

pub(crate) async fn ask(it: &mut Asker<'_>) {
    it.source = SOURCE;
    let contract = "200 with three flags, all true: database, cache, session";
    it.check("status", contract, Call::get("/status"), |came| {
        came.status(200)?;
        for name in ["/database", "/cache", "/session"] {
            came.holds(name, &json!(true))?;
        }
        Ok(())
    })
    .await;
    it.check(
        "home",
        "302 to /login, unless everybody may read",
        Call::get("/"),
        |came| {
            if came.status == 200 {
                return Err(Not::Asked("everybody may read there".to_owned()));
            }
            came.status(302)?;
            insist(
                came.header("location").ends_with("/login"),
                "it leads elsewhere",
            )
        },
    )
    .await;
    login(it).await;
    refusals(it).await;
    if let Some(secret) = it.secret("an API token, ID:SECRET, of an administrator", KNOWN) {
        known(it, &secret).await;
        if it.writes(ROUND) {
            round(it, &secret).await;
        }
    } else if !it.target.writes {
        it.writes(ROUND);
    }
}

async fn login(it: &mut Asker<'_>) {
    let contract = "200 with a form that has a token, and the cookies bookstack_session and \
                    XSRF-TOKEN";
    let page = Call::get("/login?prevent_auto_init=true").browsing();
    let form = it
        .check("login-page", contract, page, |came| {
            came.status(200)?;
            for cookie in ["bookstack_session", "XSRF-TOKEN"] {
                insist(came.sets(cookie), format!("it sets no cookie {cookie}"))?;
            }
            let token = came
                .text
                .split_once("name=\"_token\"")
                .and_then(|(_, rest)| {
                    let (_, rest) = rest.split_once("value=\"")?;
                    Some(rest.split_once('"')?.0.to_owned())
                });
            let token = token.filter(|token| !token.is_empty());
            let token = token.ok_or_else(|| Not::Differs("it has no field _token".to_owned()))?;
            Ok((token, came.text.contains("/oidc/login")))
        })
        .await;
    let forged = [
        ("_token", "forged"),
        ("email", "x@conform.invalid"),
        ("password", "y"),
    ];
    let forged = Call::post("/login").form(&forged).browsing();
    it.check(
        "forged-form",
        "a token that is not the page's is 419",
        forged,
        |came| came.status(419),
    )
    .await;
    let get = Call::get("/oidc/login");
    it.check("oidc-by-get", "a GET of /oidc/login is 405", get, |came| {
        came.status(405)
    })
    .await;
    let contract = "302 to the provider: a code is asked for, with a state and an S256 challenge, \
                    and comes back to /oidc/callback";
    let Some((token, oidc)) = form else {
        return it.not_asked("oidc-entry", contract, "there was no page to log in from");
    };
    if !oidc {
        return it.not_asked(
            "oidc-entry",
            contract,
            "no OpenID Connect provider is set up there",
        );
    }
    let begin = Call::post("/oidc/login")
        .form(&[("_token", &token)])
        .browsing();
    it.check("oidc-entry", contract, begin, |came| {
        came.status(302)?;
        if came.header("location").ends_with("/login") {
            return Err(Not::Asked(
                "its provider cannot be reached from there".to_owned(),
            ));
        }
        insist(
            came.leads_with("response_type")? == "code",
            "no code is asked for",
        )?;
        came.leads_with("state")?;
        came.leads_with("client_id")?;
        let method = came.leads_with("code_challenge_method")?;
        insist(method == "S256", format!("the challenge is by {method}"))?;
        came.leads_with("code_challenge")?;
        let back = came.leads_with("redirect_uri")?;
        insist(back.ends_with("/oidc/callback"), "it comes back elsewhere")
    })
    .await;
}

/// An error as the API writes it.
fn error(came: &Came, status: u16) -> Judged<()> {
    came.status(status)?;
    came.text("/error/message")?;
    came.holds("/error/code", &json!(status))
}

async fn refusals(it: &mut Asker<'_>) {
    let contract = "401 with the error's message and code";
    let books = || Call::get("/api/books");
    it.check("no-token", contract, books(), |came| error(came, 401))
        .await;
    for (name, value) in [
        ("token-of-another-form", "Bearer abc"),
        ("unknown-token", "Token of-nobody:and-no-secret"),
    ] {
        let call = books().header("authorization", value);
        it.check(name, contract, call, |came| error(came, 401))
            .await;
    }
}

async fn known(it: &mut Asker<'_>, secret: &str) {
    let token = format!("Token {secret}");
    let get = |path: &str| Call::get(path).header("authorization", token.as_str());
    let docs = get("/api/docs.json");
    it.check("docs", "200 with JSON", docs, |came| {
        came.status(200)?;
        insist(came.json.is_object(), "it is no object")
    })
    .await;
    let list = get("/api/books?count=1&sort=-id");
    it.check(
        "books",
        "200 with data and a total; count is kept to",
        list,
        |came| {
            came.status(200)?;
            came.number("/total")?;
            insist(
                came.list("/data")?.len() <= 1,
                "more came than was asked for",
            )
        },
    )
    .await;
    let nothing = get("/api/books/999999999");
    let contract = "404 with the error's message and code";
    it.check("no-such-book", contract, nothing, |came| error(came, 404))
        .await;
    let nameless = Call::post("/api/books").header("authorization", token.as_str());
    let contract = "422, with what is wrong with each field";
    it.check("validation", contract, nameless.json(json!({})), |came| {
        error(came, 422)?;
        came.list("/error/validation/name").map(|_| ())
    })
    .await;
}

/// Written, read back, listed, searched for, found gone.
async fn round(it: &mut Asker<'_>, secret: &str) {
    let token = format!("Token {secret}");
    let call = |method: Method, path: &str| {
        Call::new(method, format!("/api{path}")).header("authorization", token.as_str())
    };
    let name = unique();
    let create = call(Method::POST, "/books").json(json!({"name": name}));
    let book = it.check("create-book", "200 with id and slug", create, |came| {
        came.status(200)?;
        came.text("/slug")?;
        came.number("/id")
    });
    let Some(book) = book.await else { return };
    let html = format!("<p>The marker {name}</p>");
    let new = json!({"book_id": book, "name": "Conform", "html": html});
    let create = call(Method::POST, "/pages").json(new);
    let page = it.check("create-page", "200 with id and html", create, |came| {
        came.status(200)?;
        came.text("/html")?;
        came.number("/id")
    });
    if let Some(page) = page.await {
        inside(it, page, &name, &call).await;
    }
    let filter = call(Method::GET, &format!("/books?filter[name]={name}"));
    it.check(
        "filter",
        "200 with the one that has the name",
        filter,
        |came| {
            came.status(200)?;
            came.holds("/total", &json!(1))?;
            came.holds("/data/0/id", &json!(book))
        },
    )
    .await;
    let one = format!("/books/{book}");
    let delete = call(Method::DELETE, &one);
    let gone = it
        .check("delete-book", "204", delete, |came| came.status(204))
        .await;
    it.leaves(match gone {
        Some(()) => format!("the book {name} in the recycle bin"),
        None => format!("the book {name}"),
    });
    let contract = "a deleted book is 404";
    it.check("deleted", contract, call(Method::GET, &one), |came| {
        error(came, 404)
    })
    .await;
}

/// What is in the page: its text, found by search, and a file.
async fn inside(it: &mut Asker<'_>, page: i64, marker: &str, call: &impl Fn(Method, &str) -> Call) {
    let read = call(Method::GET, &format!("/pages/{page}"));
    it.check(
        "read-page",
        "200 with the text that was written",
        read,
        |came| {
            came.status(200)?;
            insist(came.at("/html").contains(marker), "the text is not in it")
        },
    )
    .await;
    let search = call(Method::GET, &format!("/search?query=%22{marker}%22"));
    it.check("search", "200; its words find it", search, |came| {
        came.status(200)?;
        let found = came.list("/data")?.iter().any(|one| one["id"] == page);
        insist(found, "the page is not found")
    })
    .await;
    let bytes: Vec<u8> = marker.as_bytes().repeat(64);
    let uploaded_to = page.to_string();
    let fields = [
        ("name", "conform.bin"),
        ("uploaded_to", uploaded_to.as_str()),
    ];
    let attach = call(Method::POST, "/attachments").file("file", "conform.bin", &bytes, &fields);
    let id = it.check("attach", "200 with the attachment's id", attach, |came| {
        came.status(200)?;
        came.holds("/external", &json!(false))?;
        came.number("/id")
    });
    let Some(id) = id.await else { return };
    let read = call(Method::GET, &format!("/attachments/{id}"));
    it.check(
        "attachment",
        "200 with the very bytes, in base64",
        read,
        |came| {
            came.status(200)?;
            let content = STANDARD.decode(came.at("/content")).unwrap_or_default();
            insist(content == bytes, "the bytes are others")
        },
    )
    .await;
    let delete = call(Method::DELETE, &format!("/attachments/{id}"));
    it.clean(delete, &[204], "an attachment of a page in the recycle bin")
        .await;
}
