//! Projects, their roles, their applications, and who may use them.

use axum::Json;
use axum::extract::Path;
use serde_json::{Value, json};

use super::super::server::new_id;
use super::{Answer, ApiError, Call, api, fits, listed, passed, rest};
use crate::platform::Row;

const PROJECTS: &str = "SELECT id, name, role_check, has_project_check FROM projections_projects4";
const APPLICATIONS: &str = "SELECT app_id, name, client_id, redirect_uris, project_id, \
     auth_method FROM projections_apps7_oidc";

impl Call {
    pub(super) async fn project(&self, procedure: &str) -> Result<Option<Value>, ApiError> {
        self.app.administrator(&self.headers).await?;
        let answer = match procedure {
            "CreateProject" => self.create_project().await,
            "GetProject" => self.get_project().await,
            "ListProjects" => self.projects().await,
            "UpdateProject" => self.update_project().await,
            "DeleteProject" => self.delete_project().await,
            "AddProjectRole" => {
                self.known_project().await?;
                let id = Path(self.required("/projectId")?.to_owned());
                self.required("/roleKey")?;
                let added = api::add_role(self.state(), id, self.headers(), self.json());
                passed(added.await).await?;
                Ok(json!({"creationDate": self.now()}))
            }
            "ListProjectRoles" => self.roles().await,
            "RemoveProjectRole" => {
                let sql = "DELETE FROM projections_project_roles4 \
                           WHERE project_id = ? AND role_key = ?";
                let role = self.required("/roleKey")?;
                let removed = self.removed(sql, self.required("/projectId")?, role, "Role");
                removed.await?;
                Ok(json!({"removalDate": self.now()}))
            }
            _ => return Ok(None),
        };
        answer.map(Some)
    }

    async fn create_project(&self) -> Answer {
        self.required("/organizationId")?;
        let id = match self.text("/projectId") {
            "" => new_id(),
            chosen => chosen.to_owned(),
        };
        self.app
            .add_project(
                &id,
                self.required("/name")?,
                self.flag("/authorizationRequired"),
                self.flag("/projectAccessRequired"),
            )
            .await?;
        Ok(json!({"projectId": id, "creationDate": self.now()}))
    }

    async fn known_project(&self) -> Result<Row, ApiError> {
        let id = self.required("/projectId")?;
        let sql = format!("{PROJECTS} WHERE id = ?");
        let rows = self.app.platform.database.query(&sql, vec![id.into()]);
        let row = rows.await?.into_iter().next();
        row.ok_or_else(|| ApiError::not_found("Project"))
    }

    async fn project_shown(&self, row: &Row) -> Answer {
        let org = self.app.setting("org_id").await?;
        let mut shown = json!({
            "projectId": row.text(0), "organizationId": org, "name": row.text(1),
            "state": "PROJECT_STATE_ACTIVE",
        });
        // What is false is left out.
        for (name, column) in [("authorizationRequired", 2), ("projectAccessRequired", 3)] {
            if row.integer(column) == 1 {
                shown[name] = true.into();
            }
        }
        self.with_date(shown, &row.text(0)).await
    }

    async fn get_project(&self) -> Answer {
        let row = self.known_project().await?;
        Ok(json!({"project": self.project_shown(&row).await?}))
    }

    async fn projects(&self) -> Answer {
        let sql = format!("{PROJECTS} ORDER BY id");
        let rows = self.app.platform.database.query(&sql, Vec::new()).await?;
        let mut found = Vec::new();
        for row in &rows {
            let wanted = self.filters().all(|filter| {
                let name = &filter["projectNameFilter"];
                let ids = &filter["inProjectIdsFilter"]["ids"];
                let method = name["method"].as_str().unwrap_or_default();
                name["projectName"]
                    .as_str()
                    .is_none_or(|wanted| fits(&row.text(1), wanted, method))
                    && ids.as_array().is_none_or(|ids| {
                        let id = row.text(0);
                        ids.iter().any(|one| one.as_str() == Some(id.as_str()))
                    })
            });
            if wanted {
                found.push(self.project_shown(row).await?);
            }
        }
        Ok(listed("projects", found))
    }

