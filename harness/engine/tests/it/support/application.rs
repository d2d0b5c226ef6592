//! A wiki of pages, some of them sealed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use phoenix_engine::application::{
    Action, AppError, Application, Content, HealthReport, Hop, KindSpec, Listing, LoginEnd,
    LoginStage, LoginTrace, Reading, Seen, WriteOutcome, WriteRequest,
};
use phoenix_evidence::canary::CanarySpec;

use super::locked;
use super::world::{Row, Since, World};

pub(super) struct Wiki(pub(super) Arc<Mutex<World>>);

impl Wiki {
    fn seen(&self, spec: &CanarySpec, marker: &str) -> Seen {
        let mut world = locked(&self.0);
        if world.restored {
            world.reads += 1;
            if world.reads <= world.lies.late_by_reads {
                return Seen::Absent;
            }
        }
        let key = world.key;
        let rows = || world.content.rows.iter().filter(|row| row.marker == marker);
        let wrong_key = rows().any(|row| row.sealed_by.is_some_and(|by| by != key));
        if wrong_key || (spec.key.is_some() && world.lies.key_error) {
            return Seen::Unreadable {
                decryption: true,
                error: "The MAC is invalid.".to_owned(),
            };
        }
        let contents: Vec<Content> = rows().map(|row| Content::Text(row.text.clone())).collect();
        if contents.is_empty() {
            Seen::Absent
        } else {
            Seen::Present(contents)
        }
    }
}

#[async_trait]
impl Application for Wiki {
    fn kinds(&self) -> Vec<KindSpec> {
        let kind = |kind, key, listable| KindSpec {
            kind,
            parts: &["database"],
            key,
            overwritable: false,
            deletable: false,
            listable,
        };
        vec![kind("page", None, true), kind("sealed", Some("key"), false)]
    }

    async fn prepare(&self) -> Result<(), AppError> {
        Ok(())
    }

    async fn write(&self, request: &WriteRequest<'_>) -> WriteOutcome {
        assert_eq!(request.action, Action::Create, "nothing else is offered");
        let mut world = locked(&self.0);
        world.moment = world.moment.max(Since::Written);
        let sealed_by = request.spec.key.is_some().then_some(world.key);
        world.content.rows.push(Row {
            kind: request.spec.kind.clone(),
            marker: request.marker.to_owned(),
            text: request.text.to_owned(),
            sealed_by,
        });
        WriteOutcome::Acknowledged {
            reference: serde_json::Value::Null,
        }
    }

    async fn read(
        &self,
        spec: &CanarySpec,
        marker: &str,
        _: Option<&serde_json::Value>,
    ) -> Reading {
        Reading {
            parts: vec![self.seen(spec, marker)],
            linked: None,
            probe: format!("read {marker}"),
            stands_as: None,
        }
    }

    async fn list(&self, kind: &str) -> Result<Listing, AppError> {
        let world = locked(&self.0);
        let rows = world.content.rows.iter().filter(|row| row.kind == kind);
        let mut entries: Vec<String> = rows.map(|row| row.marker.clone()).collect();
        if world.lies.lists_twice {
            entries.extend(entries.clone());
        }
        Ok(Listing {
            entries,
            probe: format!("list {kind}"),
        })
    }

    async fn health(&self) -> HealthReport {
        HealthReport {
            probe: "GET /status".to_owned(),
            status: Some(200),
            healthy: true,
            saw: "well".to_owned(),
            serves: None,
            serves_saw: String::new(),
            took_ms: 0,
            instance: None,
        }
    }

    async fn login(&self) -> Option<LoginTrace> {
        let world = locked(&self.0);
        if world.lies.no_login {
            return None;
        }
        let end = match world.content.account {
            Some(account) => LoginEnd::LoggedIn {
                account: account.to_owned(),
                email: "canary@example.com".to_owned(),
                subject: None,
            },
            None => LoginEnd::Failed {
                stage: LoginStage::Provider,
                error: "nobody of this name".to_owned(),
            },
        };
        Some(LoginTrace {
            service: "wiki".to_owned(),
            hops: vec![Hop {
                method: "POST".to_owned(),
                url: "http://docs.localhost/login".to_owned(),
                status: Some(302),
                location: None,
                cookies_sent: Vec::new(),
                cookies_set: Vec::new(),
                took_ms: 0,
                note: String::new(),
            }],
            end,
            facts: BTreeMap::new(),
        })
    }

    async fn first_write(&self, marker: &str) -> Result<(), AppError> {
        let mut world = locked(&self.0);
        if world.lies.no_first_write {
            return Err(AppError {
                doing: "read the first write back".to_owned(),
                why: "it is not there".to_owned(),
                unauthorised: false,
            });
        }
        world.content.rows.push(Row {
            kind: "page".to_owned(),
            marker: marker.to_owned(),
            text: "the first".to_owned(),
            sealed_by: None,
        });
        Ok(())
    }
}
