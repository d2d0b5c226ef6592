//! Enrolled second factors: the only data that the application key seals. Pages, files, passwords
//! and API tokens read the same under any key, so a key that changed shows here or nowhere.
//!
//! Each canary is a person of its own, at the provider and in the application, with an
//! authenticator. Upstream: BookStack v25, `/mfa/totp/*`.

use phoenix_engine::application::{
    Content, KindSpec, LoginStage, Person, Reading, Seen, WriteOutcome,
};
use phoenix_engine::words::first_bytes;
use serde_json::{Value, json};
use url::Url;

use super::login::flash;
use super::totp::code_at;
use super::{BookStack, says_another_key};
use crate::browser::{Browser, Form, Page, forms, words_of};
use crate::provision::Management;

/// The marker is in the person's e-mail, which the application keeps beside the sealed secret.
pub(super) const KIND: KindSpec = KindSpec {
    kind: "second-factor",
    parts: &["database"],
    key: Some("key"),
    overwritable: false,
    deletable: false,
    listable: false,
};

impl BookStack {
    /// Whether the driver handed over what people are made with.
    pub(super) fn can_make_people(&self) -> bool {
        ["provider_url", "provider_pat", "provider_project"]
            .iter()
            .all(|key| !self.access(key).is_empty())
    }

    /// Makes the person, logs in, and enrols an authenticator. The canary exists from the moment
    /// at which its first code is confirmed: whatever ends before that has written nothing of it.
    pub(super) async fn enrol(&self, marker: &str) -> WriteOutcome {
        let (mut browser, form, secret) = match self.before_confirming(marker).await {
            Ok(ready) => ready,
            Err(answer) => {
                return WriteOutcome::Refused {
                    answer: first_bytes(&answer, 200),
                };
            }
        };
        let confirmed = match send_code(&mut browser, form, &secret).await {
            Ok(page) => page,
            Err(why) => return WriteOutcome::Indeterminate { why },
        };
        match &confirmed.location {
            Some(next) if next.path().ends_with("/mfa/setup") => WriteOutcome::Acknowledged {
                reference: json!({"secret": secret}),
            },
            Some(next) => WriteOutcome::Refused {
                answer: format!("the code was not taken: sent on to {}", next.path()),
            },
            None if confirmed.status >= 500 => WriteOutcome::Indeterminate {
                why: said(&confirmed),
            },
            None => WriteOutcome::Refused {
                answer: said(&confirmed),
            },
        }
    }

    /// Everything up to the form that confirms the enrolment, and the secret that the page shows.
    async fn before_confirming(&self, marker: &str) -> Result<(Browser, Form, String), String> {
        let person = self.person_of(marker);
        let management = Management {
            http: self.client.clone(),
            base: self.access("provider_url").trim_end_matches('/').to_owned(),
            pat: self.access("provider_pat").to_owned(),
        };
        management
            .person(self.access("provider_project"), &person)
            .await?;
        let mut browser = Browser::new(&self.context.network)?;
        self.enter(&mut browser, &person)
            .await
            .map_err(|stopped| stopped.error)?;
        let url = self
            .page_at("/mfa/totp/generate", LoginStage::Account)
            .map_err(|stopped| stopped.error)?;
        let page = browser.get(&url).await?;
        let form = form_to(&page, "/mfa/totp/confirm").ok_or_else(|| said(&page))?;
        let secret = secret_on(&page).ok_or("the page shows no secret")?;
        Ok((browser, form, secret))
    }

    /// A login of the canary's person in a fresh browser, code and all.
    pub(super) async fn pass_second_factor(
        &self,
        marker: &str,
        reference: Option<&Value>,
    ) -> Reading {
        let person = self.person_of(marker);
        let secret = reference
            .and_then(|reference| reference.pointer("/secret"))
            .and_then(Value::as_str)
            .unwrap_or_default();
        let seen = match self.log_in_with_code(&person, secret).await {
            Ok(seen) => seen,
            Err(why) => unreachable(why),
        };
        Reading {
            parts: vec![seen],
            linked: None,
            probe: format!("login of {} and POST /mfa/totp/verify", person.email),
            stands_as: None,
        }
    }

