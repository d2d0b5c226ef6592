//! What code makes in applications that nobody has set up, so that the harness is let in.

use phoenix_engine::environment::DriverError;
use phoenix_engine::stack::{Service, StoreKind};

use crate::driver::Compose;
use crate::settings::container_of;

/// Where upstream's image of Zulip keeps its management command.
const ZULIP_MANAGE: &str = "/home/zulip/deployments/current/manage.py";
/// The variable by which Zitadel is told where its first boot leaves the service user's token.
const ZITADEL_PATPATH: &str = "ZITADEL_FIRSTINSTANCE_PATPATH";

impl Compose {
    /// The token that a first boot left in its container, if this was one.
    pub(crate) async fn first_token(
        &self,
        provider: &Service,
    ) -> Result<Option<String>, DriverError> {
        let Some(container) = self.engine.container(&container_of(provider)).await? else {
            return Ok(None);
        };
        let variables = self.engine.variables(&container.id).await?;
        let Some((_, path)) = variables.iter().find(|(name, _)| name == ZITADEL_PATPATH) else {
            return Ok(None);
        };
        self.engine.read_file(&container.id, path).await
    }

    /// What somebody once did by hand in a Zulip that had nothing: no later start does it again.
    pub(crate) async fn create_organisations(&self) -> Result<(), DriverError> {
        for service in self.stack.services.iter().filter(|one| one.app == "zulip") {
            let doing = || format!("create the organisation of {}", service.name);
            let (email, password) = self.access.owner(service).await?;
            let Some(container) = self.engine.container(&container_of(service)).await? else {
                return Err(DriverError::new(doing(), "it has no container"));
            };
            // By a file of its own user's: an argument list is for everybody to read.
            let script = format!(
                "set -eu; umask 077; file=$(mktemp); printf %s \"$PHOENIX_PASSWORD\" >\"$file\"; \
                 {ZULIP_MANAGE} create_realm Platform \"$PHOENIX_EMAIL\" Owner \
                 --password-file \"$file\"; rm -f \"$file\""
            );
            let done = self
                .engine
                .exec(
                    &container.id,
                    Some("zulip"),
                    &["/bin/sh", "-c", &script],
                    &[("PHOENIX_PASSWORD", &password), ("PHOENIX_EMAIL", &email)],
                )
                .await?;
            if done.code != 0 {
                return Err(DriverError::new(
                    doing(),
                    format!("it ended with {}: {}", done.code, done.output.trim()),
                ));
            }
        }
        Ok(())
    }

    /// The harness's own access to the applications that run.
    pub(crate) async fn after_start(&self, services: &[String]) -> Result<(), DriverError> {
        for name in services {
            let service = self.service(name)?;
            match service.app.as_str() {
                "mattermost" => self.access.first_account(service).await?,
                "bookstack" => self.api_token(service).await?,
                _ => {}
            }
        }
        Ok(())
    }

    /// A token of an application that gives one to nobody without a person.
    async fn api_token(&self, service: &Service) -> Result<(), DriverError> {
        let (sql, values) = self.access.api_token(&service.name)?;
        let stores = self.stack.stores_of(service);
        let Some(store) = stores.iter().find(|one| one.kind == StoreKind::Database) else {
            return Ok(());
        };
        // Restored data has it already; a database without its tables has no place for it. Whoever is
        // not let in later wants to know which it was.
        let done = self.handle(store).await?.execute(sql, &values).await;
        let mut live = self.live.lock().await;
        match done {
            Ok(_) => live.refused.remove(&service.name),
            Err(why) => live
                .refused
                .insert(service.name.clone(), refusal(&why, &values)),
        };
        Ok(())
    }
}

/// Why the harness's token was not taken, without the values of the statement.
fn refusal(why: &DriverError, values: &[String]) -> String {
    let mut words = why.to_string();
    for value in values.iter().filter(|value| !value.is_empty()) {
        words = words.replace(value, "…");
    }
    format!("phoenix: its API token was not taken: {words}")
}

#[cfg(test)]
mod tests {
    use super::{DriverError, refusal};

    #[test]
    fn a_refusal_has_the_words_of_the_database_and_no_value() {
        let why = DriverError::new(
            "run a statement",
            "Duplicate entry 'tid-4711' for key 'api_tokens_token_id_unique'",
        );
        let values = ["tid-4711", "$2y$hash", ""].map(str::to_owned);
        let kept = refusal(&why, &values);
        assert!(kept.contains("entry '…' for key 'api_tokens"), "{kept}");
        assert!(!kept.contains("4711"), "{kept}");
    }
}
