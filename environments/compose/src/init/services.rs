//! What people use: services that listen, with what lies under them and how their health is told.

use std::collections::BTreeMap;

use url::Url;

use super::images::{Kind, kind};
use super::stores::{Store, makes_backups};
use super::variables::mark;
use super::{About, Question};
use crate::project::Project;

/// A service that was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) app: &'static str,
    /// Its address in the drill, which no other has.
    pub(super) host: String,
    /// None where only a variable that nothing sets says it.
    pub(super) port: Option<u16>,
    pub(super) needs: Vec<String>,
    pub(super) secrets: Vec<String>,
    /// The path that its own health check asks.
    pub(super) health: Option<String>,
}

/// The services of a project that something can be asked of.
pub(super) fn recognised(
    project: &Project,
    listening: &BTreeMap<String, Vec<u16>>,
    unset: &BTreeMap<u16, String>,
    stores: &[Store],
    secrets: &BTreeMap<String, String>,
) -> (Vec<Service>, Vec<Question>) {
    let mut services = Vec::new();
    let (mut providers, mut beside, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    for (name, service) in &project.services {
        let known = kind(service.image.as_deref().unwrap_or_default());
        if let Kind::Provider(word) | Kind::Application(word @ "zitadel") = known {
            providers.push(format!("{name} ({word})"));
        }
        if known.is_server() || makes_backups(name, service) {
            continue;
        }
        let asked = asked_by_health_check(service, name);
        let Some(port) = port(&listening[name], asked.as_ref()) else {
            beside.push(name.as_str());
            continue;
        };
        let port = match unset.get(&port) {
            None => Some(port),
            Some(variable) => {
                unknown.push(Question::needed(
                    About::Services,
                    format!(
                        "Which port does {name} listen at? {variable} says it, and nothing sets \
                         that: write the number at `port:`."
                    ),
                ));
                None
            }
        };
        services.push(Service {
            name: name.clone(),
            host: host(name, &services),
            app: match known {
                Kind::Application(app) => app,
                _ => "http",
            },
            port,
            needs: stores
                .iter()
                .filter(|store| store.users.contains(name))
                .map(|store| store.name.clone())
                .collect(),
            secrets: secrets
                .iter()
                .filter(|(_, variable)| {
                    let mark = mark(variable);
                    let values = service.environment.values();
                    values
                        .chain(service.command.iter().flatten())
                        .any(|one| one.contains(&mark))
                })
                .map(|(secret, _)| secret.clone())
                .collect(),
            health: asked.map(|(_, path)| path),
        });
    }
    for at in 0..services.len() {
        let waits = &project.services[&services[at].name].depends_on;
        let more: Vec<String> = services
            .iter()
            .map(|other| other.name.clone())
            .filter(|other| waits.contains_key(other))
            .collect();
        services[at].needs.extend(more);
    }
    let mut questions = questions(project, &services, &providers, &beside);
    questions.extend(unknown);
    (services, questions)
}

/// The address of a service: its name, in letters that a name of a host may have.
fn host(name: &str, others: &[Service]) -> String {
    let plain = name.to_lowercase().replace(['_', '.'], "-");
    let mut host = plain.clone();
    let mut number = 1;
    while others.iter().any(|other| other.host == host) {
        number += 1;
        host = format!("{plain}-{number}");
    }
    host
}

fn questions(
    project: &Project,
    services: &[Service],
    providers: &[String],
    beside: &[&str],
) -> Vec<Question> {
    let mut texts = Vec::new();
    let described: Vec<&str> = services
        .iter()
        .filter(|one| one.app == "http")
        .map(|one| one.name.as_str())
        .collect();
    if !described.is_empty() {
        texts.push(format!(
            "How is an entry written to {} and read back? Until `canary:` says so, nothing is \
             written through it, and no run can say *recovered* \
             (harness/applications/HTTP.md has the words).",
            described.join(", ")
        ));
    }
    let unasked: Vec<&str> = services
        .iter()
        .filter(|one| one.app == "http" && one.health.is_none())
        .map(|one| one.name.as_str())
        .collect();
    if !unasked.is_empty() {
        texts.push(format!(
            "Which path is to be asked for the health of {}? The Compose files name none; `/` is asked, \
             and any answer that is no error will do.",
            unasked.join(", ")
        ));
    }
    texts.push(if providers.is_empty() {
        "Which service do people log in through? No identity provider was recognised; `login:` \
         says how (a form of its own, or `via:` a provider)."
            .to_owned()
    } else {
        format!(
            "Who logs in through {}? Say `login: {{ via: … }}` under each service that does.",
            providers.join(", ")
        )
    });
    if !beside.is_empty() {
        texts.push(format!(
            "Does any of these write while stores are restored: {}? They listen to nobody, so they are \
             started beside the rest and never asked; a worker that does belongs under `without:`.",
            beside.join(", ")
        ));
    }
    let off: Vec<&String> = project
        .services
        .iter()
        .filter(|(_, service)| service.raw.contains_key("profiles"))
        .map(|(name, _)| name)
        .collect();
    if !off.is_empty() {
        let off: Vec<&str> = off.into_iter().map(String::as_str).collect();
        texts.push(format!(
            "Do {} belong to the stack? They have `profiles:` in the Compose files, so people start \
             them by name only, and a drill starts them; put those that do not under `without:`.",
            off.join(", ")
        ));
    }
    texts
        .into_iter()
        .map(|text| Question::new(About::Services, text))
        .collect()
}

/// The ports that services listen at, as far as their files say so: the published ones first.
pub(super) fn ports(project: &Project) -> BTreeMap<String, Vec<u16>> {
    let of = |service: &crate::project::Service| {
        let published = service.ports.iter().filter(|port| port.protocol == "tcp");
        let published = published.filter_map(|port| port.target.parse().ok());
        let exposed = service.exposed.iter();
        let exposed = exposed.filter_map(|port| port.trim_end_matches("/tcp").parse().ok());
        published.chain(exposed).collect()
    };
    let services = project.services.iter();
    services
        .map(|(name, service)| (name.clone(), of(service)))
        .collect()
}

/// The port that a service is asked at: the one of its health check, or the first it listens at.
fn port(listens: &[u16], asked: Option<&(u16, String)>) -> Option<u16> {
    let asked = asked.map(|(port, _)| *port);
    asked
        .filter(|port| listens.is_empty() || listens.contains(port))
        .or_else(|| listens.first().copied())
}

/// The port and the path of the request that a health check makes of the service itself.
fn asked_by_health_check(service: &crate::project::Service, name: &str) -> Option<(u16, String)> {
    let test = service.raw.get("healthcheck")?.get("test")?;
    let text = match test {
        serde_json::Value::Array(words) => words
            .iter()
            .filter_map(serde_json::Value::as_str)
            .collect::<Vec<_>>()
            .join(" "),
        other => other.as_str()?.to_owned(),
    };
    let from = &text[text.find("http://")?..];
    let until = from
        .find(|letter: char| letter.is_whitespace() || "'\"`|;)<>".contains(letter))
        .unwrap_or(from.len());
    let url = Url::parse(&from[..until]).ok()?;
    let host = url.host_str()?;
    let itself = ["localhost", "127.0.0.1", "0.0.0.0", "[::1]", name].contains(&host);
    // A path with a variable of the container's shell says nothing here.
    let path = url.path().to_owned();
    let says = !path.contains('$') && super::variables::unknown(&path).is_none();
    (itself && says).then(|| (url.port_or_known_default().unwrap_or(80), path))
}
