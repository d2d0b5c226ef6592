//! The user service.

use axum::extract::Path;
use serde_json::{Value, json};

use super::super::bootstrap::BCRYPT_COST;
use super::super::users::NewUser;
use super::{Answer, ApiError, Call, Zitadel, listed, passed, rest, written};
use crate::shared::text::random_from;

impl Call {
    pub(super) async fn user(&self, procedure: &str) -> Result<Option<Value>, ApiError> {
        let id = || Path(self.text("/userId").to_owned());
        let answer = match procedure {
            "CreateUser" => self.create_user().await,
            "AddHumanUser" => {
                passed(rest::create_human(self.state(), self.headers(), self.json()).await).await
            }
            "GetUserByID" => passed(rest::read(self.state(), id(), self.headers()).await).await,
            "ListUsers" => {
                passed(rest::search(self.state(), self.headers(), self.json()).await).await
            }
            "DeleteUser" => passed(rest::delete(self.state(), id(), self.headers()).await).await,
            "SetPassword" => self.set_password().await,
            "SetUserMetadata" => {
                let set = rest::set_metadata(self.state(), id(), self.headers(), self.json());
                passed(set.await).await?;
                Ok(json!({"setDate": self.now()}))
            }
            "ListUserMetadata" => {
                passed(rest::search_metadata(self.state(), id(), self.headers()).await).await
            }
            "HumanMFAInitSkipped" => {
                passed(rest::skip_mfa(self.state(), id(), self.headers()).await).await
            }
            "AddPersonalAccessToken" => self.add_token().await,
            "ListPersonalAccessTokens" => self.tokens().await,
            "RemovePersonalAccessToken" => self.remove_token().await,
            "AddSecret" => self.add_secret().await,
            "RemoveSecret" => self.remove_secret().await,
            "AddKey" => self.add_key().await,
            "ListKeys" => self.keys().await,
            "RemoveKey" => self.remove_key().await,
            _ => return Ok(None),
        };
        answer.map(Some)
    }

    async fn create_user(&self) -> Answer {
        self.app.administrator(&self.headers).await?;
        self.required("/organizationId")?;
        let is_human = self.body.get("human").is_some();
        if !is_human && self.body.get("machine").is_none() {
            return Err(ApiError::invalid("user type is not implemented"));
        }
        let new = NewUser {
            id: match self.text("/userId") {
                "" => super::super::server::new_id(),
                chosen => chosen.to_owned(),
            },
            username: match (self.text("/username"), is_human) {
                ("", true) => self.required("/human/email/email")?,
                ("", false) => self.required("/username")?,
                (name, _) => name,
            },
            kind: if is_human { "human" } else { "machine" },
            email: match is_human {
                true => self.required("/human/email/email")?,
                false => "",
            },
            given_name: match is_human {
                true => self.required("/human/profile/givenName")?,
                false => self.required("/machine/name")?,
            },
            family_name: match is_human {
                true => self.required("/human/profile/familyName")?,
                false => "",
            },
            password: match self.body.pointer("/human/password/password") {
                None | Some(Value::String(_)) => Some(self.text("/human/password/password")),
                Some(_) => return Err(ApiError::invalid("invalid field password")),
            },
            change_required: self.flag("/human/password/changeRequired"),
        };
        let id = self.app.add_user(new).await?;
        Ok(json!({"id": id, "creationDate": self.now()}))
    }

    async fn set_password(&self) -> Answer {
        self.app.administrator(&self.headers).await?;
        let user = self.required("/userId")?;
        self.app.user(user).await?;
        let password = self.required("/newPassword/password")?;
        let hash = bcrypt::hash(password, BCRYPT_COST)
            .map_err(|why| ApiError::invalid(&why.to_string()))?;
        self.app
            .platform
            .database
            .execute(
                "UPDATE projections_users14 SET password = ?, change_required = ? WHERE id = ?",
                vec![
                    hash.into(),
                    self.flag("/newPassword/changeRequired").into(),
                    user.into(),
                ],
            )
            .await?;
        Ok(json!({"details": {}}))
    }

