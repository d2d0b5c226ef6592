//! Descriptions, read from a service's settings.

use phoenix_language::json_path::JsonPath;
use phoenix_language::value;
use reqwest::Method;
use serde_json::{Map, Value};

use super::{
    Auth, Body, Canary, Description, Field, File, List, Login, LoginForm, Next, Read, Request,
    Token,
};
use crate::call::CALL_TIMEOUT;
use crate::http::place::{Expect, From, Place};
use crate::http::template::{Template, plain};

type Parsed<T> = Result<T, String>;

impl Description {
    /// Reads a service's settings.
    ///
    /// # Errors
    /// What is wrong with the first thing that is.
    pub(in crate::http) fn read(settings: &Value) -> Parsed<Self> {
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
