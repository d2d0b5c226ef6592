//! Logins: an application's own page, or the way to its provider and back; and who is in then.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use phoenix_engine::application::{LoginEnd, LoginStage, LoginTrace, RATE_LIMIT_WAIT_MAX};
use reqwest::header::{HeaderMap, LOCATION};
use url::Url;

use super::Http;
use super::description::{Login, LoginForm};
use super::place::Reply;
use super::session::Session;
use super::template::{Template, plain};
use crate::browser::{Browser, Page, forms, text_of, words_of};
use crate::provider::{Stopped, log_in, stopped};
use crate::zitadel::{no_browser, trace};

/// Pause before a login page that says that it is too much is asked again.
const TOO_MUCH: Duration = Duration::from_secs(1);

/// Fills in the login page, as a person would: hidden inputs go along as they are. Returns the page
/// that the login led to.
pub(super) async fn fill_in(
    browser: &mut Browser,
    session: &Session,
    form: &LoginForm,
) -> Result<Page, Stopped> {
    let values = session.values();
    let at_start = |why: String| stopped(LoginStage::Start, why);
    let url = session.url(&form.page, &values).map_err(at_start)?;
    let mut fields = BTreeMap::new();
    for (name, template) in &form.fields {
        let value = template.fill(&values, &session.vault).map_err(at_start)?;
        fields.insert(name.clone(), value);
    }
    let until = Instant::now() + RATE_LIMIT_WAIT_MAX;
    loop {
        let page = browser.get(&url).await.map_err(at_start)?;
        let page = browser.follow(page, |_| false).await.map_err(at_start)?;
        let has_all =
            |inputs: &BTreeMap<String, String>| fields.keys().all(|name| inputs.contains_key(name));
        let found = forms(&page);
        let Some(mut filled) = found.iter().find(|form| has_all(&form.fields)).cloned() else {
            if page.status == 429 && Instant::now() + TOO_MUCH < until {
                phoenix_engine::pause(TOO_MUCH).await;
                continue;
            }
            let inputs: Vec<&str> = found
                .iter()
                .flat_map(|form| form.fields.keys().map(String::as_str))
                .collect();
            return Err(at_start(format!(
                "the page answered {} and has no form with {}; its inputs are: {}",
                page.status,
                fields.keys().cloned().collect::<Vec<_>>().join(", "),
                if inputs.is_empty() {
                    "none".to_owned()
                } else {
                    inputs.join(", ")
                },
            )));
        };
        filled.fields.extend(fields.clone());
        let at_form = |why: String| stopped(LoginStage::Provider, why);
        let answer = browser
            .post(&filled.action, &filled.fields)
            .await
            .map_err(at_form)?;
        browser.note(&format!(
            "filled: {}",
            fields.keys().cloned().collect::<Vec<_>>().join(", ")
        ));
        if answer.status == 429 && Instant::now() + TOO_MUCH < until {
            phoenix_engine::pause(TOO_MUCH).await;
            continue;
        }
        return match &form.expect {
            Some(expect) => expect
                .met(&as_reply(&answer), &values, &session.vault)
                .map(|()| answer)
                .map_err(at_form),
            None => let_in(browser, &page, answer).await,
        };
    }
}

/// A login that no description says more about: it leads away from its page, and nobody is asked
/// for a password there.
async fn let_in(browser: &mut Browser, asked: &Page, answer: Page) -> Result<Page, Stopped> {
    let landed = browser
        .follow(answer, |_| false)
        .await
        .map_err(|why| stopped(LoginStage::Provider, why))?;
    let back = landed.url.path() == asked.url.path();
    let asks = text_of(&landed, "input[type=password]").is_some();
    if landed.status >= 400 || asks || (back && landed.status != 200) {
        return Err(stopped(
            LoginStage::Provider,
            format!("nobody is let in: {} {}", landed.status, words_of(&landed)),
        ));
    }
    Ok(landed)
}

