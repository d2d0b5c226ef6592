//! The smaller steps of the language, each on a stack that runs: what they save, what they expect,
//! what they say when it does not come, and that `finally:` runs whatever happened.

use crate::support::{Ran, cycle, shipped_document};

fn ran(steps: &str) -> Ran {
    let scenario = format!("scenario: steps\nsteps:\n{steps}");
    cycle(&scenario, "target", &shipped_document())
}

/// What the journal says of the steps of one kind: how each ended, and its words.
fn ended(ran: &Ran, kind: &str) -> Vec<(String, String)> {
    ran.view
        .steps
        .iter()
        .filter(|step| step.step.id.ends_with(kind))
        .map(|step| (step.ended.clone(), step.detail.clone()))
        .collect()
}

#[test]
fn requests_queries_and_commands_save_what_later_steps_use() {
    let ran = ran("  - http:
      get: https://zulip.localhost/api/v1/server_settings
      expect: { status: 200, json: { $.result: success } }
      save: { version: $.zulip_version }
  - run: { command: [printf, \"v${version}\"], save: said }
  - sql:
      store: zulip-db
      query: \"SELECT 'v12.1' WHERE '${said}' = 'v12.1'\"
      value: v12.1
      rows: 1
  - http:
      post: https://zulip.localhost/api/v1/fetch_api_key
      form: { username: nobody@example.com, password: wrong }
      expect: { status: 401, json: { $.code: AUTHENTICATION_FAILED } }
");
    assert!(!ran.failed("unexpected-answer"), "{}", ran.view.sentence());
    for kind in ["http", "run", "sql"] {
        let steps = ended(&ran, kind);
        assert!(!steps.is_empty(), "{kind}");
        assert!(steps.iter().all(|(how, _)| how == "done"), "{steps:?}");
    }
}

#[test]
fn an_answer_that_is_not_as_expected_is_a_finding() {
    for step in [
        "  - http: { get: https://zulip.localhost/health, expect: { status: 418 } }\n",
        "  - http: { get: https://zulip.localhost/health, expect: { json: { $.result: error } } }\n",
        "  - run: { command: [\"false\"] }\n",
        "  - sql: { store: zulip-db, query: SELECT 1, value: 2 }\n",
        "  - sql: { store: zulip-db, query: SELECT 1, rows: 5 }\n",
    ] {
        let ran = ran(step);
        assert!(ran.failed("unexpected-answer"), "{step}");
        assert_eq!(ran.exit(), 1, "{step}");
    }
}

#[test]
fn a_wait_ends_when_what_it_waits_for_is_there() {
    let ran = ran("  - inject: { stop: wiki }
  - restore: all
  - wait-until: { healthy: wiki, within: 20s }
  - wait-until:
      http: { get: https://docs.localhost/status, expect: { status: 200 } }
      within: 20s
  - wait-until:
      sql: { store: bookstack-db, query: SELECT 7, value: 7 }
      within: 5s
  - check: health
");
    let waits = ended(&ran, "wait-until");
    assert_eq!(waits.len(), 3);
    assert!(waits.iter().all(|(how, _)| how == "done"), "{waits:?}");
}

#[test]
fn a_wait_that_is_over_says_what_it_last_saw() {
    let ran = ran("  - wait-until:
      http: { get: https://docs.localhost/nothing-here, expect: { status: 200 } }
      within: 300ms
  - check: health
");
    let waits = ended(&ran, "wait-until");
    assert_eq!(waits[0].0, "failed", "{waits:?}");
    assert!(waits[0].1.contains("last saw: 404"), "{waits:?}");
    assert_eq!(ran.exit(), 3, "a cycle that was cut short cannot tell");
    assert_eq!(ended(&ran, "check")[0].0, "not-run");
}

#[test]
fn finally_runs_after_a_failure_and_each_of_its_steps_is_tried() {
    let scenario = "scenario: cut-short
steps:
  - run: { command: [printf, kept], save: word }
  - run: { command: [no-such-program-anywhere] }
  - check: health
finally:
  - run: { command: [no-such-program-either] }
  - run: { command: [printf, \"said ${word}\"] }
";
    let ran = cycle(scenario, "target", &shipped_document());
    let runs = ended(&ran, "run");
    let how: Vec<&str> = runs.iter().map(|(how, _)| how.as_str()).collect();
    assert_eq!(how, ["done", "failed", "failed", "done"], "{runs:?}");
    assert!(runs[3].1.contains("said kept"), "{runs:?}");
    assert!(!ran.left, "the stack was reaped");
    let end = ran.view.finished.as_ref().expect("an end");
    assert_eq!(end.exit, 3);
    assert_eq!(end.cleanup, phoenix_evidence::finding::Outcome::Fail);
}

#[test]
fn steps_that_need_nothing_of_each_other_run_at_once() {
    let scenario = "scenario: at-once
steps:
  - run: { command: [sleep, \"1\"] }
    name: one
  - run: { command: [sleep, \"1\"] }
    name: two
    needs: []
  - check: health
    needs: [one, two]
";
    let ran = cycle(scenario, "target", &shipped_document());
    let both: Vec<(f64, f64)> = ran
        .view
        .steps
        .iter()
        .filter(|step| step.step.id.ends_with("run"))
        .map(|step| (step.from_s, step.from_s + step.took_s))
        .collect();
    let (first, second) = (both[0], both[1]);
    assert!(
        first.0.max(second.0) < first.1.min(second.1),
        "{first:?} and {second:?} do not overlap"
    );
}

#[test]
fn an_expectation_that_is_not_met_is_a_finding() {
    let scenario = "scenario: promised
steps:
  - seed: { canaries: 4 }
  - backup: all
  - destroy: all
  - rebuild: all
  - restore: all
  - check: [health, login, survival]
expect:
  - lost: at least 1
  - recovery: recovered
";
    let ran = cycle(scenario, "target", &shipped_document());
    assert_eq!(ran.exit(), 1);
    let unmet: Vec<&str> = ran
        .view
        .expectations
        .iter()
        .filter(|(_, met, _)| !met)
        .map(|(text, _, _)| text.as_str())
        .collect();
    assert_eq!(unmet, ["lost: at least 1"]);
}

#[test]
fn logs_are_kept_where_something_is_not_well_and_nowhere_else() {
    let ran = ran("  - check: [health]\n  - inject: { stop: wiki }\n  - check: [health]\n");
    let logs: Vec<usize> = ran.view.steps.iter().map(|step| step.logs.len()).collect();
    assert_eq!(
        logs.iter().filter(|count| **count > 0).count(),
        1,
        "{logs:?}"
    );
    let kept = &ran.view.steps.last().expect("steps").logs;
    let wiki = kept.iter().find(|log| log.name == "wiki");
    let wiki = wiki.unwrap_or_else(|| panic!("{kept:?}"));
    assert!(
        !ran.file(&wiki.file).trim().is_empty(),
        "the wiki said something"
    );
}
