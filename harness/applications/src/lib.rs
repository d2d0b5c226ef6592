//! Clients of the four applications and of any HTTP application: canaries, health, logins hop by hop.
