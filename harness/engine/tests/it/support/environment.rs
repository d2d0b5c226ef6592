//! The driver of the stack in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use phoenix_engine::application::{AppContext, Person};
use phoenix_engine::environment::{
    DirectCopy, DriverError, Environment, FileSeen, Fingerprint, Injected, Loaded, Point, Started,
    StreamCut, Vessel,
};
use phoenix_engine::foreign::ForeignPoint;
use phoenix_engine::network::Network;
use phoenix_engine::plan::{Fault, Unit};
use phoenix_engine::stack::Automation;
use phoenix_evidence::finding::Level;
use url::Url;

use super::world::{Row, STORE, World};
use super::{NONCE, locked};

pub(super) struct Fake(pub(super) Arc<Mutex<World>>);

impl Fake {
    fn point(&self) -> Point {
        let mut world = locked(&self.0);
        let id = format!("point-{:03}", world.points.len() + 1);
        let content = world.content.clone();
        if !world.lies.points_hidden {
            world.points.push((id.clone(), content));
        }
        Point {
            id,
            bytes: 1,
            digest: String::new(),
            fingerprint: None,
        }
    }
}

#[async_trait]
impl Environment for Fake {
    fn level(&self) -> Level {
        Level::Embedded
    }

    fn settles_within(&self) -> Duration {
        Duration::ZERO
    }

