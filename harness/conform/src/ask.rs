//! Asking: one check after another, each with what was sent, what came, and what that means.

use serde_json::{Value, json};

use crate::call::{Call, Came, Target};

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is as the contract says.
    Conforms,
    /// It is not; how.
    Differs(String),
    /// Nobody knows; why.
    NotAsked(String),
}

/// A check that was made, or could not be.
#[derive(Clone, Debug)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// What the contract says.
    pub contract: &'static str,
    /// Of which project and version that is known.
    pub source: &'static str,
    /// The call; empty where none was made.
    pub sent: String,
    /// The answer; empty where none came.
    pub came: String,
    /// What that means.
    pub verdict: Verdict,
}

impl Check {
    /// The check as a value for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let (word, why) = match &self.verdict {
            Verdict::Conforms => ("conforms", None),
            Verdict::Differs(why) => ("differs", Some(why)),
            Verdict::NotAsked(why) => ("not-asked", Some(why)),
        };
        json!({
            "name": self.name, "contract": self.contract, "source": self.source,
            "sent": self.sent, "came": self.came, "verdict": word, "why": why,
        })
    }
}

/// What came of all of them.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The checks, in the order in which they were made.
    pub checks: Vec<Check>,
    /// Names of the checks that write and were not wanted.
    pub left_out: Vec<&'static str>,
    /// What the checks that write left behind.
    pub leaves: Vec<String>,
}

impl Report {
    /// Whether each check that was made conforms, and at least one was.
    #[must_use]
    pub fn conforms(&self) -> bool {
        let good = |check: &Check| check.verdict == Verdict::Conforms;
        !self.checks.is_empty() && self.checks.iter().all(good)
    }

    /// How many differ.
    #[must_use]
    pub fn differ(&self) -> usize {
        let differs = |check: &&Check| matches!(check.verdict, Verdict::Differs(_));
        self.checks.iter().filter(differs).count()
    }
}

/// Why a check does not conform.
#[derive(Debug)]
pub(crate) enum Not {
    Differs(String),
    Asked(String),
}

pub(crate) type Judged<T> = Result<T, Not>;

/// Insists on something; the words say what is wrong without it.
pub(crate) fn insist(so: bool, else_words: impl Into<String>) -> Judged<()> {
    match so {
        true => Ok(()),
        false => Err(Not::Differs(else_words.into())),
    }
}

impl Came {
    /// Insists on a status.
    pub(crate) fn status(&self, wanted: u16) -> Judged<()> {
        insist(
            self.status == wanted,
            format!("the status is {}, not {wanted}", self.status),
        )
    }

    /// Insists on a value in the answer.
    pub(crate) fn holds(&self, pointer: &str, wanted: &Value) -> Judged<()> {
        let found = self.json.pointer(pointer).unwrap_or(&Value::Null);
        insist(
            found == wanted,
            format!("{pointer} is {}, not {wanted}", crate::redact::json(found)),
        )
    }

    /// Insists on a text in the answer that is not empty, and gives it.
    pub(crate) fn text(&self, pointer: &str) -> Judged<String> {
        let found = self.at(pointer);
        insist(!found.is_empty(), format!("there is no text at {pointer}"))?;
        Ok(found.to_owned())
    }

    /// Insists on a number in the answer, and gives it.
    pub(crate) fn number(&self, pointer: &str) -> Judged<i64> {
        let found = self.json.pointer(pointer).and_then(Value::as_i64);
        found.ok_or_else(|| Not::Differs(format!("there is no number at {pointer}")))
    }

    /// Insists on a list in the answer, and gives it.
    pub(crate) fn list(&self, pointer: &str) -> Judged<&Vec<Value>> {
        let found = self.json.pointer(pointer).and_then(Value::as_array);
        found.ok_or_else(|| Not::Differs(format!("there is no list at {pointer}")))
    }

    /// A parameter of the address that it leads to.
    pub(crate) fn leads_with(&self, name: &str) -> Judged<String> {
        let query = self
            .header("location")
            .split_once('?')
            .map_or("", |(_, query)| query);
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        let found = pairs.find(|(found, _)| found == name);
        let found = found.map(|(_, value)| value.into_owned());
        found.ok_or_else(|| Not::Differs(format!("the address that it leads to has no {name}")))
    }
}

/// Who asks.
pub(crate) struct Asker<'t> {
    pub(crate) target: &'t Target,
    pub(crate) source: &'static str,
    told: &'t mut (dyn FnMut(&Check) + Send),
    report: Report,
}

impl<'t> Asker<'t> {
    pub(crate) fn new(target: &'t Target, told: &'t mut (dyn FnMut(&Check) + Send)) -> Self {
        Self {
            target,
            source: "",
            told,
            report: Report::default(),
        }
    }

    pub(crate) fn report(self) -> Report {
        self.report
    }

    /// Makes a check; what the judge found in the answer, if it conforms.
    pub(crate) async fn check<T>(
        &mut self,
        name: &'static str,
        contract: &'static str,
        call: Call,
        judge: impl FnOnce(&Came) -> Judged<T>,
    ) -> Option<T> {
        let sent = call.words();
        let (came, judged) = match self.target.send(&call).await {
            Ok(came) => (came.words(), judge(&came)),
            Err(why) => (String::new(), Err(Not::Asked(why))),
        };
        let (verdict, found) = match judged {
            Ok(found) => (Verdict::Conforms, Some(found)),
            Err(Not::Differs(why)) => (Verdict::Differs(why), None),
            Err(Not::Asked(why)) => (Verdict::NotAsked(why), None),
        };
        self.add(name, contract, (sent, came), verdict);
        found
    }

    /// A check that cannot be made.
    pub(crate) fn not_asked(&mut self, name: &'static str, contract: &'static str, why: &str) {
        let none = (String::new(), String::new());
        self.add(name, contract, none, Verdict::NotAsked(why.to_owned()));
    }

    fn add(
        &mut self,
        name: &'static str,
        contract: &'static str,
        (sent, came): (String, String),
        verdict: Verdict,
    ) {
        let check = Check {
            name,
            contract,
            source: self.source,
            sent,
            came,
            verdict,
        };
        (self.told)(&check);
        self.report.checks.push(check);
    }

    /// What lets one in; without it the checks of `names` are said not to be asked.
    pub(crate) fn secret(&mut self, kind: &str, names: &[&'static str]) -> Option<String> {
        if self.target.secret.is_none() {
            let why = format!("it needs a secret file with {kind}");
            for name in names {
                self.not_asked(name, "it answers whom it knows", &why);
            }
        }
        self.target.secret.clone()
    }

    /// Whether the checks that write are wanted; without it they are named as left out.
    pub(crate) fn writes(&mut self, names: &[&'static str]) -> bool {
        if !self.target.writes {
            self.report.left_out.extend(names);
        }
        self.target.writes
    }

    /// Says what is left behind.
    pub(crate) fn leaves(&mut self, what: impl Into<String>) {
        self.report.leaves.push(what.into());
    }

    /// A call of no check, to clean up: what it leaves when it does not go as wanted.
    pub(crate) async fn clean(&mut self, call: Call, wanted: &[u16], else_leaves: &str) {
        let gone = match self.target.send(&call).await {
            Ok(came) => wanted.contains(&came.status),
            Err(_) => false,
        };
        if !gone {
            self.leaves(else_leaves);
        }
    }
}

/// A name that nobody else has.
pub(crate) fn unique() -> String {
    format!("phoenix-conform-{:08x}", rand::random::<u32>())
}
