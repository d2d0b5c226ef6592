//! Variables, secrets, phases, the first organisation.

use phoenix_understudies::platform::BootError;

use super::server::{OWNER, Stack, until};

async fn words(stack: &Stack) -> String {
    match stack.try_start().await.err() {
        Some(BootError::Configuration(words)) => words,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn names_of_before_are_told_what_replaced_them() {
    for (old, new) in [
        ("DB_HOST", "SETTING_REMOTE_POSTGRES_HOST"),
        ("DB_USER", "CONFIG_postgresql__database_user"),
        ("DISABLE_HTTPS", "CERTIFICATES"),
        ("SSL_CERTIFICATE_GENERATION", "CERTIFICATES"),
    ] {
        let mut stack = Stack::new();
        stack.machine.set(old, "anything");
        let expected = format!("'{old}' was replaced by '{new}' in 12.x");
        assert_eq!(words(&stack).await, expected);
    }
    let mut stack = Stack::new();
    stack.machine.set("NGINX_WORKERS", "2");
    let told = words(&stack).await;
    assert!(
        told.starts_with("'NGINX_WORKERS' was replaced by '"),
        "{told}"
    );
}

#[tokio::test]
async fn what_is_missing_or_no_value_ends_the_start() {
    for name in ["SETTING_EXTERNAL_HOST", "SETTING_ZULIP_ADMINISTRATOR"] {
        let mut stack = Stack::new();
        stack.machine.env.remove(name);
        assert_eq!(words(&stack).await, format!("{name} is not set"));
        stack.machine.set(name, "");
        assert_eq!(words(&stack).await, format!("{name} is not set"));
    }
    let mut stack = Stack::new();
    stack.machine.set("CERTIFICATES", "letsencrypt");
    assert_eq!(
        words(&stack).await,
        "Unknown value for CERTIFICATES: letsencrypt"
    );
    let mut stack = Stack::new();
    stack.machine.set("SECRETS_secret_key", "two\nlines");
    let told = words(&stack).await;
    assert_eq!(told, "ERROR: Secret \"secret_key\" contains a newline!");
    let mut stack = Stack::new();
    stack
        .machine
        .set("ZULIP_AUTH_BACKENDS", "GenericOpenIdConnectBackend");
    let idps = "SETTING_SOCIAL_AUTH_OIDC_ENABLED_IDPS";
    stack
        .machine
        .set(idps, "{'zitadel': {'oidc_url': 'https://id.test'}}");
    let told = words(&stack).await;
    assert!(told.contains("zitadel has no client_id"), "{told}");
}

#[tokio::test]
async fn secrets_are_generated_once_and_a_variable_or_a_file_wins() {
    let mut stack = Stack::new();
    let path = stack.machine.path("data/zulip-secrets.conf");
    let read = || std::fs::read_to_string(&path).unwrap();
    stack.start().await.stop().await;
    let first = read();
    for name in ["secret_key", "avatar_salt", "shared_secret", "camo_key"] {
        assert!(first.contains(&format!("{name} = ")), "{first}");
    }
    stack.start().await.stop().await;
    assert_eq!(read(), first);
    let file = stack.machine.path("key");
    std::fs::write(&file, "from a file\n").unwrap();
    stack
        .machine
        .set("SECRETS_secret_key_FILE", file.to_str().unwrap());
    stack.machine.set("SECRETS_camo_key", "from a variable");
    stack.start().await.stop().await;
    let given = read();
    assert!(given.contains("secret_key = from a file\n"), "{given}");
    assert!(given.contains("camo_key = from a variable\n"), "{given}");
    assert!(!given.contains("_FILE"), "{given}");
    stack.machine.rob("data");
    stack.machine.env.remove("SECRETS_camo_key");
    stack.start().await.stop().await;
    assert!(!read().contains("camo_key = from a variable"));
}

#[tokio::test]
async fn without_an_organisation_only_health_is_well() {
    let stack = Stack::new();
    let mut server = stack.start().await;
    let home = server.get("/").await;
    assert_eq!(home.status, 404);
    let words = "There is no Zulip organization at this URL";
    assert!(home.text.contains(words), "{}", home.text);
    assert_eq!(server.get("/health").await.status, 200);
    let settings = server.get("/api/v1/server_settings").await.good();
    assert_eq!(settings["zulip_version"], "12.1");
    assert!(settings.get("realm_name").is_none(), "{settings}");
    let refused = server.password(OWNER, "anything").await;
    assert_eq!(refused.refused(404).0, "NONEXISTENT_SUBDOMAIN");
    server.key = "a key of before".to_owned();
    let refused = server.api("GET", "/users/me", &[]).await;
    assert_eq!(refused.refused(401).0, "INVALID_API_KEY");
}

#[tokio::test]
async fn an_organisation_is_made_once() {
    let stack = Stack::new();
    let server = stack.settled().await;
    assert_eq!(stack.create_realm().await, Ok(false));
    assert_eq!(
        server.one("SELECT COUNT(*) FROM zerver_userprofile").await,
        1
    );
    let settings = server.get("/api/v1/server_settings").await.good();
    assert_eq!(
        (&settings["realm_name"], &settings["realm_url"]),
        (&"Drills".into(), &"http://chat.test".into())
    );
    let home = server.get("/").await;
    assert_eq!(home.status, 302, "to the login page");
    let me = server.api("GET", "/users/me", &[]).await.good();
    assert_eq!(
        (&me["is_owner"], &me["is_admin"]),
        (&true.into(), &true.into())
    );
}

#[tokio::test]
async fn an_organisation_is_made_whole_or_not_at_all() {
    let stack = Stack::new();
    let server = stack.start().await;
    server
        .execute("DROP TABLE zerver_realmauditlog", Vec::new())
        .await;
    assert!(stack.create_realm().await.is_err());
    assert_eq!(server.one("SELECT COUNT(*) FROM zerver_realm").await, 0);
}

#[tokio::test]
async fn without_the_dictionary_nothing_is_migrated() {
    let mut stack = Stack::new();
    stack.machine.behaviour.dictionary = false;
    let server = stack.try_start().await.unwrap();
    let told = || {
        let lines = server.running.log.lines();
        lines.iter().any(|line| line.contains("migration failed"))
    };
    until(async || told()).await;
    let lines = server.running.log.lines();
    assert!(
        lines.iter().any(|line| line.contains("en_us.dict")),
        "{lines:?}"
    );
    assert_eq!(server.get("/health").await.status, 502);
}
