//! The dance of Zulip's generic OpenID Connect.

use phoenix_engine::application::{LoginEnd, LoginStage};
use serde_json::Value;
use url::Url;

use super::{Zulip, number, text};
use crate::browser::{Browser, Page, text_of, words_of};
use crate::provider::{Stopped, log_in, stopped};

impl Zulip {
    fn at(&self, path: &str) -> Result<Url, Stopped> {
        self.context
            .url
            .join(path)
            .map_err(|error| stopped(LoginStage::Start, error.to_string()))
    }

    pub(crate) async fn login_through(&self, browser: &mut Browser) -> Result<LoginEnd, Stopped> {
        let settings = browser
            .get(&self.at("/api/v1/server_settings")?)
            .await
            .map_err(|error| stopped(LoginStage::Start, error))?;
        let begin = serde_json::from_str::<Value>(&settings.body)
            .ok()
            .map(|body| text(&body, "/external_authentication_methods/0/login_url"))
            .filter(|path| !path.is_empty())
            .ok_or_else(|| {
                stopped(
                    LoginStage::Start,
                    format!(
                        "the server offers no login through a provider ({}): {}",
                        settings.status,
                        words_of(&settings)
                    ),
                )
            })?;
        let mut page = browser
            .get(&self.at(&begin)?)
            .await
            .map_err(|error| stopped(LoginStage::Start, error))?;
        let own = |url: &Url| url.host_str() == self.context.url.host_str();
        page = browser
            .follow(page, |next| !own(next))
            .await
            .map_err(|error| stopped(LoginStage::Start, error))?;
        let Some(authorize) = page.location.clone() else {
            return Err(stopped(
                LoginStage::Start,
                format!("{}: {}", page.status, page_error(&page)),
            ));
        };
        let callback = self.at("/complete/oidc/")?.to_string();
        let back = log_in(browser, &authorize, &self.context.person, &callback).await?;
        let landed = browser
            .get(&back)
            .await
            .map_err(|error| stopped(LoginStage::Callback, error))?;
        let let_in = landed
            .location
            .as_ref()
            .is_some_and(|next| next.path().starts_with("/accounts/login/subdomain/"));
        if !let_in {
            return Err(stopped(
                LoginStage::Callback,
                format!(
                    "the callback answered {}: {}",
                    landed.status,
                    page_error(&landed)
                ),
            ));
        }
        let home = browser
            .follow(landed, |next| next.path() == "/")
            .await
            .map_err(|error| stopped(LoginStage::Callback, error))?;
        if home.location.is_none() {
            return Err(stopped(
                LoginStage::Callback,
                format!(
                    "the one-time link answered {}: {}",
                    home.status,
                    page_error(&home)
                ),
            ));
        }
        let me = browser
            .get(&self.at("/json/users/me")?)
            .await
            .map_err(|error| stopped(LoginStage::Account, error))?;
        let body: Value = serde_json::from_str(&me.body).unwrap_or_default();
        if me.status != 200 {
            return Err(stopped(
                LoginStage::Account,
                format!("nobody is logged in: {} {}", me.status, text(&body, "/msg")),
            ));
        }
        let email = text(&body, "/delivery_email");
        if !email.eq_ignore_ascii_case(&self.context.person.email) {
            return Err(stopped(
                LoginStage::Account,
                format!("this is somebody else's account: {email}"),
            ));
        }
        Ok(LoginEnd::LoggedIn {
            account: number(&body, "/user_id").to_string(),
            email,
            // Zulip matches people by e-mail and keeps no subject.
            subject: None,
        })
    }
}

/// The message of an error page.
fn page_error(page: &Page) -> String {
    text_of(page, ".error")
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| words_of(page))
}
