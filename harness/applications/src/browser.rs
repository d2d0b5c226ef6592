//! A browser without a screen: a fresh cookie jar, every hop recorded, forms found and filled.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cookie_store::CookieStore;
use phoenix_engine::application::Hop;
use phoenix_engine::network::Network;
use phoenix_engine::words::{error_chain, first_bytes};
use reqwest::header;
use scraper::{Html, Selector};
use url::Url;

use crate::call::client;

/// Hops after which a login is going in circles.
const HOPS_MAX: usize = 25;
/// Parameters whose values are no secret and say what went wrong.
const SHOWN: [&str; 7] = [
    "response_type",
    "scope",
    "client_id",
    "redirect_uri",
    "code_challenge_method",
    "error",
    "error_description",
];

/// A page.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) status: u16,
    pub(crate) location: Option<Url>,
    pub(crate) body: String,
}

/// A form of a page.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) action: Url,
    pub(crate) fields: BTreeMap<String, String>,
}

/// A browser.
pub(crate) struct Browser {
    client: reqwest::Client,
    jar: CookieStore,
    pub(crate) hops: Vec<Hop>,
    pub(crate) facts: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) fn new(network: &Network) -> Result<Self, String> {
        Ok(Self {
            client: client(network)?,
            jar: CookieStore::default(),
            hops: Vec::new(),
            facts: BTreeMap::new(),
        })
    }

    /// The cookies that it has by now.
    pub(crate) fn into_jar(self) -> CookieStore {
        self.jar
    }

    pub(crate) async fn get(&mut self, url: &Url) -> Result<Page, String> {
        self.send("GET", url, None).await
    }

    pub(crate) async fn post(
        &mut self,
        url: &Url,
        fields: &BTreeMap<String, String>,
    ) -> Result<Page, String> {
        self.send("POST", url, Some(fields)).await
    }

    /// Follows redirects until a page, or until one leads to where `stop` says.
    pub(crate) async fn follow(
        &mut self,
        mut page: Page,
        stop: impl Fn(&Url) -> bool,
    ) -> Result<Page, String> {
        while let Some(next) = page.location.clone() {
            if stop(&next) {
                break;
            }
            page = self.get(&next).await?;
        }
        Ok(page)
    }

    /// Adds words to the last hop.
    pub(crate) fn note(&mut self, words: &str) {
        if let Some(hop) = self.hops.last_mut() {
            if !hop.note.is_empty() {
                hop.note.push_str("; ");
            }
            hop.note.push_str(&first_bytes(words, 300));
        }
    }

    async fn send(
        &mut self,
        method: &str,
        url: &Url,
        fields: Option<&BTreeMap<String, String>>,
    ) -> Result<Page, String> {
        if self.hops.len() >= HOPS_MAX {
            return Err(format!(
                "more than {HOPS_MAX} hops: the login goes in circles"
            ));
        }
        let cookies = self.cookies_for(url);
        let mut hop = Hop {
            method: method.to_owned(),
            url: redacted(url),
            status: None,
            location: None,
            cookies_sent: cookies.iter().map(|(name, _)| name.clone()).collect(),
            cookies_set: Vec::new(),
            took_ms: 0,
            note: String::new(),
        };
        let mut request = match fields {
            Some(fields) => self.client.post(url.clone()).form(fields),
            None => self.client.get(url.clone()),
        };
        request = request.header(header::ACCEPT, "text/html").header(
            header::REFERER,
            format!("{}/", url.origin().ascii_serialization()),
        );
        if !cookies.is_empty() {
            let line: Vec<String> = cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            request = request.header(header::COOKIE, line.join("; "));
        }
        let began = Instant::now();
        let sent = request.send().await;
        hop.took_ms = millis(began.elapsed());
        let response = match sent {
            Ok(response) => response,
            Err(error) => {
                let words = error_chain(&error);
                hop.note.clone_from(&words);
                self.hops.push(hop);
                return Err(words);
            }
        };
        let status = response.status().as_u16();
        hop.status = Some(status);
        self.keep(url, response.headers(), &mut hop);
        let location = response
            .headers()
            .get(header::LOCATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| url.join(text).ok())
            .filter(|_| (300..400).contains(&status));
        hop.location = location.as_ref().map(redacted);
        let body = response.text().await.unwrap_or_default();
        hop.took_ms = millis(began.elapsed());
        self.hops.push(hop);
        Ok(Page {
            url: url.clone(),
            status,
            location,
            body,
        })
    }

    /// Names and values of the cookies that a request would send. Browsers keep and send `Secure`
    /// cookies on plain `http://*.localhost`; so does this one.
    pub(crate) fn cookies_for(&self, url: &Url) -> Vec<(String, String)> {
        let mut asked = url.clone();
        if trusted_loopback(url) {
            let _kept = asked.set_scheme("https");
        }
        self.jar
            .get_request_values(&asked)
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    fn keep(&mut self, url: &Url, headers: &header::HeaderMap, hop: &mut Hop) {
        let mut asked = url.clone();
        if trusted_loopback(url) {
            let _kept = asked.set_scheme("https");
        }
        for line in headers
            .get_all(header::SET_COOKIE)
            .iter()
            .filter_map(|v| v.to_str().ok())
        {
            if let Some((name, _)) = line.split_once('=') {
                hop.cookies_set.push(name.trim().to_owned());
            }
            let _refused = self.jar.parse(line, &asked);
        }
        if let Some(date) = headers
            .get(header::DATE)
            .and_then(|value| value.to_str().ok())
            && let Ok(theirs) = jiff::fmt::rfc2822::parse(date)
        {
            let skew = theirs.timestamp().as_second() - jiff::Timestamp::now().as_second();
            let host = url.host_str().unwrap_or_default();
            self.facts
                .insert(format!("clock-skew-s {host}"), skew.to_string());
        }
    }
}

