//! Reading back. What is not there has to be said by the application, in the way that it says so;
//! everything else that is no good answer says nothing.

use std::time::{Duration, Instant};

use phoenix_engine::application::{Content, Reading, Seen};
use phoenix_engine::words::first_bytes;
use phoenix_evidence::canary::CanarySpec;
use phoenix_evidence::payload;
use serde_json::Value;

use super::Http;
use super::description::{File, Read, Request};
use super::place::Reply;
use super::session::deadline;
use super::template::{Values, plain};

/// How long a good answer of the health path stands for what is read beside it.
const WELL_FOR: Duration = Duration::from_secs(1);

/// Texts of an entry, with the answer that they stand in; `None` of one that does not exist.
type Row = Option<(Vec<String>, Reply)>;

impl Http {
    pub(super) async fn read_one(
        &self,
        spec: &CanarySpec,
        marker: &str,
        reference: Option<&Value>,
    ) -> Reading {
        let canary = &self.description.canary;
        let file = canary.file.as_ref().filter(|_| spec.is_pair());
        let read = file.map_or(&canary.read, |file| &file.row);
        let mut values = self.values().await;
        values.set("marker", marker);
        if let Some(reference) = reference {
            values.take(reference);
        }
        let mut probe = probe(&read.requests);
        if let Some(name) = unknown(read, &values) {
            // It was never acknowledged: the application did not say what it is found by.
            match self.look_for(&name, marker).await {
                Ok(Some(id)) => values.set(&name, id),
                Ok(None) => {
                    let parts = spec.parts.iter().map(|_| Seen::Absent).collect();
                    return reading(parts, None, format!("no `{name}` is known of it"));
                }
                Err(why) => {
                    let parts = spec.parts.iter().map(|_| unreachable(&why)).collect();
                    return reading(parts, None, format!("no `{name}` is known of it"));
                }
            }
        }
        probe = self.session.vault.clean(&filled(&probe, &values));
        let (row, reply) = match self.row(read, &values).await {
            Ok(Some((texts, reply))) => self.mine(marker, texts, reply).await,
            Ok(None) => (self.absent().await, None),
            Err(seen) => (seen, None),
        };
        let Some(file) = file else {
            return reading(vec![row], None, probe);
        };
        let linked = reply.and_then(|reply| self.linked(file, &values, &reply));
        let bytes = self.bytes(file, &values).await;
        let second = filled(&self::probe(&file.read), &values);
        let probe = format!("{probe}, {}", self.session.vault.clean(&second));
        reading(vec![row, bytes], linked, probe)
    }

    /// The texts of one entry.
    pub(super) async fn row(&self, read: &Read, values: &Values) -> Result<Row, Seen> {
        let mut values = values.clone();
        let Some(reply) = self.answered(&read.requests, &mut values).await? else {
            return Ok(None);
        };
        let texts = read
            .payload
            .all(&reply)
            .map_err(|why| self.odd(&reply, &why))?;
        if texts.is_empty() {
            let why = format!("nothing stands at {}", read.payload.words());
            return Err(self.odd(&reply, &why));
        }
        Ok(Some((texts.iter().map(plain).collect(), reply)))
    }

    /// Of the texts that were found, those of this canary. A text with the marker of another is
    /// another's, and so is the first write after a restore: ids are given again then.
    async fn mine(&self, marker: &str, texts: Vec<String>, reply: Reply) -> (Seen, Option<Reply>) {
        let own = payload::find_markers(marker).into_iter().next();
        let is_own = |text: &&String| match &own {
            Some(own) => payload::find_markers(text).contains(own),
            None => text.contains(marker),
        };
        let present = |texts: Vec<&String>| {
            let clean = |text: &String| Content::Text(self.session.vault.clean_content(text));
            Seen::Present(texts.into_iter().map(clean).collect())
        };
        let mine: Vec<&String> = texts.iter().filter(is_own).collect();
        if !mine.is_empty() {
            (present(mine), Some(reply))
        } else if texts
            .iter()
            .any(|text| !payload::find_markers(text).is_empty() || payload::has_first_write(text))
        {
            (self.absent().await, None)
        } else {
            (present(texts.iter().collect()), Some(reply))
        }
    }

    async fn bytes(&self, file: &File, values: &Values) -> Seen {
        let mut values = values.clone();
        match self.answered(&file.read, &mut values).await {
            Ok(Some(reply)) => Seen::Present(vec![Content::Bytes(reply.body)]),
            Ok(None) => self.absent().await,
            Err(seen) => seen,
        }
    }

