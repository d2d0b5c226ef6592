//! memcached, by its text protocol.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use phoenix_engine::environment::{DirectCopy, DriverError, Fingerprint};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::{CANARY, keeps_nothing, no_database};
use crate::{Form, Store, Taken};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a crawler that is busy for somebody else is asked again.
const ATTEMPTS: u32 = 50;

/// A memcached server as a store.
#[derive(Clone, Debug)]
pub struct MemcachedStore {
    address: SocketAddr,
}

impl MemcachedStore {
    /// A server by its address; it asks for no password.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    /// Process and second of the start: what no other incarnation has.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn identity(&self) -> Result<String, DriverError> {
        let asked = self.patient(async {
            let mut speech = self.connect().await?;
            let lines = speech.ask("stats").await?;
            let of = |name: &str| {
                let line = lines.iter().find_map(|line| line.strip_prefix(name));
                line.and_then(|value| value.trim().parse::<i64>().ok())
            };
            let (pid, time, up) = (of("STAT pid "), of("STAT time "), of("STAT uptime "));
            match (pid, time, up) {
                (Some(pid), Some(time), Some(up)) => Ok(format!("memcached:{pid}:{}", time - up)),
                _ => Err("its statistics lack the start".to_owned()),
            }
        });
        asked.await.map_err(|why| self.failed("identify", &why))
    }

    fn failed(&self, doing: &str, why: &dyn std::fmt::Display) -> DriverError {
        DriverError::new(format!("{doing} the memcached at {}", self.address), why)
    }

    async fn patient<T>(
        &self,
        asked: impl Future<Output = Result<T, String>>,
    ) -> Result<T, String> {
        let answered = tokio::time::timeout(PATIENCE, asked).await;
        answered.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")))
    }

    async fn connect(&self) -> Result<Speech, String> {
        let stream = TcpStream::connect(self.address).await;
        let stream = stream.map_err(|why| format!("nothing answers there: {why}"))?;
        Ok(Speech(BufReader::new(stream)))
    }

    /// All keys that have not expired.
    async fn keys(&self) -> Result<Vec<String>, String> {
        for _ in 0..ATTEMPTS {
            let lines = self
                .connect()
                .await?
                .ask("lru_crawler metadump all")
                .await?;
            if lines.first().is_some_and(|line| line.starts_with("BUSY")) {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
            if let Some(error) = lines.iter().find(|line| line.contains("ERROR")) {
                return Err(format!("it lists no keys: {error}"));
            }
            let keys = lines.iter().filter_map(|line| {
                let word = line.split(' ').next()?.strip_prefix("key=")?;
                Some(unescaped(word))
            });
            return Ok(keys.collect());
        }
        Err("its crawler is busy all the time".to_owned())
    }

    async fn entries(&self, wanted: &str) -> Result<Vec<(String, Vec<u8>)>, String> {
        let mut entries = Vec::new();
        let keys = self.keys().await?;
        let mut speech = self.connect().await?;
        for key in keys.into_iter().filter(|key| key.starts_with(wanted)) {
            if let Some(value) = speech.get(&key).await? {
                entries.push((key, value));
            }
        }
        entries.sort();
        Ok(entries)
    }
}

/// A connection.
struct Speech(BufReader<TcpStream>);

