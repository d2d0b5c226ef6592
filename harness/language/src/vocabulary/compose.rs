//! The words by which an environment file says how its stack lies in Compose files.

use crate::form::{EGRESS, FOLDER, LENGTH, NAME, PATH, PERIOD, PLACE, PORT, SERVICE_KEY, VARIABLE};
use crate::shape::Shape::{Either, Flag, Formed, NamedBy, Object, Several, Text, Word};
use crate::shape::{Field, Shape, list, optional, required};

/// `driver:`.
pub(super) fn driver() -> Shape {
    Either(vec![
        Word(&["embedded"]),
        Object(vec![required(
            "compose",
            "Containers on a Docker engine, from Compose files.",
            Object(vec![
                required(
                    "files",
                    "The Compose files, relative to this file; later ones override earlier ones.",
                    Several(Box::new(Formed(&NAME))),
                ),
                optional(
                    "airgapped",
                    "Files that put images in which `phoenix images build` makes, for where no \
                     registry can be reached.",
                    list(Formed(&NAME)),
                ),
                optional(
                    "env_file",
                    "A file of variables for the Compose files; without it none is read.",
                    Formed(&NAME),
                ),
                optional(
                    "ingress",
                    "The service that takes requests for all names of the stack, and its port.",
                    container(),
                ),
                optional(
                    "authority",
                    "The certificate authority that clients have to trust: a service and a file in \
                     its container.",
                    Object(vec![
                        required("service", "The service.", Formed(&NAME)),
                        required(
                            "file",
                            "Path of the PEM file in its container.",
                            Formed(&PATH),
                        ),
                    ]),
                ),
                optional(
                    "without",
                    "Services of the Compose files that a drill does without: they are not made.",
                    list(Formed(&NAME)),
                ),
                optional(
                    "variables",
                    "Variables that each run gives a random value of so many characters, and keeps \
                     over a rebuild.",
                    NamedBy(&VARIABLE, Box::new(Formed(&LENGTH))),
                ),
                optional(
                    "settles_within",
                    "How long a service may take to be well after it was started (60s).",
                    Formed(&PERIOD),
                ),
                optional(
                    "serves_within",
                    "How long what lies behind a service that says it is healthy may fail before \
                     that is what it is (15s).",
                    Formed(&PERIOD),
                ),
                optional(
                    "remap",
                    "What reaches beyond the drill, and is replaced by something of the run's own.",
                    remap(),
                ),
                optional(
                    "egress",
                    "The only places beyond the stack that it may reach, each as `name:port`, or as \
                     `name:port -> address:port` where the name leads elsewhere in a drill. \
                     Without it there are none.",
                    list(Formed(&EGRESS)),
                ),
                optional(
                    "losable",
                    "What containers keep on no declared volume and may lose, as `service:/path`, \
                     and why: logs, sessions, caches. Anything else that is found there is told.",
                    NamedBy(&PLACE, Box::new(Text)),
                ),
            ]),
        )]),
    ])
}

fn remap() -> Shape {
    Object(vec![
        optional(
            "ports",
            "Fixed host ports are left out; phoenix publishes ephemeral ones on loopback.",
            Flag,
        ),
        optional(
            "names",
            "Fixed names of containers, volumes and networks are left out.",
            Flag,
        ),
        optional(
            "addresses",
            "Fixed addresses in networks are left out.",
            Flag,
        ),
        optional(
            "binds",
            "Folders and files of the host, as `service:/target`: an `empty` volume of the run, a \
             `copy` of what is there, or `left_out`.",
            NamedBy(&PLACE, Box::new(Word(&["empty", "copy", "left_out"]))),
        ),
        optional(
            "volumes",
            "Volumes that somebody else made: an empty one of the run stands for each.",
            list(Text),
        ),
        optional(
            "networks",
            "Networks that somebody else made: one of the run stands for each.",
            list(Text),
        ),
        optional(
            "left_out",
            "Keys of services that the drill does without, as `service.key`.",
            list(Formed(&SERVICE_KEY)),
        ),
    ])
}

fn container() -> Shape {
    Object(vec![
        required("service", "Its name in the Compose files.", Formed(&NAME)),
        required("port", "The port that it listens on.", Formed(&PORT)),
    ])
}

/// Fields of a service.
pub(super) fn service_fields() -> Vec<Field> {
    vec![optional(
        "container",
        "Where it is in the Compose files, if not under its own name behind the ingress.",
        container(),
    )]
}

/// A database in a container.
pub(super) fn database(port: &'static str) -> Shape {
    Object(vec![
        required(
            "service",
            "Its service in the Compose files.",
            Formed(&NAME),
        ),
        required("database", "Name of the database.", Formed(&NAME)),
        optional(
            "folder",
            "Its folder in the volume of the store that carries it.",
            Formed(&FOLDER),
        ),
        optional("port", port, Formed(&PORT)),
    ])
}

/// A cache or a queue in a container.
pub(super) fn memory(port: &'static str) -> Shape {
    Either(vec![
        Formed(&NAME),
        Object(vec![
            required(
                "service",
                "Its service in the Compose files.",
                Formed(&NAME),
            ),
            optional("port", port, Formed(&PORT)),
            optional(
                "password",
                "The variable of the Compose files that has its password.",
                Formed(&VARIABLE),
            ),
        ]),
    ])
}

/// A volume.
pub(super) fn volume() -> Shape {
    Either(vec![
        Formed(&NAME),
        Object(vec![required(
            "name",
            "Its name in the Compose files.",
            Formed(&NAME),
        )]),
    ])
}

/// A bucket.
pub(super) fn bucket() -> Shape {
    Either(vec![
        Object(vec![
            required("name", "Its name.", Formed(&NAME)),
            optional(
                "service",
                "Service of the object server in the Compose files.",
                Formed(&NAME),
            ),
            optional("port", "Port of the object server (8333).", Formed(&PORT)),
            optional(
                "key",
                "The variable of the Compose files that has the access key.",
                Formed(&VARIABLE),
            ),
            optional(
                "secret",
                "The variable of the Compose files that has the secret key.",
                Formed(&VARIABLE),
            ),
        ]),
        Formed(&NAME),
    ])
}
