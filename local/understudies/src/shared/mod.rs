//! What every understudy needs: a server, a client for its own outgoing calls, the relying party's
//! side of OpenID Connect, object storage, and small helpers.

pub mod client;
pub mod objects;
pub mod oidc;
pub mod rate;
pub mod rows;
pub mod server;
pub mod text;
