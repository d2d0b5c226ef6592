//! The words by which an environment file describes an application of its own (`app: http`): how to
//! sign in, write, read and list, in requests.

mod check;
mod text;

pub(super) use check::check;

use crate::form::DURATION;
use crate::shape::Shape::{
    Anything, Either, Flag, Formed, Named, Number, Object, OneOf, Text, Word,
};
use crate::shape::{Field, Shape, list, optional, required};

/// The keys of a service that describe it to `app: http`, and mean nothing to another.
pub(super) const KEYS: [&str; 3] = ["health", "auth", "canary"];

/// The keys of a service's `login` that only `app: http` has.
pub(super) const LOGIN_KEYS: [&str; 3] = ["start", "callback", "account"];

/// The methods of a request, as they are written.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

pub(super) fn fields() -> Vec<Field> {
    vec![
        optional(
            "health",
            "The health path; of several, what follows the first needs the stores.",
            list(request(vec![optional(
                "instance",
                "Where the answer names the installation: another one is a new, empty database.",
                place(),
            )])),
        ),
        optional("auth", "How phoenix signs in.", auth()),
        optional(
            "canary",
            "How a canary is written, read and found; `unknown` while nobody has said: then nothing \
             is written through it, and nothing is proven of that.",
            Either(vec![Word(&["unknown"]), canary()]),
        ),
    ]
}

pub(super) fn login() -> Shape {
    Object(vec![
        optional("via", "The service that they log in through.", Text),
        optional(
            "client",
            "The variables of the Compose files that take its client's id and secret at that \
             service.",
            Object(vec![
                required("id", "The variable for the id.", Text),
                required("secret", "The variable for the secret.", Text),
            ]),
        ),
        optional("start", "The path that sends people there.", Text),
        optional(
            "callback",
            "The path at which they come back (any of the service).",
            Text,
        ),
        optional(
            "account",
            "The request that says who is logged in.",
            request(vec![
                required(
                    "id",
                    "Where the answer has the account's id: the same after a restore.",
                    place(),
                ),
                optional("email", "Where it has the e-mail address.", place()),
            ]),
        ),
    ])
}

fn auth() -> Shape {
    Either(vec![
        Word(&["none"]),
        Object(vec![
            optional(
                "basic",
                "Name and password with every request.",
                Object(vec![
                    required("user", "Name.", Text),
                    required(
                        "password",
                        "Password: `${secret:NAME}` or `${env:NAME}`.",
                        Text,
                    ),
                ]),
            ),
            optional("bearer", "A token with every request.", Text),
            optional(
                "headers",
                "Headers with every request.",
                Named(Box::new(Text)),
            ),
            optional(
                "form",
                "A login page. Its hidden inputs go with what is filled in; its cookies are kept.",
                Object(vec![
                    required("page", "The path of the page with the form.", Text),
                    required(
                        "fields",
                        "What is filled in, by the names of the inputs.",
                        Named(Box::new(Text)),
                    ),
                    optional(
                        "expect",
                        "What the answer to a good login is. By default: it leads away from the \
                         page, or has no password input.",
                        expect(),
                    ),
                ]),
            ),
            optional(
                "token",
                "A request that gives a token, which goes with every other.",
                request(vec![
                    required("take", "Where the answer has the token.", place()),
                    optional(
                        "send",
                        "How it is sent (`Authorization: Bearer ${token}`).",
                        Named(Box::new(Text)),
                    ),
                ]),
            ),
        ]),
    ])
}

