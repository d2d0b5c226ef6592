//! Zulip's contract.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::json;

use crate::ask::{Asker, Not, insist, unique};
use crate::call::Call;

const SOURCE: &str = "zulip/zulip 12.1";
const ROUND: &[&str] = &[
    "subscribe",
    "upload",
    "send",
    "read",
    "list",
    "upload-address",
    "download",
    "edit",
    "delete",
    "deleted",
];
const CHANNEL: &str = "phoenix-conform";

pub(crate) async fn ask(it: &mut Asker<'_>) {
    it.source = SOURCE;
    it.check(
        "health",
        "200 with result success",
        Call::get("/health"),
        |came| {
            came.status(200)?;
            came.holds("/result", &json!("success"))
        },
    )
    .await;
    let elsewhere = Call::get("/health").header("host", "elsewhere.invalid");
    it.check(
        "health-host",
        "a Host that is not allowed is 400",
        elsewhere,
        |came| {
            // What stands before it has chosen by name already.
            if [404, 421].contains(&came.status) {
                return Err(Not::Asked("a router before it refused the name".to_owned()));
            }
            came.status(400)
        },
    )
    .await;
    let settings = Call::get("/api/v1/server_settings");
    let contract = "200 without a login: version, methods of login, address";
    let oidc = it
        .check("server-settings", contract, settings, |came| {
            came.status(200)?;
            came.holds("/result", &json!("success"))?;
            came.text("/zulip_version")?;
            insist(
                came.json["authentication_methods"].is_object(),
                "no authentication_methods",
            )?;
            insist(
                came.json["zulip_feature_level"].is_u64(),
                "no zulip_feature_level",
            )?;
            came.text("/realm_url")?;
            let external = came.list("/external_authentication_methods")?;
            let login = external.iter().find(|one| {
                one["name"]
                    .as_str()
                    .is_some_and(|name| name.starts_with("oidc:"))
            });
            Ok(login
                .and_then(|one| one["login_url"].as_str())
                .map(str::to_owned))
        })
        .await
        .flatten();
    it.check(
        "login-page",
        "a page at /login/",
        Call::get("/login/"),
        |came| {
            came.status(200)?;
            insist(
                came.header("content-type").starts_with("text/html"),
                "it is no page",
            )
        },
    )
    .await;
    dance(it, oidc).await;
    refusals(it).await;
    let kind = "E-MAIL:API-KEY";
    let names = ["me", "members", "missing-argument"];
    if let Some(secret) = it.secret(kind, &names) {
        let basic = format!("Basic {}", STANDARD.encode(secret));
        known(it, &basic).await;
        if it.writes(ROUND) {
            round(it, &basic).await;
        }
    } else if !it.target.writes {
        it.writes(ROUND);
    }
}

/// The way into a login by OpenID Connect, up to the provider's door.
async fn dance(it: &mut Asker<'_>, oidc: Option<String>) {
    let contract = "302 to /login/oidc/, and from there to the provider: a code is asked for, with \
                    state and nonce, and comes back to /complete/oidc/";
    let Some(login) = oidc else {
        return it.not_asked(
            "oidc-entry",
            contract,
            "no OpenID Connect provider is set up there",
        );
    };
    let door = it.check(
        "oidc-begin",
        "302 to /login/oidc/",
        Call::get(login).browsing(),
        |came| {
            came.status(302)?;
            let location = came.header("location").to_owned();
            insist(location.contains("/login/oidc/"), "it leads elsewhere")?;
            Ok(location)
        },
    );
    let Some(door) = door.await else {
        return it.not_asked("oidc-entry", contract, "the way in did not begin");
    };
    it.check("oidc-entry", contract, Call::get(door).browsing(), |came| {
        came.status(302)?;
        insist(
            came.leads_with("response_type")? == "code",
            "no code is asked for",
        )?;
        insist(
            came.leads_with("scope")?.contains("openid"),
            "the scope is not openid's",
        )?;
        came.leads_with("client_id")?;
        came.leads_with("state")?;
        came.leads_with("nonce")?;
        let back = came.leads_with("redirect_uri")?;
        insist(back.ends_with("/complete/oidc/"), "it comes back elsewhere")
    })
    .await;
}

async fn refusals(it: &mut Asker<'_>) {
    let me = || Call::get("/api/v1/users/me");
    it.check(
        "no-key",
        "401 with result error and code UNAUTHORIZED",
        me(),
        |came| {
            came.status(401)?;
            came.holds("/result", &json!("error"))?;
            came.holds("/code", &json!("UNAUTHORIZED"))?;
            came.text("/msg").map(|_| ())
        },
    )
    .await;
    let wrong = format!(
        "Basic {}",
        STANDARD.encode("nobody@conform.invalid:0123456789abcdef")
    );
    let wrong = me().header("authorization", wrong);
    it.check(
        "wrong-key",
        "401 with code INVALID_API_KEY",
        wrong,
        |came| {
            came.status(401)?;
            came.holds("/result", &json!("error"))?;
            came.holds("/code", &json!("INVALID_API_KEY"))
        },
    )
    .await;
    let fields = [
        ("username", "nobody@conform.invalid"),
        ("password", "not the password"),
    ];
    let password = Call::post("/api/v1/fetch_api_key").form(&fields);
    let contract = "401 with code AUTHENTICATION_FAILED, or PASSWORD_AUTH_DISABLED";
    it.check("wrong-password", contract, password, |came| {
        came.status(401)?;
        came.holds("/result", &json!("error"))?;
        let code = came.at("/code");
        insist(
            ["AUTHENTICATION_FAILED", "PASSWORD_AUTH_DISABLED"].contains(&code),
            format!("the code is {code}"),
        )
    })
    .await;
    let nowhere = Call::get("/api/v1/no_such_endpoint");
    it.check("no-such-path", "404 with result error", nowhere, |came| {
        came.status(404)?;
        came.holds("/result", &json!("error"))
    })
    .await;
}

