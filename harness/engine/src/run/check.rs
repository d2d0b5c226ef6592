//! Checks after the restore: health, logins, the first durable write.

use phoenix_evidence::finding::{CheckKind, Outcome, Subject};
use phoenix_evidence::journal::event::{Event, Moment, Phase};

use super::results::{LoginFailure, kind, proof, result};
use super::steady::{is_well, settle};
use super::{Cycle, StepError, StepResult};
use crate::application::{LoginEnd, LoginStage};
use crate::plan::{Check, Step};

/// How long a service that was just started may take to pass a check.
const SETTLES_WITHIN: std::time::Duration = std::time::Duration::from_secs(10);

impl Cycle<'_> {
    pub(super) async fn check(&self, step: &Step, checks: &[Check]) -> StepResult {
        let mut done = Vec::new();
        // Health, login and the first write carry the clock: they come before the long reading.
        if checks.contains(&Check::Health) {
            done.push(self.check_health(step).await?);
        }
        if checks.contains(&Check::Login) {
            done.push(self.check_logins(step).await?);
        }
        if checks.contains(&Check::Survival) {
            self.check_certificates(step).await?;
        }
        if checks.contains(&Check::Write) || checks.contains(&Check::Survival) {
            done.push(self.check_first_writes(step).await?);
        }
        if checks.contains(&Check::Survival) {
            done.push(self.check_survival(step).await?);
        }
        if checks.contains(&Check::Fingerprint) {
            let compared = self
                .state()
                .results
                .iter()
                .filter(|result| result.check == CheckKind::Fingerprint)
                .count();
            done.push(format!("{compared} fingerprints compared"));
        }
        Ok(done.join("; "))
    }

    async fn check_health(&self, step: &Step) -> Result<String, StepError> {
        let mut unwell = Vec::new();
        for service in self.stack.start_order() {
            let app = self.application(&service).await?;
            // What is known to be dead is asked once, and not waited for.
            let dead = self.state().dead.contains_key(&service);
            let report = if dead {
                app.health().await
            } else {
                settle(app.as_ref(), SETTLES_WITHIN).await
            };
            let well = is_well(&report);
            let known = self
                .stack
                .known_sick
                .get(&service)
                .is_some_and(|(check, _)| check == "health");
            let outcome = match (well, known) {
                (true, _) => Outcome::Pass,
                (false, true) => Outcome::Unknown,
                (false, false) => Outcome::Fail,
            };
            self.tell(&Event::Health {
                moment: Moment::After,
                service: service.clone(),
                outcome,
                report: serde_json::to_value(&report).unwrap_or_default(),
            })?;
            let mut found = result(
                CheckKind::Health,
                Subject::Service(service.clone()),
                outcome,
                1,
                if well {
                    format!("{service} is healthy ({})", report.probe)
                } else if report.healthy {
                    format!(
                        "{service} says healthy and does not serve: {}",
                        report.serves_saw
                    )
                } else {
                    format!("{service} is not healthy: {}", report.saw)
                },
            );
            let (probe, saw) = if report.healthy && !well {
                ("behind the health path", report.serves_saw.as_str())
            } else {
                (report.probe.as_str(), report.saw.as_str())
            };
            found.proofs = vec![proof(&step.id, probe, saw)];
            if !well {
                found.failures = vec![(
                    kind(if report.healthy {
                        "healthy-but-not-serving"
                    } else {
                        "unhealthy"
                    }),
                    1,
                )];
                unwell.push(service.clone());
            } else {
                self.phase(&service, Phase::Healthy)?;
            }
            self.state().results.push(found);
        }
        Ok(if unwell.is_empty() {
            "all healthy".to_owned()
        } else {
            format!("not well: {}", unwell.join(", "))
        })
    }

    async fn check_logins(&self, step: &Step) -> Result<String, StepError> {
        let mut failed = Vec::new();
        for service in self.stack.start_order() {
            let app = self.application(&service).await?;
            let Some(trace) = app.login().await else {
                continue;
            };
            let before = self.state().accounts.get(&service).cloned();
            let (outcome, failure, summary) = judge_login(&service, before.as_ref(), &trace.end);
            self.tell(&Event::Login {
                moment: Moment::After,
                service: service.clone(),
                outcome,
                summary: summary.clone(),
                trace: serde_json::to_value(&trace).unwrap_or_default(),
            })?;
            if outcome == Outcome::Pass {
                self.phase(&service, Phase::FirstLogin)?;
            } else {
                failed.push(service.clone());
            }
            let mut found = result(
                CheckKind::Login,
                Subject::Service(service.clone()),
                outcome,
                trace.hops.len() as u64,
                summary.clone(),
            );
            if let Some(failure) = &failure {
                found.failures = vec![(kind(failure.0), 1)];
            }
            let last = trace.hops.last();
            found.proofs = vec![proof(
                &step.id,
                &last.map_or_else(String::new, |hop| format!("{} {}", hop.method, hop.url)),
                &summary,
            )];
            let mut state = self.state();
            state.results.push(found);
            if let Some((name, stage)) = failure {
                state.login_failures.push(LoginFailure {
                    service: service.clone(),
                    stage,
                    twin: name == "twin-account",
                });
            }
        }
        Ok(if failed.is_empty() {
            "everybody logs in as before".to_owned()
        } else {
            format!("no login: {}", failed.join(", "))
        })
    }

    async fn check_first_writes(&self, step: &Step) -> Result<String, StepError> {
        let mut failed = Vec::new();
        for service in self.stack.start_order() {
            if self.state().first_writes.contains(&service) {
                continue;
            }
            let app = self.application(&service).await?;
            let marker = format!("first-{}-{service}", self.nonce);
            let outcome = match app.prepare().await {
                Ok(()) => app.first_write(&marker).await,
                Err(error) => Err(error),
            };
            let mut found = match outcome {
                Ok(()) => {
                    self.phase(&service, Phase::FirstWrite)?;
                    self.state().first_writes.insert(service.clone());
                    result(
                        CheckKind::Write,
                        Subject::Service(service.clone()),
                        Outcome::Pass,
                        1,
                        format!("{service} took a durable write and gave it back"),
                    )
                }
                Err(error) => {
                    failed.push(service.clone());
                    let mut found = result(
                        CheckKind::Write,
                        Subject::Service(service.clone()),
                        Outcome::Fail,
                        1,
                        format!("{service} took no write: {error}"),
                    );
                    found.failures = vec![(kind("no-write"), 1)];
                    found
                }
            };
            found.proofs = vec![proof(&step.id, "first durable write", &found.summary)];
            self.state().results.push(found);
        }
        Ok(if failed.is_empty() {
            "first writes taken".to_owned()
        } else {
            format!("no first write: {}", failed.join(", "))
        })
    }
}

