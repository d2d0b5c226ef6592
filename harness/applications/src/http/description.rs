//! A description, typed. The vocabulary has held it against itself when the file was read, so what
//! is still wrong here is a description that came another way, and one sentence is enough.

mod parse;

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use super::place::{Expect, Place};
use super::template::Template;

/// An application, as a file describes it.
#[derive(Clone, Debug)]
pub(super) struct Description {
    /// The health path first.
    pub(super) health: Vec<Request>,
    /// Where each names the installation.
    pub(super) instance: Vec<Option<Place>>,
    pub(super) auth: Auth,
    pub(super) login: Option<Login>,
    pub(super) canary: Canary,
}

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: Template,
    pub(super) headers: Vec<(String, Template)>,
    pub(super) body: Body,
    pub(super) expect: Expect,
    /// Of a reading: what says that there is no such entry.
    pub(super) absent: Option<Expect>,
    pub(super) save: Vec<(String, Place)>,
    pub(super) follow: bool,
    pub(super) within: Duration,
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    Nothing,
    Json(Value),
    Form(Vec<(String, Template)>),
    Multipart(Vec<(String, Field)>),
    Text { text: Template, media: Template },
    Bytes { media: Template },
}

#[derive(Clone, Debug)]
pub(super) enum Field {
    Text(Template),
    File { name: Template, media: Template },
}

impl Request {
    /// Whether it may change something.
    pub(super) fn changes(&self) -> bool {
        self.method != Method::GET
    }

    /// The names that it is filled with.
    pub(super) fn names(&self) -> Vec<String> {
        let mut texts: Vec<&Template> = vec![&self.path];
        texts.extend(self.headers.iter().map(|(_, text)| text));
        let mut names = Vec::new();
        match &self.body {
            Body::Json(json) => deep_names(json, &mut names),
            Body::Form(fields) => texts.extend(fields.iter().map(|(_, text)| text)),
            Body::Multipart(fields) => texts.extend(fields.iter().map(|(_, field)| match field {
                Field::Text(text) | Field::File { name: text, .. } => text,
            })),
            Body::Text { text, .. } => texts.push(text),
            Body::Nothing | Body::Bytes { .. } => {}
        }
        for expect in std::iter::once(&self.expect).chain(&self.absent) {
            texts.extend(&expect.redirect);
            texts.extend(expect.json.iter().map(|(_, text)| text));
            texts.extend(expect.html.iter().map(|(_, text)| text));
            texts.extend(&expect.contains);
        }
        names.extend(
            texts
                .into_iter()
                .flat_map(Template::names)
                .map(str::to_owned),
        );
        names
    }

    /// As a person would name it: nothing that is filled in.
    pub(super) fn words(&self) -> String {
        format!("{} {}", self.method, self.path.0)
    }
}

fn deep_names(json: &Value, names: &mut Vec<String>) {
    match json {
        Value::String(text) => {
            let template = Template(text.clone());
            names.extend(template.names().into_iter().map(str::to_owned));
        }
        Value::Array(items) => items.iter().for_each(|item| deep_names(item, names)),
        Value::Object(entries) => entries.values().for_each(|one| deep_names(one, names)),
        _ => {}
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Auth {
    pub(super) basic: Option<(Template, Template)>,
    pub(super) headers: Vec<(String, Template)>,
    pub(super) form: Option<LoginForm>,
    pub(super) token: Option<Token>,
}

impl Auth {
    /// Whether there is something to sign in to, and so something that can end.
    pub(super) fn signs_in(&self) -> bool {
        self.form.is_some() || self.token.is_some()
    }
}

#[derive(Clone, Debug)]
pub(super) struct LoginForm {
    pub(super) page: Template,
    pub(super) fields: Vec<(String, Template)>,
    pub(super) expect: Option<Expect>,
}

#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) request: Request,
    pub(super) take: Place,
    pub(super) send: Vec<(String, Template)>,
}

/// How people log in.
#[derive(Clone, Debug)]
pub(super) struct Login {
    /// Where an application sends people to its provider; `None` for its own login page.
    pub(super) start: Option<Template>,
    pub(super) callback: Template,
    pub(super) account: Request,
    pub(super) id: Place,
    pub(super) email: Option<Place>,
}

#[derive(Clone, Debug)]
pub(super) struct Canary {
    pub(super) prepare: Vec<Request>,
    pub(super) write: Vec<Request>,
    pub(super) read: Read,
    pub(super) update: Vec<Request>,
    pub(super) delete: Vec<Request>,
    pub(super) list: Option<List>,
    pub(super) undecryptable: Option<Expect>,
    pub(super) file: Option<File>,
}

/// How a text is read back.
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) requests: Vec<Request>,
    pub(super) payload: Place,
}

#[derive(Clone, Debug)]
pub(super) struct List {
    pub(super) request: Request,
    pub(super) texts: Option<Place>,
    pub(super) ids: Option<Place>,
    pub(super) next: Option<Next>,
    /// Number of the first page, where pages have numbers.
    pub(super) first_page: Option<u64>,
}

#[derive(Clone, Debug)]
pub(super) enum Next {
    LinkHeader,
    At(Place),
}

/// An entry with a file in another store.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) write: Vec<Request>,
    pub(super) read: Vec<Request>,
    pub(super) row: Read,
    pub(super) link: Option<(Place, Template)>,
}
