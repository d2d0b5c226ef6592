//! The shipped environments are one stack twice: what one document says of both is answered by the
//! same checks, and rests on the same policies.

use std::collections::BTreeMap;

use phoenix_engine::lower;
use phoenix_engine::stack::Stack;
use phoenix_language::{Source, vocabulary};

use crate::support::{root, shipped_environment};

/// Where they differ, as `PROFILE: SUBJECT`, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("target: bookstack-uploads", NO_STREAM),
    ("target: zulip-uploads", NO_STREAM),
    ("snapshots: bookstack-uploads", NO_STREAM),
    ("snapshots: zulip-uploads", NO_STREAM),
    ("today: certificates", AUTHORITY),
    ("dev: certificates", AUTHORITY),
    ("target: certificates", AUTHORITY),
    ("snapshots: certificates", AUTHORITY),
];
const NO_STREAM: &str = "nothing carries the writes of the containers' object store away";
const AUTHORITY: &str = "in one process the authority is no store";

fn containers() -> Source {
    vocabulary::read_environment(&root().join("environments/compose.yaml"))
        .expect("the shipped environment is valid")
}

/// The ties, each as a line, without its place in the file.
fn ties(source: &Source) -> Vec<String> {
    let line = |tie: &lower::Tie| {
        format!(
            "{}: {} {:?} {:?} {:?}",
            tie.claim, tie.check, tie.subject, tie.kinds, tie.level
        )
    };
    lower::ties(source).iter().map(line).collect()
}

/// What a stack promises under its profile, subject by subject.
fn promises(stack: &Stack) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for store in &stack.stores {
        let kept = format!("{:?}, losable: {}", store.policy, store.losable);
        all.insert(store.name.clone(), kept);
    }
    for secret in &stack.secrets {
        let kept = format!(
            "{} bytes, {:?}, opens {:?}, preserved: {}",
            secret.bytes, secret.encoding, secret.opens, secret.preserved
        );
        all.insert(secret.name.clone(), kept);
    }
    for step in &stack.manual_steps {
        let done = format!("{:?}", (&step.title, step.minutes, &step.automation));
        all.insert(step.name.clone(), done);
    }
    for service in &stack.services {
        let is = format!(
            "{:?}",
            (
                &service.app,
                &service.url,
                &service.needs,
                &service.secrets,
                &service.login_via
            )
        );
        all.insert(service.name.clone(), is);
    }
    all.insert("objectives".to_owned(), format!("{:?}", stack.objectives));
    all.insert("known sick".to_owned(), format!("{:?}", stack.known_sick));
    all
}

#[test]
fn the_same_checks_answer_the_same_claims() {
    let (one, other) = (ties(&shipped_environment()), ties(&containers()));
    assert!(one.len() > 40, "{one:#?}");
    assert_eq!(one, other);
    let documents = lower::documents(&shipped_environment());
    assert_eq!(documents, lower::documents(&containers()));
}

#[test]
fn the_same_is_promised_but_for_what_is_named_with_a_reason() {
    let (one, other) = (shipped_environment(), containers());
    let profiles = lower::profiles(&one);
    assert_eq!(profiles, lower::profiles(&other));
    let mut different = Vec::new();
    for profile in &profiles {
        let promised = |source| {
            let stack = lower::stack(source, profile).expect("the profile is valid");
            promises(&stack)
        };
        let (one, other) = (promised(&one), promised(&other));
        let subjects = one
            .keys()
            .chain(other.keys().filter(|name| !one.contains_key(*name)));
        for subject in subjects {
            if one.get(subject) != other.get(subject) {
                different.push(format!("{profile}: {subject}"));
            }
        }
    }
    different.sort();
    let mut named: Vec<&str> = DIFFERENT.iter().map(|(what, _)| *what).collect();
    named.sort_unstable();
    assert_eq!(different, named, "each has its reason: {DIFFERENT:#?}");
}
