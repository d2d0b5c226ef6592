//! What each application promises, as checks that can be asked of any address: of an understudy in
//! a test, of the upstream image by `phoenix conform`. Where the two answer differently, an
//! understudy lies.
//!
//! A check that could not be asked is neither: it says why, and nothing passes on it.

mod ask;
mod bookstack;
mod call;
mod mattermost;
mod redact;
mod zitadel;
mod zulip;

pub use ask::{Check, Report, Verdict};
pub use call::Target;

use ask::Asker;

/// An application whose contract is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Application {
    /// The identity provider.
    Zitadel,
    /// The wiki.
    BookStack,
    /// The chat.
    Mattermost,
    /// The other chat.
    Zulip,
}

/// Asks a target all that its contract says, one check after another; `told` hears of each as it
/// is judged.
pub async fn conform(
    application: Application,
    target: &Target,
    told: &mut (dyn FnMut(&Check) + Send),
) -> Report {
    let mut asker = Asker::new(target, told);
    match application {
        Application::Zitadel => zitadel::ask(&mut asker).await,
        Application::BookStack => bookstack::ask(&mut asker).await,
        Application::Mattermost => mattermost::ask(&mut asker).await,
        Application::Zulip => zulip::ask(&mut asker).await,
    }
    asker.report()
}
