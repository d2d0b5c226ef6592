//! Redis: a cache, or a store where it is said to be one.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker;
use jiff::Timestamp;
use phoenix_engine::environment::{DirectCopy, DriverError, Fingerprint};
use redis::aio::MultiplexedConnection;
use redis::{ConnectionAddr, IntoConnectionInfo as _, RedisConnectionInfo, cmd};

use super::container::Container;
use super::values::{self, Manifest, ask, databases, held, keys};
use super::{CANARY, keeps_nothing, no_database};
use crate::{Form, Store, Taken};

const DUMP: &str = "dump.rdb";
/// How long writers wait while a recovery point is made, at most.
const PAUSE_MS: u64 = 60_000;

/// A Redis server as a store.
pub struct RedisStore {
    address: SocketAddr,
    password: Option<String>,
    kept: Option<Container>,
}

impl RedisStore {
    /// A cache by its address: it has no recovery points and no fingerprint.
    #[must_use]
    pub fn cache(address: SocketAddr, password: Option<&str>) -> Self {
        Self {
            address,
            password: password.map(str::to_owned),
            kept: None,
        }
    }

    /// A store that is kept, in its container.
    #[must_use]
    pub fn kept(
        address: SocketAddr,
        password: Option<&str>,
        docker: Docker,
        container: &str,
    ) -> Self {
        let id = container.to_owned();
        Self {
            kept: Some(Container { docker, id }),
            ..Self::cache(address, password)
        }
    }