    fn filters(&self) -> impl Iterator<Item = &Value> {
        let filters = self.body["filters"].as_array();
        filters.into_iter().flatten()
    }

    async fn update_project(&self) -> Answer {
        let row = self.known_project().await?;
        let name = match self.text("/name") {
            "" => row.text(1),
            name => name.to_owned(),
        };
        let sql = "UPDATE projections_projects4 SET name = ? WHERE id = ?";
        let values = vec![name.into(), row.text(0).into()];
        self.app.platform.database.execute(sql, values).await?;
        Ok(json!({"changeDate": self.now()}))
    }

    /// A project with all that is in it. One that is not there is gone as well.
    async fn delete_project(&self) -> Answer {
        let id = self.required("/projectId")?;
        for (table, column) in [
            ("projections_apps7_oidc", "project_id"),
            ("projections_project_roles4", "project_id"),
            ("projections_user_grants5", "project_id"),
            ("projections_projects4", "id"),
        ] {
            let sql = format!("DELETE FROM {table} WHERE {column} = ?");
            let gone = self.app.platform.database.execute(&sql, vec![id.into()]);
            gone.await?;
        }
        self.app.event("project.removed", id, "{}").await?;
        Ok(json!({"deletionDate": self.now()}))
    }

    async fn roles(&self) -> Answer {
        let row = self.known_project().await?;
        let id = row.text(0);
        let sql = "SELECT role_key, display_name FROM projections_project_roles4 \
                   WHERE project_id = ? ORDER BY role_key";
        let rows = self
            .app
            .platform
            .database
            .query(sql, vec![id.clone().into()]);
        let roles = rows.await?;
        let roles = roles
            .iter()
            .map(|row| json!({"projectId": id, "key": row.text(0), "displayName": row.text(1)}));
        Ok(listed("projectRoles", roles.collect()))
    }

    pub(super) async fn application(&self, procedure: &str) -> Result<Option<Value>, ApiError> {
        self.app.administrator(&self.headers).await?;
        let answer = match procedure {
            "CreateApplication" => self.create_application().await,
            "GetApplication" => {
                let sql = format!("{APPLICATIONS} WHERE app_id = ?");
                let id = self.required("/applicationId")?;
                let rows = self.app.platform.database.query(&sql, vec![id.into()]);
                let rows = rows.await?;
                let row = rows.first().ok_or_else(|| ApiError::not_found("App"))?;
                Ok(json!({"application": application(row)}))
            }
            "ListApplications" => self.applications().await,
            "GenerateClientSecret" => {
                let ids = (
                    self.required("/projectId")?.to_owned(),
                    self.required("/applicationId")?.to_owned(),
                );
                let made = api::new_client_secret(self.state(), Path(ids), self.headers());
                let made = passed(made.await).await?;
                Ok(json!({"clientSecret": made["clientSecret"], "creationDate": self.now()}))
            }
            "DeleteApplication" => {
                let sql = "DELETE FROM projections_apps7_oidc WHERE project_id = ? AND app_id = ?";
                let id = self.required("/applicationId")?;
                self.removed(sql, self.required("/projectId")?, id, "App")
                    .await
            }
            _ => return Ok(None),
        };
        answer.map(Some)
    }

