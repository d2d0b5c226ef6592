//! Faults: each done for real to bytes, files and processes, and each looked at for its bite.

use std::fs;
use std::io;
use std::path::Path;

use phoenix_engine::environment::{DriverError, Injected};
use phoenix_engine::plan::Fault;
use phoenix_engine::stack::{Automation, Store, StoreKind};

use crate::authority::Authority;
use crate::driver::Embedded;
use crate::objects;
use crate::store::{directory, sqlite};
use phoenix_kit::automation;

/// Faults that wait for their moment.
#[derive(Debug, Default)]
pub(crate) struct Armed {
    waiting: Vec<Fault>,
    done: Vec<(Fault, bool, String)>,
}

impl Armed {
    /// Whether a destroy is to leave this store where it is.
    pub(crate) fn keeps(&mut self, store: &str) -> bool {
        self.bite(
            |fault| matches!(fault, Fault::KeepVessel(name) if name == store),
            "not removed",
        )
    }

    /// Whose recovery point a restore is to read instead.
    pub(crate) fn source_of(&mut self, store: &str) -> Option<String> {
        let from = self.waiting.iter().find_map(|fault| match fault {
            Fault::WrongSource { store: name, from } if name == store => Some(from.clone()),
            _ => None,
        })?;
        let found = |fault: &Fault| matches!(fault, Fault::WrongSource { store: name, .. } if name == store);
        self.bite(found, "read another store's recovery point")
            .then_some(from)
    }

    /// Whether a restore is to be left out: the vessel that the destroy left is in use.
    pub(crate) fn kept(&self, store: &str) -> bool {
        self.done
            .iter()
            .any(|(fault, _, _)| matches!(fault, Fault::KeepVessel(name) if name == store))
    }

    /// Whether a service that keeps its data in these stores is to be built anew.
    pub(crate) fn builds_anew(&self, service: &str) -> bool {
        self.waiting
            .iter()
            .any(|fault| matches!(fault, Fault::RebuildProvider(name) if name == service))
    }

    /// Notes that a service has started under its shifted clock.
    pub(crate) fn clock_shifted(&mut self, service: &str) {
        self.bite(
            |fault| matches!(fault, Fault::ShiftClock { service: name, .. } if name == service),
            "started under the shifted clock",
        );
    }

    /// The stores that are to be gone now that these services have stopped; their bite is noted.
    pub(crate) fn vanish(&mut self, stores: &[&Store]) -> Vec<String> {
        let mut gone = Vec::new();
        for store in stores {
            let bites = self.bite(
                |fault| matches!(fault, Fault::Volatile(name) if *name == store.name),
                "emptied when its services stopped",
            );
            if bites {
                gone.push(store.name.clone());
            }
        }
        gone
    }

    /// Notes that a provider has been built anew.
    pub(crate) fn built_anew(&mut self, service: &str) {
        self.bite(
            |fault| matches!(fault, Fault::RebuildProvider(name) if name == service),
            "set up from nothing, its clients and people made again",
        );
    }

    fn bite(&mut self, which: impl Fn(&Fault) -> bool, proof: &str) -> bool {
        match self.waiting.iter().position(which) {
            Some(at) => {
                let fault = self.waiting.remove(at);
                self.done.push((fault, true, proof.to_owned()));
                true
            }
            None => false,
        }
    }

    /// All of them: those that still wait have not bitten.
    pub(crate) fn report(&self) -> Vec<(Fault, bool, String)> {
        let waiting = self
            .waiting
            .iter()
            .map(|fault| (fault.clone(), false, "its moment never came".to_owned()));
        self.done.iter().cloned().chain(waiting).collect()
    }
}

