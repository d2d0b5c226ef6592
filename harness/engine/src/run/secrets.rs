//! Which secrets a rebuild kept, and what became of those that it did not.

use phoenix_evidence::finding::{CheckKind, CheckResult, Outcome, Subject};

use super::Cycle;
use super::results::{KEY_CHANGED, PASSWORD_REFUSED, kind, proof, result};
use crate::plan::Act;
use crate::stack::Secret;

impl Cycle<'_> {
    pub(super) fn conclude_secrets_kept(&self) {
        let rebuilt = self
            .plan
            .steps
            .iter()
            .any(|step| matches!(step.act, Act::Rebuild { .. }));
        // Secrets go with the whole stack: a rebuild of a part leaves them where they are.
        let rebuilt = rebuilt && !self.partial();
        let mut state = self.state();
        if !rebuilt || state.secrets_after.is_empty() {
            return;
        }
        for secret in &self.stack.secrets {
            let before = state.secrets_before.get(&secret.name).cloned().flatten();
            let after = state.secrets_after.get(&secret.name).cloned().flatten();
            let subject = Subject::Secret(secret.name.clone());
            let same = before.is_some() && before == after;
            let digests = proof(
                "rebuild",
                "keyed digest of the value",
                &format!(
                    "{} → {}",
                    digest_word(before.as_ref()),
                    digest_word(after.as_ref())
                ),
            );
            // A preserved value shows nothing of whether a new one would have been made.
            if !secret.preserved || after.is_none() {
                let (outcome, why) = match (&after, same) {
                    (None, _) => (Outcome::Fail, "no value after the rebuild"),
                    (Some(_), true) => (Outcome::Fail, "the old value after the rebuild"),
                    (Some(_), false) => (Outcome::Pass, "a new value, made by nobody"),
                };
                state.results.push(result(
                    CheckKind::SecretRegenerated,
                    subject.clone(),
                    outcome,
                    1,
                    format!("{}: {why}", secret.name),
                ));
            }
            if let Some(store) = &secret.opens {
                // A password that did not change was put to no test.
                if !same {
                    let answer = state.passwords.get(&secret.name);
                    let mut found = password_result(secret, store, answer);
                    found.proofs.push(digests);
                    state.results.push(found);
                }
                continue;
            }
            let summary = if same {
                format!("{}: the same value after the rebuild", secret.name)
            } else {
                format!("{}: another value after the rebuild", secret.name)
            };
            let mut found = result(
                CheckKind::SecretPreserved,
                subject,
                if same { Outcome::Pass } else { Outcome::Fail },
                1,
                summary.clone(),
            );
            if !same {
                found.failures = vec![(kind(KEY_CHANGED), 1)];
            }
            found.proofs = vec![digests];
            state.results.push(found);
        }
    }
}

/// What a changed password came to at the store that it is to open.
fn password_result(
    secret: &Secret,
    store: &str,
    answer: Option<&Result<(bool, String), String>>,
) -> CheckResult {
    let name = &secret.name;
    let (outcome, summary, saw) = match answer {
        Some(Ok((true, saw))) => (
            Outcome::Pass,
            format!("{name}: another value, and {store} lets in who shows it"),
            saw.as_str(),
        ),
        Some(Ok((false, saw))) => (
            Outcome::Fail,
            format!("{name}: another value, and {store} knows the old one only"),
            saw.as_str(),
        ),
        Some(Err(why)) => (
            Outcome::Unknown,
            format!("{name}: another value, and {store} could not be asked whether it takes it"),
            why.as_str(),
        ),
        None => (
            Outcome::Unknown,
            format!("{name}: another value, and nobody showed it to {store}"),
            "not asked",
        ),
    };
    let subject = Subject::Secret(name.clone());
    let mut found = result(CheckKind::SecretPreserved, subject, outcome, 1, summary);
    if outcome == Outcome::Fail {
        found.failures = vec![(kind(PASSWORD_REFUSED), 1)];
    }
    found.proofs = vec![proof("check", &format!("the new password at {store}"), saw)];
    found
}

fn digest_word(digest: Option<&String>) -> &str {
    digest.map_or("none", String::as_str)
}
