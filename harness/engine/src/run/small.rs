//! The smaller steps: faults, manual steps, commands, requests, queries, waits.

use std::collections::BTreeMap;
use std::time::Duration;

use phoenix_evidence::finding::{CheckKind, Outcome, Subject};
use phoenix_evidence::journal::event::{Event, ManualPerformed};
use tokio::process::Command;

use super::results::{kind, proof, result};
use super::wait::{for_anything, for_service, wait_for};
use super::{Cycle, StepError, StepResult};
use crate::environment::RUN_VARIABLE;
use crate::plan::{Fault, HttpRequest, RunCommand, Step, Until};
use crate::stack::Automation;
use crate::words::{error_chain, first_bytes};

/// Time that a request of an `http:` step is given.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

impl Cycle<'_> {
    pub(super) async fn inject(&self, fault: &Fault) -> StepResult {
        let injected = self.environment.inject(fault).await?;
        let sentence = fault.sentence();
        self.tell(&Event::Fault {
            fault: sentence.clone(),
            bitten: injected.bitten,
            proof: injected.proof.clone(),
        })?;
        self.state()
            .faults
            .push((sentence, injected.bitten, injected.proof.clone()));
        // A changed secret is a changed secret, whoever changed it.
        if matches!(fault, Fault::RegenerateSecret(_)) {
            let secrets = self.environment.secrets().await;
            self.state().secrets_after = secrets;
        }
        Ok(injected.proof)
    }

    pub(super) async fn manual(&self, name: &str) -> StepResult {
        let Some(step) = self
            .stack
            .manual_steps
            .iter()
            .find(|step| step.name == name)
        else {
            return Err(StepError::Failed(format!(
                "no manual step is called `{name}`"
            )));
        };
        let (performed, outcome, summary) = match &step.automation {
            Some(Automation::Declared) => {
                self.tell(&Event::ManualStep {
                    step: name.to_owned(),
                    title: step.title.clone(),
                    performed: ManualPerformed::Declared,
                    minutes: step.minutes,
                })?;
                self.state().manual_declared.push(name.to_owned());
                // No result: a claim that is tied to it stays unproven.
                return Ok(format!(
                    "{}: declared as automated; nothing here can look",
                    step.title
                ));
            }
            Some(by) => match self.environment.automate(name, by).await {
                Ok(said) => (
                    ManualPerformed::Automated,
                    Outcome::Pass,
                    format!("{}: performed without a person ({said})", step.title),
                ),
                Err(error) => (
                    ManualPerformed::ByNobody,
                    Outcome::Fail,
                    format!("{}: its automation failed: {error}", step.title),
                ),
            },
            None => (
                ManualPerformed::ByNobody,
                Outcome::Fail,
                format!(
                    "{}: waits for a person, {} minutes as declared",
                    step.title, step.minutes
                ),
            ),
        };
        self.tell(&Event::ManualStep {
            step: name.to_owned(),
            title: step.title.clone(),
            performed,
            minutes: step.minutes,
        })?;
        let mut found = result(
            CheckKind::ManualStep,
            Subject::ManualStep(name.to_owned()),
            outcome,
            1,
            summary.clone(),
        );
        found.measured = Some(step.minutes);
        if outcome == Outcome::Fail {
            found.failures = vec![(kind("manual"), 1)];
            self.state().manual_by_nobody += 1;
        }
        found.proofs = vec![proof("manual", name, &summary)];
        self.state().results.push(found);
        Ok(summary)
    }

    pub(super) async fn run_command(&self, step: &Step, command: &RunCommand) -> StepResult {
        let argv = self.filled(&command.argv);
        let (program, arguments) = argv
            .split_first()
            .ok_or_else(|| StepError::Failed("the command is empty".to_owned()))?;
        let mut child = Command::new(program);
        child
            .args(arguments)
            .env(RUN_VARIABLE, &self.started.run)
            .kill_on_drop(true)
            .stdin(std::process::Stdio::null());
        let output = tokio::time::timeout(command.timeout, child.output())
            .await
            .map_err(|_| {
                StepError::Failed(format!(
                    "`{program}` did not end within {}",
                    crate::words::duration(command.timeout)
                ))
            })?
            .map_err(|why| StepError::Failed(format!("`{program}` cannot be run: {why}")))?;
        let status = output.status.code();
        let stdout = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let as_expected = status == Some(command.exit);
        let saw = format!(
            "exit {}: {}",
            status.map_or("by signal".to_owned(), |code| code.to_string()),
            first_bytes(
                if stdout.trim().is_empty() {
                    &stderr
                } else {
                    &stdout
                },
                200
            )
        );
        self.answered(step, &argv.join(" "), &saw, as_expected)?;
        if let Some(name) = &command.save {
            self.state()
                .saved
                .insert(name.clone(), stdout.trim().to_owned());
        }
        Ok(saw)
    }

    pub(super) async fn http(&self, step: &Step, request: &HttpRequest) -> StepResult {
        let (saw, met) = self.send(request).await.map_err(StepError::Failed)?;
        self.answered(
            step,
            &format!("{} {}", request.method, request.url),
            &saw,
            met,
        )?;
        Ok(saw)
    }

    /// Sends a request; its answer's first bytes, and whether it is as expected. What is to be
    /// saved is saved.
    async fn send(&self, request: &HttpRequest) -> Result<(String, bool), String> {
        let network = self.environment.network();
        let client = network.client(REQUEST_TIMEOUT).map_err(|e| e.to_string())?;
        let method = reqwest::Method::from_bytes(request.method.to_uppercase().as_bytes())
            .map_err(|e| e.to_string())?;
        let url = self.fill(&request.url);
        let mut sending = client.request(method, &url);
        for (name, value) in &request.headers {
            sending = sending.header(name, self.fill(value));
        }
        if let Some(json) = &request.json {
            let text = self.fill(&json.to_string());
            let json: serde_json::Value =
                serde_json::from_str(&text).map_err(|e| format!("its JSON body: {e}"))?;
            sending = sending.json(&json);
        } else if !request.form.is_empty() {
            let form: BTreeMap<&String, String> = request
                .form
                .iter()
                .map(|(name, value)| (name, self.fill(value)))
                .collect();
            sending = sending.form(&form);
        }
        let answer = sending.send().await.map_err(|e| error_chain(&e))?;
        let status = answer.status().as_u16();
        let body = answer.text().await.map_err(|e| error_chain(&e))?;
        let mut met = request
            .status
            .map_or((200..400).contains(&status), |wanted| wanted == status);
        let json: Option<serde_json::Value> = serde_json::from_str(&body).ok();
        for (path, wanted) in &request.json_expect {
            let value = json.as_ref().and_then(|json| json_path(json, path));
            met &= value.is_some_and(|value| text_of(value) == self.fill(wanted));
        }
        for (name, path) in &request.save {
            let value = json
                .as_ref()
                .and_then(|json| json_path(json, path))
                .map(text_of);
            match value {
                Some(value) => {
                    self.state().saved.insert(name.clone(), value);
                }
                None => met = false,
            }
        }
        Ok((format!("{status}: {}", first_bytes(&body, 200)), met))
    }

    pub(super) async fn sql(
        &self,
        step: &Step,
        store: &str,
        query: &str,
        value: Option<&str>,
        rows: Option<u64>,
        save: Option<&str>,
    ) -> StepResult {
        let query = self.fill(query);
        let found = self.environment.sql(store, &query).await?;
        let first = found.first().cloned();
        let met = value.is_none_or(|value| first.as_deref() == Some(self.fill(value).as_str()))
            && rows.is_none_or(|rows| rows == found.len() as u64);
        let saw = format!(
            "{} rows, the first: {}",
            found.len(),
            first_bytes(first.as_deref().unwrap_or("none"), 100)
        );
        self.answered(step, &format!("{store}: {query}"), &saw, met)?;
        if let (Some(name), Some(first)) = (save, first) {
            self.state().saved.insert(name.to_owned(), first);
        }
        Ok(saw)
    }

    pub(super) async fn wait_until(&self, until: &Until, within: Duration) -> StepResult {
        let outcome = match until {
            Until::Healthy(service) => {
                let app = self.application(service).await?;
                wait_for(within, for_service, async || {
                    let report = app.health().await;
                    if report.healthy {
                        Ok(report.saw)
                    } else {
                        Err(report.saw)
                    }
                })
                .await
            }
            Until::Http(request) => {
                wait_for(within, for_anything, async || {
                    match self.send(request).await {
                        Ok((saw, true)) => Ok(saw),
                        Ok((saw, false)) | Err(saw) => Err(saw),
                    }
                })
                .await
            }
            Until::Sql {
                store,
                query,
                value,
            } => {
                wait_for(within, for_anything, async || {
                    let found = self
                        .environment
                        .sql(store, &self.fill(query))
                        .await
                        .map_err(|e| e.to_string())?;
                    match found.into_iter().next() {
                        Some(first) if first == *value => Ok(first),
                        first => Err(first.unwrap_or("no row".to_owned())),
                    }
                })
                .await
            }
        };
        outcome.map_err(|saw| {
            StepError::Failed(format!(
                "waited {} and last saw: {}",
                crate::words::duration(within),
                first_bytes(&saw, 200)
            ))
        })
    }

    fn answered(
        &self,
        step: &Step,
        asked: &str,
        saw: &str,
        as_expected: bool,
    ) -> Result<(), StepError> {
        self.tell(&Event::Answer {
            step: step.id.clone(),
            asked: first_bytes(asked, 200),
            saw: saw.to_owned(),
            as_expected,
        })?;
        let mut found = result(
            CheckKind::Expectation,
            Subject::Stack,
            if as_expected {
                Outcome::Pass
            } else {
                Outcome::Fail
            },
            1,
            format!("{}: {saw}", step.title),
        );
        if !as_expected {
            found.failures = vec![(kind("unexpected-answer"), 1)];
        }
        found.proofs = vec![proof(&step.id, asked, saw)];
        self.state().results.push(found);
        Ok(())
    }

    /// Plain substitution of what earlier steps saved: `${name}`.
    fn fill(&self, text: &str) -> String {
        let state = self.state();
        state
            .saved
            .iter()
            .fold(text.to_owned(), |text, (name, value)| {
                text.replace(&format!("${{{name}}}"), value)
            })
    }

    fn filled(&self, texts: &[String]) -> Vec<String> {
        texts.iter().map(|text| self.fill(text)).collect()
    }
}

/// A value by a path such as `$.user.id` or `$.items[0].name`.
fn json_path<'v>(value: &'v serde_json::Value, path: &str) -> Option<&'v serde_json::Value> {
    let path = path.strip_prefix('$').unwrap_or(path);
    let pointer: String = path
        .replace('[', ".")
        .replace(']', "")
        .split('.')
        .filter(|part| !part.is_empty())
        .map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1")))
        .collect();
    value.pointer(&pointer)
}

fn text_of(value: &serde_json::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_paths_reach_into_objects_and_lists() {
        let value = serde_json::json!({"a": [{"b": "x"}, {"b": 7}], "c/d": true});
        assert_eq!(
            json_path(&value, "$.a[0].b").map(text_of).as_deref(),
            Some("x")
        );
        assert_eq!(
            json_path(&value, "$.a[1].b").map(text_of).as_deref(),
            Some("7")
        );
        assert_eq!(
            json_path(&value, "$.c/d").map(text_of).as_deref(),
            Some("true")
        );
        assert_eq!(json_path(&value, "$.a[2].b"), None);
    }
}