fn canary() -> Shape {
    let requests = || list(request(Vec::new()));
    let absent = || {
        optional(
            "absent",
            "What this request is answered where the entry does not exist. Without it the last one \
             goes by the canary's `absent`, and those before it never say so.",
            expect(),
        )
    };
    let read = || {
        list(request(vec![
            optional(
                "payload",
                "Where the answer has the text that was written.",
                place(),
            ),
            absent(),
        ]))
    };
    Object(vec![
        optional(
            "prepare",
            "What canaries are put into. Sent before every phase, so it has to be safe to repeat.",
            requests(),
        ),
        required(
            "write",
            "Writes `${payload}`; `save` keeps what it is found by.",
            requests(),
        ),
        required("read", "Reads it back.", read()),
        optional("update", "Replaces it by another `${payload}`.", requests()),
        optional("delete", "Deletes it.", requests()),
        optional(
            "list",
            "All entries. Without it nobody looks for duplicates and strangers.",
            request(vec![
                optional("texts", "Where the answer has the text of each.", place()),
                optional("ids", "Where it has the id of each.", place()),
                optional(
                    "next",
                    "Where it has the link to the next page, or `link-header`. Pages with numbers \
                     have `${page}` in their path instead.",
                    Either(vec![Word(&["link-header"]), place()]),
                ),
                optional("first_page", "The number of the first page (1).", Number),
            ]),
        ),
        optional(
            "absent",
            "What the last request of a reading is answered of an entry that does not exist (404 \
             or 410).",
            expect(),
        ),
        optional(
            "undecryptable",
            "What is answered of an entry whose key is another.",
            expect(),
        ),
        optional(
            "file",
            "An entry with a file that lies in another store.",
            Object(vec![
                required(
                    "write",
                    "Writes `${payload}` and the file: `multipart` with `file: NAME`, or `body: \
                     ${bytes}`.",
                    requests(),
                ),
                required(
                    "read",
                    "Reads the file's bytes back.",
                    list(request(vec![absent()])),
                ),
                optional(
                    "row",
                    "Reads its entry back (the `read` of the canary).",
                    read(),
                ),
                optional(
                    "link",
                    "How the entry points at its file.",
                    Object(vec![
                        required("at", "Where the entry's answer has it.", place()),
                        required("is", "What stands there: `${file}`.", Text),
                    ]),
                ),
            ]),
        ),
    ])
}

/// A request, with the keys that only this one has.
fn request(own: Vec<Field>) -> Shape {
    let mut beside = own;
    beside.extend([
        optional("headers", "Headers of this request.", Named(Box::new(Text))),
        optional("json", "Body: JSON.", Anything),
        optional("form", "Body: a form.", Named(Box::new(Text))),
        optional(
            "multipart",
            "Body: a form with files.",
            Named(Box::new(Either(vec![
                Object(vec![
                    required("file", "Name of the file that is sent.", Text),
                    optional("type", "Its media type.", Text),
                ]),
                Text,
            ]))),
        ),
        optional("body", "Body: this text, or the bytes of `${bytes}`.", Text),
        optional("type", "Media type of `body`.", Text),
        optional("expect", "What a good answer is (any 2xx).", expect()),
        optional(
            "save",
            "What is kept of the answer, by names of your own: `id: $.id`.",
            Named(Box::new(place())),
        ),
        optional("follow", "Follow redirects of a GET (false).", Flag),
        optional(
            "within",
            "How long the answer may take (10s).",
            Formed(&DURATION),
        ),
    ]);
    OneOf {
        what: "request",
        choices: METHODS
            .iter()
            .map(|method| optional(method, "Path, from the service's URL.", Text))
            .collect(),
        beside,
        bare: &[],
    }
}

fn expect() -> Shape {
    Object(vec![
        optional("status", "Its status, or several.", list(Number)),
        optional("redirect", "Where it leads: `/entries/*`.", Text),
        optional(
            "json",
            "Values by their paths: `$.db: ok`.",
            Named(Box::new(Text)),
        ),
        optional(
            "html",
            "Text that elements contain, by CSS selector.",
            Named(Box::new(Text)),
        ),
        optional("contains", "Text that the body contains.", list(Text)),
    ])
}

/// Where a value stands in an answer.
fn place() -> Shape {
    Either(vec![
        OneOf {
            what: "place",
            choices: vec![
                optional("json", "Path in JSON.", Text),
                optional(
                    "html",
                    "CSS selector: the value of an input, the text of anything else.",
                    Text,
                ),
                optional("header", "Name of a header.", Text),
                optional("cookie", "Name of a cookie.", Text),
                optional(
                    "redirect",
                    "Where a redirect leads, `*` for the value: `/entries/*`.",
                    Text,
                ),
            ],
            beside: vec![
                optional("attribute", "Attribute of the HTML element.", Text),
                optional("like", "What stands around it, `*` for the value.", Text),
            ],
            bare: &["body"],
        },
        Text,
    ])
}