impl Embedded {
    pub(crate) async fn do_fault(&self, fault: &Fault) -> Result<Injected, DriverError> {
        let doing = || fault.sentence();
        let now = |proof: String| {
            Ok(Injected {
                bitten: Some(true),
                proof,
            })
        };
        let io = |why: io::Error| DriverError::new(doing(), why);
        match fault {
            Fault::RegenerateSecret(name) => {
                let Some(secret) = self.stack.secret(name) else {
                    return Err(DriverError::new(doing(), "no secret is called so"));
                };
                let mut live = self.live.lock().await;
                let changed = live.secrets.regenerate(&self.stack, secret)?;
                Ok(Injected {
                    bitten: Some(changed),
                    proof: format!("{name} has a new value"),
                })
            }
            Fault::EmptyBackup(store) => {
                let content = self.newest_content(store)?;
                let before = self.sealed(store)?;
                self.empty_content(self.store(store)?, &content)
                    .map_err(io)?;
                self.reseal(store)?;
                Ok(Injected {
                    bitten: Some(self.sealed(store)? != before),
                    proof: format!("{store}: its newest recovery point holds nothing"),
                })
            }
            Fault::TruncateBackup(store) => {
                let content = self.newest_content(store)?;
                let bytes = truncate_largest(&content).map_err(io)?;
                Ok(Injected {
                    bitten: Some(bytes > 0),
                    proof: format!("{store}: {bytes} bytes cut off its newest recovery point"),
                })
            }
            Fault::StaleBackup(store) => {
                let points = self.points_of(store)?;
                let (Some(oldest), Some(newest)) = (points.first(), points.last()) else {
                    return Err(DriverError::new(doing(), "it has no recovery point"));
                };
                if oldest == newest {
                    return Err(DriverError::new(doing(), "it has one recovery point only"));
                }
                let before = self.sealed(store)?;
                let to = self.vault.content(store, newest);
                directory::clear(&to).map_err(io)?;
                directory::copy_tree(&self.vault.content(store, oldest), &to).map_err(io)?;
                self.reseal(store)?;
                Ok(Injected {
                    // Two points of a store that did not change are the same, and nothing is stale.
                    bitten: Some(self.sealed(store)? != before),
                    proof: format!("{store}: {newest} now holds what {oldest} holds"),
                })
            }
            Fault::DeletePoints(store) => {
                let before = self.points_of(store)?.len();
                self.vault.forget(store).map_err(io)?;
                let proof = format!("{store}: {before} recovery points before, none now");
                Ok(Injected {
                    bitten: Some(before > 0),
                    proof,
                })
            }
            Fault::WrongSource { .. } | Fault::KeepVessel(_) => self.arm(fault),
            Fault::Stop(service) => {
                self.stop_services(std::slice::from_ref(service)).await;
                now(format!("{service} is stopped"))
            }
            Fault::Certificate(service) => {
                let name = self.host(service)?;
                let stranger = Authority::new("stranger", std::slice::from_ref(&name))
                    .map_err(|why| DriverError::new(doing(), why))?;
                self.router
                    .certify(&name, &stranger)
                    .map_err(|why| DriverError::new(doing(), why))?;
                now(format!("{name} shows a certificate of another authority"))
            }
            Fault::ShiftClock { service, by_s } => {
                self.live.lock().await.clocks.insert(service.clone(), *by_s);
                self.arm(fault)
            }
            Fault::DropTable { .. }
            | Fault::Wipe(_)
            | Fault::Corrupt(_)
            | Fault::DropFiles(_)
            | Fault::DropRows(_)
            | Fault::RestoreTwice(_)
            | Fault::ResetCounters(_)
            | Fault::Resurrect(_)
            | Fault::RebuildProvider(_)
            | Fault::Volatile(_) => self.arm(fault),
        }
    }

    fn arm(&self, fault: &Fault) -> Result<Injected, DriverError> {
        self.armed().waiting.push(fault.clone());
        Ok(Injected {
            bitten: None,
            proof: "armed".to_owned(),
        })
    }

    fn newest_content(&self, store: &str) -> Result<std::path::PathBuf, DriverError> {
        let points = self.points_of(store)?;
        match points.last() {
            Some(newest) => Ok(self.vault.content(store, newest)),
            None => Err(DriverError::new(
                format!("damage the backup of {store}"),
                "it has no recovery point",
            )),
        }
    }

    /// Digest of the newest recovery point.
    fn sealed(&self, store: &str) -> Result<String, DriverError> {
        let points = self.points_of(store)?;
        let newest = points.last().map_or("", String::as_str);
        let manifest = self.vault.verify(store, newest);
        manifest
            .map(|manifest| manifest.digest)
            .map_err(|why| DriverError::new(format!("read the backup of {store}"), why))
    }