/// What is wrong with a login, by name, and how far it came.
type LoginFault = (&'static str, Option<LoginStage>);

/// A login passes only as the account that was recorded before the disaster: a twin of the same
/// name is somebody else.
fn judge_login(
    service: &str,
    before: Option<&LoginEnd>,
    after: &LoginEnd,
) -> (Outcome, Option<LoginFault>, String) {
    match (before, after) {
        (_, LoginEnd::Failed { stage, error }) => (
            Outcome::Fail,
            Some(("login-failed", Some(*stage))),
            format!(
                "no login to {service}, at the stage {}: {error}",
                stage_word(*stage)
            ),
        ),
        (Some(LoginEnd::LoggedIn { account: old, .. }), LoginEnd::LoggedIn { account, .. }) => {
            if old == account {
                (
                    Outcome::Pass,
                    None,
                    format!("logged in to {service} as before (account {account})"),
                )
            } else {
                (
                    Outcome::Fail,
                    Some(("twin-account", None)),
                    format!(
                        "logged in to {service} as account {account}, and was {old} before: a twin"
                    ),
                )
            }
        }
        (_, LoginEnd::LoggedIn { account, .. }) => (
            Outcome::Unknown,
            None,
            format!("logged in to {service} as {account}; who that was before is not recorded"),
        ),
    }
}

fn stage_word(stage: LoginStage) -> &'static str {
    match stage {
        LoginStage::Start => "start",
        LoginStage::Authorize => "authorize",
        LoginStage::Provider => "provider",
        LoginStage::Callback => "callback",
        LoginStage::Account => "account",
    }
}
