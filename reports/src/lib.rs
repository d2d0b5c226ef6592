//! Reports: pure functions of journals. The same journals give the same bytes, years later too.

mod html;
mod json;
mod junit;
mod markdown;
mod view;

pub use html::html;
pub use json::json;
pub use junit::junit;
pub use markdown::markdown;
pub use view::{CycleView, View};