    fn reseal(&self, store: &str) -> Result<(), DriverError> {
        let points = self.points_of(store)?;
        let newest = points.last().cloned().unwrap_or_default();
        self.vault
            .reseal(store, &newest)
            .map_err(|why| DriverError::new(format!("damage the backup of {store}"), why))
    }

    fn empty_content(&self, store: &Store, content: &Path) -> io::Result<()> {
        directory::clear(content)?;
        match store.kind {
            StoreKind::Database => fs::write(content.join("database"), b""),
            StoreKind::Bucket => self.empty_copy(store, content),
            StoreKind::Files | StoreKind::Memory => Ok(()),
        }
    }

    /// Faults of a store that was just restored, done before any application starts on it.
    pub(crate) fn after_restore(&self, store: &Store) -> io::Result<()> {
        let mut armed = self.armed();
        let mine = |fault: &Fault| match fault {
            Fault::DropTable { store: name, .. }
            | Fault::Wipe(name)
            | Fault::Corrupt(name)
            | Fault::DropFiles(name)
            | Fault::DropRows(name)
            | Fault::RestoreTwice(name)
            | Fault::ResetCounters(name)
            | Fault::Resurrect(name) => *name == store.name,
            _ => false,
        };
        while let Some(at) = armed.waiting.iter().position(mine) {
            let fault = armed.waiting.remove(at);
            let path = self.path(store);
            let touched = match store.kind {
                StoreKind::Database => damage_database(&path, &fault).map_err(io::Error::other)?,
                StoreKind::Bucket => {
                    let bucket = self.bucket(store)?;
                    objects::damage(&bucket, &fault)?
                }
                StoreKind::Files | StoreKind::Memory => {
                    damage_files(&path, &fault, &self.carried(store))?
                }
            };
            armed
                .done
                .push((fault, touched > 0, format!("{touched} things touched")));
        }
        Ok(())
    }

    /// A store that an armed fault says was never mounted goes with the containers of its services.
    pub(crate) fn lose_what_was_not_mounted(&self, services: &[String]) -> io::Result<()> {
        let under: Vec<&Store> = services
            .iter()
            .filter_map(|service| self.stack.service(service))
            .flat_map(|service| self.stack.stores_of(service))
            .collect();
        let gone = self.armed().vanish(&under);
        for store in under.iter().filter(|store| gone.contains(&store.name)) {
            self.remove_vessel(store)?;
            self.create_vessel(store)?;
        }
        Ok(())
    }

    /// Performs a manual step by its automation.
    pub(crate) async fn automation(
        &self,
        step: &str,
        by: &Automation,
    ) -> Result<String, DriverError> {
        match by {
            Automation::Command(argv) => automation::command(&self.run, step, argv).await,
            Automation::Provision(provider) => self.apply(provider).await,
            Automation::Declared => Err(DriverError::new(
                format!("automate {step}"),
                "there is nothing here to run",
            )),
        }
    }
}

/// Cuts the largest file in half; bytes cut off.
fn truncate_largest(content: &Path) -> io::Result<u64> {
    let mut largest = None;
    for path in directory::files(content)? {
        let len = fs::metadata(&path)?.len();
        if largest.as_ref().is_none_or(|(_, most)| len > *most) {
            largest = Some((path, len));
        }
    }
    let (path, len) = largest.ok_or_else(|| io::Error::other("it holds no file"))?;
    fs::OpenOptions::new()
        .write(true)
        .open(path)?
        .set_len(len / 2)?;
    Ok(len - len / 2)
}

