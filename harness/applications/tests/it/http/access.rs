//! Signing in, and that nothing of it is ever told.

use phoenix_engine::application::{Action, AppContext, Application, Content, Seen};

use super::{BY_API, BY_PAGES, Canary, context, made, settings};
use crate::books::{Lie, PASSWORD, Server};

/// Everything that a client says of itself while a server says whatever it was sent.
async fn everything_told(app: &dyn Application) -> String {
    let canary = Canary::new(1, false);
    let reference = serde_json::json!({"id": 1});
    let mut told = String::new();
    told.push_str(&format!("{:?}", app.prepare().await));
    told.push_str(&format!(
        "{:?}",
        canary.write(app, Action::Create, 0, None).await
    ));
    told.push_str(&format!("{:?}", canary.read(app, Some(&reference)).await));
    told.push_str(&format!("{:?}", canary.read(app, None).await));
    told.push_str(&format!("{:?}", app.list("entry").await));
    told.push_str(&format!("{:?}", app.health().await));
    told.push_str(&format!("{:?}", app.login().await));
    told.push_str(&format!(
        "{:?}",
        app.first_write("phx-0badcafe-999999").await
    ));
    told
}

#[tokio::test]
async fn no_secret_is_told_even_by_a_server_that_repeats_it() {
    let encoded: String = url::form_urlencoded::byte_serialize(PASSWORD.as_bytes()).collect();
    for description in [
        BY_PAGES.to_owned(),
        BY_API.to_owned(),
        BY_API.replace(
            "      token:\n",
            "      basic: { user: admin, password: \"${secret:books/admin}\" }\n      headers: { \
             x-key: \"${secret:books/admin}\" }\n      token:\n",
        ),
    ] {
        let server = Server::start().await;
        let app = made(context(&server, &description));
        app.prepare().await.expect("it signs in");
        server.lies(Lie::Echo);
        let told = everything_told(app.as_ref()).await;
        let given: Vec<String> = server.with(|books| {
            books
                .tokens
                .iter()
                .chain(books.sessions.keys())
                .cloned()
                .collect()
        });
        assert!(!given.is_empty());
        let basic = "YWRtaW46Y29ycmVjdCBob3JzZSZiYXR0ZXJ5";
        for secret in given
            .iter()
            .map(String::as_str)
            .chain([PASSWORD, &encoded, basic])
        {
            assert!(!told.contains(secret), "{secret} in {told}");
        }
        assert!(told.contains("403"), "the server did answer: {told}");
    }
}

#[tokio::test]
async fn a_password_that_is_wrong_is_said_to_be() {
    for description in [BY_PAGES, BY_API] {
        let server = Server::start().await;
        let mut wrong: AppContext = context(&server, description);
        wrong
            .access
            .insert("secret:books/admin".to_owned(), "not this one".to_owned());
        let error = made(wrong).prepare().await.expect_err("refused");
        assert!(error.unauthorised, "{error:?}");
        assert!(!format!("{error:?}").contains("not this one"), "{error:?}");
    }
}

#[tokio::test]
async fn a_secret_that_nobody_has_is_named() {
    for description in [BY_PAGES, BY_API] {
        let server = Server::start().await;
        let mut without: AppContext = context(&server, description);
        without.access.clear();
        let error = made(without).prepare().await.expect_err("no value");
        assert!(error.why.contains("`secret:books/admin`"), "{error:?}");
    }
}

#[tokio::test]
async fn another_server_is_not_told_who_asks() {
    let moved = |follow: &str| {
        let read = format!("read: {{ get: /moved, payload: body{follow} }}");
        BY_API
            .replace(
                "read: { get: \"/api/entries/${id}\", payload: $.text }",
                &read,
            )
            .replace(
                "health:",
                "login: { via: auth, start: /sso, account: { get: /me, id: $.id } }\n    health:",
            )
    };
    let server = Server::start().await;
    let app = made(context(&server, &moved(", follow: true")));
    app.prepare().await.expect("it signs in");
    let canary = Canary::new(1, false);
    let reading = canary.read(app.as_ref(), None).await;
    assert_eq!(
        reading.parts,
        [Seen::Present(vec![Content::Text("told: 0".to_owned())])]
    );
    let app = made(context(&server, &moved("")));
    let reading = canary.read(app.as_ref(), None).await;
    assert!(
        matches!(reading.parts[0], Seen::Unreachable { .. }),
        "{reading:?}"
    );
}

#[test]
fn a_driver_is_told_what_to_hand_over() {
    let wanted = phoenix_applications::http::wanted(&settings(
        &BY_API.replace("user: admin", "user: \"${env:BOOKS_USER}\""),
    ));
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    assert_eq!(wanted, ["env:BOOKS_USER", "secret:books/admin"]);
}
