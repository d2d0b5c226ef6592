//! What every driver needs: values of secrets, a vault of recovery points, and what code knows of
//! the applications that it set up.

pub mod access;
pub mod automation;
pub mod keyring;
pub mod redact;
pub mod secrets;
pub mod vault;

pub use access::Access;
pub use keyring::Keyring;
pub use redact::Hidden;
pub use secrets::Secrets;
pub use vault::Vault;
