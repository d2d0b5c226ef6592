//! The Compose tool at hand, and what its processes get to see of the host.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use phoenix_engine::environment::{DriverError, RUN_VARIABLE};
use serde_json::{Value, json};
use tokio::process::Command;

/// What of the host's environment the tool needs to find the engine. Everything else stays
/// outside: a `COMPOSE_FILE` would change the project, and a proxy would capture the way to a
/// remote engine and be handed on to builds.
const PASSED: [&str; 12] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "XDG_RUNTIME_DIR",
    "SSH_AUTH_SOCK",
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
    "DOCKER_TLS",
    "DOCKER_API_VERSION",
];

/// Folder for the tool's temporary files, within its configuration.
const SCRATCH: &str = "tmp";

/// Whether a variable steers the tool, or the system under it, wherever it comes from.
pub(crate) fn is_of_the_tool(name: &str) -> bool {
    let families = ["COMPOSE_", "DOCKER_", "LD_", "PYTHON", "PHOENIX_"];
    PASSED.contains(&name)
        || name == "TMPDIR"
        || families.iter().any(|family| name.starts_with(family))
}

const LOOKING: &str = "looking for Docker Compose";

/// Oldest version 1 that reads files without `version:`.
const OLDEST_FIRST: (u64, u64) = (1, 27);

/// A Compose tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Program.
    pub program: String,
    /// Arguments before any other.
    pub args: Vec<String>,
    /// Its version, as it says it.
    pub version: String,
    /// `DOCKER_CONFIG` of its processes.
    config: PathBuf,
    /// The run that its processes work for.
    run: Option<String>,
}

impl Tool {
    /// Finds version 2, or version 1 where only that is there. `config` is a folder of the run that
    /// gets the client's configuration without its proxies and without its passwords.
    ///
    /// # Errors
    /// When neither is there, with what to install; when `config` cannot be written.
    pub async fn find(config: &Path) -> Result<Self, DriverError> {
        let (mut tools, seen) = Self::all(config).await?;
        if !tools.is_empty() {
            return Ok(tools.swap_remove(0));
        }
        Err(DriverError::new(
            LOOKING,
            format!(
                "{}. Install the Compose plugin (package docker-compose-plugin, or \
                 docker-compose of Debian 13), or docker-compose 1.27 or newer",
                seen.join("; ")
            ),
        ))
    }

    /// All that are there, the newer first, and why others are not among them.
    ///
    /// # Errors
    /// When `config` cannot be written.
    pub async fn all(config: &Path) -> Result<(Vec<Self>, Vec<String>), DriverError> {
        configure(config, home().as_deref()).map_err(|why| {
            DriverError::new(LOOKING, format!("cannot write {}: {why}", config.display()))
        })?;
        let mut tools = Vec::new();
        let mut others = Vec::new();
        for (program, args) in [("docker", &["compose"][..]), ("docker-compose", &[])] {
            let mut tool = Self {
                program: program.to_owned(),
                args: args.iter().map(ToString::to_string).collect(),
                version: String::new(),
                config: config.to_owned(),
                run: None,
            };
            match tool.asked().await {
                Ok(version) if usable(&version) => {
                    tool.version = version;
                    tools.push(tool);
                }
                Ok(version) => others.push(format!("`{}` is version {version}", tool.shown())),
                Err(why) => others.push(format!("`{}`: {why}", tool.shown())),
            }
        }
        Ok((tools, others))
    }

    /// The same for one run: by its id its processes are found when the run was killed over them. One
    /// that lived on would make containers that nobody looks for any more.
    #[must_use]
    pub fn of(mut self, run: &str) -> Self {
        self.run = Some(run.to_owned());
        self
    }

    /// An empty file, for where the tool would read one of the host's.
    pub(super) fn nothing(&self) -> std::io::Result<PathBuf> {
        let path = self.config.join("nothing.env");
        fs::write(&path, "")?;
        Ok(path)
    }

    /// Whether this is version 1.
    #[must_use]
    pub fn is_first(&self) -> bool {
        numbers(&self.version).0 == 1
    }

