//! A description, typed. The vocabulary has held it against itself when the file was read, so what
//! is still wrong here is a description that came another way, and one sentence is enough.

use std::time::Duration;

use phoenix_language::json_path::JsonPath;
use phoenix_language::value;
use reqwest::Method;
use serde_json::{Map, Value};

use super::place::{Expect, From, Place};
use super::template::{Template, plain};
use crate::call::CALL_TIMEOUT;

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

type Parsed<T> = Result<T, String>;

impl Description {
    /// Reads a service's settings.
    ///
    /// # Errors
    /// What is wrong with the first thing that is.
    pub(super) fn read(settings: &Value) -> Parsed<Self> {
        let probes = items(settings.get("health"));
        Ok(Self {
            health: requests(settings.get("health"))?,
            instance: probes
                .iter()
                .map(|probe| probe.get("instance").map(place).transpose())
                .collect::<Parsed<_>>()?,
            auth: auth(settings.get("auth"))?,
            login: settings.get("login").map(login).transpose()?,
            canary: canary(
                settings
                    .get("canary")
                    .ok_or("`app: http` needs a `canary`: how one is written and read")?,
            )?,
        })
    }
}

/// None, one, or those of a list.
fn items(value: Option<&Value>) -> Vec<&Value> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items.iter().collect(),
        Some(one) => vec![one],
    }
}

fn template(value: &Value) -> Template {
    Template(plain(value))
}

fn templates(value: Option<&Value>) -> Vec<(String, Template)> {
    entries(value)
        .map(|(name, value)| (name.clone(), template(value)))
        .collect()
}