impl Speech {
    async fn line(&mut self) -> Result<String, String> {
        let mut line = Vec::new();
        let read = self.0.read_until(b'\n', &mut line).await;
        if read.map_err(|why| why.to_string())? == 0 {
            return Err("it hung up".to_owned());
        }
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    async fn say(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.0
            .get_mut()
            .write_all(bytes)
            .await
            .map_err(|why| why.to_string())
    }

    /// Lines until `END`, or the one line of a refusal.
    async fn ask(&mut self, command: &str) -> Result<Vec<String>, String> {
        self.say(format!("{command}\r\n").as_bytes()).await?;
        let mut lines = Vec::new();
        loop {
            let line = self.line().await?;
            if line == "END" {
                return Ok(lines);
            }
            let refused = line.starts_with("BUSY") || line.contains("ERROR");
            lines.push(line);
            if refused {
                return Ok(lines);
            }
        }
    }

    async fn get(&mut self, key: &str) -> Result<Option<Vec<u8>>, String> {
        self.say(format!("get {key}\r\n").as_bytes()).await?;
        let line = self.line().await?;
        if line == "END" {
            return Ok(None);
        }
        let length = line
            .rsplit(' ')
            .next()
            .and_then(|length| length.parse::<usize>().ok());
        let length = length.filter(|_| line.starts_with("VALUE "));
        let length = length.ok_or_else(|| format!("an answer that is none: {line}"))?;
        let mut value = vec![0; length + 2];
        let read = self.0.read_exact(&mut value).await;
        read.map_err(|why| why.to_string())?;
        value.truncate(length);
        match self.line().await?.as_str() {
            "END" => Ok(Some(value)),
            other => Err(format!("an answer that has no end: {other}")),
        }
    }
}

/// Keys are listed with `%XX` for what would break a line.
fn unescaped(word: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = word.as_bytes();
    while let Some((&first, more)) = rest.split_first() {
        let code = (first == b'%')
            .then(|| more.get(..2))
            .flatten()
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(code.unwrap_or(first));
        rest = if code.is_some() { &more[2..] } else { more };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[async_trait]
impl Store for MemcachedStore {
    async fn ready(&self, within: Duration) -> Result<(), DriverError> {
        let until = tokio::time::Instant::now() + within;
        loop {
            let Err(why) = self.identity().await else {
                return Ok(());
            };
            if tokio::time::Instant::now() >= until {
                return Err(why);
            }
            // A server that is coming up gives no event.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn backup(&self, _form: Form, _into: &Path) -> Result<Taken, DriverError> {
        Err(keeps_nothing("back up a memcached"))
    }

    async fn restore(&self, _from: &Path) -> Result<u64, DriverError> {
        Err(keeps_nothing("restore a memcached"))
    }

    async fn fingerprint(&self) -> Result<Option<Fingerprint>, DriverError> {
        Ok(None)
    }

    fn compare(&self, _before: &Fingerprint, _after: &Fingerprint) -> Vec<String> {
        Vec::new()
    }

    async fn write_direct(&self, copy: &DirectCopy) -> Result<bool, DriverError> {
        let fail = |why: String| self.failed("write straight into", &why);
        let key = format!("{CANARY}{}", copy.marker);
        if key.len() > 250 || key.bytes().any(|byte| byte <= b' ' || byte == 127) {
            return Err(fail(format!("`{key}` is no key for it")));
        }
        let written = self.patient(async {
            let mut speech = self.connect().await?;
            let head = format!("set {key} 0 0 {}\r\n", copy.text.len());
            speech
                .say(&[head.as_bytes(), copy.text.as_bytes(), b"\r\n"].concat())
                .await?;
            match speech.line().await?.as_str() {
                "STORED" => Ok(true),
                other => Err(other.to_owned()),
            }
        });
        written.await.map_err(fail)
    }

    async fn list_direct(&self) -> Result<Vec<DirectCopy>, DriverError> {
        let entries = self.patient(self.entries(CANARY)).await;
        let entries = entries.map_err(|why| self.failed("read straight from", &why))?;
        let copies = entries.into_iter().map(|(key, value)| DirectCopy {
            marker: key[CANARY.len()..].to_owned(),
            text: String::from_utf8_lossy(&value).into_owned(),
        });
        Ok(copies.collect())
    }

    async fn find_text(&self, text: &str) -> Result<bool, DriverError> {
        // As many entries as there are, and a bound for each of them only.
        let entries = self.entries("").await;
        let entries = entries.map_err(|why| self.failed("look for a text in", &why))?;
        Ok(entries.iter().any(|(key, value)| {
            key.contains(text) || String::from_utf8_lossy(value).contains(text)
        }))
    }

    async fn holds(&self) -> Result<u64, DriverError> {
        let keys = self.patient(self.keys()).await;
        keys.map(|keys| keys.iter().filter(|key| !key.starts_with(CANARY)).count() as u64)
            .map_err(|why| self.failed("count what is in", &why))
    }

    async fn sql(&self, _query: &str) -> Result<Vec<String>, DriverError> {
        Err(no_database("ask a memcached"))
    }

    async fn execute(&self, _statement: &str, _values: &[String]) -> Result<u64, DriverError> {
        Err(no_database("change a memcached"))
    }
}
