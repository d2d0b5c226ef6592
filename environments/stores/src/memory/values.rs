//! What a Redis holds, by typed values: its own dumps of a value differ from version to version.

use std::collections::BTreeMap;

use jiff::Timestamp;
use phoenix_engine::environment::Fingerprint;
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, Value, cmd};
use serde::{Deserialize, Serialize};

use crate::manifest::{lines_of_difference, printable, read_both, short};

/// One key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    kind: String,
    digest: String,
    /// When it expires, in Unix milliseconds; -1 for never.
    expires_ms: i64,
}

/// `database/key` → entry.
pub(super) type Manifest = BTreeMap<String, Entry>;

/// One key with all that it holds, in an order that does not depend on how it was put in.
pub(super) struct Held {
    pub(super) database: u64,
    pub(super) key: Vec<u8>,
    kind: String,
    pub(super) parts: Vec<Vec<u8>>,
    expires_ms: i64,
}

/// Databases that hold something.
pub(super) async fn databases(link: &mut MultiplexedConnection) -> Result<Vec<u64>, String> {
    let info: String = ask(link, cmd("INFO").arg("keyspace")).await?;
    let lines = info.lines().filter_map(|line| line.strip_prefix("db"));
    Ok(lines
        .filter_map(|line| line.split(':').next()?.parse().ok())
        .collect())
}

pub(super) async fn ask<T: FromRedisValue>(
    link: &mut MultiplexedConnection,
    command: &redis::Cmd,
) -> Result<T, String> {
    command
        .query_async(link)
        .await
        .map_err(|why| why.to_string())
}

/// All keys of the chosen database.
pub(super) async fn keys(link: &mut MultiplexedConnection) -> Result<Vec<Vec<u8>>, String> {
    let mut keys = std::collections::BTreeSet::new();
    let mut cursor = 0_u64;
    loop {
        let page: (u64, Vec<Vec<u8>>) =
            ask(link, cmd("SCAN").arg(cursor).arg("COUNT").arg(1000)).await?;
        // A key can be shown twice.
        keys.extend(page.1);
        cursor = page.0;
        if cursor == 0 {
            return Ok(keys.into_iter().collect());
        }
    }
}

/// A key of the chosen database; `None` when it expired meanwhile.
pub(super) async fn held(
    link: &mut MultiplexedConnection,
    database: u64,
    key: Vec<u8>,
) -> Result<Option<Held>, String> {
    let kind: String = ask(link, cmd("TYPE").arg(&key)).await?;
    let expires_ms: i64 = ask(link, cmd("PEXPIRETIME").arg(&key)).await?;
    let range = |name: &str| cmd(name).arg(&key).arg(0).arg(-1).to_owned();
    let mut sorted = 0;
    let command = match kind.as_str() {
        "none" => return Ok(None),
        "string" => cmd("GET").arg(&key).to_owned(),
        "list" => range("LRANGE"),
        "set" => {
            sorted = 1;
            cmd("SMEMBERS").arg(&key).to_owned()
        }
        "hash" => {
            sorted = 2;
            cmd("HGETALL").arg(&key).to_owned()
        }
        "zset" => range("ZRANGE").arg("WITHSCORES").to_owned(),
        "stream" => cmd("XRANGE").arg(&key).arg("-").arg("+").to_owned(),
        other => {
            return Err(format!(
                "{} is a {other}, which is not known here",
                printable(&key)
            ));
        }
    };
    let value: Value = ask(link, &command).await?;
    let mut parts = Vec::new();
    flatten(&value, &mut parts);
    if sorted > 0 {
        let mut groups: Vec<Vec<Vec<u8>>> = parts.chunks(sorted).map(<[_]>::to_vec).collect();
        groups.sort();
        parts = groups.concat();
    }
    Ok(Some(Held {
        database,
        key,
        kind,
        parts,
        expires_ms,
    }))
}

fn flatten(value: &Value, parts: &mut Vec<Vec<u8>>) {
    match value {
        Value::BulkString(bytes) => parts.push(bytes.clone()),
        Value::SimpleString(text) => parts.push(text.clone().into_bytes()),
        Value::Int(number) => parts.push(number.to_string().into_bytes()),
        Value::Double(number) => parts.push(number.to_string().into_bytes()),
        Value::Array(values) | Value::Set(values) => {
            // How many, so that two lists of lists are not the same for the sum of their members.
            parts.push(values.len().to_string().into_bytes());
            let before = parts.len();
            values.iter().for_each(|value| flatten(value, parts));
            if values
                .iter()
                .all(|value| matches!(value, Value::BulkString(_)))
            {
                parts.remove(before - 1);
            }
        }
        Value::Map(pairs) => {
            for (key, value) in pairs {
                flatten(key, parts);
                flatten(value, parts);
            }
        }
        other => parts.push(format!("{other:?}").into_bytes()),
    }
}

impl Held {
    pub(super) fn entry(&self) -> (String, Entry) {
        let mut hasher = blake3::Hasher::new();
        for part in &self.parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let entry = Entry {
            kind: self.kind.clone(),
            digest: short(&hasher.finalize()),
            expires_ms: self.expires_ms,
        };
        (format!("{}/{}", self.database, printable(&self.key)), entry)
    }
}

pub(super) fn fingerprint(manifest: &Manifest) -> Fingerprint {
    let expiring = manifest
        .values()
        .filter(|entry| entry.expires_ms >= 0)
        .count();
    let covers = format!(
        "{} keys, {expiring} of which expire, nothing left out",
        manifest.len()
    );
    crate::manifest::fingerprint(manifest, covers)
}

/// What differs, key by key; what had to expire by now is not missed.
pub(super) fn compare(before: &Fingerprint, after: &Fingerprint, now: Timestamp) -> Vec<String> {
    let (before, after) = match read_both::<Manifest>(before, after) {
        Ok(both) => both,
        Err(lines) => return lines,
    };
    let mut lines = Vec::new();
    for (key, old) in &before {
        match after.get(key) {
            None if old.expires_ms >= 0 && old.expires_ms <= now.as_millisecond() => {}
            None => lines.push(format!("{key} is missing")),
            Some(new) if new.kind != old.kind => {
                lines.push(format!("{key} is a {}, a {} before", new.kind, old.kind));
            }
            Some(new) if new.digest != old.digest => lines.push(format!("{key} has other content")),
            Some(new) if new.expires_ms != old.expires_ms => {
                lines.push(format!("{key} expires at another time"));
            }
            Some(_) => {}
        }
    }
    lines.extend(
        after
            .keys()
            .filter(|key| !before.contains_key(*key))
            .map(|key| format!("{key} is new")),
    );
    lines_of_difference(lines)
}
