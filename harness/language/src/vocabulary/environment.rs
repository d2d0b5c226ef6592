//! The words of an environment file.

use super::scenario::objectives;
use super::{compose, http};
use crate::form::{DURATION, NAME, URL, VARIABLE};
use crate::shape::Shape::{
    Anything, Either, Flag, Formed, Named, Number, Object, OneOf, Text, Word,
};
use crate::shape::{Shape, list, optional, required};
use crate::tree::{Kind, Node, Source};

pub(super) fn shape() -> Shape {
    Object(vec![
        optional("version", "Version of the language: 1.", Number),
        required(
            "environment",
            "Name; the file is called the same.",
            Formed(&NAME),
        ),
        optional("title", "What it is, in one sentence.", Text),
        required("driver", "Where the stack runs.", compose::driver()),
        required(
            "stores",
            "Everything that holds state.",
            Named(Box::new(store())),
        ),
        optional(
            "secrets",
            "Secrets: keys, whose loss makes good data unreadable, and passwords of stores.",
            Named(Box::new(secret())),
        ),
        required(
            "services",
            "What runs on the stores.",
            Named(Box::new(service())),
        ),
        optional(
            "manual_steps",
            "What a person does at a rebuild.",
            Named(Box::new(Object(vec![
                required("title", "What it is.", Text),
                optional("minutes", "How long it takes a person.", Number),
                optional(
                    "automation",
                    "`none`; the command that does it; `provision: SERVICE`, the code that sets up \
                     the clients at a provider; or `declared`, where phoenix cannot look.",
                    automation(),
                ),
            ]))),
        ),
        required(
            "profiles",
            "Named sets of recovery policies, by store, secret and manual step; `default` is for \
             all other stores, `secrets` for all other secrets, `inherit` begins from another.",
            Named(Box::new(Named(Box::new(Anything)))),
        ),
        optional("objectives", "What success means.", objectives()),
        optional(
            "document",
            "The PHOENIX.md to judge; several may be listed.",
            list(Text),
        ),
        optional(
            "known_sick",
            "What is not well before a drill, and why.",
            Named(Box::new(Object(vec![
                required("check", "Which check fails.", Word(&["health", "login"])),
                required("because", "Why it is carried along.", Text),
            ]))),
        ),
        optional(
            "gaps",
            "Which checks answer which claim, by its id or title.",
            Named(Box::new(list(tie()))),
        ),
    ])
}

/// Tells placeholders where nothing replaces them: only what describes how an application is spoken to
/// takes any.
pub(super) fn placeholders(source: &Source) {
    for key in ["driver", "stores", "secrets", "objectives", "profiles"] {
        source
            .root
            .get(key)
            .inspect(|node| as_it_stands(source, node));
    }
    let services = source.root.get("services").map(Node::entries);
    for (_, service) in services.unwrap_or_default() {
        for key in ["app", "url", "needs", "secrets", "container", "env"] {
            service.get(key).inspect(|node| as_it_stands(source, node));
        }
    }
}

fn as_it_stands(source: &Source, node: &Node) {
    if node.text().is_some_and(|text| text.contains("${")) {
        source.error(
            node.place,
            "placeholder",
            "nothing replaces a placeholder here".to_owned(),
            Some("write the value; variables are for the Compose files".to_owned()),
        );
    }
    for (key, value) in node.entries() {
        // A command's shell may have variables of its own.
        if key.text != "automation" {
            as_it_stands(source, value);
        }
    }
    if let Kind::List(items) = &node.kind {
        items.iter().for_each(|item| as_it_stands(source, item));
    }
}

fn store() -> Shape {
    let file = |doc: &'static str| Either(vec![Object(vec![required("path", doc, Text)]), Text]);
    OneOf {
        what: "kind of store",
        choices: vec![
            optional("sqlite", "A SQLite file.", file("Its path.")),
            optional("directory", "A folder.", file("Its path.")),
            optional("bucket", "A bucket.", compose::bucket()),
            optional(
                "postgres",
                "A PostgreSQL database.",
                compose::database("Its port (5432)."),
            ),
            optional(
                "mysql",
                "A MySQL or MariaDB database.",
                compose::database("Its port (3306)."),
            ),
            optional("volume", "A volume.", compose::volume()),
            optional("redis", "Redis.", compose::memory("Its port (6379).")),
            optional(
                "memcached",
                "memcached: a cache.",
                compose::memory("Its port (11211)."),
            ),
            optional(
                "rabbitmq",
                "RabbitMQ: queues.",
                compose::memory("Its port (5672)."),
            ),
        ],
        beside: vec![
            optional("on", "The store that carries this one.", Text),
            optional("losable", "It may be lost.", Flag),
            optional(
                "catch_up",
                "How long a write may take to show up.",
                Formed(&DURATION),
            ),
        ],
        bare: &[],
    }
}

