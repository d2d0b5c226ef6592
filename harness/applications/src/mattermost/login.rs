//! The login of a person, through the provider.

use phoenix_engine::application::{LoginEnd, LoginStage};
use serde_json::Value;
use url::Url;

use super::{Mattermost, text};
use crate::browser::{Browser, Page, text_of, words_of};
use crate::provider::{Stopped, log_in, stopped};

impl Mattermost {
    pub(super) async fn login_through(&self, browser: &mut Browser) -> Result<LoginEnd, Stopped> {
        let at = |path: &str| {
            Url::parse(&format!("{}{path}", self.base))
                .map_err(|error| stopped(LoginStage::Start, error.to_string()))
        };
        let start = browser
            .get(&at("/oauth/gitlab/login")?)
            .await
            .map_err(|error| stopped(LoginStage::Start, error))?;
        let Some(authorize) = start.location.clone() else {
            return Err(stopped(
                LoginStage::Start,
                format!("{}: {}", start.status, page_error(&start)),
            ));
        };
        let callback = format!("{}/signup/gitlab/complete", self.base);
        let back = log_in(browser, &authorize, &self.context.person, &callback).await?;
        let landed = browser
            .get(&back)
            .await
            .map_err(|error| stopped(LoginStage::Callback, error))?;
        let home = landed
            .location
            .as_ref()
            .is_some_and(|next| next.path() != "/error");
        if !home {
            return Err(stopped(
                LoginStage::Callback,
                format!(
                    "the callback answered {}: {}",
                    landed.status,
                    page_error(&landed)
                ),
            ));
        }
        let me = browser
            .get(&at("/api/v4/users/me")?)
            .await
            .map_err(|error| stopped(LoginStage::Account, error))?;
        let body: Value = serde_json::from_str(&me.body).unwrap_or_default();
        if me.status != 200 {
            return Err(stopped(
                LoginStage::Account,
                format!(
                    "nobody is logged in: {} {}",
                    me.status,
                    text(&body, "/message")
                ),
            ));
        }
        let email = text(&body, "/email");
        if !email.eq_ignore_ascii_case(&self.context.person.email) {
            return Err(stopped(
                LoginStage::Account,
                format!("this is somebody else's account: {email}"),
            ));
        }
        Ok(LoginEnd::LoggedIn {
            account: text(&body, "/id"),
            email,
            subject: Some(text(&body, "/auth_data")).filter(|data| !data.is_empty()),
        })
    }
}

/// The message of an error page.
fn page_error(page: &Page) -> String {
    text_of(page, ".error")
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| words_of(page))
}
