//! A browser without a screen: a cookie jar, names of its own, and no redirects that it follows by
//! itself.

use std::net::SocketAddr;

use reqwest::{Client, RequestBuilder, Response, StatusCode};

pub(crate) struct Browser {
    pub(crate) client: Client,
    base: String,
}

impl Browser {
    /// A fresh one. Paths are of the base; names resolve to these addresses and no others.
    pub(crate) fn new(base: &str, names: &[(&str, SocketAddr)], trust: &[&str]) -> Self {
        let mut builder = Client::builder()
            .no_proxy()
            .cookie_store(true)
            .redirect(reqwest::redirect::Policy::none());
        for (name, address) in names {
            builder = builder.resolve(name, *address);
        }
        if !trust.is_empty() {
            let roots = trust
                .iter()
                .map(|pem| reqwest::Certificate::from_pem(pem.as_bytes()).unwrap());
            builder = builder.tls_certs_only(roots);
        }
        Self {
            client: builder.build().unwrap(),
            base: base.to_owned(),
        }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.base)
        };
        self.client.request(method.parse().unwrap(), url)
    }

    pub(crate) async fn get(&self, path: &str) -> Page {
        Page::of(self.request("GET", path).send().await.unwrap()).await
    }

    /// Posts a form.
    pub(crate) async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let request = self.request("POST", path).form(fields);
        Page::of(request.send().await.unwrap()).await
    }
}

/// What came back.
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) location: String,
    pub(crate) cookies: Vec<String>,
    pub(crate) body: String,
}

impl Page {
    pub(crate) async fn of(response: Response) -> Self {
        let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap().to_owned();
        Self {
            status: response.status(),
            location: response
                .headers()
                .get("location")
                .map(text)
                .unwrap_or_default(),
            cookies: response
                .headers()
                .get_all("set-cookie")
                .iter()
                .map(text)
                .collect(),
            body: response.text().await.unwrap(),
        }
    }

    /// A parameter of the address that it leads to.
    pub(crate) fn leads_with(&self, name: &str) -> String {
        url::Url::parse(&self.location)
            .unwrap()
            .query_pairs()
            .find(|(found, _)| found == name)
            .unwrap_or_else(|| panic!("no {name} in {}", self.location))
            .1
            .into_owned()
    }
}

pub(crate) fn between(text: &str, before: &str, after: &str) -> String {
    let rest = text
        .split_once(before)
        .unwrap_or_else(|| panic!("no {before} in {text}"))
        .1;
    rest.split_once(after).unwrap().0.to_owned()
}
