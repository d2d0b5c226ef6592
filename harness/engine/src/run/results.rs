//! Check results: made in one way, and tied to their roots.

use phoenix_evidence::finding::{CheckKind, CheckResult, FailureKind, Outcome, Proof, Subject};

use crate::application::LoginStage;
use crate::stack::Stack;
use crate::words::first_bytes;

/// A result without failures or proofs.
pub(super) fn result(
    check: CheckKind,
    subject: Subject,
    outcome: Outcome,
    examined: u64,
    summary: impl Into<String>,
) -> CheckResult {
    // A check that ran on nothing is never a pass.
    let outcome = if examined == 0 && outcome == Outcome::Pass {
        Outcome::Unknown
    } else {
        outcome
    };
    CheckResult {
        check,
        subject,
        outcome,
        failures: Vec::new(),
        examined,
        summary: summary.into(),
        proofs: Vec::new(),
        measured: None,
        consequence_of: None,
    }
}

pub(super) fn proof(step: &str, probe: &str, saw: &str) -> Proof {
    Proof {
        step: step.to_owned(),
        probe: probe.to_owned(),
        saw: first_bytes(saw, 200),
    }
}

pub(super) fn kind(name: &str) -> FailureKind {
    FailureKind(name.to_owned())
}

/// A key has another value than before.
pub(super) const KEY_CHANGED: &str = "key-changed";
/// A store refuses the password that the stack is started with.
pub(super) const PASSWORD_REFUSED: &str = "password-refused";

/// What is known of a failed login for attributing it: how far it came.
#[derive(Clone, Debug)]
pub(crate) struct LoginFailure {
    pub(super) service: String,
    pub(super) stage: Option<LoginStage>,
    /// It went through, and ended in another account.
    pub(super) twin: bool,
}

/// Ties each failure that follows from another one to its root, so that one fault is told once.
/// Only links that the evidence shows are made: a failure without one stands for itself.
pub(super) fn tie(stack: &Stack, results: &mut [CheckResult], logins: &[LoginFailure]) {
    for at in 0..results.len() {
        if results[at].outcome == Outcome::Pass || results[at].consequence_of.is_some() {
            continue;
        }
        let root = match (&results[at].check, &results[at].subject) {
            (CheckKind::Login, Subject::Service(service)) => {
                login_root(stack, results, logins, service)
            }
            (
                CheckKind::Write | CheckKind::Health | CheckKind::Restart,
                Subject::Service(service),
            ) => store_root(stack, results, service)
                .or_else(|| secret_root(stack, results, service))
                .or_else(|| password_root(stack, results, service)),
            // What a key seals is asked for at a service that is shut out, or behind such a provider.
            (CheckKind::Survival, Subject::Secret(secret))
                if results[at].outcome == Outcome::Unknown =>
            {
                let users = stack.services.iter();
                let mut users = users.filter(|one| one.secrets.contains(secret));
                users.find_map(|one| {
                    let provider = one.login_via.as_deref().unwrap_or(&one.name);
                    password_root(stack, results, &one.name)
                        .or_else(|| password_root(stack, results, provider))
                })
            }
            // Nobody gets at it through its application, which its database does not let in.
            (CheckKind::Survival, Subject::Store(store))
                if results[at].outcome == Outcome::Unknown =>
            {
                let mut users = stack
                    .services
                    .iter()
                    .filter(|one| one.needs.contains(store));
                users.find_map(|one| password_root(stack, results, &one.name))
            }
            (CheckKind::RecoveryPoints | CheckKind::Rpo, Subject::Store(store)) => {
                find(results, CheckKind::Survival, &Subject::Store(store.clone()))
            }
            (CheckKind::Freshness | CheckKind::Content, Subject::Store(store)) => {
                find(results, CheckKind::Loads, &Subject::Store(store.clone()))
            }
            // The changed key that made data unreadable, told once: as what it cost.
            (CheckKind::SecretPreserved, Subject::Secret(secret)) => find(
                results,
                CheckKind::Survival,
                &Subject::Secret(secret.clone()),
            ),
            (CheckKind::DataLoss, _) => {
                first_failure(results, |check| check == CheckKind::Survival)
            }
            (CheckKind::Rto, _) => first_failure(results, |check| {
                matches!(
                    check,
                    CheckKind::Write | CheckKind::Survival | CheckKind::Health
                )
            }),
            _ => None,
        };
        results[at].consequence_of = root.filter(|root| *root != at);
    }
}

/// A login fails behind the provider's form, at the call that needs a signed token: the provider's
/// key. It ends in another account: the store that held the account. It does not start: the
/// service's own stores.
fn login_root(
    stack: &Stack,
    results: &[CheckResult],
    logins: &[LoginFailure],
    service: &str,
) -> Option<usize> {
    let failure = logins.iter().find(|failure| failure.service == service)?;
    let own = stack.service(service)?;
    let provider = own.login_via.as_deref().unwrap_or(service);
    let shut_out = || {
        password_root(stack, results, service).or_else(|| password_root(stack, results, provider))
    };
    login_root_of_stage(stack, results, failure, service, provider).or_else(shut_out)
}

fn login_root_of_stage(
    stack: &Stack,
    results: &[CheckResult],
    failure: &LoginFailure,
    service: &str,
    provider: &str,
) -> Option<usize> {
    if failure.twin || failure.stage == Some(LoginStage::Account) {
        return store_root(stack, results, service)
            .or_else(|| store_root(stack, results, provider));
    }
    match failure.stage {
        Some(LoginStage::Callback | LoginStage::Provider) => secret_root(stack, results, provider)
            .or_else(|| store_root(stack, results, service))
            .or_else(|| store_root(stack, results, provider)),
        Some(LoginStage::Authorize) => store_root(stack, results, provider),
        _ => store_root(stack, results, service).or_else(|| secret_root(stack, results, service)),
    }
}

/// A failed survival of a store under the service.
fn store_root(stack: &Stack, results: &[CheckResult], service: &str) -> Option<usize> {
    let service = stack.service(service)?;
    stack.stores_of(service).into_iter().find_map(|store| {
        find(
            results,
            CheckKind::Survival,
            &Subject::Store(store.name.clone()),
        )
    })
}

/// A secret of the service whose change made data unreadable.
fn secret_root(stack: &Stack, results: &[CheckResult], service: &str) -> Option<usize> {
    let service = stack.service(service)?;
    service.secrets.iter().find_map(|secret| {
        find(
            results,
            CheckKind::Survival,
            &Subject::Secret(secret.clone()),
        )
    })
}

/// A password of the service that its store refuses: it cannot serve.
fn password_root(stack: &Stack, results: &[CheckResult], service: &str) -> Option<usize> {
    let service = stack.service(service)?;
    results.iter().position(|result| {
        let password = |secret: &String| result.subject == Subject::Secret(secret.clone());
        result.check == CheckKind::SecretPreserved
            && result
                .failures
                .iter()
                .any(|(failure, _)| failure.0 == PASSWORD_REFUSED)
            && service.secrets.iter().any(password)
    })
}

fn find(results: &[CheckResult], check: CheckKind, subject: &Subject) -> Option<usize> {
    results.iter().position(|result| {
        result.check == check && result.subject == *subject && result.outcome == Outcome::Fail
    })
}

fn first_failure(results: &[CheckResult], which: impl Fn(CheckKind) -> bool) -> Option<usize> {
    results
        .iter()
        .position(|result| which(result.check) && result.outcome == Outcome::Fail)
}