    /// The id that the server gives itself at its start.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn identity(&self) -> Result<String, DriverError> {
        let asked = async {
            let info: String = ask(&mut self.connect(0).await?, cmd("INFO").arg("server")).await?;
            let id = info.lines().find_map(|line| line.strip_prefix("run_id:"));
            id.map(|id| format!("redis:{}", id.trim()))
                .ok_or_else(|| "it has no id".to_owned())
        };
        asked
            .await
            .map_err(|why: String| self.failed("identify", &why))
    }

    fn failed(&self, doing: &str, why: &dyn std::fmt::Display) -> DriverError {
        DriverError::new(format!("{doing} the Redis at {}", self.address), why)
    }

    async fn connect(&self, database: u64) -> Result<MultiplexedConnection, String> {
        let host = self.address.ip().to_string();
        let mut given =
            RedisConnectionInfo::default().set_db(i64::try_from(database).unwrap_or_default());
        if let Some(password) = &self.password {
            given = given.set_password(password.clone());
        }
        let info = ConnectionAddr::Tcp(host, self.address.port())
            .into_connection_info()
            .map_err(|why| why.to_string())?
            .set_redis_settings(given);
        let client = redis::Client::open(info).map_err(|why| why.to_string())?;
        let link = client.get_multiplexed_async_connection().await;
        link.map_err(|why| format!("no connection: {why}"))
    }

    async fn manifest(&self) -> Result<Manifest, String> {
        let mut manifest = Manifest::new();
        for database in databases(&mut self.connect(0).await?).await? {
            let mut link = self.connect(database).await?;
            for key in keys(&mut link).await? {
                if let Some(held) = held(&mut link, database, key).await? {
                    manifest.extend([held.entry()]);
                }
            }
        }
        Ok(manifest)
    }

    /// Folder, name of the dump, and who owns what is there.
    async fn place(&self, link: &mut MultiplexedConnection) -> Result<(String, String), String> {
        let mut of = async |name: &str| {
            let pair: Vec<String> = ask(link, cmd("CONFIG").arg("GET").arg(name)).await?;
            pair.into_iter()
                .nth(1)
                .ok_or_else(|| format!("it does not tell its `{name}`"))
        };
        if of("appendonly").await? == "yes" {
            return Err(
                "it keeps an append-only file, which it would load instead of a dump; \
                        start it without `appendonly`"
                    .to_owned(),
            );
        }
        Ok((of("dir").await?, of("dbfilename").await?))
    }

    async fn save(&self, container: &Container, into: &Path) -> Result<Fingerprint, String> {
        let mut link = self.connect(0).await?;
        let (folder, name) = self.place(&mut link).await?;
        // Writers wait, so that the dump and the fingerprint are of one moment.
        let pause = cmd("CLIENT")
            .arg("PAUSE")
            .arg(PAUSE_MS)
            .arg("WRITE")
            .to_owned();
        let () = ask(&mut link, &pause).await?;
        let taken = async {
            let since = tokio::time::Instant::now();
            let manifest = self.manifest().await?;
            let () = ask(&mut self.patient().await?, &cmd("SAVE")).await?;
            if since.elapsed() >= Duration::from_millis(PAUSE_MS) {
                return Err("it took longer than its writers can be held".to_owned());
            }
            Ok(manifest)
        };
        let taken = taken.await;
        let released: Result<(), String> = ask(&mut link, cmd("CLIENT").arg("UNPAUSE")).await;
        let manifest = taken?;
        released?;
        let dump = container.file(&format!("{folder}/{name}")).await?;
        let partial = into.join("dump.rdb.partial");
        let written = fs::write(&partial, dump)
            .and_then(|()| fs::File::open(&partial)?.sync_all())
            .and_then(|()| {
                let body = serde_json::to_vec(&manifest).map_err(std::io::Error::other)?;
                fs::write(into.join("redis.json"), body)
            })
            .and_then(|()| fs::rename(&partial, into.join(DUMP)));
        written.map_err(|why| {
            let _best_effort = fs::remove_file(&partial);
            format!("write into {}: {why}", into.display())
        })?;
        Ok(values::fingerprint(&manifest))
    }

    /// A connection on which an answer may take its time.
    async fn patient(&self) -> Result<MultiplexedConnection, String> {
        let mut link = self.connect(0).await?;
        link.set_response_timeout(Duration::from_millis(PAUSE_MS));
        Ok(link)
    }

    async fn load(&self, container: &Container, from: &Path) -> Result<u64, String> {
        let read = |name: &str| {
            fs::read(from.join(name))
                .map_err(|why| format!("{} is no recovery point: {name}: {why}", from.display()))
        };
        let dump = read(DUMP)?;
        let wanted: Manifest = serde_json::from_slice(&read("redis.json")?)
            .map_err(|why| format!("the recovery point is damaged: {why}"))?;
        let held = self.manifest().await?.len();
        if held > 0 {
            return Err(format!(
                "it holds {held} keys; a recovery point goes into a fresh server only"
            ));
        }
        let (folder, name) = self.place(&mut self.connect(0).await?).await?;
        let owner = container.exec(&["stat", "-c", "%u:%g", &folder]).await?;
        let owner = owner
            .trim()
            .split_once(':')
            .and_then(|(uid, gid)| Some((uid.parse::<u32>().ok()?, gid.parse::<u32>().ok()?)));
        let owner = owner.ok_or("its folder tells no owner")?;
        container.stop(10).await?;
        container.put(&folder, &name, owner, &dump).await?;
        container.start().await?;
        let ready = self.ready(Duration::from_secs(30)).await;
        ready.map_err(|why| format!("it does not start with the dump: {}", why.why))?;
        let now = values::fingerprint(&self.manifest().await?);
        let lines = values::compare(&values::fingerprint(&wanted), &now, Timestamp::now());
        if lines.is_empty() {
            return Ok(dump.len() as u64);
        }
        let lines = lines.join("; ");
        Err(format!(
            "what is there now is not what was backed up: {lines}"
        ))
    }
}