    fn versions(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    async fn build(&self) -> Result<(), DriverError> {
        locked(&self.0).build();
        Ok(())
    }

    async fn inventory(&self) -> Result<Vec<Vessel>, DriverError> {
        Ok(locked(&self.0).inventory())
    }

    async fn unseen(&self) -> Result<Vec<Vessel>, DriverError> {
        Ok(locked(&self.0).unseen())
    }

    async fn stop(&self, _: &[String]) -> Result<(), DriverError> {
        Ok(())
    }

    async fn start(&self, services: &[String]) -> Result<BTreeMap<String, Started>, DriverError> {
        let listening = |service: &String| (service.clone(), Started::Listening);
        Ok(services.iter().map(listening).collect())
    }

    async fn destroy(&self, _: &[String]) -> Result<(), DriverError> {
        locked(&self.0).destroy();
        Ok(())
    }

    async fn still_answering(&self, _: &[String]) -> Vec<String> {
        locked(&self.0).lies.answers.clone()
    }

    async fn rebuild(&self, _: &[String]) -> Result<(), DriverError> {
        locked(&self.0).rebuild();
        Ok(())
    }

    async fn backup(&self, _: &str, _: Option<&str>) -> Result<Point, DriverError> {
        Ok(self.point())
    }

    async fn cut(&self, _: &str) -> Result<Option<StreamCut>, DriverError> {
        Ok(Some(StreamCut {
            point: self.point(),
            carried_until_us: if locked(&self.0).lies.carries_nothing {
                0
            } else {
                i64::MAX
            },
        }))
    }

    async fn points(&self, _: &str) -> Result<Vec<String>, DriverError> {
        let world = locked(&self.0);
        Ok(world.points.iter().map(|(id, _)| id.clone()).collect())
    }

    async fn restore(&self, _: &str, point: &str) -> Result<u64, DriverError> {
        let mut world = locked(&self.0);
        world.restored = true;
        if world.lies.restore_fails {
            return Err(DriverError::new("restore", "the dump ends in its middle"));
        }
        world.restore(point);
        Ok(1)
    }

    async fn restore_foreign(&self, point: &ForeignPoint) -> Result<Loaded, DriverError> {
        let mut world = locked(&self.0);
        world.restored = true;
        world.is_foreign = true;
        if world.lies.restore_fails {
            return Err(DriverError::new("restore", "the dump ends in its middle"));
        }
        let text = std::fs::read(&point.path).expect("a point");
        let text = String::from_utf8_lossy(&text).into_owned();
        let row = |line: &str| Row {
            kind: "page".to_owned(),
            marker: String::new(),
            text: line.to_owned(),
            sealed_by: None,
        };
        if !world.lies.foreign.is_empty {
            world.content.rows = text.lines().skip(1).map(row).collect();
        }
        world.content.account = Some("9");
        if world.lies.foreign.changes {
            std::fs::write(&point.path, text + "more\n").expect("written");
        }
        Ok(Loaded {
            says: "as told".to_owned(),
        })
    }

    async fn newest(
        &self,
        _: &str,
        table: &str,
        _: &str,
        _: Option<Unit>,
    ) -> Result<Option<f64>, DriverError> {
        let world = locked(&self.0);
        if world.lies.foreign.without_table {
            let why = format!("there is no table `{table}`");
            return Err(DriverError::new("ask", why));
        }
        let now = jiff::Timestamp::now().as_second() as f64;
        Ok((!world.content.rows.is_empty()).then_some(now - world.lies.foreign.age_s))
    }

    async fn rows(&self, _: &str, _: &str) -> Result<u64, DriverError> {
        Ok(locked(&self.0).content.rows.len() as u64)
    }

    async fn file(&self, _: &str, _: &str) -> Result<Option<FileSeen>, DriverError> {
        Ok(None)
    }

    async fn fingerprint(&self, _: &str) -> Result<Option<Fingerprint>, DriverError> {
        let world = locked(&self.0);
        // The wiki's own restores are not compared here; those of others are.
        if world.is_foreign {
            let rows: Vec<&str> = world.content.rows.iter().map(|row| &*row.text).collect();
            return Ok(Some(Fingerprint {
                digest: rows.join("/"),
                covers: String::new(),
                body: serde_json::Value::Null,
            }));
        }
        Ok(None)
    }

    fn compare(&self, _: &str, before: &Fingerprint, after: &Fingerprint) -> Vec<String> {
        if before.digest == after.digest {
            Vec::new()
        } else {
            vec!["other rows".to_owned()]
        }
    }

    async fn write_direct(&self, _: &str, copy: &DirectCopy) -> Result<bool, DriverError> {
        let mut world = locked(&self.0);
        world.content.direct.push(copy.clone());
        Ok(true)
    }

    async fn list_direct(&self, _: &str) -> Result<Vec<DirectCopy>, DriverError> {
        let world = locked(&self.0);
        if world.restored && world.lies.unreadable {
            return Err(DriverError::new("read", "the file is no database"));
        }
        Ok(world.content.direct.clone())
    }

    async fn find_text(&self, _: &str, text: &str) -> Result<bool, DriverError> {
        let world = locked(&self.0);
        let rows = &world.content.rows;
        Ok(rows
            .iter()
            .any(|row| row.marker == text || row.text.contains(text)))
    }

    async fn holds(&self, _: &str) -> Result<u64, DriverError> {
        let world = locked(&self.0);
        if world.restored && world.lies.unreadable {
            return Err(DriverError::new("count", "the server is gone"));
        }
        Ok(world.content.rows.len() as u64)
    }

    /// The rows of a backup of others, whatever is asked.
    async fn sql(&self, _: &str, _: &str) -> Result<Vec<String>, DriverError> {
        let world = locked(&self.0);
        if !world.is_foreign {
            return Err(DriverError::new("query", "nothing here understands SQL"));
        }
        Ok(world
            .content
            .rows
            .iter()
            .map(|row| row.text.clone())
            .collect())
    }

    async fn secrets(&self) -> BTreeMap<String, Option<String>> {
        let key = locked(&self.0).key.to_string();
        BTreeMap::from([("key".to_owned(), Some(key))])
    }

    async fn context(&self, service: &str) -> Result<AppContext, DriverError> {
        Ok(AppContext {
            service: service.to_owned(),
            url: Url::parse("http://docs.localhost").expect("a URL"),
            network: Network::default(),
            access: BTreeMap::new(),
            settings: serde_json::Value::Null,
            person: Person::default(),
            stores: BTreeMap::from([("database".to_owned(), STORE.to_owned())]),
            secrets: BTreeMap::from([("key".to_owned(), "key".to_owned())]),
            nonce: NONCE.to_owned(),
        })
    }

    fn network(&self) -> Network {
        Network::default()
    }

    async fn inject(&self, fault: &Fault) -> Result<Injected, DriverError> {
        let mut world = locked(&self.0);
        world.fault = Some(fault.clone());
        Ok(Injected {
            bitten: world.lies.bites,
            proof: "as told".to_owned(),
        })
    }

    async fn bitten(&self) -> Vec<(Fault, bool, String)> {
        let world = locked(&self.0);
        let bitten = world.fault.clone().zip(world.lies.has_bitten);
        bitten
            .map(|(fault, bitten)| (fault, bitten, "as told".to_owned()))
            .into_iter()
            .collect()
    }

    async fn automate(&self, step: &str, _: &Automation) -> Result<String, DriverError> {
        if locked(&self.0).lies.automation_fails {
            Err(DriverError::new(step, "the script ends with 1"))
        } else {
            Ok("done".to_owned())
        }
    }

    async fn reap(&self) -> Result<(), DriverError> {
        Ok(())
    }
}