pub(crate) fn trusted_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    url.scheme() == "http" && (host == "localhost" || host.ends_with(".localhost"))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A URL without the values of its parameters, but for those that are no secret.
pub(crate) fn redacted(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    shown.set_fragment(None);
    let query: Vec<String> = url
        .query_pairs()
        .map(|(name, value)| {
            if SHOWN.contains(&&*name) {
                format!("{name}={}", first_bytes(&value, 120))
            } else {
                format!("{name}=…")
            }
        })
        .collect();
    if query.is_empty() {
        shown.to_string()
    } else {
        format!("{shown}?{}", query.join("&"))
    }
}

/// The forms of a page, with what their fields hold.
pub(crate) fn forms(page: &Page) -> Vec<Form> {
    let html = Html::parse_document(&page.body);
    let (Ok(form), Ok(input)) = (
        Selector::parse("form"),
        Selector::parse("input, button[name]"),
    ) else {
        return Vec::new();
    };
    html.select(&form)
        .filter_map(|element| {
            let action = element.value().attr("action").unwrap_or_default();
            let fields = element
                .select(&input)
                .filter_map(|field| {
                    let name = field.value().attr("name")?.to_owned();
                    Some((
                        name,
                        field.value().attr("value").unwrap_or_default().to_owned(),
                    ))
                })
                .collect();
            Some(Form {
                action: page.url.join(action).ok()?,
                fields,
            })
        })
        .collect()
}

/// The text of the first element that a selector finds.
pub(crate) fn text_of(page: &Page, selector: &str) -> Option<String> {
    let html = Html::parse_document(&page.body);
    let selector = Selector::parse(selector).ok()?;
    let element = html.select(&selector).next()?;
    let text: String = element.text().collect::<Vec<_>>().join(" ");
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The words of a page without its markup.
pub(crate) fn words_of(page: &Page) -> String {
    text_of(page, "body").unwrap_or_else(|| first_bytes(&page.body, 200))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_addresses_are_not_shown() {
        let url =
            Url::parse("https://a.localhost/cb?code=SECRET1&state=SECRET2&scope=openid#SECRET3")
                .expect("a URL");
        let shown = redacted(&url);
        assert!(!shown.contains("SECRET"), "{shown}");
        assert!(
            shown.contains("scope=openid") && shown.contains("code=…"),
            "{shown}"
        );
    }
}