fn as_reply(page: &Page) -> Reply {
    let mut headers = HeaderMap::new();
    let location = page.location.as_ref().map(Url::as_str);
    if let Some(Ok(to)) = location.map(str::parse) {
        headers.insert(LOCATION, to);
    }
    Reply {
        url: page.url.clone(),
        status: page.status,
        headers,
        body: page.body.clone().into_bytes(),
        cookies: Vec::new(),
    }
}

impl Http {
    pub(super) async fn log_in(&self, login: &Login) -> LoginTrace {
        let service = &self.session.context.service;
        let mut browser = match Browser::new(&self.session.context.network) {
            Ok(browser) => browser,
            Err(error) => return no_browser(service, error),
        };
        let end = self.through(&mut browser, login).await.map_err(|end| {
            let error = self.session.vault.clean(&end.error);
            stopped(end.stage, error)
        });
        let mut trace = trace(service, browser, end);
        for hop in &mut trace.hops {
            hop.note = self.session.vault.clean(&hop.note);
            hop.url = self.session.vault.clean(&hop.url);
            hop.location = hop.location.as_ref().map(|to| self.session.vault.clean(to));
        }
        trace
    }

    async fn through(&self, browser: &mut Browser, login: &Login) -> Result<LoginEnd, Stopped> {
        let context = &self.session.context;
        match (&login.start, &self.description.auth.form) {
            (Some(start), _) => self.by_provider(browser, start, &login.callback).await?,
            (None, Some(form)) => {
                fill_in(browser, &self.session, form).await?;
            }
            (None, None) => {
                return Err(stopped(LoginStage::Start, "no way to log in is described"));
            }
        }
        let at_account = |why: String| stopped(LoginStage::Account, why);
        let values = self.session.values();
        let url = self
            .session
            .url(&login.account.path, &values)
            .map_err(at_account)?;
        let page = browser.get(&url).await.map_err(at_account)?;
        let reply = as_reply(&page);
        login
            .account
            .expect
            .met(&reply, &values, &self.session.vault)
            .map_err(|why| at_account(format!("nobody is logged in: {why}")))?;
        let account = login.id.one(&reply).map_err(at_account)?;
        let email = match &login.email {
            Some(place) => plain(&place.one(&reply).map_err(at_account)?),
            None => String::new(),
        };
        let is_other = login.start.is_some()
            && login.email.is_some()
            && !email.eq_ignore_ascii_case(&context.person.email);
        if is_other {
            return Err(at_account(format!(
                "this is somebody else's account: {email}"
            )));
        }
        Ok(LoginEnd::LoggedIn {
            account: plain(&account),
            email,
            subject: None,
        })
    }

    async fn by_provider(
        &self,
        browser: &mut Browser,
        start: &Template,
        callback: &Template,
    ) -> Result<(), Stopped> {
        let context = &self.session.context;
        let values = self.session.values();
        let at = |path: &Template| {
            self.session
                .url(path, &values)
                .map_err(|why| stopped(LoginStage::Start, why))
        };
        let own = context.url.origin();
        let page = browser
            .get(&at(start)?)
            .await
            .map_err(|why| stopped(LoginStage::Start, why))?;
        let page = browser
            .follow(page, |next| next.origin() != own)
            .await
            .map_err(|why| stopped(LoginStage::Start, why))?;
        let Some(authorize) = page.location.clone() else {
            return Err(stopped(
                LoginStage::Start,
                format!(
                    "{} leads to no provider: {} {}",
                    start.0,
                    page.status,
                    words_of(&page)
                ),
            ));
        };
        let callback = at(callback)?;
        let back = log_in(browser, &authorize, &context.person, callback.as_str()).await?;
        let landed = browser
            .get(&back)
            .await
            .map_err(|why| stopped(LoginStage::Callback, why))?;
        let landed = browser
            .follow(landed, |next| next.origin() != own)
            .await
            .map_err(|why| stopped(LoginStage::Callback, why))?;
        if landed.status >= 400 {
            return Err(stopped(
                LoginStage::Callback,
                format!(
                    "the callback answered {}: {}",
                    landed.status,
                    words_of(&landed)
                ),
            ));
        }
        Ok(())
    }
}