    /// How a person would call it.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut words = vec![self.program.clone()];
        words.extend(self.args.iter().cloned());
        words.join(" ")
    }

    /// A call of it that sees `variables` and what it needs to find the engine. Nothing is typed
    /// into it, and it dies with the harness's interest in it.
    #[must_use]
    pub fn command(&self, variables: &BTreeMap<String, String>) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).env_clear();
        for name in PASSED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if let Some(run) = &self.run {
            command.env(RUN_VARIABLE, run);
        }
        command
            .envs(variables)
            .env("DOCKER_CONFIG", &self.config)
            // What it unpacks for itself is left behind when it is killed: it goes with the folder.
            .env("TMPDIR", self.config.join(SCRATCH))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    async fn asked(&self) -> Result<String, String> {
        let output = self
            .command(&BTreeMap::new())
            .args(["version", "--short"])
            .output()
            .await
            .map_err(|why| why.to_string())?;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if output.status.success() && !said.is_empty() {
            return Ok(said.trim_start_matches('v').to_owned());
        }
        let error = String::from_utf8_lossy(&output.stderr);
        Err(error.lines().next().unwrap_or("no answer").to_owned())
    }
}

fn usable(version: &str) -> bool {
    let (major, minor) = numbers(version);
    major >= 2 || (major, minor) >= OLDEST_FIRST
}

fn numbers(version: &str) -> (u64, u64) {
    let mut parts = version
        .split(|letter: char| !letter.is_ascii_digit())
        .map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

/// Both versions write the `proxies` of the client's configuration into every container that they
/// make, where they would catch the traffic between services. So the tool gets a configuration
/// without them: with the user's contexts and plugins, and without passwords of registries, for
/// nothing is pulled by it.
fn configure(folder: &Path, home: Option<&Path>) -> std::io::Result<()> {
    fs::create_dir_all(folder.join(SCRATCH))?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    let mut settings = json!({});
    if let Some(home) = home {
        let theirs: Value = fs::read(home.join("config.json"))
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default();
        if let Some(context) = theirs.get("currentContext") {
            settings["currentContext"] = context.clone();
        }
        let mut plugins = vec![json!(home.join("cli-plugins"))];
        if let Some(more) = theirs["cliPluginsExtraDirs"].as_array() {
            plugins.extend(more.iter().cloned());
        }
        settings["cliPluginsExtraDirs"] = plugins.into();
        let contexts = home.join("contexts");
        let link = folder.join("contexts");
        if contexts.is_dir() && link.symlink_metadata().is_err() {
            std::os::unix::fs::symlink(contexts, link)?;
        }
    }
    fs::write(folder.join("config.json"), settings.to_string())
}

/// Where the user's client keeps its configuration.
fn home() -> Option<PathBuf> {
    std::env::var_os("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".docker")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        assert!(usable("2.26.1-4"));
        assert!(usable("5.0.0"));
        assert!(usable("1.29.2"));
        assert!(!usable("1.9.0"));
        assert!(!usable("nonsense"));
    }

    #[test]
    fn the_client_keeps_its_contexts_and_plugins_and_loses_proxies_and_passwords() {
        let folder = tempfile::tempdir().unwrap();
        let (home, own) = (folder.path().join("home"), folder.path().join("own"));
        fs::create_dir_all(home.join("contexts/meta")).unwrap();
        let theirs = json!({
            "proxies": { "default": { "httpProxy": "http://proxy.invalid:3128" } },
            "auths": { "registry.invalid": { "auth": "c2VjcmV0" } },
            "currentContext": "remote",
            "cliPluginsExtraDirs": ["/plugins"],
        });
        fs::write(home.join("config.json"), theirs.to_string()).unwrap();
        configure(&own, Some(&home)).unwrap();
        // A second run of the same folder finds its link.
        configure(&own, Some(&home)).unwrap();
        let text = fs::read(own.join("config.json")).unwrap();
        let written: Value = serde_json::from_slice(&text).unwrap();
        let wanted = json!({
            "currentContext": "remote",
            "cliPluginsExtraDirs": [home.join("cli-plugins"), "/plugins"],
        });
        assert_eq!(written, wanted);
        assert!(own.join("contexts/meta").is_dir());
    }

    #[tokio::test]
    async fn a_process_sees_variables_and_little_of_the_host() {
        let folder = tempfile::tempdir().unwrap();
        let tool = Tool {
            program: "env".to_owned(),
            args: Vec::new(),
            version: String::new(),
            config: folder.path().to_owned(),
            run: None,
        };
        let variables = BTreeMap::from([("OURS".to_owned(), "1".to_owned())]);
        let output = tool.command(&variables).output().await.unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let names: Vec<&str> = said
            .lines()
            .filter_map(|line| line.split('=').next())
            .collect();
        assert!(
            names.contains(&"OURS") && names.contains(&"DOCKER_CONFIG"),
            "{names:?}"
        );
        // The test's own environment has more than that.
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
        for name in names {
            let known =
                PASSED.contains(&name) || ["OURS", "DOCKER_CONFIG", "TMPDIR"].contains(&name);
            assert!(known, "{name}");
        }
    }
}
