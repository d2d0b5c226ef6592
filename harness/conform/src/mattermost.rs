//! Mattermost's contract.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::ask::{Asker, Judged, Not, insist, unique};
use crate::call::{Call, Came};

const SOURCE: &str = "mattermost/mattermost 10.11";
const KNOWN: &[&str] = &["me", "no-such-post", "no-such-file"];
const ROUND: &[&str] = &[
    "team", "channel", "upload", "post", "read", "list", "search", "download", "edit", "delete",
    "deleted",
];
const TEAM: &str = "phoenix-conform";

pub(crate) async fn ask(it: &mut Asker<'_>) {
    it.source = SOURCE;
    let ping = Call::get("/api/v4/system/ping");
    it.check("ping", "200 with status OK", ping, |came| {
        came.status(200)?;
        came.holds("/status", &json!("OK"))
    })
    .await;
    let ping = Call::get("/api/v4/system/ping?get_server_status=true");
    let contract = "200 with the states of database and file store, in headers too";
    it.check("ping-whole", contract, ping, |came| {
        came.status(200)?;
        for name in ["database_status", "filestore_status"] {
            came.holds(&format!("/{name}"), &json!("OK"))?;
            insist(
                came.header(name) == "OK",
                format!("there is no header {name}"),
            )?;
        }
        Ok(())
    })
    .await;
    let config = Call::get("/api/v4/config/client?format=old");
    let contract = "200 without a login: version, address, whether GitLab lets one in";
    let gitlab = it
        .check("client-config", contract, config, |came| {
            came.status(200)?;
            came.text("/Version")?;
            came.text("/DiagnosticId")?;
            let gitlab = came.text("/EnableSignUpWithGitLab")?;
            insist(
                ["true", "false"].contains(&gitlab.as_str()),
                "it is no flag in words",
            )?;
            Ok(gitlab == "true")
        })
        .await;
    it.check(
        "login-page",
        "a page at /login",
        Call::get("/login"),
        |came| {
            came.status(200)?;
            insist(
                came.header("content-type").starts_with("text/html"),
                "it is no page",
            )
        },
    )
    .await;
    dance(it, gitlab == Some(true)).await;
    refusals(it).await;
    if let Some(token) = it.secret("an access token of a system administrator", KNOWN) {
        known(it, &token).await;
        if it.writes(ROUND) {
            round(it, &token).await;
        }
    } else if !it.target.writes {
        it.writes(ROUND);
    }
}

/// An error as the API writes it.
fn error(came: &Came, status: u16) -> Judged<String> {
    came.status(status)?;
    came.holds("/status_code", &json!(status))?;
    came.text("/message")?;
    came.text("/request_id")?;
    came.text("/id")
}

async fn dance(it: &mut Asker<'_>, gitlab: bool) {
    let contract = "302 to the provider: a code is asked for and comes back to \
                    /signup/gitlab/complete; the state is JSON in base64, and a cookie holds it";
    if !gitlab {
        return it.not_asked(
            "oauth-entry",
            contract,
            "no GitLab provider is set up there",
        );
    }
    let begin = Call::get("/oauth/gitlab/login").browsing();
    it.check("oauth-entry", contract, begin, |came| {
        came.status(302)?;
        insist(came.sets("MMOAUTH"), "it sets no cookie MMOAUTH")?;
        insist(
            came.leads_with("response_type")? == "code",
            "no code is asked for",
        )?;
        came.leads_with("client_id")?;
        let back = came.leads_with("redirect_uri")?;
        insist(
            back.ends_with("/signup/gitlab/complete"),
            "it comes back elsewhere",
        )?;
        let state = STANDARD.decode(came.leads_with("state")?).ok();
        let state = state.and_then(|state| serde_json::from_slice::<Value>(&state).ok());
        insist(
            state.is_some_and(|state| state["action"].is_string() && state["token"].is_string()),
            "the state is no JSON in base64 with action and token",
        )
    })
    .await;
}

async fn refusals(it: &mut Asker<'_>) {
    let contract = "401 with id, message, status_code and request_id";
    let me = || Call::get("/api/v4/users/me");
    it.check("no-token", contract, me(), |came| error(came, 401))
        .await;
    let wrong = me().header("authorization", "Bearer abcdefghijklmnopqrstuvwxyz");
    it.check("wrong-token", contract, wrong, |came| error(came, 401))
        .await;
    let login = json!({"login_id": "nobody@conform.invalid", "password": "not the password"});
    let login = Call::post("/api/v4/users/login").json(login);
    it.check("wrong-password", contract, login, |came| error(came, 401))
        .await;
    let nowhere = Call::get("/api/v4/no_such_endpoint");
    it.check(
        "no-such-path",
        "404 with id api.context.404.app_error",
        nowhere,
        |came| {
            let id = error(came, 404)?;
            insist(id == "api.context.404.app_error", format!("the id is {id}"))
        },
    )
    .await;
}

async fn known(it: &mut Asker<'_>, token: &str) {
    let get = |path: &str| Call::get(path).header("authorization", format!("Bearer {token}"));
    it.check(
        "me",
        "200 with one's own account",
        get("/api/v4/users/me"),
        |came| {
            came.status(200)?;
            let id = came.text("/id")?;
            insist(id.len() == 26, "its id is not of 26 characters")?;
            came.text("/email")?;
            came.text("/roles").map(|_| ())
        },
    )
    .await;
    let nothing = get("/api/v4/posts/abcdefghijklmnopqrstuvwxyz");
    it.check(
        "no-such-post",
        "404 in the form of errors",
        nothing,
        |came| error(came, 404),
    )
    .await;
    let nothing = get("/api/v4/files/abcdefghijklmnopqrstuvwxyz");
    it.check(
        "no-such-file",
        "404 in the form of errors",
        nothing,
        |came| error(came, 404),
    )
    .await;
}

