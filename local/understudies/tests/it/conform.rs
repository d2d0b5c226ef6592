//! The understudies, held to the very checks that `phoenix conform` asks of the upstream images.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::net::SocketAddr;

use phoenix_conform::{Application, Report, Target, Verdict, conform};
use phoenix_understudies::shared::client::install_crypto;

use crate::support::provider::Provider;
use crate::support::tls::Front;
use crate::{bookstack, mattermost, zitadel, zulip};

async fn asked(application: Application, target: &Target) -> Report {
    install_crypto();
    conform(application, target, &mut |_| {}).await
}

/// Insists that each check conforms, that nothing was left out, and that there were so many.
fn whole(report: &Report, checks: usize) {
    let others: Vec<_> = report
        .checks
        .iter()
        .filter(|check| check.verdict != Verdict::Conforms)
        .collect();
    assert!(report.conforms(), "{others:#?}");
    assert!(report.left_out.is_empty(), "{:?}", report.left_out);
    assert_eq!(report.checks.len(), checks);
}

#[tokio::test]
async fn zitadel_conforms() {
    let machine = zitadel::server::machine();
    let server = zitadel::server::start(&machine).await;
    let front = &server.front;
    let target = Target::new(
        zitadel::server::ISSUER,
        Some(front.address),
        Some(front.pem.as_bytes()),
    );
    let target = target.unwrap().with_secret(&server.pat).with_writes();
    let report = asked(Application::Zitadel, &target).await;
    whole(&report, 30);
    assert!(report.leaves.is_empty(), "{:?}", report.leaves);
}

#[tokio::test]
async fn bookstack_conforms() {
    let setting = bookstack::dance::setting().await;
    let wiki = bookstack::wiki::start(&setting.stack).await;
    wiki.plant_admin_token().await;
    let target = Target::new("http://wiki.test", Some(wiki.running.address), None).unwrap();
    let target = target
        .with_secret("canary:secret-of-the-canary")
        .with_writes();
    let report = asked(Application::BookStack, &target).await;
    whole(&report, 22);
    // It is what the API leaves: the recycle bin is a person's to empty.
    assert_eq!(report.leaves.len(), 1, "{:?}", report.leaves);
}

#[tokio::test]
async fn mattermost_conforms() {
    let mut machine = mattermost::server::machine();
    for (name, value) in [
        ("ENABLE", "true"),
        ("ID", "client"),
        ("SECRET", "the secret"),
        ("SCOPE", "profile email"),
        ("AUTHENDPOINT", "https://id.test/authorize"),
        ("TOKENENDPOINT", "https://id.test/token"),
        ("USERAPIENDPOINT", "https://id.test/userinfo"),
    ] {
        machine.set(&format!("MM_GITLABSETTINGS_{name}"), value);
    }
    let mut server = mattermost::server::start(&machine).await;
    server.settle().await;
    let target = target_at(server.running.address, &server.token);
    whole(&asked(Application::Mattermost, &target).await, 23);
    // What it leaves behind is in nobody's way the next time.
    let again = asked(Application::Mattermost, &target).await;
    whole(&again, 25);
}

#[tokio::test]
async fn zulip_conforms() {
    let provider = Provider::start("https://chat.test/complete/oidc/").await;
    let mut stack = zulip::server::Stack::new();
    for (name, value) in [
        ("CERTIFICATES", "manual"),
        (
            "ZULIP_AUTH_BACKENDS",
            "EmailAuthBackend,GenericOpenIdConnectBackend",
        ),
        (
            "SETTING_SOCIAL_AUTH_OIDC_ENABLED_IDPS",
            "{'zitadel': {'oidc_url': 'https://id.test', 'display_name': 'Zitadel', \
             'client_id': 'client', 'secret': 'the secret', 'auto_signup': True}}",
        ),
    ] {
        stack.machine.set(name, value);
    }
    stack.machine.resolver.set("id.test", provider.address);
    stack.machine.trust_pem = vec![provider.pem.clone()];
    let server = stack.settled().await;
    let front = Front::start("chat.test", server.running.address).await;
    let target = Target::new(
        "https://chat.test",
        Some(front.address),
        Some(front.pem.as_bytes()),
    );
    let secret = format!("{}:{}", zulip::server::OWNER, server.key);
    let target = target.unwrap().with_secret(&secret).with_writes();
    whole(&asked(Application::Zulip, &target).await, 23);
}

fn target_at(address: SocketAddr, secret: &str) -> Target {
    let target = Target::new(&format!("http://{address}"), None, None);
    target.unwrap().with_secret(secret).with_writes()
}

#[tokio::test]
async fn another_application_does_not_conform() {
    let machine = mattermost::server::machine();
    let server = mattermost::server::start(&machine).await;
    let target = target_at(server.running.address, "a:b");
    for other in [
        Application::Zulip,
        Application::Zitadel,
        Application::BookStack,
    ] {
        let report = asked(other, &target).await;
        assert!(!report.conforms(), "{other:?}");
        // Each has a check or two that another server passes: a page at /login, a 401.
        assert!(report.differ() * 2 > report.checks.len(), "{report:#?}");
    }
}

#[tokio::test]
async fn where_nobody_answers_nothing_is_known() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let report = asked(Application::Zulip, &target_at(address, "a:b")).await;
    assert!(!report.conforms());
    assert_eq!(report.differ(), 0, "{report:#?}");
}

#[tokio::test]
async fn without_a_secret_and_without_writes_it_says_what_it_did_not_ask() {
    let machine = mattermost::server::machine();
    let server = mattermost::server::start(&machine).await;
    let url = format!("http://{}", server.running.address);
    let target = Target::new(&url, None, None).unwrap();
    let report = asked(Application::Mattermost, &target).await;
    let unasked: Vec<&str> = report
        .checks
        .iter()
        .filter(|check| matches!(check.verdict, Verdict::NotAsked(_)))
        .map(|check| check.name)
        .collect();
    assert_eq!(
        unasked,
        ["oauth-entry", "me", "no-such-post", "no-such-file"]
    );
    assert!(report.left_out.contains(&"upload"), "{report:#?}");
    assert!(report.leaves.is_empty());
    assert_eq!(report.differ(), 0, "{report:#?}");
}
