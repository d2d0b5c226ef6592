//! Values of secrets, a certificate authority, a vault of recovery points.
