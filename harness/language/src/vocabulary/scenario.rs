//! The words of a scenario file.

use crate::form::{BOUND, DURATION};
use crate::shape::Shape::{Anything, Either, Formed, Named, Number, Object, OneOf, Text, Word};
use crate::shape::{Field, Shape, list, optional, required};

/// Verdicts that `expect:` can count.
const VERDICTS: [&str; 17] = [
    "survived",
    "lost-in-window",
    "lost",
    "stale",
    "corrupted",
    "undecryptable",
    "dangling",
    "duplicated",
    "resurrected",
    "unexpected",
    "recovered-writes",
    "unreachable",
    "unverifiable",
    "phantom",
    "retained",
    "expendable",
    "note",
];

pub(super) fn shape() -> Shape {
    Object(vec![
        optional("version", "Version of the language: 1.", Number),
        required("scenario", "Name; the file is called the same.", Text),
        optional("title", "What it asks, in one sentence.", Text),
        optional("tags", "Words to choose scenarios by.", list(Text)),
        optional(
            "profile",
            "The profile it runs under, unless the command line says.",
            Text,
        ),
        optional(
            "profiles",
            "The profiles it runs under, one cycle each.",
            list(Text),
        ),
        optional(
            "objectives",
            "What success means; the environment's are the default.",
            objectives(),
        ),
        optional(
            "with",
            "Values for `${name}`; a matrix makes one scenario of each of its values.",
            Named(Box::new(Either(vec![
                Object(vec![required("matrix", "One scenario each.", list(Text))]),
                Text,
            ]))),
        ),
        required("steps", "What happens, in order.", list(step())),
        optional("expect", "What is no news.", list(expectation())),
        optional("finally", "Steps that run whatever happened.", list(step())),
    ])
}

pub(super) fn objectives() -> Shape {
    Object(vec![
        optional(
            "rto",
            "Disaster to the last service's first durable write, at most.",
            Formed(&DURATION),
        ),
        optional(
            "rpo",
            "Age of the oldest acknowledged write lost, at most.",
            Formed(&DURATION),
        ),
        optional(
            "manual_steps",
            "Steps that a person has to do, at most.",
            Number,
        ),
    ])
}

fn names_or_all() -> Shape {
    Either(vec![Word(&["all"]), list(Text), Text])
}

fn step() -> Shape {
    OneOf {
        what: "step",
        choices: steps(),
        beside: vec![
            optional("name", "A name that other steps can need.", Text),
            optional(
                "needs",
                "Steps that must have ended; without it, the step before.",
                list(Text),
            ),
        ],
        bare: &["seed", "backup", "destroy", "rebuild", "restore", "check"],
    }
}