fn secret() -> Shape {
    Object(vec![
        optional("bytes", "Bytes of randomness (32).", Number),
        optional(
            "encoding",
            "How they are written down.",
            Word(&["text", "base64", "hex"]),
        ),
        optional(
            "env",
            "The variable of the Compose files that has its value.",
            Formed(&VARIABLE),
        ),
        optional(
            "opens",
            "The store that it is the password of; a key that seals data has none.",
            Text,
        ),
    ])
}

/// The application modules.
const APPLICATIONS: [&str; 5] = ["zitadel", "bookstack", "mattermost", "zulip", "http"];

fn service() -> Shape {
    let mut fields = vec![
        required(
            "app",
            "Application module; `http` for one that this file describes itself.",
            Word(&APPLICATIONS),
        ),
        required("url", "Public URL.", Formed(&URL)),
        optional("needs", "Stores and services that it needs.", list(Text)),
        optional(
            "secrets",
            "Secrets that it is started with; the first that opens no store is its key.",
            list(Text),
        ),
        optional("login", "How people log in.", http::login()),
        optional(
            "env",
            "Variables that it is started with.",
            Named(Box::new(Text)),
        ),
    ];
    fields.extend(http::fields());
    fields.extend(compose::service_fields());
    Object(fields)
}

fn tie() -> Shape {
    let subject = || Either(vec![Word(&["all"]), list(Text), Text]);
    OneOf {
        what: "check",
        choices: vec![
            optional(
                "survival",
                "Canaries of these stores or secrets.",
                subject(),
            ),
            optional("fingerprint", "Fingerprints of these stores.", subject()),
            optional(
                "recovery_points",
                "Recovery points of these stores.",
                subject(),
            ),
            optional(
                "loads",
                "A backup that phoenix did not make loads into these stores.",
                subject(),
            ),
            optional(
                "freshness",
                "The newest row of these stores is no older than a scenario says.",
                subject(),
            ),
            optional(
                "content",
                "What a scenario expects of these stores is in them.",
                subject(),
            ),
            optional("health", "Health of these services.", subject()),
            optional("login", "Logins to these services.", subject()),
            optional("write", "First writes of these services.", subject()),
            optional(
                "restart",
                "What these services keep over a restart.",
                subject(),
            ),
            optional(
                "destruction",
                "Proof of destruction of these stores.",
                subject(),
            ),
            optional("rebuild", "The rebuild.", subject()),
            optional("inventory", "Everything found is declared.", subject()),
            optional("isolation", "A second environment is untouched.", subject()),
            optional("certificate", "Certificates of these services.", subject()),
            optional("secret_preserved", "These secrets came back.", subject()),
            optional(
                "secret_regenerated",
                "These secrets exist without a person.",
                subject(),
            ),
            optional("manual_step", "This manual step needed nobody.", subject()),
            optional("manual_steps", "The number of manual steps.", subject()),
            optional("rto", "Time to recover.", subject()),
            optional("rpo", "Loss against the objective.", subject()),
            optional("data_loss", "The share of data lost.", subject()),
            optional(
                "not_testable",
                "Why no drill of this environment can judge it.",
                Text,
            ),
        ],
        beside: vec![
            optional(
                "kinds",
                "Kinds of failure that the claim speaks of.",
                list(Text),
            ),
            optional(
                "level",
                "The level at which it is settled.",
                Word(&[
                    "embedded",
                    "mirror-understudies",
                    "mirror-airgapped",
                    "mirror-upstream",
                    "emulated-cloud",
                    "rehearsal",
                    "real-account",
                ]),
            ),
        ],
        bare: &[],
    }
}

fn automation() -> Shape {
    Either(vec![
        Word(&["none", "declared"]),
        Object(vec![required(
            "provision",
            "The provider whose clients are set up, with the token of its first boot.",
            Text,
        )]),
        list(Text),
    ])
}
