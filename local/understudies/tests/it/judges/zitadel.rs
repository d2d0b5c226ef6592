//! `zitadel-client` of PyPI, the SDK of the Zitadel project.
