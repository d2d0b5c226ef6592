//! Seeded faults: each is caught with the right verdict, each has been seen to bite, and the same
//! run without it raises nothing.

use phoenix_evidence::finding::{CheckKind, Outcome, Subject};

use crate::support::{Ran, cycle, cycle_keeping, shipped_document};

/// A cycle under `target` with a fault before the destroy and one before the restore. The wiki's
/// uploads are backed up, not carried away as they come: a backup is what most faults damage.
fn with(before_destroy: &str, before_restore: &str) -> Ran {
    let inject = |fault: &str| {
        if fault.is_empty() {
            String::new()
        } else {
            format!("  - inject: {{ {fault} }}\n")
        }
    };
    let scenario = format!(
        "scenario: sabotage\nsteps:\n  - backup: all\n  - seed: {{ canaries: 8, pairs: 4, \
         overwritten: 2, deleted: 2 }}\n  - backup: all\n{}  - destroy: all\n  - rebuild: all\n{}  \
         - restore: all\n  - check: [health, login, survival, fingerprint]\n",
        inject(before_destroy),
        inject(before_restore)
    );
    cycle_keeping(&scenario, "bookstack-uploads", "{ logical: { every: 1h } }")
}

/// A cycle under `target` with a fault after everything is restored.
fn with_after(fault: &str) -> Ran {
    let scenario = format!(
        "scenario: sabotage\nsteps:\n  - seed: {{ canaries: 8, pairs: 4, overwritten: 2, deleted: 2 \
         }}\n  - backup: all\n  - destroy: all\n  - rebuild: all\n  - restore: all\n  - inject: {{ \
         {fault} }}\n  - check: [health, login, survival, fingerprint]\n"
    );
    cycle(&scenario, "target", &shipped_document())
}

fn caught(ran: &Ran, what: &str) {
    assert!(
        !ran.view.faults.is_empty(),
        "{what}: no fault was journaled"
    );
    for (fault, bitten, proof) in &ran.view.faults {
        assert_eq!(*bitten, Some(true), "{fault} has not bitten: {proof}");
    }
    assert_ne!(ran.view.recovery(), "recovered", "{what} went unseen");
}

/// And the document says nothing of it: a regression, not an admitted gap. (That uploads are lost
/// is admitted, so a lost upload alone agrees with the document.)
fn is_news(ran: &Ran, what: &str) {
    caught(ran, what);
    assert_ne!(ran.exit(), 0, "{what}: the document says nothing of it");
}

#[test]
fn without_a_fault_nothing_is_raised() {
    let ran = with("", "");
    assert_eq!(ran.view.recovery(), "recovered", "{}", ran.view.sentence());
    assert_eq!(ran.exit(), 0);
}

#[test]
fn an_empty_backup_loses_everything() {
    let ran = with("empty-backup: bookstack-uploads", "");
    caught(&ran, "an empty backup");
    assert!(ran.count("bookstack-uploads", "dangling") > 0);
    assert!(ran.failed("fingerprint-differs"));
}

#[test]
fn a_truncated_backup_is_refused_by_its_digest() {
    let ran = with("truncate-backup: bookstack-db", "");
    is_news(&ran, "a truncated backup");
    assert!(ran.failed("restore-failed"));
}

#[test]
fn a_stale_backup_is_a_hole_and_no_window() {
    let ran = with("stale-backup: bookstack-uploads", "");
    caught(&ran, "a stale backup");
    assert!(ran.count("bookstack-uploads", "lost") > 0);
}

#[test]
fn another_databases_backup_is_not_this_ones() {
    let ran = with(
        "wrong-source: { store: bookstack-db, from: zitadel-db }",
        "",
    );
    is_news(&ran, "the wrong database");
    assert!(ran.failed("fingerprint-differs"));
}

#[test]
fn a_store_that_was_never_destroyed_is_unverifiable() {
    let ran = with("keep-vessel: bookstack-uploads", "");
    assert_ne!(ran.view.recovery(), "recovered");
    assert!(ran.count("bookstack-uploads", "unverifiable") > 0);
    assert_eq!(ran.count("bookstack-uploads", "survived"), 0);
}

