//! The provider's part of a login: Zitadel's Login V1, page by page. Its error pages are answered
//! with 200, so the page is looked at, never the status alone.

use phoenix_engine::application::{LoginStage, Person};
use url::Url;

use crate::browser::{Browser, Page, forms, text_of, words_of};

/// A login that ended before its time.
pub(crate) struct Stopped {
    pub(crate) stage: LoginStage,
    pub(crate) error: String,
}

pub(crate) fn stopped(stage: LoginStage, error: impl Into<String>) -> Stopped {
    Stopped {
        stage,
        error: error.into(),
    }
}

/// From the application's redirect to the provider back to the application's callback: the URL of
/// the callback, not yet fetched. `callback` is how that URL begins.
pub(crate) async fn log_in(
    browser: &mut Browser,
    authorize: &Url,
    person: &Person,
    callback: &str,
) -> Result<Url, Stopped> {
    for (name, value) in authorize.query_pairs() {
        if matches!(&*name, "client_id" | "redirect_uri" | "scope") {
            browser
                .facts
                .insert(format!("authorize {name}"), value.into_owned());
        }
    }
    let is_back = |url: &Url| url.as_str().starts_with(callback);
    let page = browser
        .get(authorize)
        .await
        .map_err(|error| stopped(LoginStage::Authorize, error))?;
    if page.location.is_none() {
        let words = words_of(&page);
        browser.note(&words);
        return Err(stopped(
            LoginStage::Authorize,
            format!("the provider answered {}: {words}", page.status),
        ));
    }
    let mut page = browser
        .follow(page, is_back)
        .await
        .map_err(|error| stopped(LoginStage::Provider, error))?;
    // Name, password, a prompt for a second factor, perhaps a new password: at most so many pages.
    for _ in 0..6 {
        if let Some(back) = page.location.clone().filter(|location| is_back(location)) {
            return Ok(back);
        }
        page = fill(browser, &page, person).await?;
        page = browser
            .follow(page, is_back)
            .await
            .map_err(|error| stopped(LoginStage::Provider, error))?;
    }
    Err(stopped(LoginStage::Provider, "the provider goes on asking"))
}

/// Fills the page's form as a person would.
async fn fill(browser: &mut Browser, page: &Page, person: &Person) -> Result<Page, Stopped> {
    if let Some(error) = text_of(page, ".lgn-error") {
        browser.note(&error);
        return Err(stopped(LoginStage::Provider, error));
    }
    if page.status == 404 && page.url.path().starts_with("/ui/v2/login") {
        return Err(stopped(
            LoginStage::Provider,
            "the provider sends people to Login V2, and nothing serves it (404)",
        ));
    }
    let Some(mut form) = forms(page).into_iter().next() else {
        let words = words_of(page);
        browser.note(&words);
        return Err(stopped(
            LoginStage::Provider,
            format!("no form where one was expected ({}): {words}", page.status),
        ));
    };
    let mut did = Vec::new();
    if form.fields.contains_key("change-new-password") {
        return Err(stopped(
            LoginStage::Provider,
            "the provider demands a new password",
        ));
    }
    if form.fields.contains_key("password") {
        form.fields
            .insert("password".to_owned(), person.password.clone());
        did.push("password");
    } else if form.fields.contains_key("loginName") {
        form.fields
            .insert("loginName".to_owned(), person.login_name.clone());
        did.push("login name");
    }
    if form.fields.contains_key("skip") {
        form.fields.insert("skip".to_owned(), "true".to_owned());
        did.push("second factor skipped");
    }
    let next = browser
        .post(&form.action, &form.fields)
        .await
        .map_err(|error| stopped(LoginStage::Provider, error))?;
    browser.note(&format!("filled: {}", did.join(", ")));
    Ok(next)
}