fn steps() -> Vec<Field> {
    vec![
        optional("seed", "Write canaries.", seed()),
        optional(
            "write",
            "Go on writing: what is acknowledged after the recovery point.",
            Object(vec![
                required("for", "How long.", Formed(&DURATION)),
                optional("writers", "How many at once.", Number),
            ]),
        ),
        optional(
            "backup",
            "Make recovery points, as the policies say.",
            Either(vec![
                Object(vec![
                    optional("stores", "Which stores.", names_or_all()),
                    optional("label", "A name by which a restore can choose them.", Text),
                ]),
                names_or_all(),
            ]),
        ),
        optional("destroy", "Destroy, and prove it.", names_or_all()),
        optional(
            "rebuild",
            "Bring new, empty vessels up from code.",
            names_or_all(),
        ),
        optional(
            "restore",
            "Put recovery points back, then start the services.",
            Either(vec![
                Object(vec![
                    optional("stores", "Which stores.", names_or_all()),
                    optional(
                        "order",
                        "`auto`, or the stores in order.",
                        Either(vec![Word(&["auto"]), list(Text)]),
                    ),
                    optional(
                        "point",
                        "Which recovery point.",
                        Either(vec![
                            Word(&["newest", "oldest", "random"]),
                            Object(vec![required("label", "The one with this label.", Text)]),
                        ]),
                    ),
                    optional(
                        "from",
                        "Backups that phoenix did not make, by the stores that they are restored into.",
                        Named(Box::new(Either(vec![
                            Object(vec![
                                required(
                                    "path",
                                    "The file or folder, from the folder of this file.",
                                    Text,
                                ),
                                optional(
                                    "prefix",
                                    "What the keys of a bucket begin with, before the names of the folder.",
                                    Text,
                                ),
                            ]),
                            Text,
                        ]))),
                    ),
                    optional(
                        "label",
                        "With `from`: a name by which a later `prove` can compare with what came of it.",
                        Text,
                    ),
                ]),
                names_or_all(),
            ]),
        ),
        optional(
            "prove",
            "Look whether restored stores are what they are expected to be; right after a restore, before \
             anything starts on them.",
            Named(Box::new(proofs())),
        ),
        optional(
            "check",
            "Judge.",
            list(Word(&[
                "health",
                "login",
                "survival",
                "fingerprint",
                "write",
                "restart",
            ])),
        ),
        optional(
            "inject",
            "Break something; it has to be seen to bite.",
            fault(),
        ),
        optional(
            "manual",
            "A step that a person does, by its name in the environment.",
            Text,
        ),
        optional(
            "run",
            "A command.",
            Object(vec![
                required("command", "Program and arguments.", list(Text)),
                optional("timeout", "At most so long (60s).", Formed(&DURATION)),
                optional("exit", "The exit status that is expected (0).", Number),
                optional("save", "Name under which its output is kept.", Text),
            ]),
        ),
        optional("http", "A request.", request()),
        optional(
            "sql",
            "A query straight into a store.",
            Object(vec![
                required("store", "Where.", Text),
                required("query", "What.", Text),
                optional(
                    "value",
                    "What the first column of the first row has to be.",
                    Text,
                ),
                optional("rows", "How many rows there have to be.", Number),
                optional("save", "Name under which the value is kept.", Text),
            ]),
        ),
        optional(
            "wait-until",
            "Wait for something, with a deadline.",
            Object(vec![
                optional("healthy", "This service says healthy.", Text),
                optional("http", "This request is answered as expected.", request()),
                optional(
                    "sql",
                    "This query gives its value.",
                    Object(vec![
                        required("store", "Where.", Text),
                        required("query", "What.", Text),
                        required("value", "The value.", Text),
                    ]),
                ),
                required("within", "At most so long.", Formed(&DURATION)),
            ]),
        ),
    ]
}

fn proofs() -> Shape {
    Object(vec![
        optional(
            "newest",
            "How old the newest row of a table may be.",
            list(Object(vec![
                required("table", "The table.", Text),
                required("column", "The column that has a row's moment.", Text),
                required("within", "At most so old.", Formed(&DURATION)),
                optional(
                    "of",
                    "Against this moment (2026-01-31T02:00:00Z); without it, against now.",
                    Text,
                ),
                optional(
                    "unit",
                    "What a column of numbers counts, from 1970 on.",
                    Word(&["seconds", "milliseconds", "microseconds"]),
                ),
            ])),
        ),
        optional(
            "rows",
            "How many rows tables have.",
            Named(Box::new(Formed(&BOUND))),
        ),
        optional(
            "sql",
            "Statements and what they give.",
            list(Object(vec![
                required("query", "What.", Text),
                required(
                    "is",
                    "The first column of the only row, byte for byte.",
                    Text,
                ),
            ])),
        ),
        optional(
            "files",
            "Files by their paths, or objects by their keys.",
            Named(Box::new(OneOf {
                what: "content",
                choices: vec![
                    optional("sha256", "The one with this digest.", Text),
                    optional("text", "This text and nothing else.", Text),
                ],
                beside: Vec::new(),
                bare: &[],
            })),
        ),
        optional(
            "same_as",
            "The same store, by its whole fingerprint, as after the restores with these labels.",
            list(Text),
        ),
    ])
}

fn seed() -> Shape {
    Object(vec![
        optional("canaries", "Per service, through its own API.", Number),
        optional(
            "pairs",
            "Per service, each in two stores: a row and its file.",
            Number,
        ),
        optional(
            "overwritten",
            "Of the canaries, overwritten before the backup.",
            Number,
        ),
        optional(
            "deleted",
            "Of the canaries, deleted before the backup.",
            Number,
        ),
        optional(
            "encrypted",
            "Per service, readable with its key alone.",
            Number,
        ),
        optional("direct", "Per store, straight into it.", Number),
        optional("services", "Which services.", names_or_all()),
        optional("writers", "How many at once (8).", Number),
    ])
}