    /// A machine by the id of the request: only machines have tokens, secrets and keys.
    pub(super) async fn machine(&self) -> Result<&str, ApiError> {
        self.app.administrator(&self.headers).await?;
        let id = self.required("/userId")?;
        let user = self.app.user(id).await?;
        if user.text(2) != "machine" {
            let message = "Errors.User.NotMachine (COMMAND-ieNg7)";
            return Err(ApiError::new(9, message));
        }
        Ok(id)
    }

    async fn add_token(&self) -> Answer {
        let user = Path(self.machine().await?.to_owned());
        let made = passed(rest::create_pat(self.state(), user, self.headers()).await).await?;
        Ok(json!({
            "creationDate": self.now(), "tokenId": made["tokenId"], "token": made["token"],
        }))
    }

    async fn tokens(&self) -> Answer {
        self.app.administrator(&self.headers).await?;
        let rows = self
            .app
            .platform
            .database
            .query(
                "SELECT id, user_id FROM projections_personal_access_tokens3 ORDER BY id",
                Vec::new(),
            )
            .await?;
        let wanted = self.text("/filters/0/userIdFilter/id");
        let tokens = rows
            .iter()
            .filter(|row| wanted.is_empty() || row.text(1) == wanted)
            .map(|row| json!({"id": row.text(0), "userId": row.text(1)}));
        Ok(listed("result", tokens.collect()))
    }

    async fn remove_token(&self) -> Answer {
        let user = self.machine().await?;
        let sql = "DELETE FROM projections_personal_access_tokens3 WHERE user_id = ? AND id = ?";
        let token = self.required("/tokenId")?;
        self.removed(sql, user, token, "Token").await
    }

    /// Something of a user's, removed by id.
    pub(super) async fn removed(&self, sql: &str, user: &str, id: &str, what: &str) -> Answer {
        let values = vec![user.into(), id.into()];
        if self.app.platform.database.execute(sql, values).await? == 0 {
            return Err(ApiError::not_found(what));
        }
        Ok(json!({"deletionDate": self.now()}))
    }

    /// A secret for the client credentials grant: shown once, kept as a hash.
    async fn add_secret(&self) -> Answer {
        let user = self.machine().await?;
        let secret = random_from(
            b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789",
            64,
        );
        let hash = bcrypt::hash(&secret, BCRYPT_COST)
            .map_err(|why| ApiError::invalid(&why.to_string()))?;
        let database = &self.app.platform.database;
        let sql = "DELETE FROM projections_users14_machines WHERE user_id = ?";
        database.execute(sql, vec![user.into()]).await?;
        database
            .execute(
                "INSERT INTO projections_users14_machines (user_id, secret) VALUES (?, ?)",
                vec![user.into(), hash.into()],
            )
            .await?;
        self.app
            .event("user.machine.secret.set", user, "{}")
            .await?;
        Ok(json!({"creationDate": self.now(), "clientSecret": secret}))
    }

    async fn remove_secret(&self) -> Answer {
        let user = self.machine().await?;
        let sql = "DELETE FROM projections_users14_machines WHERE user_id = ?";
        let gone = self.app.platform.database.execute(sql, vec![user.into()]);
        if gone.await? == 0 {
            let message = "Errors.User.Machine.Secret.NotExisting (COMMAND-x7s1S)";
            return Err(ApiError::new(9, message));
        }
        Ok(json!({"deletionDate": self.now()}))
    }

    /// When a row of a list was made, if anybody knows.
    pub(super) async fn with_date(&self, mut shown: Value, aggregate: &str) -> Answer {
        let made = self.app.made_ms(aggregate).await?;
        if made > 0 {
            shown["creationDate"] = written(made).into();
        }
        Ok(shown)
    }
}

/// The machine that a client id and secret are of: its id is the name of its account.
pub(in crate::zitadel) async fn verified_secret(
    app: &Zitadel,
    name: &str,
    secret: &str,
) -> Result<Option<String>, ApiError> {
    let rows = app
        .platform
        .database
        .query(
            "SELECT u.id, m.secret FROM projections_users14 u \
             JOIN projections_users14_machines m ON m.user_id = u.id \
             WHERE u.username = ? AND u.kind = 'machine'",
            vec![name.into()],
        )
        .await?;
    Ok(rows
        .first()
        .filter(|row| bcrypt::verify(secret, &row.text(1)).unwrap_or(false))
        .map(|row| row.text(0)))
}