fn entries(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

fn requests(value: Option<&Value>) -> Parsed<Vec<Request>> {
    items(value).into_iter().map(request).collect()
}

fn request(value: &Value) -> Parsed<Request> {
    let methods = [
        ("get", Method::GET),
        ("post", Method::POST),
        ("put", Method::PUT),
        ("patch", Method::PATCH),
        ("delete", Method::DELETE),
    ];
    let (method, path) = methods
        .into_iter()
        .find_map(|(word, method)| Some((method, value.get(word)?)))
        .ok_or("a request needs a method: `get: /path`")?;
    let save: Vec<(String, Place)> = entries(value.get("save"))
        .map(|(name, at)| Ok((name.clone(), place(at)?)))
        .collect::<Parsed<_>>()?;
    let mut expect = value
        .get("expect")
        .map(expect)
        .transpose()?
        .unwrap_or_default();
    // What is taken from a redirect says that one is expected.
    if expect.status.is_empty() && expect.redirect.is_none() {
        expect.redirect = save.iter().find_map(|(_, place)| match &place.from {
            From::Redirect(pattern) => Some(Template(pattern.clone())),
            _ => None,
        });
    }
    let within = value
        .get("within")
        .and_then(Value::as_str)
        .and_then(|text| value::duration(text).ok())
        .unwrap_or(CALL_TIMEOUT);
    Ok(Request {
        method,
        path: template(path),
        headers: templates(value.get("headers")),
        body: body(value.as_object()),
        expect,
        absent: value.get("absent").map(self::expect).transpose()?,
        save,
        follow: value.get("follow") == Some(&Value::Bool(true)),
        within,
    })
}

fn body(request: Option<&Map<String, Value>>) -> Body {
    let get = |key: &str| request.and_then(|request| request.get(key));
    let media = |or: &str| get("type").map_or_else(|| Template(or.to_owned()), template);
    if let Some(json) = get("json") {
        Body::Json(json.clone())
    } else if get("form").is_some() {
        Body::Form(templates(get("form")))
    } else if get("multipart").is_some() {
        let field = |value: &Value| match value.get("file") {
            Some(name) => Field::File {
                name: template(name),
                media: value
                    .get("type")
                    .map_or_else(|| Template("application/octet-stream".to_owned()), template),
            },
            None => Field::Text(template(value)),
        };
        Body::Multipart(
            entries(get("multipart"))
                .map(|(name, value)| (name.clone(), field(value)))
                .collect(),
        )
    } else {
        match get("body").map(template) {
            None => Body::Nothing,
            Some(text) if text.0 == "${bytes}" => Body::Bytes {
                media: media("application/octet-stream"),
            },
            Some(text) => Body::Text {
                text,
                media: media("text/plain; charset=utf-8"),
            },
        }
    }
}

fn expect(value: &Value) -> Parsed<Expect> {
    let status = items(value.get("status"))
        .into_iter()
        .map(|status| {
            plain(status)
                .parse()
                .map_err(|_| format!("`{status}` is no status"))
        })
        .collect::<Parsed<_>>()?;
    let json = entries(value.get("json"))
        .map(|(path, wanted)| {
            let wanted = match wanted {
                Value::Null => Template("null".to_owned()),
                other => template(other),
            };
            Ok((json_path(path)?, wanted))
        })
        .collect::<Parsed<_>>()?;
    Ok(Expect {
        status,
        redirect: value.get("redirect").map(template),
        json,
        html: templates(value.get("html")),
        contains: items(value.get("contains"))
            .into_iter()
            .map(template)
            .collect(),
    })
}

fn json_path(text: &str) -> Parsed<JsonPath> {
    JsonPath::parse(text).map_err(|(_, why)| format!("`{text}` is no path in JSON: {why}"))
}

fn place(value: &Value) -> Parsed<Place> {
    let text = |key: &str| value.get(key).map(plain);
    let from = match value {
        Value::String(word) if word == "body" => From::Body,
        Value::String(path) => From::Json(json_path(path)?),
        _ => {
            if let Some(path) = text("json") {
                From::Json(json_path(&path)?)
            } else if let Some(selector) = text("html") {
                From::Html {
                    selector,
                    attribute: text("attribute"),
                }
            } else if let Some(name) = text("header") {
                From::Header(name)
            } else if let Some(name) = text("cookie") {
                From::Cookie(name)
            } else if let Some(pattern) = text("redirect") {
                From::Redirect(pattern)
            } else {
                return Err(format!("{value} is no place in an answer"));
            }
        }
    };
    Ok(Place {
        from,
        like: text("like"),
    })
}

fn auth(value: Option<&Value>) -> Parsed<Auth> {
    let get = |key: &str| value.and_then(|auth| auth.get(key));
    let mut headers = templates(get("headers"));
    if let Some(bearer) = get("bearer") {
        let line = Template(format!("Bearer {}", plain(bearer)));
        headers.push(("authorization".to_owned(), line));
    }
    Ok(Auth {
        basic: get("basic").map(|basic| {
            let part = |key: &str| {
                basic
                    .get(key)
                    .map_or_else(|| Template(String::new()), template)
            };
            (part("user"), part("password"))
        }),
        headers,
        form: get("form")
            .map(|form| {
                Ok::<_, String>(LoginForm {
                    page: form
                        .get("page")
                        .map(template)
                        .ok_or("`form` needs a `page`")?,
                    fields: templates(form.get("fields")),
                    expect: form.get("expect").map(expect).transpose()?,
                })
            })
            .transpose()?,
        token: get("token")
            .map(|token| {
                let mut send = templates(token.get("send"));
                if send.is_empty() {
                    let line = Template("Bearer ${token}".to_owned());
                    send.push(("authorization".to_owned(), line));
                }
                Ok::<_, String>(Token {
                    request: request(token)?,
                    take: place(token.get("take").ok_or("`token` needs a `take`")?)?,
                    send,
                })
            })
            .transpose()?,
    })
}

fn login(value: &Value) -> Parsed<Login> {
    let account = value.get("account").ok_or("`login` needs an `account`")?;
    let start = value.get("start").map(template);
    if value.get("via").is_some() && start.is_none() {
        return Err("`login` needs a `start`: the path that sends people to the provider".into());
    }
    Ok(Login {
        start: start.filter(|_| value.get("via").is_some()),
        callback: value
            .get("callback")
            .map_or_else(|| Template("/".to_owned()), template),
        account: request(account)?,
        id: place(account.get("id").ok_or("`account` needs an `id`")?)?,
        email: account.get("email").map(place).transpose()?,
    })
}

/// The requests of a reading, the last of which says by default that there is no such entry. Those
/// before it say so only where that is described: their 404 may be of anything.
fn reading(value: Option<&Value>, absent: &Expect) -> Parsed<Vec<Request>> {
    let mut requests = requests(value)?;
    if let Some(last) = requests.last_mut() {
        last.absent.get_or_insert_with(|| absent.clone());
    }
    Ok(requests)
}

fn read(value: Option<&Value>, what: &str, absent: &Expect) -> Parsed<Read> {
    let payload = items(value)
        .last()
        .and_then(|last| last.get("payload"))
        .ok_or_else(|| format!("`{what}` does not say where the text is: `payload: $.text`"))?;
    Ok(Read {
        requests: reading(value, absent)?,
        payload: place(payload)?,
    })
}

fn canary(value: &Value) -> Parsed<Canary> {
    if value == "unknown" {
        return Ok(unknown());
    }
    let absent = match value.get("absent") {
        Some(absent) => expect(absent)?,
        None => Expect {
            status: vec![404, 410],
            ..Expect::default()
        },
    };
    let own = read(value.get("read"), "read", &absent)?;
    Ok(Canary {
        prepare: requests(value.get("prepare"))?,
        write: requests(value.get("write"))?,
        update: requests(value.get("update"))?,
        delete: requests(value.get("delete"))?,
        list: value.get("list").map(list).transpose()?,
        undecryptable: value.get("undecryptable").map(expect).transpose()?,
        file: value
            .get("file")
            .map(|part| file(part, &own, &absent))
            .transpose()?,
        read: own,
    })
}

/// No way to write: an application of which only the health is known.
fn unknown() -> Canary {
    Canary {
        prepare: Vec::new(),
        write: Vec::new(),
        read: Read {
            requests: Vec::new(),
            payload: Place {
                from: From::Body,
                like: None,
            },
        },
        update: Vec::new(),
        delete: Vec::new(),
        list: None,
        undecryptable: None,
        file: None,
    }
}

fn file(value: &Value, own: &Read, absent: &Expect) -> Parsed<File> {
    Ok(File {
        write: requests(value.get("write"))?,
        read: reading(value.get("read"), absent)?,
        row: match value.get("row") {
            Some(row) => read(Some(row), "row", absent)?,
            None => own.clone(),
        },
        link: value
            .get("link")
            .map(|link| {
                let at = place(link.get("at").ok_or("`link` needs an `at`")?)?;
                let is = link.get("is").map(template).ok_or("`link` needs an `is`")?;
                Ok::<_, String>((at, is))
            })
            .transpose()?,
    })
}

fn list(value: &Value) -> Parsed<List> {
    let next = match value.get("next") {
        None => None,
        Some(Value::String(word)) if word == "link-header" => Some(Next::LinkHeader),
        Some(at) => {
            let mut at = place(at)?;
            // A link that is followed is where it points, not what it says.
            if let From::Html { attribute, .. } = &mut at.from {
                attribute.get_or_insert_with(|| "href".to_owned());
            }
            Some(Next::At(at))
        }
    };
    let request = request(value)?;
    let numbered = value.to_string().contains("${page}");
    Ok(List {
        request,
        texts: value.get("texts").map(place).transpose()?,
        ids: value.get("ids").map(place).transpose()?,
        next,
        first_page: numbered.then(|| value.get("first_page").and_then(Value::as_u64).unwrap_or(1)),
    })
}
