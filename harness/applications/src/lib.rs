//! Clients of the applications that phoenix knows: canaries through their own APIs, health, and
//! logins hop by hop. A fifth application is one more module here, or a few requests in an
//! environment file ([`http`]).

pub mod bookstack;
mod browser;
mod call;
pub mod http;
pub mod mattermost;
mod provider;
pub mod provision;
pub mod zitadel;
pub mod zulip;

use phoenix_engine::application::{AppContext, Application};

/// Names of the modules, as an environment file writes them after `app:`.
pub const NAMES: [&str; 5] = ["zitadel", "bookstack", "mattermost", "zulip", "http"];

/// The client of an application by the name of its module.
///
/// # Errors
/// When no module is called so; the words name the nearest that is.
pub fn make(app: &str, context: AppContext) -> Result<Box<dyn Application>, String> {
    match app {
        "zitadel" => Ok(Box::new(zitadel::Zitadel::new(context)?)),
        "bookstack" => Ok(Box::new(bookstack::BookStack::new(context)?)),
        "mattermost" => Ok(Box::new(mattermost::Mattermost::new(context)?)),
        "zulip" => Ok(Box::new(zulip::Zulip::new(context)?)),
        "http" => Ok(Box::new(http::Http::new(context)?)),
        other => {
            let nearest = NAMES
                .iter()
                .min_by_key(|name| strsim::levenshtein(other, name));
            Err(format!(
                "no application module is called `{other}`: did you mean `{}`?",
                nearest.unwrap_or(&"")
            ))
        }
    }
}