/// Damages a database; rows or tables touched.
fn damage_database(path: &Path, fault: &Fault) -> rusqlite::Result<u64> {
    let connection = sqlite::open(path)?;
    let names = sqlite::names(&connection)?;
    let holders = holders(&connection, &names)?;
    let mut touched = 0;
    match fault {
        Fault::DropTable { table, .. } => {
            let doomed = table
                .clone()
                .or_else(|| holders.first().map(|(name, _)| name.clone()));
            if let Some(name) = doomed {
                connection.execute_batch(&format!("DROP TABLE {}", sqlite::quoted(&name)))?;
                touched = 1;
            }
        }
        Fault::Wipe(_) => {
            for name in &names {
                touched += connection
                    .execute(&format!("DELETE FROM {}", sqlite::quoted(name)), [])?
                    as u64;
            }
        }
        Fault::Corrupt(_) => {
            for (name, column) in &holders {
                let (table, column) = (sqlite::quoted(name), sqlite::quoted(column));
                touched += connection.execute(
                    &format!(
                        "UPDATE {table} SET {column} = replace({column}, '.v', '.w') WHERE rowid IN \
                         (SELECT rowid FROM {table} WHERE instr({column}, 'phx-') > 0 LIMIT 3)"
                    ),
                    [],
                )? as u64;
            }
        }
        Fault::DropRows(_) => {
            for (name, column) in &holders {
                let (table, column) = (sqlite::quoted(name), sqlite::quoted(column));
                touched += connection.execute(
                    &format!("DELETE FROM {table} WHERE instr({column}, 'phx-') > 0"),
                    [],
                )? as u64;
            }
        }
        Fault::RestoreTwice(_) => {
            // What a dump without keys does when it is loaded a second time.
            for (name, _) in &holders {
                let table = sqlite::quoted(name);
                let columns: Vec<String> = connection
                    .prepare(&format!("SELECT * FROM {table} LIMIT 0"))?
                    .column_names()
                    .iter()
                    .filter(|column| **column != "id")
                    .map(|column| sqlite::quoted(column))
                    .collect();
                let list = columns.join(", ");
                let sql =
                    format!("INSERT OR IGNORE INTO {table} ({list}) SELECT {list} FROM {table}");
                touched += connection.execute(&sql, []).unwrap_or(0) as u64;
            }
        }
        Fault::Resurrect(_) => {
            // What a restore of the recycle bin does: rows that were marked as deleted stand again.
            for (name, _) in &holders {
                let table = sqlite::quoted(name);
                let sql =
                    format!("UPDATE {table} SET deleted_at = NULL WHERE deleted_at IS NOT NULL");
                touched += connection.execute(&sql, []).unwrap_or(0) as u64;
            }
        }
        Fault::ResetCounters(_) => {
            touched = connection
                .execute("UPDATE sqlite_sequence SET seq = 0", [])
                .unwrap_or(0) as u64;
        }
        _ => {}
    }
    Ok(touched)
}

/// Tables and columns in which canaries stand, those with the most first.
fn holders(
    connection: &rusqlite::Connection,
    names: &[String],
) -> rusqlite::Result<Vec<(String, String)>> {
    let mut found: Vec<(u64, String, String)> = Vec::new();
    for name in names {
        let table = sqlite::quoted(name);
        let columns: Vec<String> = connection
            .prepare(&format!("SELECT * FROM {table} LIMIT 0"))?
            .column_names()
            .iter()
            .map(|column| (*column).to_owned())
            .collect();
        for column in columns {
            let sql = format!("SELECT count(*) FROM {table} WHERE instr(\"{column}\", 'phx-') > 0");
            let count: u64 = connection.query_row(&sql, [], |row| row.get(0))?;
            if count > 0 {
                found.push((count, name.clone(), column));
            }
        }
    }
    found.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    Ok(found
        .into_iter()
        .map(|(_, name, column)| (name, column))
        .collect())
}

/// Damages files, those of other stores left alone; files touched.
fn damage_files(root: &Path, fault: &Fault, others: &[String]) -> io::Result<u64> {
    let files = directory::files_but(root, others)?;
    match fault {
        Fault::DropFiles(_) => {
            let doomed = files.iter().step_by(2);
            let mut touched = 0;
            for path in doomed {
                fs::remove_file(path)?;
                touched += 1;
            }
            Ok(touched)
        }
        Fault::Wipe(_) => {
            directory::clear_but(root, others)?;
            Ok(files.len() as u64)
        }
        Fault::Corrupt(_) => {
            let mut touched = 0;
            for path in files.iter().take(3) {
                let mut bytes = fs::read(path)?;
                if let Some(byte) = bytes.last_mut() {
                    *byte ^= 0xff;
                    fs::write(path, bytes)?;
                    touched += 1;
                }
            }
            Ok(touched)
        }
        _ => Ok(0),
    }
}