async fn known(it: &mut Asker<'_>, basic: &str) {
    let me = Call::get("/api/v1/users/me").header("authorization", basic);
    it.check("me", "200 with one's own account", me, |came| {
        came.status(200)?;
        came.number("/user_id")?;
        came.text("/email").map(|_| ())
    })
    .await;
    let members = Call::get("/api/v1/users").header("authorization", basic);
    it.check("members", "200 with a list of members", members, |came| {
        came.status(200)?;
        insist(
            !came.list("/members")?.is_empty(),
            "not even the caller is a member",
        )
    })
    .await;
    let nothing = Call::post("/api/v1/messages").header("authorization", basic);
    let contract = "400 with code REQUEST_VARIABLE_MISSING";
    it.check(
        "missing-argument",
        contract,
        nothing.form(&[("to", "x")]),
        |came| {
            came.status(400)?;
            came.holds("/result", &json!("error"))?;
            came.holds("/code", &json!("REQUEST_VARIABLE_MISSING"))
        },
    )
    .await;
}

/// Written, read back, listed, found gone.
async fn round(it: &mut Asker<'_>, basic: &str) {
    let call = |method: Method, path: String| {
        Call::new(method, format!("/api/v1{path}")).header("authorization", basic)
    };
    let channels = json!([{"name": CHANNEL}]).to_string();
    let subscribe = call(Method::POST, "/users/me/subscriptions".to_owned());
    let subscribe = subscribe.form(&[("subscriptions", &channels)]);
    it.check(
        "subscribe",
        "200; a channel that is not there is made",
        subscribe,
        |came| {
            came.status(200)?;
            insist(
                came.json["subscribed"].is_object(),
                "it does not say who was subscribed to what",
            )
        },
    )
    .await;
    it.leaves(format!("the channel {CHANNEL}"));

    let bytes: Vec<u8> = unique().into_bytes().repeat(64);
    let upload = call(Method::POST, "/user_uploads".to_owned());
    let upload = upload.file("file", "conform.bin", &bytes, &[]);
    let contract = "200 with where the file is, below /user_uploads/";
    let file = it
        .check("upload", contract, upload, |came| {
            came.status(200)?;
            let url = came.text(if came.at("/url").is_empty() {
                "/uri"
            } else {
                "/url"
            })?;
            insist(url.starts_with("/user_uploads/"), "it is elsewhere")?;
            Ok(url)
        })
        .await;
    let content = format!("{} [file]({})", unique(), file.as_deref().unwrap_or("none"));
    let fields = [
        ("type", "stream"),
        ("to", CHANNEL),
        ("topic", "conform"),
        ("content", &content),
    ];
    let send = call(Method::POST, "/messages".to_owned()).form(&fields);
    let id = it.check("send", "200 with the message's id", send, |came| {
        came.status(200)?;
        came.number("/id")
    });
    let Some(id) = id.await else { return };
    let one = format!("/messages/{id}");
    let read = call(Method::GET, format!("{one}?apply_markdown=false"));
    it.check(
        "read",
        "200 with the text as it was written",
        read,
        |came| {
            came.status(200)?;
            came.holds("/message/content", &json!(content))
        },
    )
    .await;
    let narrow = json!([{"operator": "channel", "operand": CHANNEL}]).to_string();
    let narrow: String = url::form_urlencoded::byte_serialize(narrow.as_bytes()).collect();
    let list = format!("/messages?anchor=newest&num_before=10&num_after=0&narrow={narrow}");
    it.check(
        "list",
        "200; it is in the list of its channel",
        call(Method::GET, list),
        |came| {
            came.status(200)?;
            let found = came
                .list("/messages")?
                .iter()
                .any(|message| message["id"] == id);
            insist(found, "the message is not in the list")
        },
    )
    .await;
    if let Some(file) = file {
        let contract = "200 with an address that is good for a moment";
        let address = it.check(
            "upload-address",
            contract,
            call(Method::GET, file),
            |came| {
                came.status(200)?;
                came.text("/url")
            },
        );
        if let Some(address) = address.await {
            it.check(
                "download",
                "200 with the very bytes",
                Call::get(address),
                |came| {
                    came.status(200)?;
                    insist(came.bytes == bytes, "the bytes are others")
                },
            )
            .await;
        }
    }
    let edit = call(Method::PATCH, one.clone()).form(&[("content", "changed")]);
    it.check("edit", "200", edit, |came| came.status(200)).await;
    let delete = call(Method::DELETE, one.clone());
    let gone = it
        .check("delete", "200", delete, |came| came.status(200))
        .await;
    if gone.is_none() {
        it.leaves(format!("a message in {CHANNEL}"));
    }
    it.check(
        "deleted",
        "a deleted message is 400",
        call(Method::GET, one),
        |came| {
            came.status(400)?;
            came.holds("/result", &json!("error"))
        },
    )
    .await;
    it.leaves(format!(
        "an upload of {} bytes, until the server removes unused ones",
        bytes.len()
    ));
}
