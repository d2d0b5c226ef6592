//! The binary in the place of an upstream image's programs: the same names, commands, variables,
//! ports and paths, with real servers behind it.

mod bookstack;
mod mattermost;
mod trust;
mod zitadel;
mod zulip;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use phoenix_evidence::words::error_chain;
use phoenix_understudies::platform::{
    Backing, Behaviour, BootError, Clock, Database, DatabaseError, Platform, Resolver,
};
use phoenix_understudies::shared::client::install_crypto;
use tokio::time::Instant;

use crate::process::print;

/// How often a server that is not there yet is asked for.
const POLL: Duration = Duration::from_millis(250);
/// Longest that a program beside the server waits for the server's answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A program of an upstream image.
#[derive(Clone, Copy)]
pub(crate) enum Program {
    /// `/app/zitadel`.
    Zitadel,
    /// BookStack's start script, and Apache after it.
    Bookstack,
    /// `/mattermost/bin/mattermost`.
    Mattermost,
    /// `/mattermost/bin/mmctl`.
    Mmctl,
    /// Zulip's start script, and all that it starts.
    Zulip,
    /// `/home/zulip/deployments/current/manage.py`.
    Manage,
}

impl Program {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "zitadel" => Self::Zitadel,
            "bookstack" => Self::Bookstack,
            "mattermost" => Self::Mattermost,
            "mmctl" => Self::Mmctl,
            "zulip" => Self::Zulip,
            "manage.py" => Self::Manage,
            _ => return None,
        })
    }
}

/// The program that was called, by its own name or after `--container`, and its arguments with its
/// name as the first.
pub(crate) fn called(mut words: Vec<OsString>) -> Option<(Program, Vec<OsString>)> {
    if words.get(1).is_some_and(|word| word == "--container") && words.len() > 2 {
        words.drain(..2);
    }
    let name = Path::new(words.first()?).file_name()?.to_str()?;
    Program::named(name).map(|program| (program, words))
}

/// Runs a program of an image to its end.
///
/// # Errors
/// What it says before it ends with 1.
pub(crate) async fn run(program: Program, words: Vec<OsString>) -> Result<(), String> {
    install_crypto();
    let env = crate::process::environment();
    match program {
        Program::Zitadel => zitadel::run(env, words).await,
        Program::Bookstack => bookstack::run(env).await,
        Program::Mattermost => mattermost::serve(env).await,
        Program::Mmctl => mattermost::status(&env, words).await,
        Program::Zulip => zulip::serve(env).await,
        Program::Manage => zulip::manage(env, words).await,
    }
}

/// Environment variables as an image reads them: an empty one is not set.
struct Variables<'a>(&'a BTreeMap<String, String>);

impl Variables<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    fn or(&self, name: &str, default: &str) -> String {
        self.get(name).unwrap_or(default).to_owned()
    }

    fn required(&self, name: &str) -> Result<String, BootError> {
        self.get(name)
            .map(str::to_owned)
            .ok_or_else(|| BootError::Configuration(format!("{name} is not set; set it")))
    }

    fn port(&self, name: &str, default: u16) -> Result<u16, BootError> {
        self.get(name).map_or(Ok(default), |text| {
            text.parse()
                .map_err(|_| BootError::Configuration(format!("{name} is no port: {text}")))
        })
    }
}

/// A database that could never be reached, whatever its server does.
fn never_reached(why: DatabaseError) -> BootError {
    BootError::Configuration(why.to_string())
}

/// A machine with these parts, and the rest as a container has it.
fn platform(
    env: BTreeMap<String, String>,
    port: u16,
    database: Arc<dyn Database>,
    folder: &str,
) -> Platform {
    Platform {
        env,
        listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
        database,
        files: PathBuf::from(folder),
        config: PathBuf::from(folder),
        backing: Backing::default(),
        clock: Clock::default(),
        resolver: Resolver::of_the_system(),
        trust_pem: Vec::new(),
        behaviour: Behaviour::default(),
    }
}

/// Asks until something succeeds, and prints every new reason why it does not.
async fn until_it_succeeds<F, E>(
    patience: Duration,
    what: &str,
    mut ask: impl FnMut() -> F,
) -> Result<(), BootError>
where
    F: Future<Output = Result<(), E>>,
    E: std::fmt::Display,
{
    let deadline = Instant::now() + patience;
    let mut told = String::new();
    loop {
        let Err(error) = ask().await else {
            return Ok(());
        };
        let words = format!("{what}: {error}");
        if Instant::now() >= deadline {
            return Err(BootError::GaveUp(format!(
                "{words}; gave up after {} s",
                patience.as_secs()
            )));
        }
        if words != told {
            print(std::slice::from_ref(&words));
            told = words;
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Whether the server beside this program answers 200 at a path.
async fn asks_itself(port: u16, path: &str) -> Result<(), String> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .timeout(PATIENCE)
        .build()
        .map_err(|error| error_chain(&error))?;
    let answer = client
        .get(format!("http://127.0.0.1:{port}{path}"))
        .send()
        .await
        .map_err(|error| format!("not ready: {}", error_chain(&error)))?;
    if answer.status().is_success() {
        Ok(())
    } else {
        Err(format!("not ready: {path} answered {}", answer.status()))
    }
}

#[cfg(test)]
mod tests {
    use super::called;

    #[test]
    fn a_program_is_known_by_its_name_or_by_a_flag() {
        let words = |line: &str| line.split(' ').map(Into::into).collect();
        let (_, left) = called(words("/app/zitadel ready")).expect("a program");
        assert_eq!(left, ["/app/zitadel", "ready"]);
        let (_, left) = called(words("understudy --container mmctl system")).expect("a program");
        assert_eq!(left, ["mmctl", "system"]);
        assert!(called(words("understudy zitadel")).is_none());
        assert!(called(words("understudy --container")).is_none());
    }
}
