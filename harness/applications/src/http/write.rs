//! Writing: what was acknowledged, what was refused, and what nobody knows.

use std::collections::BTreeSet;
use std::time::Instant;

use phoenix_engine::application::{Action, WriteOutcome, WriteRequest};
use serde_json::Value;

use super::Http;
use super::description::Request;
use super::place::Reply;
use super::session::deadline;
use super::template::Values;
use crate::call::NoAnswer;

/// Why requests ended before the last was answered well.
pub(super) enum Halt {
    /// The application said no, or was never asked: nothing was changed.
    Refused(String),
    /// Something may have been changed.
    Unknown(String),
}

impl Halt {
    pub(super) fn words(&self) -> &str {
        match self {
            Self::Refused(why) | Self::Unknown(why) => why,
        }
    }
}

impl Http {
    pub(super) async fn write_one(&self, request: &WriteRequest<'_>) -> WriteOutcome {
        let canary = &self.description.canary;
        let nothing = Vec::new();
        let requests = match (request.action, request.spec.is_pair()) {
            (Action::Create, false) => &canary.write,
            (Action::Create, true) => canary.file.as_ref().map_or(&nothing, |file| &file.write),
            (Action::Overwrite, _) => &canary.update,
            (Action::Delete, _) => &canary.delete,
        };
        if requests.is_empty() {
            return WriteOutcome::Refused {
                answer: "the description has no requests for this".to_owned(),
            };
        }
        let mut values = self.values().await;
        if let Some(reference) = request.reference {
            values.take(reference);
        }
        values.set("marker", request.marker);
        if request.action != Action::Delete {
            values.set("payload", request.text);
        }
        values.file = request.file.map(<[u8]>::to_vec);
        match self.run(requests, &mut values, deadline()).await {
            Ok(_) => WriteOutcome::Acknowledged {
                reference: self.reference(&values),
            },
            Err(Halt::Refused(answer)) => WriteOutcome::Refused { answer },
            Err(Halt::Unknown(why)) => WriteOutcome::Indeterminate { why },
        }
    }

    /// Sends requests in their order; the last answer. What they save is in `values` then.
    ///
    /// A write is acknowledged by the last one alone. Whatever ends the row before it, after
    /// something may have been changed, leaves a canary of which nobody knows how much there is.
    pub(super) async fn run(
        &self,
        requests: &[Request],
        values: &mut Values,
        until: Instant,
    ) -> Result<Reply, Halt> {
        let _together = match requests.len() {
            0 | 1 => None,
            _ => Some(self.session.together().await),
        };
        let mut changed = false;
        let mut last = None;
        for request in requests {
            let may_change = changed || request.changes();
            let halt = |may_change: bool, why: String| {
                if may_change {
                    Halt::Unknown(why)
                } else {
                    Halt::Refused(why)
                }
            };
            let words = request.words();
            let reply = match self.session.send(request, values, until).await {
                Ok(reply) => reply,
                Err(NoAnswer::NotSent(why)) => {
                    return Err(halt(changed, format!("{words}: {why}")));
                }
                Err(NoAnswer::Unknown(why)) => {
                    return Err(halt(may_change, format!("{words}: {why}")));
                }
            };
            if let Err(why) = request.expect.met(&reply, values, &self.session.vault) {
                let why = format!("{words}: {why}");
                // A server that says no has not done it. 408 says that it stopped listening, and
                // any other answer that is not expected says nothing of what was done.
                let said_no = (400..500).contains(&reply.status) && reply.status != 408;
                return Err(halt(changed || (request.changes() && !said_no), why));
            }
            changed = may_change;
            if let Err(why) = self.keep(request, &reply, values) {
                return Err(halt(changed, format!("{words}: {why}")));
            }
            last = Some(reply);
        }
        last.ok_or_else(|| Halt::Refused("the description has no requests for this".to_owned()))
    }

    /// Keeps what a request saves of its answer.
    pub(super) fn keep(
        &self,
        request: &Request,
        reply: &Reply,
        values: &mut Values,
    ) -> Result<(), String> {
        for (name, place) in &request.save {
            let value = place.one(reply).map_err(|why| {
                let answer = reply.words(&self.session.vault);
                format!("{answer}, but {why}")
            })?;
            values.set(name, value);
        }
        Ok(())
    }

    /// What is needed to find a canary again: of all that was saved, what later requests use. A
    /// token against forgery is none of it, nor is what `prepare` saved: that is found anew.
    fn reference(&self, values: &Values) -> Value {
        let canary = &self.description.canary;
        let mut needed = BTreeSet::new();
        let mut sequences = vec![&canary.read.requests, &canary.update, &canary.delete];
        if let Some(file) = &canary.file {
            sequences.extend([&file.read, &file.row.requests]);
            let linked = file.link.as_ref().map(|(_, is)| is.names());
            needed.extend(linked.unwrap_or_default().into_iter().map(str::to_owned));
        }
        for requests in sequences {
            let mut own: Vec<&str> = Vec::new();
            for request in requests {
                let used = request.names();
                needed.extend(
                    used.into_iter()
                        .filter(|name| !own.contains(&name.as_str())),
                );
                own.extend(request.save.iter().map(|(name, _)| name.as_str()));
            }
        }
        let prepared = |name: &str| {
            let mut saved = canary.prepare.iter().flat_map(|request| &request.save);
            saved.any(|(known, _)| known == name)
        };
        needed
            .into_iter()
            .filter(|name| !matches!(name.as_str(), "payload" | "marker" | "nonce"))
            .filter(|name| !prepared(name))
            .filter_map(|name| Some((name.clone(), values.get(&name)?.clone())))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }
}