#[test]
fn a_table_that_is_missing_is_named() {
    let ran = with(
        "",
        "drop-table: { store: bookstack-db, table: attachments }",
    );
    is_news(&ran, "a missing table");
    assert!(ran.failed("fingerprint-differs"));
    assert!(ran.says("attachments"), "the missing table has a name");
}

#[test]
fn an_empty_database_under_a_healthy_service_is_seen() {
    let ran = with("", "wipe: bookstack-db");
    is_news(&ran, "a wiped database");
    assert!(ran.count("bookstack-db", "lost") > 0);
    assert_eq!(ran.count("bookstack-db", "survived"), 0);
}

#[test]
fn changed_bytes_are_corrupted() {
    let ran = with("", "corrupt: bookstack-uploads");
    is_news(&ran, "changed bytes");
    assert!(ran.count("bookstack-uploads", "corrupted") > 0);
}

#[test]
fn rows_without_files_dangle() {
    let ran = with("", "drop-files: bookstack-uploads");
    caught(&ran, "rows without files");
    assert!(ran.count("bookstack-uploads", "dangling") > 0);
}

#[test]
fn recovery_points_that_disappear_are_missed() {
    let ran = with("delete-points: bookstack-uploads", "");
    caught(&ran, "recovery points gone");
    assert!(ran.count("bookstack-uploads", "lost") > 0);
}

#[test]
fn a_changed_key_is_named() {
    let ran = with("", "regenerate: zitadel/masterkey");
    assert_eq!(ran.view.recovery(), "not-recovered");
    assert!(ran.count("zitadel-db", "undecryptable") > 0);
    assert!(ran.failed("key-changed") && ran.failed("login-failed"));
}

/// A dump holds no roles: the server that it is loaded into was made with the new password.
#[test]
fn a_new_password_does_no_harm_where_databases_come_back_from_dumps() {
    let scenario = "scenario: passwords\nsteps:\n  - seed: { canaries: 8, pairs: 2 }\n  - backup: all\n  \
                    - destroy: all\n  - inject: { regenerate: mattermost/db-password }\n  - rebuild: all\n  \
                    - restore: all\n  - check: [health, login, survival, fingerprint]\n";
    let ran = cycle(scenario, "target", &shipped_document());
    assert_eq!(ran.view.recovery(), "recovered", "{}", ran.view.sentence());
    let subject = Subject::Secret("mattermost/db-password".to_owned());
    let shown = ran
        .view
        .results
        .iter()
        .find(|result| result.subject == subject);
    let shown = shown.expect("it was shown to the database");
    assert_eq!(shown.outcome, Outcome::Pass, "{}", shown.summary);
    assert!(shown.summary.contains("lets in"), "{}", shown.summary);
}

/// Every page and file reads the same under the new key, and everybody else logs in: only what the
/// key sealed tells of it.
#[test]
fn a_changed_application_key_is_named_and_the_pages_survive() {
    let ran = with("", "regenerate: bookstack/app-key");
    caught(&ran, "a changed application key");
    assert_eq!(ran.view.recovery(), "not-recovered");
    assert!(ran.count("bookstack-db", "undecryptable") >= 1);
    assert_eq!(ran.survival_of("bookstack/app-key"), [Outcome::Fail]);
    assert_eq!(ran.survival_of("zitadel/masterkey"), [Outcome::Pass]);
    for verdict in ["lost", "dangling", "corrupted", "unreachable"] {
        assert_eq!(ran.total(verdict), 0, "{verdict}");
    }
    for kind in ["wiki/page", "wiki/page-with-attachment"] {
        let verdicts = ran.verdicts_of(kind);
        assert!(verdicts.contains_key("survived"), "{kind}: {verdicts:?}");
        assert!(!verdicts.contains_key("undecryptable"), "{kind}");
    }
    assert!(ran.failed("key-changed") && !ran.failed("login-failed"));
}

/// Nobody comes as far as the code, and no key is to blame for it: that is unknown, in the store
/// too.
#[test]
fn second_factors_behind_a_stopped_provider_are_unknown() {
    let ran = with_after("stop: zitadel");
    is_news(&ran, "a stopped provider");
    let verdicts = ran.verdicts_of("wiki/second-factor");
    assert_eq!(verdicts.keys().collect::<Vec<_>>(), ["unreachable"]);
    assert_eq!(ran.survival_of("bookstack/app-key"), [Outcome::Unknown]);
    assert_eq!(ran.survival_of("bookstack-db"), [Outcome::Unknown]);
}

