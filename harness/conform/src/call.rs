//! Calls, and what comes of them.

use std::net::SocketAddr;
use std::time::Duration;

use phoenix_evidence::words::error_chain;
use reqwest::{Certificate, Client, Method};
use serde_json::Value;
use url::Url;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whom to ask, and what for.
pub struct Target {
    base: String,
    /// For programs: it keeps no cookies.
    plain: Client,
    /// For people: it does.
    browser: Client,
    pub(crate) secret: Option<String>,
    pub(crate) writes: bool,
}

impl Target {
    /// An address to ask. `connect` is where it is reached, where its name says something else.
    ///
    /// # Errors
    /// When the address is none, or the authority cannot be read.
    pub fn new(
        url: &str,
        connect: Option<SocketAddr>,
        authority: Option<&[u8]>,
    ) -> Result<Self, String> {
        // Somebody else of the process may have chosen before.
        let _chosen = rustls::crypto::ring::default_provider().install_default();
        let parsed = Url::parse(url).map_err(|why| format!("`{url}` is no address: {why}"))?;
        if !["http", "https"].contains(&parsed.scheme()) || parsed.host_str().is_none() {
            return Err(format!("`{url}` is no address of a server: https://NAME"));
        }
        let client = |cookies: bool| {
            let mut builder = Client::builder()
                .no_proxy()
                .timeout(PATIENCE)
                .cookie_store(cookies)
                .redirect(reqwest::redirect::Policy::none());
            if let (Some(address), Some(name)) = (connect, parsed.host_str()) {
                builder = builder.resolve(name, address);
            }
            if let Some(pem) = authority {
                let authorities = Certificate::from_pem_bundle(pem)
                    .map_err(|why| format!("the authority cannot be read: {why}"))?;
                if authorities.is_empty() {
                    return Err("the authority's file has no certificate in it".to_owned());
                }
                builder = builder.tls_certs_only(authorities);
            }
            builder.build().map_err(|why| error_chain(&why))
        };
        Ok(Self {
            base: parsed.as_str().trim_end_matches('/').to_owned(),
            plain: client(false)?,
            browser: client(true)?,
            secret: None,
            writes: false,
        })
    }

    /// With what lets one in: the checks that need it say of what kind it is.
    #[must_use]
    pub fn with_secret(mut self, secret: &str) -> Self {
        self.secret = Some(secret.trim().to_owned());
        self
    }

    /// With the checks that write.
    #[must_use]
    pub fn with_writes(mut self) -> Self {
        self.writes = true;
        self
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) async fn send(&self, call: &Call) -> Result<Came, String> {
        let client = if call.browser {
            &self.browser
        } else {
            &self.plain
        };
        let url = match call.path.starts_with("http") {
            true => call.path.clone(),
            false => format!("{}{}", self.base, call.path),
        };
        let mut request = client.request(call.method.clone(), url);
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        request = match &call.body {
            Body::None => request,
            Body::Json(value) => request.json(value),
            Body::Form(fields) => request.form(fields),
            Body::File {
                fields,
                name,
                file_name,
                bytes,
            } => {
                let part = reqwest::multipart::Part::bytes(bytes.clone());
                let part = part.file_name(file_name.clone());
                let mut form = reqwest::multipart::Form::new().part(*name, part);
                for (name, value) in fields {
                    form = form.text(*name, value.clone());
                }
                request.multipart(form)
            }
        };
        let answer = request.send().await.map_err(|why| error_chain(&why))?;
        let status = answer.status().as_u16();
        let headers = answer.headers().iter();
        let headers = headers
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), value)
            })
            .collect();
        let bytes = answer
            .bytes()
            .await
            .map_err(|why| error_chain(&why))?
            .to_vec();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Came {
            status,
            headers,
            json: serde_json::from_slice(&bytes).unwrap_or_default(),
            text,
            bytes,
        })
    }
}

/// What a call carries.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    None,
    Json(Value),
    Form(Vec<(&'static str, String)>),
    File {
        fields: Vec<(&'static str, String)>,
        name: &'static str,
        file_name: String,
        bytes: Vec<u8>,
    },
}

/// A call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    headers: Vec<(&'static str, String)>,
    body: Body,
    browser: bool,
}

impl Call {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path)
    }

    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: Vec::new(),
            body: Body::None,
            browser: false,
        }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn json(mut self, value: Value) -> Self {
        self.body = Body::Json(value);
        self
    }

    pub(crate) fn form(mut self, fields: &[(&'static str, &str)]) -> Self {
        let fields = fields
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        self.body = Body::Form(fields.collect());
        self
    }

    pub(crate) fn file(
        mut self,
        name: &'static str,
        file_name: &str,
        bytes: &[u8],
        fields: &[(&'static str, &str)],
    ) -> Self {
        let fields = fields
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        self.body = Body::File {
            fields: fields.collect(),
            name,
            file_name: file_name.to_owned(),
            bytes: bytes.to_vec(),
        };
        self
    }

    /// As a browser makes it, with its cookies.
    pub(crate) fn browsing(mut self) -> Self {
        self.browser = true;
        self
    }

    /// The call in words, without what lets one in.
    pub(crate) fn words(&self) -> String {
        let mut words = format!("{} {}", self.method, self.path);
        for (name, value) in self.headers.iter().filter(|(name, _)| *name == "host") {
            words.push_str(&format!(", {name}: {value}"));
        }
        match &self.body {
            Body::None => {}
            Body::Json(value) => words.push_str(&format!(" {}", crate::redact::json(value))),
            Body::Form(fields) => {
                let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
                words.push_str(&format!(" with the form fields {}", names.join(", ")));
            }
            Body::File { name, bytes, .. } => {
                words.push_str(&format!(" with {} bytes as {name}", bytes.len()));
            }
        }
        words
    }
}

/// What came of a call.
#[derive(Clone, Debug)]
pub(crate) struct Came {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) json: Value,
    pub(crate) text: String,
    pub(crate) bytes: Vec<u8>,
}

impl Came {
    /// The first header of a name.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map_or("", |(_, value)| value)
    }

    /// Whether a cookie whose name ends so was set.
    pub(crate) fn sets(&self, cookie: &str) -> bool {
        self.headers.iter().any(|(name, value)| {
            let set = value.split('=').next().unwrap_or_default();
            name == "set-cookie" && set.ends_with(cookie)
        })
    }

    /// A text of the answer; empty where there is none.
    pub(crate) fn at(&self, pointer: &str) -> &str {
        self.json
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The answer in words, without what lets one in.
    pub(crate) fn words(&self) -> String {
        let mut words = self.status.to_string();
        let location = self.header("location");
        if !location.is_empty() {
            words.push_str(&format!(" to {}", crate::redact::location(location)));
        }
        let body = match &self.json {
            Value::Null => crate::redact::short(self.text.trim()),
            json => crate::redact::json(json),
        };
        if !body.is_empty() {
            words.push_str(&format!(" {body}"));
        }
        words
    }
}
