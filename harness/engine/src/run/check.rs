//! Checks after the restore: health, logins, the first durable write.

use futures::future::join_all;
use phoenix_evidence::finding::{CheckKind, CheckResult, Outcome, Subject};
use phoenix_evidence::journal::event::{Event, Moment, Phase};
use phoenix_evidence::payload;

use super::results::{LoginFailure, kind, proof, result};
use super::steady::is_well;
use super::{Cycle, StepError, StepResult};
use crate::application::{HealthReport, LoginEnd, LoginStage};
use crate::plan::{Check, Step};

impl Cycle<'_> {
    pub(super) async fn check(&self, step: &Step, checks: &[Check]) -> StepResult {
        let wanted = |check| checks.contains(&check);
        // Each service by itself: one that never gets well must not delay what the clock says of
        // the others. Health, login and the first write come before the long reading.
        let services = self.stack.start_order();
        self.try_passwords().await;
        let checked = join_all(
            services
                .iter()
                .map(|service| self.check_service(step, service, checks)),
        )
        .await;
        let mut done = Vec::new();
        let mut all = Checked::default();
        for one in checked {
            all.add(one?);
        }
        {
            let mut state = self.state();
            state.results.extend(all.results);
            state.login_failures.extend(all.login_failures);
            state.unwell |= !all.unwell.is_empty() || !all.no_login.is_empty();
        }
        let told = |well: &str, not: &str, which: &[String]| {
            if which.is_empty() {
                well.to_owned()
            } else {
                format!("{not}: {}", which.join(", "))
            }
        };
        if wanted(Check::Health) {
            done.push(told("all healthy", "not well", &all.unwell));
        }
        if wanted(Check::Login) {
            // On data of others nobody knows who was who.
            let known = self.state().foreign.is_empty();
            let well = match (all.logins, known) {
                (0, _) => "no login is described",
                (_, true) => "everybody logs in as before",
                (_, false) => "everybody logs in",
            };
            done.push(told(well, "no login", &all.no_login));
        }
        if wanted(Check::Survival) {
            self.check_certificates(step).await?;
        }
        if wanted(Check::Write) || wanted(Check::Survival) {
            done.push(told("first writes taken", "no first write", &all.no_write));
        }
        if wanted(Check::Survival) {
            done.push(self.check_survival(step).await?);
        }
        if wanted(Check::Restart) {
            done.push(self.check_restart(step).await?);
        }
        if wanted(Check::Fingerprint) {
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

    /// Shows every password that has changed to the store that it opens. A server that was restored
    /// with its roles knows the old one; one whose roles were made anew knows the new one, and all is
    /// well.
    async fn try_passwords(&self) {
        let changed: Vec<String> = {
            let state = self.state();
            let passwords = self.stack.secrets.iter().filter(|one| one.opens.is_some());
            let names = passwords.map(|secret| secret.name.clone());
            names
                .filter(|name| state.secrets_before.get(name) != state.secrets_after.get(name))
                .collect()
        };
        for name in changed {
            let answer = match self.environment.lets_in(&name).await {
                Ok(Some(answer)) => Ok(answer),
                Ok(None) => continue,
                Err(why) => Err(why.to_string()),
            };
            self.state().passwords.insert(name, answer);
        }
    }

    async fn check_service(
        &self,
        step: &Step,
        service: &str,
        checks: &[Check],
    ) -> Result<Checked, StepError> {
        let mut checked = Checked::default();
        if checks.contains(&Check::Health) {
            self.check_health(step, service, &mut checked).await?;
        }
        if checks.contains(&Check::Login) {
            self.check_login(step, service, &mut checked).await?;
        }
        if checks.contains(&Check::Write) || checks.contains(&Check::Survival) {
            self.check_first_write(step, service, &mut checked).await?;
        }
        Ok(checked)
    }

    async fn check_health(
        &self,
        step: &Step,
        service: &str,
        checked: &mut Checked,
    ) -> Result<(), StepError> {
        let report = self.settled(service).await?;
        let well = is_well(&report);
        let outcome = match (well, self.known_sick(service, "health")) {
            (true, _) => Outcome::Pass,
            (false, true) => Outcome::Unknown,
            (false, false) => Outcome::Fail,
        };
        self.tell(&Event::Health {
            moment: Moment::After,
            service: service.to_owned(),
            outcome,
            report: serde_json::to_value(&report).unwrap_or_default(),
        })?;
        let mut found = result(
            CheckKind::Health,
            Subject::Service(service.to_owned()),
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
        if well {
            self.phase(service, Phase::Healthy)?;
        } else {
            found.failures = vec![(
                kind(if report.healthy {
                    "healthy-but-not-serving"
                } else {
                    "unhealthy"
                }),
                1,
            )];
            checked.unwell.push(service.to_owned());
        }
        checked.results.push(found);
        Ok(())
    }

    /// The health of a service once it had its time. What is known to be dead is asked once, and
    /// not waited for.
    pub(super) async fn settled(&self, service: &str) -> Result<HealthReport, StepError> {
        let app = self.application(service).await?;
        let dead = self.state().dead.contains_key(service);
        Ok(if dead {
            app.health().await
        } else {
            self.settle(service, app.as_ref(), self.environment.settles_within())
                .await
        })
    }

    /// The name of a service's first write.
    pub(super) fn first_marker(&self, service: &str) -> String {
        payload::first_write(self.state().round, &self.nonce, service)
    }

    /// Whether the environment file declares that this check of a service fails.
    fn known_sick(&self, service: &str, check: &str) -> bool {
        self.stack
            .known_sick
            .get(service)
            .is_some_and(|(sick, _)| sick == check)
    }

    async fn check_login(
        &self,
        step: &Step,
        service: &str,
        checked: &mut Checked,
    ) -> Result<(), StepError> {
        let app = self.application(service).await?;
        let Some(trace) = app.login().await else {
            return Ok(());
        };
        checked.logins += 1;
        let before = self.state().accounts.get(service).cloned();
        let judged = if self.stands_on_foreign(service) {
            judge_foreign_login(service, &trace.end)
        } else {
            judge_login(service, before.as_ref(), &trace.end)
        };
        let (outcome, failure, summary) = match judged {
            // Carried along from before the disaster: no failure of this recovery, and no pass.
            (Outcome::Fail, _, summary) if self.known_sick(service, "login") => (
                Outcome::Unknown,
                None,
                format!("{summary} (known to be sick)"),
            ),
            judged => judged,
        };
        self.tell(&Event::Login {
            moment: Moment::After,
            service: service.to_owned(),
            outcome,
            summary: summary.clone(),
            trace: serde_json::to_value(&trace).unwrap_or_default(),
        })?;
        if outcome == Outcome::Pass {
            self.phase(service, Phase::FirstLogin)?;
            // Whoever this was is who it has to be from now on.
            let end = trace.end.clone();
            self.state().accounts.insert(service.to_owned(), end);
        } else {
            checked.no_login.push(service.to_owned());
        }
        let mut found = result(
            CheckKind::Login,
            Subject::Service(service.to_owned()),
            outcome,
            1,
            summary.clone(),
        );
        let last = trace.hops.last();
        found.proofs = vec![proof(
            &step.id,
            &last.map_or_else(String::new, |hop| format!("{} {}", hop.method, hop.url)),
            &summary,
        )];
        if let Some((name, stage)) = failure {
            found.failures = vec![(kind(name), 1)];
            checked.login_failures.push(LoginFailure {
                service: service.to_owned(),
                stage,
                twin: name == "twin-account",
            });
        }
        checked.results.push(found);
        Ok(())
    }

    async fn check_first_write(
        &self,
        step: &Step,
        service: &str,
        checked: &mut Checked,
    ) -> Result<(), StepError> {
        if self.state().first_writes.contains(service) {
            return Ok(());
        }
        let app = self.application(service).await?;
        let marker = self.first_marker(service);
        let subject = Subject::Service(service.to_owned());
        if app.kinds().is_empty() {
            checked.no_write.push(service.to_owned());
            let why = format!("nobody has said how {service} is written to");
            let mut found = result(CheckKind::Write, subject, Outcome::Unknown, 0, why);
            found.proofs = vec![proof(&step.id, "first durable write", &found.summary)];
            checked.results.push(found);
            return Ok(());
        }
        let outcome = match app.prepare().await {
            Ok(()) => app.first_write(&marker).await,
            Err(error) => Err(error),
        };
        let mut found = match outcome {
            Ok(()) => {
                self.phase(service, Phase::FirstWrite)?;
                self.state().first_writes.insert(service.to_owned());
                result(
                    CheckKind::Write,
                    subject,
                    Outcome::Pass,
                    1,
                    format!("{service} took a durable write and gave it back"),
                )
            }
            Err(error) => {
                checked.no_write.push(service.to_owned());
                let mut found = result(
                    CheckKind::Write,
                    subject,
                    Outcome::Fail,
                    1,
                    format!("{service} took no write: {error}"),
                );
                found.failures = vec![(kind("no-write"), 1)];
                found
            }
        };
        found.proofs = vec![proof(&step.id, "first durable write", &found.summary)];
        checked.results.push(found);
        Ok(())
    }
}

/// What the checks of services found, and the services that did not pass each.
#[derive(Default)]
struct Checked {
    results: Vec<CheckResult>,
    login_failures: Vec<LoginFailure>,
    /// Logins that were tried.
    logins: usize,
    unwell: Vec<String>,
    no_login: Vec<String>,
    no_write: Vec<String>,
}

impl Checked {
    fn add(&mut self, other: Self) {
        self.results.extend(other.results);
        self.login_failures.extend(other.login_failures);
        self.logins += other.logins;
        self.unwell.extend(other.unwell);
        self.no_login.extend(other.no_login);
        self.no_write.extend(other.no_write);
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

/// On data that is not this run's own, the account is not one that this run has met: that somebody
/// gets in is all that can be told.
fn judge_foreign_login(service: &str, after: &LoginEnd) -> (Outcome, Option<LoginFault>, String) {
    match after {
        LoginEnd::Failed { .. } => judge_login(service, None, after),
        LoginEnd::LoggedIn { account, .. } => (
            Outcome::Pass,
            None,
            format!(
                "logged in to {service} as account {account}, on data that phoenix did not back up: \
                 whether it is the account of before nobody knows"
            ),
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