    async fn log_in_with_code(&self, person: &Person, secret: &str) -> Result<Seen, String> {
        let mut browser = Browser::new(&self.context.network)?;
        let next = match self.enter(&mut browser, person).await {
            Ok(next) => next,
            Err(stopped) => {
                return Ok(Seen::NoLogin {
                    stage: stopped.stage,
                    error: stopped.error,
                });
            }
        };
        // Let in without a code: nothing is enrolled for whoever this account is now.
        if !next.path().ends_with("/mfa/verify") {
            return Ok(Seen::Absent);
        }
        let page = browser.get(&next).await?;
        let Some(form) = form_to(&page, "/mfa/totp/verify") else {
            return Ok(failure(&page));
        };
        let verified = send_code(&mut browser, form, secret).await?;
        match &verified.location {
            None => Ok(failure(&verified)),
            Some(again) if again.path().ends_with("/mfa/verify") => {
                let page = browser.get(again).await?;
                // Another secret, or another clock: a code alone does not tell them apart.
                Ok(Seen::Unreadable {
                    decryption: false,
                    error: format!("the code was refused: {}", flash(&page)),
                })
            }
            Some(_) => Ok(
                match self.shows_profile(&mut browser, &person.email).await {
                    Ok(()) => Seen::Present(vec![Content::Proved(0)]),
                    Err(stopped) => unreachable(stopped.error),
                },
            ),
        }
    }

    /// The canary's person. The password follows from the marker under a key that only this run
    /// holds, so that none has to be kept. The login name carries no marker: it stands in a store
    /// that is not the canary's.
    fn person_of(&self, marker: &str) -> Person {
        let key = blake3::derive_key(
            "phoenix 2026 password of a second factor's person",
            self.context.person.password.as_bytes(),
        );
        let hash = blake3::keyed_hash(&key, marker.as_bytes()).to_hex();
        Person {
            login_name: marker.replacen("phx-", "second-factor-", 1),
            // A letter of each case, a digit and a sign: what the provider's policy asks for.
            password: format!("Canary-1-{}", &hash[..32]),
            email: format!("{marker}@canary.example"),
        }
    }
}

async fn send_code(browser: &mut Browser, mut form: Form, secret: &str) -> Result<Page, String> {
    let code = code_at(secret, jiff::Timestamp::now().as_second())
        .ok_or("the authenticator's secret is not base32")?;
    form.fields.insert("code".to_owned(), code);
    browser.post(&form.action, &form.fields).await
}

fn form_to(page: &Page, path: &str) -> Option<Form> {
    forms(page)
        .into_iter()
        .find(|form| form.action.path().ends_with(path) && form.fields.contains_key("code"))
}

/// The secret in the `otpauth:` address that the page shows to those who cannot scan.
fn secret_on(page: &Page) -> Option<String> {
    let words = words_of(page);
    let address = words
        .split_whitespace()
        .find(|word| word.starts_with("otpauth://"))?;
    let address = Url::parse(address).ok()?;
    let found = address.query_pairs().find(|(name, _)| name == "secret");
    found.map(|(_, secret)| secret.into_owned())
}

/// A page that is no step of the way.
fn failure(page: &Page) -> Seen {
    Seen::Unreadable {
        decryption: page.status >= 500 && says_another_key(&page.body),
        error: said(page),
    }
}

fn unreachable(why: String) -> Seen {
    Seen::Unreachable {
        why,
        token_dead: false,
    }
}

fn said(page: &Page) -> String {
    format!("{} {}", page.status, first_bytes(&words_of(page), 160))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(body: &str) -> Page {
        Page {
            url: Url::parse("https://docs.localhost/mfa/totp/generate").expect("a URL"),
            status: 200,
            location: None,
            body: body.to_owned(),
        }
    }

    #[test]
    fn the_secret_is_read_off_the_page() {
        let shown = page(
            "<body><div class=\"text-break\">otpauth://totp/BookStack:a%40b.example?secret=\
             GEZDGNBV&amp;issuer=BookStack</div><form action=\"/mfa/totp/confirm\"></form></body>",
        );
        assert_eq!(secret_on(&shown).as_deref(), Some("GEZDGNBV"));
        assert_eq!(secret_on(&page("<body>nothing</body>")), None);
    }

    #[test]
    fn only_the_words_of_another_key_are_a_decryption_error() {
        let answered = |status, body: &str| {
            let mut page = page(body);
            page.status = status;
            matches!(
                failure(&page),
                Seen::Unreadable {
                    decryption: true,
                    ..
                }
            )
        };
        assert!(answered(500, "<body>The MAC is invalid.</body>"));
        assert!(!answered(500, "<body>SQLSTATE: no such table</body>"));
        assert!(!answered(200, "<body>The MAC is invalid.</body>"));
    }
}