    /// The answer to the last of some requests; `None` where one says that there is no such entry.
    async fn answered(
        &self,
        requests: &[Request],
        values: &mut Values,
    ) -> Result<Option<Reply>, Seen> {
        let Some((last, before)) = requests.split_last() else {
            return Err(unreachable("the description has no requests for this"));
        };
        let until = deadline();
        if !before.is_empty() {
            let _together = self.session.together().await;
            for request in before {
                let reply = self.ask_for(request, values, until).await?;
                if self.says_absent(request, &reply, values) {
                    return Ok(None);
                }
                let words = request.words();
                request
                    .expect
                    .met(&reply, values, &self.session.vault)
                    .and_then(|()| self.keep(request, &reply, values))
                    .map_err(|why| unreachable(&format!("{words}: {why}")))?;
            }
        }
        let reply = self.ask_for(last, values, until).await?;
        let vault = &self.session.vault;
        if let Some(sealed) = &self.description.canary.undecryptable
            && sealed.met(&reply, values, vault).is_ok()
        {
            return Err(Seen::Unreadable {
                decryption: true,
                error: reply.words(vault),
            });
        }
        if self.says_absent(last, &reply, values) {
            return Ok(None);
        }
        match last.expect.met(&reply, values, vault) {
            Ok(()) => Ok(Some(reply)),
            Err(why) if reply.status >= 500 => Err(Seen::Unreadable {
                decryption: false,
                error: why,
            }),
            Err(why) => Err(unreachable(&why)),
        }
    }

    async fn ask_for(
        &self,
        request: &Request,
        values: &Values,
        until: Instant,
    ) -> Result<Reply, Seen> {
        let sent = self.session.send(request, values, until).await;
        sent.map_err(|none| {
            let why = format!("{}: {}", request.words(), none.words());
            unreachable(&self.session.vault.clean(&why))
        })
    }

    fn says_absent(&self, request: &Request, reply: &Reply, values: &Values) -> bool {
        let described = request.absent.as_ref();
        described.is_some_and(|absent| absent.met(reply, values, &self.session.vault).is_ok())
    }

    /// Absent, if the service is there to say so: a router in front of one that is gone answers
    /// 404 to everything.
    async fn absent(&self) -> Seen {
        let fresh = |at: Instant| at.elapsed() < WELL_FOR;
        let known = self.well_at.lock().ok().and_then(|at| *at);
        if known.is_some_and(fresh) {
            return Seen::Absent;
        }
        let began = Instant::now();
        match self.probe_health().await {
            Ok(()) => {
                if let Ok(mut at) = self.well_at.lock() {
                    *at = Some(began);
                }
                Seen::Absent
            }
            Err(why) => unreachable(&format!(
                "it is said to be absent, by a service that is not well: {why}"
            )),
        }
    }

    async fn look_for(&self, name: &str, marker: &str) -> Result<Option<Value>, String> {
        let Some(list) = &self.description.canary.list else {
            return Ok(None);
        };
        if list.ids.is_none() || self.id_name().as_deref() != Some(name) {
            return Ok(None);
        }
        self.find(list, marker).await.map_err(|why| why.to_string())
    }

    /// The one name by which `read` finds an entry: what an id of a list stands for.
    pub(super) fn id_name(&self) -> Option<String> {
        let mut known = self.session.values();
        known.set("marker", "");
        let mut names = unknowns(&self.description.canary.read, &known);
        let one = names.pop();
        one.filter(|_| names.is_empty())
    }

    fn linked(&self, file: &File, values: &Values, reply: &Reply) -> Option<bool> {
        let (at, is) = file.link.as_ref()?;
        let wanted = is.fill(values, &self.session.vault).ok()?;
        let found = at.all(reply).unwrap_or_default();
        Some(found.iter().any(|value| plain(value) == wanted))
    }

    /// A good status over an answer that is no entry.
    fn odd(&self, reply: &Reply, why: &str) -> Seen {
        let said = reply.words(&self.session.vault);
        unreachable(&format!("{said}, but {why}"))
    }
}

/// The names that a reading needs and nobody knows.
fn unknowns(read: &Read, values: &Values) -> Vec<String> {
    let mut own: Vec<&str> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for request in &read.requests {
        for name in request.names() {
            if !values.has(&name) && !own.contains(&name.as_str()) && !names.contains(&name) {
                names.push(name);
            }
        }
        own.extend(request.save.iter().map(|(name, _)| name.as_str()));
    }
    names
}

fn unknown(read: &Read, values: &Values) -> Option<String> {
    unknowns(read, values).into_iter().next()
}

fn reading(parts: Vec<Seen>, linked: Option<bool>, probe: String) -> Reading {
    Reading {
        parts,
        linked,
        probe,
        stands_as: None,
    }
}

fn unreachable(why: &str) -> Seen {
    Seen::Unreachable {
        why: first_bytes(why, 300),
        token_dead: false,
    }
}

/// A reading that came to nothing, in words.
pub(super) fn words(seen: &Seen) -> String {
    match seen {
        Seen::Unreadable { error, .. } | Seen::NoLogin { error, .. } => error.clone(),
        Seen::Unreachable { why, .. } => why.clone(),
        Seen::Absent => "not there".to_owned(),
        Seen::Present(_) => "there".to_owned(),
    }
}

fn probe(requests: &[Request]) -> String {
    requests
        .iter()
        .map(Request::words)
        .collect::<Vec<_>>()
        .join(", ")
}

/// A probe with what was filled in, as far as it was saved: secrets stay names.
fn filled(probe: &str, values: &Values) -> String {
    let mut text = String::new();
    for piece in phoenix_language::placeholder::pieces(probe) {
        match piece {
            phoenix_language::placeholder::Piece::Text(plain) => text.push_str(plain),
            phoenix_language::placeholder::Piece::Name { name, .. } => match values.get(name) {
                Some(value) => text.push_str(&plain(value)),
                None => text.push_str(&format!("${{{name}}}")),
            },
        }
    }
    text
}