#[async_trait]
impl Store for RedisStore {
    async fn ready(&self, within: Duration) -> Result<(), DriverError> {
        let until = tokio::time::Instant::now() + within;
        loop {
            let pong = async {
                let said: String = ask(&mut self.connect(0).await?, &cmd("PING")).await?;
                Ok::<_, String>(said)
            };
            let Err(why) = pong.await else {
                return Ok(());
            };
            if tokio::time::Instant::now() >= until {
                return Err(self.failed("wait for", &why));
            }
            // A server that loads its dump gives no event.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn backup(&self, _form: Form, into: &Path) -> Result<Taken, DriverError> {
        let Some(container) = &self.kept else {
            return Err(keeps_nothing("back up a Redis"));
        };
        let saved = self.save(container, into).await;
        let fingerprint = saved.map_err(|why| self.failed("back up", &why))?;
        Ok(Taken {
            fingerprint: Some(fingerprint),
        })
    }

    async fn restore(&self, from: &Path) -> Result<u64, DriverError> {
        let Some(container) = &self.kept else {
            return Err(keeps_nothing("restore a Redis"));
        };
        let loaded = self.load(container, from).await;
        loaded.map_err(|why| self.failed("restore", &why))
    }

    async fn fingerprint(&self) -> Result<Option<Fingerprint>, DriverError> {
        if self.kept.is_none() {
            return Ok(None);
        }
        let manifest = self.manifest().await;
        manifest
            .map(|manifest| Some(values::fingerprint(&manifest)))
            .map_err(|why| self.failed("fingerprint", &why))
    }

    fn compare(&self, before: &Fingerprint, after: &Fingerprint) -> Vec<String> {
        values::compare(before, after, Timestamp::now())
    }

    async fn write_direct(&self, copy: &DirectCopy) -> Result<bool, DriverError> {
        let written = async {
            let key = format!("{CANARY}{}", copy.marker);
            let set = cmd("SET").arg(key).arg(&copy.text).to_owned();
            let () = ask(&mut self.connect(0).await?, &set).await?;
            Ok(true)
        };
        written
            .await
            .map_err(|why: String| self.failed("write straight into", &why))
    }

    async fn list_direct(&self) -> Result<Vec<DirectCopy>, DriverError> {
        let read = async {
            let mut link = self.connect(0).await?;
            let mut copies = Vec::new();
            for key in keys(&mut link).await? {
                let key = String::from_utf8_lossy(&key).into_owned();
                let Some(marker) = key.strip_prefix(CANARY) else {
                    continue;
                };
                let text: Option<Vec<u8>> = ask(&mut link, cmd("GET").arg(&key)).await?;
                copies.extend(text.map(|text| DirectCopy {
                    marker: marker.to_owned(),
                    text: String::from_utf8_lossy(&text).into_owned(),
                }));
            }
            Ok(copies)
        };
        read.await
            .map_err(|why: String| self.failed("read straight from", &why))
    }

    async fn find_text(&self, text: &str) -> Result<bool, DriverError> {
        let search = async {
            let has = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(text);
            for database in databases(&mut self.connect(0).await?).await? {
                let mut link = self.connect(database).await?;
                for key in keys(&mut link).await? {
                    let held = held(&mut link, database, key).await?;
                    if held.is_some_and(|it| has(&it.key) || it.parts.iter().any(|part| has(part)))
                    {
                        return Ok(true);
                    }
                }
            }
            Ok(false)
        };
        search
            .await
            .map_err(|why: String| self.failed("look for a text in", &why))
    }

    async fn holds(&self) -> Result<u64, DriverError> {
        let count = async {
            let mut count = 0;
            for database in databases(&mut self.connect(0).await?).await? {
                let keys = keys(&mut self.connect(database).await?).await?;
                count += keys
                    .iter()
                    .filter(|key| !key.starts_with(CANARY.as_bytes()))
                    .count() as u64;
            }
            Ok(count)
        };
        count
            .await
            .map_err(|why: String| self.failed("count what is in", &why))
    }

    async fn sql(&self, _query: &str) -> Result<Vec<String>, DriverError> {
        Err(no_database("ask a Redis"))
    }

    async fn execute(&self, _statement: &str, _values: &[String]) -> Result<u64, DriverError> {
        Err(no_database("change a Redis"))
    }
}