    async fn create_application(&self) -> Answer {
        self.known_project().await?;
        let Some(asked) = self.body.get("oidcConfiguration") else {
            return Err(ApiError::new(9, "only OIDC applications are played here"));
        };
        let method = asked["authMethodType"].as_str().unwrap_or_default();
        let body = json!({
            "name": self.required("/name")?, "redirectUris": asked["redirectUris"],
            "devMode": asked["developmentMode"],
            "idTokenUserinfoAssertion": asked["idTokenUserinfoAssertion"],
            "authMethodType": method,
        });
        let id = Path(self.required("/projectId")?.to_owned());
        let made = api::create_app(self.state(), id, self.headers(), Json(body)).await;
        let made = passed(made).await?;
        let mut shown = json!({"clientId": made["clientId"]});
        // A public client has no secret.
        if method != "OIDC_AUTH_METHOD_TYPE_NONE" {
            shown["clientSecret"] = made["clientSecret"].clone();
        }
        Ok(json!({
            "applicationId": made["appId"], "creationDate": self.now(),
            "oidcConfiguration": shown,
        }))
    }

    async fn applications(&self) -> Answer {
        let sql = format!("{APPLICATIONS} ORDER BY app_id");
        let rows = self.app.platform.database.query(&sql, Vec::new()).await?;
        let fits = |row: &&Row| {
            self.filters().all(|filter| {
                let project = filter["projectIdFilter"]["projectId"].as_str();
                let name = &filter["nameFilter"];
                let method = name["method"].as_str().unwrap_or_default();
                project.is_none_or(|project| row.text(4) == project)
                    && name["name"]
                        .as_str()
                        .is_none_or(|wanted| fits(&row.text(1), wanted, method))
            })
        };
        let found = rows.iter().filter(fits).map(application);
        Ok(listed("applications", found.collect()))
    }

    pub(super) async fn authorization(&self, procedure: &str) -> Result<Option<Value>, ApiError> {
        self.app.administrator(&self.headers).await?;
        let database = &self.app.platform.database;
        let answer = match procedure {
            "CreateAuthorization" => {
                self.known_project().await?;
                let user = Path(self.required("/userId")?.to_owned());
                let made = rest::grant(self.state(), user, self.headers(), self.json()).await;
                let made = passed(made).await?;
                Ok(json!({"id": made["userGrantId"], "creationDate": self.now()}))
            }
            "ListAuthorizations" => {
                let sql = "SELECT id, user_id, project_id, roles FROM projections_user_grants5 \
                           ORDER BY id";
                let rows = database.query(sql, Vec::new()).await?;
                let fits = |row: &&Row| {
                    self.filters().all(|filter| {
                        let ids = filter["inUserIds"]["ids"].as_array();
                        let project = filter["projectId"]["id"].as_str();
                        let user = row.text(1);
                        ids.is_none_or(|ids| ids.iter().any(|id| id == user.as_str()))
                            && project.is_none_or(|project| row.text(2) == project)
                    })
                };
                let shown = rows.iter().filter(fits).map(|row| {
                    let roles: Vec<String> = serde_json::from_str(&row.text(3)).unwrap_or_default();
                    let roles: Vec<Value> = roles.iter().map(|key| json!({"key": key})).collect();
                    json!({
                        "id": row.text(0), "user": {"id": row.text(1)},
                        "project": {"id": row.text(2)}, "roles": roles, "state": "STATE_ACTIVE",
                    })
                });
                Ok(listed("authorizations", shown.collect()))
            }
            "DeleteAuthorization" => {
                let sql = "DELETE FROM projections_user_grants5 WHERE id = ?";
                let id = self.required("/id")?;
                if database.execute(sql, vec![id.into()]).await? == 0 {
                    return Err(ApiError::not_found("Authorization"));
                }
                Ok(json!({"deletionDate": self.now()}))
            }
            _ => return Ok(None),
        };
        answer.map(Some)
    }
}

fn application(row: &Row) -> Value {
    let uris: Value = serde_json::from_str(&row.text(3)).unwrap_or_default();
    let mut shown = json!({
        "applicationId": row.text(0), "name": row.text(1), "projectId": row.text(4),
        "state": "APPLICATION_STATE_ACTIVE",
        "oidcConfiguration": {"clientId": row.text(2), "redirectUris": uris},
    });
    let method = row.text(5);
    if !method.is_empty() {
        shown["oidcConfiguration"]["authMethodType"] = method.into();
    }
    shown
}