fn request() -> Shape {
    let method = |name| optional(name, "URL.", Text);
    Object(vec![
        method("get"),
        method("post"),
        method("put"),
        method("patch"),
        method("delete"),
        optional("headers", "Headers.", Named(Box::new(Text))),
        optional("json", "JSON body.", Anything),
        optional("form", "Form body.", Named(Box::new(Text))),
        optional(
            "expect",
            "What the answer has to be.",
            Object(vec![
                optional("status", "Status.", Number),
                optional(
                    "json",
                    "JSON paths and their values.",
                    Named(Box::new(Text)),
                ),
            ]),
        ),
        optional(
            "save",
            "Names and the JSON paths of what is kept.",
            Named(Box::new(Text)),
        ),
    ])
}

fn fault() -> Shape {
    let store = |name, doc| optional(name, doc, Text);
    OneOf {
        what: "fault",
        choices: vec![
            store("regenerate", "A secret gets a new value."),
            store(
                "empty-backup",
                "The newest recovery point of a store becomes empty.",
            ),
            store("truncate-backup", "It loses its second half."),
            store(
                "stale-backup",
                "It is replaced by one from before this run.",
            ),
            optional(
                "wrong-source",
                "A store is restored from another's recovery point.",
                Object(vec![
                    required("store", "The store.", Text),
                    required("from", "Whose recovery point it gets.", Text),
                ]),
            ),
            store(
                "restore-twice",
                "A store is restored a second time over itself.",
            ),
            optional(
                "drop-table",
                "A table is missing after the restore.",
                Object(vec![
                    required("store", "The store.", Text),
                    optional("table", "The table; the largest one without it.", Text),
                ]),
            ),
            store(
                "keep-vessel",
                "The destroy leaves the old store where it is.",
            ),
            store(
                "wipe",
                "A restored store is emptied under a healthy service.",
            ),
            store("corrupt", "Bytes of some canaries change."),
            store("drop-files", "Some files disappear, their rows stay."),
            store("drop-rows", "Some rows disappear, their files stay."),
            optional(
                "shift-clock",
                "A service's clock is moved.",
                Object(vec![
                    required("service", "The service.", Text),
                    optional("back", "So far back.", Formed(&DURATION)),
                    optional("forward", "So far forward.", Formed(&DURATION)),
                ]),
            ),
            store(
                "rebuild-provider",
                "The identity provider is built anew instead of restored.",
            ),
            store("reset-counters", "Counters are back where they began."),
            store("resurrect", "Data deleted before the backup is back."),
            store("delete-points", "All recovery points of a store disappear."),
            store("stop", "A service is stopped."),
            store(
                "volatile",
                "A restored store is gone when its services stop again.",
            ),
            store(
                "certificate",
                "A service shows a certificate of an authority that nobody trusts.",
            ),
        ],
        beside: Vec::new(),
        bare: &[],
    }
}

fn expectation() -> Shape {
    let mut choices: Vec<Field> = VERDICTS
        .iter()
        .map(|verdict| {
            optional(
                verdict,
                "So many canaries with this verdict.",
                Formed(&BOUND),
            )
        })
        .collect();
    choices.extend([
        optional(
            "recovery",
            "The first answer.",
            Word(&["recovered", "not-recovered", "unknown"]),
        ),
        optional(
            "document",
            "The second answer.",
            Word(&["agrees", "disagrees", "cannot-tell"]),
        ),
        optional("exit", "The exit code by the document.", Number),
        optional("diagnosis", "A cause that is named.", Text),
        optional(
            "verdict",
            "So many canaries of one store.",
            Object(vec![
                required("store", "The store.", Text),
                required("is", "The verdict.", Word(&VERDICTS)),
                required("count", "How many.", Formed(&BOUND)),
            ]),
        ),
        optional(
            "finding",
            "A failure of this kind.",
            Object(vec![
                required("kind", "Its kind.", Text),
                optional("subject", "On what.", Text),
            ]),
        ),
        optional(
            "claim",
            "A claim's status.",
            Object(vec![
                required("title", "Its title or id.", Text),
                required(
                    "status",
                    "Its status.",
                    Word(&[
                        "confirmed",
                        "closed",
                        "holds",
                        "broken",
                        "undocumented",
                        "unproven",
                        "undecided",
                        "stale",
                    ]),
                ),
            ]),
        ),
    ]);
    OneOf {
        what: "expectation",
        choices,
        beside: Vec::new(),
        bare: &[],
    }
}
