//! What the environment file declares, and what is found all the same.

use phoenix_evidence::finding::Outcome;

use crate::support::{cycle_on, shipped_text};

const SHORT: &str = "
scenario: short
steps:
  - seed: { canaries: 6, pairs: 4 }
  - backup: all
  - destroy: all
  - rebuild: all
  - restore: all
  - check: [health, login, survival, fingerprint]
";

/// The environment without the lines that hold these words.
fn without(words: &[&str]) -> String {
    shipped_text()
        .lines()
        .filter(|line| !words.iter().any(|word| line.contains(word)))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn a_vessel_that_nobody_declares_forbids_the_word_recovered() {
    // Mattermost's configuration then grows in its container's own layer.
    let environment = without(&["mattermost-config:", "gap-mattermost-config"])
        .replace("mattermost-files, mattermost-config]", "mattermost-files]")
        .replace(
            "    - { survival: mattermost-config, kinds: [lost, dangling] }\n",
            "",
        )
        .replace(
            "    - { recovery_points: mattermost-config, kinds: [no-backup] }\n",
            "",
        );
    let ran = cycle_on(&environment, SHORT, "target");
    assert!(ran.failed("undeclared"), "{}", ran.view.sentence());
    assert!(ran.says("container layer chat"), "{}", ran.view.sentence());
    assert_ne!(ran.view.recovery(), "recovered");
    assert_eq!(ran.exit(), 1, "it is a finding");
}

#[test]
fn a_stack_that_is_sick_before_anything_burns_is_not_drilled() {
    // A wiki without its key listens and answers every request with an error.
    let environment = shipped_text().replace(
        "env: { API_REQUESTS_PER_MIN: \"100000\" }",
        "env: { API_REQUESTS_PER_MIN: \"100000\", OIDC_ISSUER: \"https://nobody.localhost\" }",
    );
    let ran = cycle_on(&environment, SHORT, "target");
    assert_eq!(ran.exit(), 3, "{}", ran.view.sentence());
    assert!(
        ran.view.survival.is_none(),
        "nothing was burnt, and nothing is claimed"
    );
    let steady = ran
        .view
        .steps
        .iter()
        .find(|step| step.step.id.ends_with("steady-state"))
        .expect("the check of the steady state");
    assert_eq!(steady.ended, "failed");
    assert!(steady.detail.contains("sick"), "{}", steady.detail);
    assert!(steady.detail.contains("known_sick"), "{}", steady.detail);
}

#[test]
fn what_is_declared_as_sick_is_carried_and_only_what_it_touches_is_unknown() {
    let environment = shipped_text().replace(
        "env: { API_REQUESTS_PER_MIN: \"100000\" }",
        "env: { API_REQUESTS_PER_MIN: \"100000\", OIDC_ISSUER: \"https://nobody.localhost\" }",
    ) + "\nknown_sick:\n  wiki: { check: login, because: its provider moved }\n";
    let ran = cycle_on(&environment, SHORT, "target");
    let of = |name: &str| {
        ran.view
            .results
            .iter()
            .filter(|result| format!("{:?}", result.subject).contains(name))
            .map(|result| result.outcome)
            .max()
    };
    assert_eq!(of("\"chat\""), Some(Outcome::Pass));
    assert_eq!(
        of("\"wiki\""),
        Some(Outcome::Unknown),
        "carried, never a pass"
    );
    assert_eq!(ran.count("bookstack-db", "lost"), 0);
    assert_ne!(ran.view.recovery(), "recovered");
}

#[test]
fn a_declared_store_that_stays_empty_forbids_the_word_recovered() {
    // Uploads go to the container's own disk although a bucket is there for them.
    let environment = shipped_text().replace(
        "env: { API_REQUESTS_PER_MIN: \"100000\" }",
        "env: { API_REQUESTS_PER_MIN: \"100000\", STORAGE_TYPE: local }",
    );
    let ran = cycle_on(&environment, SHORT, "target");
    assert!(ran.failed("empty"), "{}", ran.view.sentence());
    assert!(
        ran.says("bookstack-uploads is empty"),
        "{}",
        ran.view.sentence()
    );
    // Where they went, although nothing was there when the stack was looked at first.
    assert!(ran.failed("undeclared"), "{}", ran.view.sentence());
    assert!(ran.says("container layer wiki"), "{}", ran.view.sentence());
    assert_eq!(ran.view.recovery(), "not-recovered");
    assert_eq!(ran.exit(), 1, "it is a finding");
}