/// Written, read back, listed, searched for, found gone.
async fn round(it: &mut Asker<'_>, token: &str) {
    let bearer = format!("Bearer {token}");
    let call = |method: Method, path: String| {
        Call::new(method, format!("/api/v4{path}")).header("authorization", bearer.as_str())
    };
    let Some((team, channel)) = place(it, &call).await else {
        return;
    };
    let bytes: Vec<u8> = unique().into_bytes().repeat(64);
    let upload = call(Method::POST, "/files".to_owned());
    let upload = upload.file("files", "conform.bin", &bytes, &[("channel_id", &channel)]);
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let file = it.check(
        "upload",
        "201 with the file's id and size",
        upload,
        |came| {
            came.status(201)?;
            came.holds("/file_infos/0/size", &json!(size))?;
            came.text("/file_infos/0/id")
        },
    );
    let file = file.await;
    let marker = unique();
    let files: Vec<&String> = file.iter().collect();
    let new = json!({"channel_id": channel, "message": marker, "file_ids": files});
    let post = call(Method::POST, "/posts".to_owned()).json(new);
    let id = it.check("post", "201 with the post", post, |came| {
        came.status(201)?;
        came.holds("/message", &json!(marker))?;
        came.number("/create_at")?;
        came.text("/id")
    });
    let Some(id) = id.await else { return };
    let one = || format!("/posts/{id}");
    it.check(
        "read",
        "200 with the text as it was written",
        call(Method::GET, one()),
        |came| {
            came.status(200)?;
            came.holds("/message", &json!(marker))
        },
    )
    .await;
    let list = call(Method::GET, format!("/channels/{channel}/posts"));
    it.check(
        "list",
        "200; it is among the posts of its channel",
        list,
        |came| {
            came.status(200)?;
            came.holds(&format!("/posts/{id}/message"), &json!(marker))
        },
    )
    .await;
    let search = call(Method::POST, format!("/teams/{team}/posts/search"));
    let search = search.json(json!({"terms": format!("\"{marker}\""), "is_or_search": false}));
    it.check("search", "200; its words find it", search, |came| {
        came.status(200)?;
        let found = came.list("/order")?.contains(&json!(id));
        insist(found, "the post is not found")
    })
    .await;
    if let Some(file) = file {
        let download = call(Method::GET, format!("/files/{file}"));
        it.check("download", "200 with the very bytes", download, |came| {
            came.status(200)?;
            insist(came.bytes == bytes, "the bytes are others")
        })
        .await;
    }
    let edit = call(Method::PUT, format!("{}/patch", one())).json(json!({"message": "changed"}));
    it.check("edit", "200 with the post as it is now", edit, |came| {
        came.status(200)?;
        came.holds("/message", &json!("changed"))
    })
    .await;
    let gone = it.check("delete", "200", call(Method::DELETE, one()), |came| {
        came.status(200)
    });
    if gone.await.is_none() {
        it.leaves(format!("a post in the channel {TEAM}"));
    }
    let contract = "a deleted post is 404";
    it.check("deleted", contract, call(Method::GET, one()), |came| {
        error(came, 404)
    })
    .await;
    it.leaves(format!(
        "{} bytes of a file whose post is deleted",
        bytes.len()
    ));
}

/// A team and a channel in it: the ones of an earlier round, or new ones.
async fn place(
    it: &mut Asker<'_>,
    call: &impl Fn(Method, String) -> Call,
) -> Option<(String, String)> {
    let of = |came: &Came| -> Judged<String> {
        match came.status {
            // An earlier round made it.
            400 => error(came, 400).map(|_| String::new()),
            _ => {
                came.status(201)?;
                came.text("/id")
            }
        }
    };
    let new = json!({"name": TEAM, "display_name": "Conform", "type": "O"});
    let contract = "201 with its id; a name that is taken is 400";
    let create = call(Method::POST, "/teams".to_owned()).json(new);
    let mut team = it.check("team", contract, create, of).await?;
    it.leaves(format!("the team {TEAM} with a channel of that name"));
    if team.is_empty() {
        team = known_id(it, call(Method::GET, format!("/teams/name/{TEAM}"))).await?;
    }
    let new = json!({"team_id": team, "name": TEAM, "display_name": "Conform", "type": "O"});
    let create = call(Method::POST, "/channels".to_owned()).json(new);
    let mut channel = it.check("channel", contract, create, of).await?;
    if channel.is_empty() {
        let path = format!("/teams/{team}/channels/name/{TEAM}");
        channel = known_id(it, call(Method::GET, path)).await?;
    }
    Some((team, channel))
}

async fn known_id(it: &mut Asker<'_>, call: Call) -> Option<String> {
    it.check("by-name", "200 with what has that name", call, |came| {
        if came.status == 403 {
            return Err(Not::Asked(
                "it is of an account that this one is not".to_owned(),
            ));
        }
        came.status(200)?;
        came.text("/id")
    })
    .await
}