#[test]
fn a_provider_that_was_built_anew_has_twins() {
    let ran = with("", "rebuild-provider: zitadel");
    is_news(&ran, "a provider built anew");
    assert!(
        ran.failed("login-failed"),
        "a twin with the same name logs in"
    );
    assert!(ran.count("zitadel-db", "lost") > 0);
}

#[test]
fn deleted_data_that_is_back_is_resurrected() {
    let ran = with("", "resurrect: bookstack-db");
    is_news(&ran, "deleted data");
    assert!(ran.count("bookstack-db", "resurrected") > 0);
}

#[test]
fn a_database_that_was_restored_twice_has_duplicates() {
    let ran = with("", "restore-twice: bookstack-db");
    is_news(&ran, "a second restore");
    assert!(ran.count("bookstack-db", "duplicated") > 0);
}

#[test]
fn files_without_rows_are_orphans() {
    let ran = with("", "drop-rows: bookstack-db");
    is_news(&ran, "rows that are gone");
    assert!(ran.count("bookstack-db", "lost") > 0);
}

#[test]
fn a_counter_that_was_not_restored_is_seen() {
    let ran = with("", "reset-counters: bookstack-db");
    is_news(&ran, "a counter that begins again");
    assert!(ran.failed("fingerprint-differs"));
}

#[test]
fn a_clock_that_moved_back_is_seen() {
    let ran = with("", "shift-clock: { service: zitadel, back: 2h }");
    is_news(&ran, "a clock that moved");
    assert!(ran.failed("login-failed"));
}

#[test]
fn a_strangers_certificate_is_shown_and_refused() {
    let ran = with_after("certificate: wiki");
    is_news(&ran, "a stranger's certificate");
    assert!(ran.failed("certificate-unknown-issuer"));
    assert!(ran.says("issuer CN=phoenix run stranger"));
    let refused =
        ran.view.results.iter().filter(|result| {
            result.check == CheckKind::Certificate && result.outcome != Outcome::Pass
        });
    let subjects: Vec<_> = refused.map(|result| result.subject.clone()).collect();
    assert_eq!(subjects, [Subject::Service("wiki".to_owned())]);
}

#[test]
fn a_service_that_stays_down_is_seen() {
    let ran = with_after("stop: wiki");
    is_news(&ran, "a stopped service");
    assert!(ran.failed("unhealthy") || ran.failed("not-answering"));
}

#[test]
fn a_store_that_does_not_outlive_a_restart_is_seen() {
    let scenario = "scenario: sabotage
steps:
  - seed: { canaries: 8, pairs: 4 }
  - backup: all
  - destroy: all
  - rebuild: all
  - restore: all
  - inject: { volatile: mattermost-db }
  - check: [health, login, survival, fingerprint, restart]
";
    let ran = cycle(scenario, "target", &shipped_document());
    is_news(&ran, "a store that was never mounted");
    assert!(ran.failed("not-kept"), "{}", ran.view.sentence());
    assert_eq!(ran.total("lost"), 0, "all was there before the restart");
    let without = scenario.replace("  - inject: { volatile: mattermost-db }\n", "");
    let ran = cycle(&without, "target", &shipped_document());
    assert_eq!(ran.view.recovery(), "recovered", "{}", ran.view.sentence());
}

#[test]
fn a_cache_that_outlives_the_destroy_is_seen() {
    // It may be lost, and here it was not: what it serves is from before the disaster.
    let ran = with("keep-vessel: zulip-memcached", "");
    caught(&ran, "an old cache");
    assert_eq!(ran.view.recovery(), "unknown", "{}", ran.view.sentence());
    assert!(ran.failed("not-proven-destroyed"));
}

#[test]
fn a_file_system_under_a_sidecar_that_was_never_destroyed_is_unverifiable() {
    let ran = with("keep-vessel: zulip-efs", "");
    caught(&ran, "an old file system");
    assert!(ran.count("zulip-efs", "unverifiable") > 0);
    assert_eq!(ran.count("zulip-efs", "survived"), 0);
}
