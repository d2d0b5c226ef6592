//! A quick look at a whole database, by sums that the server makes itself.
//!
//! It tells early that something differs. It never tells that nothing does: its sums take 0.0 and
//! -0.0 for the same, know nothing of the catalogue, and cannot be made of every type.

use std::collections::BTreeMap;
use std::sync::Mutex;

use phoenix_engine::environment::DriverError;
use tokio_postgres::Client;

use super::Postgres;
use super::fingerprint::{next, readings};
use super::session::{Snapshot, text_rows};
use crate::sql::READERS;

/// Sums over the tables of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Screening {
    /// Rows and sum by table.
    pub sums: BTreeMap<String, String>,
    /// Tables that have no sum, with the server's reason: nothing is known of their rows.
    pub not_judged: BTreeMap<String, String>,
}

impl Screening {
    /// Tables that certainly differ. An empty answer proves nothing; the fingerprint has the last
    /// word.
    pub fn suspects(&self, after: &Self) -> Vec<String> {
        let known = |table: &&String| {
            !self.not_judged.contains_key(*table) && !after.not_judged.contains_key(*table)
        };
        let mut names: Vec<&String> = self.sums.keys().chain(after.sums.keys()).collect();
        names.sort_unstable();
        names.dedup();
        names
            .into_iter()
            .filter(known)
            .filter(|table| self.sums.get(*table) != after.sums.get(*table))
            .cloned()
            .collect()
    }
}

impl Postgres {
    /// Sums up every table inside the server, under one snapshot.
    ///
    /// # Errors
    /// A server that does not answer. A table that cannot be summed up is none: see
    /// [`Screening::not_judged`].
    pub async fn screen(&self) -> Result<Screening, DriverError> {
        let failed = |why: String| DriverError::new(self.doing("screening"), why);
        let snapshot = Snapshot::export(&self.server).await?;
        let readings = readings(snapshot.client()).await.map_err(&failed)?;
        let count = readings.len();
        let queue = Mutex::new(readings);
        let readers = (0..READERS.min(count)).map(|_| async {
            let client = snapshot.join(&self.server).await?;
            let mut sums = Vec::new();
            while let Some(reading) = next(&queue) {
                let sum = sum(&client, &reading.query).await.map_err(&failed)?;
                sums.push((reading.name, sum));
            }
            Ok::<_, DriverError>(sums)
        });
        let mut screening = Screening::default();
        for (table, sum) in futures::future::try_join_all(readers)
            .await?
            .into_iter()
            .flatten()
        {
            match sum {
                Ok(sum) => screening.sums.insert(table, sum),
                Err(why) => screening.not_judged.insert(table, why),
            };
        }
        Ok(screening)
    }
}

/// The sum of the rows of a query, or why the server has none.
async fn sum(client: &Client, query: &str) -> Result<Result<String, String>, String> {
    text_rows(client, "SAVEPOINT summed").await?;
    let sql = format!(
        "SELECT count(*) || ' rows, ' || coalesce(sum(hash_record_extended(r, 0)::numeric), 0) \
         FROM ({query}) r"
    );
    let answer = text_rows(client, &sql).await;
    if client.is_closed() {
        return Err("the connection was lost".to_owned());
    }
    text_rows(client, "ROLLBACK TO SAVEPOINT summed").await?;
    Ok(answer.map(|rows| rows.into_iter().flatten().flatten().collect()))
}
