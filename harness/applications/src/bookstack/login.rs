//! A login through the provider, as a browser does it, and the proof of who is logged in.

use phoenix_engine::application::{LoginEnd, LoginStage, Person};
use reqwest::Method;
use serde_json::Value;
use url::Url;

use super::{BookStack, number};
use crate::browser::{Browser, Page, forms, text_of, words_of};
use crate::provider::{Stopped, log_in, stopped};
use crate::zitadel::said;

impl BookStack {
    /// The whole login of the canary person, and the account behind it.
    pub(super) async fn login_through(&self, browser: &mut Browser) -> Result<LoginEnd, Stopped> {
        let person = &self.context.person;
        self.enter(browser, person).await?;
        self.shows_profile(browser, &person.email).await?;
        self.account(&person.email).await
    }

    /// From the login page through the provider and back: where the callback sends to.
    pub(super) async fn enter(
        &self,
        browser: &mut Browser,
        person: &Person,
    ) -> Result<Url, Stopped> {
        let page = browser
            .get(&self.page_at("/login?prevent_auto_init=true", LoginStage::Start)?)
            .await
            .map_err(|error| stopped(LoginStage::Start, error))?;
        let form = forms(&page)
            .into_iter()
            .find(|form| form.action.path().ends_with("/oidc/login"))
            .ok_or_else(|| {
                stopped(
                    LoginStage::Start,
                    format!("no OIDC button ({}): {}", page.status, words_of(&page)),
                )
            })?;
        let start = browser
            .post(&form.action, &form.fields)
            .await
            .map_err(|error| stopped(LoginStage::Start, error))?;
        let Some(authorize) = start.location.clone() else {
            return Err(stopped(
                LoginStage::Start,
                format!("{}: {}", start.status, words_of(&start)),
            ));
        };
        if authorize.as_str().starts_with(&self.base) {
            let page = browser
                .get(&authorize)
                .await
                .map_err(|error| stopped(LoginStage::Start, error))?;
            return Err(stopped(LoginStage::Start, flash(&page)));
        }
        let callback = format!("{}/oidc/callback", self.base);
        let back = log_in(browser, &authorize, person, &callback).await?;
        let landed = browser
            .get(&back)
            .await
            .map_err(|error| stopped(LoginStage::Callback, error))?;
        match landed.location.clone() {
            None => Err(stopped(
                LoginStage::Callback,
                format!(
                    "the callback answered {}: {}",
                    landed.status,
                    words_of(&landed)
                ),
            )),
            Some(next) if next.path().ends_with("/login") => {
                let page = browser
                    .get(&next)
                    .await
                    .map_err(|error| stopped(LoginStage::Callback, error))?;
                Err(stopped(LoginStage::Callback, flash(&page)))
            }
            Some(next) => Ok(next),
        }
    }

    /// Whether the profile page shows this person's e-mail: somebody is logged in, and it is they.
    pub(super) async fn shows_profile(
        &self,
        browser: &mut Browser,
        email: &str,
    ) -> Result<(), Stopped> {
        let profile = browser
            .get(&self.page_at("/my-account/profile", LoginStage::Account)?)
            .await
            .map_err(|error| stopped(LoginStage::Account, error))?;
        if profile.status == 200 && profile.body.contains(email) {
            return Ok(());
        }
        Err(stopped(
            LoginStage::Account,
            format!(
                "the profile page ({}) does not show {email}",
                profile.status
            ),
        ))
    }

    pub(super) fn page_at(&self, path: &str, stage: LoginStage) -> Result<Url, Stopped> {
        Url::parse(&format!("{}{path}", self.base))
            .map_err(|error| stopped(stage, error.to_string()))
    }

    /// The account behind an e-mail, by the application's own list of users.
    async fn account(&self, email: &str) -> Result<LoginEnd, Stopped> {
        let path = format!("/api/users?filter[email]={email}");
        let users = self.call(Method::GET, &path, &Value::Null).await;
        let row = match &users {
            Ok(answer) if answer.ok() => answer
                .json()
                .pointer("/data")
                .and_then(Value::as_array)
                .and_then(|rows| {
                    rows.iter()
                        .find(|row| row.pointer("/email").and_then(Value::as_str) == Some(email))
                        .cloned()
                }),
            other => return Err(stopped(LoginStage::Account, said(other))),
        };
        let row = row.ok_or_else(|| {
            stopped(
                LoginStage::Account,
                format!("no user has the e-mail {email}"),
            )
        })?;
        Ok(LoginEnd::LoggedIn {
            account: number(&row, "/id").to_string(),
            email: email.to_owned(),
            subject: row
                .pointer("/external_auth_id")
                .and_then(Value::as_str)
                .map(str::to_owned),
        })
    }
}

/// The message that the login page shows after a failure.
pub(super) fn flash(page: &Page) -> String {
    for selector in [".notification", "[role=alert]", ".text-neg", ".error"] {
        if let Some(text) = text_of(page, selector).filter(|text| !text.is_empty()) {
            return text;
        }
    }
    words_of(page)
}
