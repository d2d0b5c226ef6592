//! Recovery points that phoenix did not make, as far as an embedded stack can take them: a SQLite
//! file, a folder. There is no server here that could load a dump.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use phoenix_engine::environment::{DriverError, FileSeen, Loaded};
use phoenix_engine::foreign::{ForeignPoint, Looking, admitted, leads_inside};
use phoenix_engine::plan::Unit;
use phoenix_engine::stack::{Store, StoreKind};
use rusqlite::types::ValueRef;

use crate::driver::Embedded;
use crate::store::{directory, sqlite};

impl Embedded {
    /// Copies a point into a fresh vessel.
    pub(crate) fn take_foreign(&self, point: &ForeignPoint) -> Result<Loaded, DriverError> {
        let doing = format!("restore {} from {}", point.store, point.shown);
        let failed = |why: String| DriverError::new(doing.as_str(), why);
        let store = self.store(&point.store)?;
        admitted(&store.engine, &point.path).map_err(failed)?;
        let held = self.count_straight(&point.store)?;
        if held > 0 {
            return Err(failed(format!("it is not empty, it holds {held}")));
        }
        let says = match store.kind {
            StoreKind::Database => self.take_database(store, &point.path),
            StoreKind::Files => directory::copy_tree(&point.path, &self.path(store))
                .map(|bytes| format!("{bytes} bytes copied"))
                .map_err(|why| why.to_string()),
            StoreKind::Bucket => self
                .take_objects(store, point)
                .map(|objects| format!("{objects} objects"))
                .map_err(|why| why.to_string()),
            StoreKind::Memory => Err("memory takes none".to_owned()),
        };
        Ok(Loaded {
            says: says.map_err(failed)?,
        })
    }

    /// A database that is not whole by its own word is none.
    fn take_database(&self, store: &Store, from: &Path) -> Result<String, String> {
        let path = self.path(store);
        let copy = || -> io::Result<()> {
            let mut to = fs::OpenOptions::new()
                .write(true)
                .truncate(true)
                .open(&path)?;
            io::copy(&mut fs::File::open(from)?, &mut to)?;
            to.sync_data()
        };
        copy().map_err(|why| why.to_string())?;
        let said = sqlite::query(&path, "PRAGMA integrity_check").map_err(|why| why.to_string())?;
        if said != ["ok"] {
            return Err(format!("the file is damaged: {}", said.join("; ")));
        }
        let rows = sqlite::rows(&path).map_err(|why| why.to_string())?;
        Ok(format!("whole by its own check, {rows} rows"))
    }

    fn take_objects(&self, store: &Store, point: &ForeignPoint) -> io::Result<u64> {
        let bucket = self.bucket(store)?;
        let mut objects = 0;
        for path in directory::files(&point.path)? {
            let name = path.strip_prefix(&point.path).unwrap_or(&path);
            let name = name.to_str().ok_or_else(|| {
                io::Error::other(format!("{}: its name cannot be a key", path.display()))
            })?;
            bucket.put_bytes(&format!("{}{name}", point.prefix), &fs::read(&path)?)?;
            objects += 1;
        }
        Ok(objects)
    }

    /// The largest moment of a column, in seconds since 1970.
    pub(crate) fn newest_straight(
        &self,
        store: &str,
        table: &str,
        column: &str,
        unit: Option<Unit>,
    ) -> Result<Option<f64>, DriverError> {
        let failed = |why: String| DriverError::new(format!("ask {store}"), why);
        let declared = self.database(store)?;
        let connection =
            sqlite::open(&self.path(declared)).map_err(|why| failed(why.to_string()))?;
        known_table(&connection, table).map_err(failed)?;
        let columns: Vec<String> = connection
            .prepare(&format!("SELECT * FROM {} LIMIT 0", sqlite::quoted(table)))
            .map(|statement| {
                let names = statement.column_names();
                names.into_iter().map(str::to_owned).collect()
            })
            .map_err(|why| failed(why.to_string()))?;
        // A name that is no column would be taken for a text.
        if !columns.iter().any(|known| known == column) {
            return Err(failed(format!(
                "the table `{table}` has no column `{column}`; it has {}",
                columns.join(", ")
            )));
        }
        let name = sqlite::quoted(column);
        let sql = format!(
            "SELECT max({name}), (julianday(max({name})) - 2440587.5) * 86400.0 FROM {}",
            sqlite::quoted(table)
        );
        let answer = connection.query_row(&sql, [], |row| {
            let parsed: Option<f64> = row.get(1)?;
            #[expect(clippy::cast_precision_loss, reason = "a moment fits 52 bits")]
            let number = match row.get_ref(0)? {
                ValueRef::Null => return Ok(Ok(None)),
                ValueRef::Integer(value) => Some(value as f64),
                ValueRef::Real(value) => Some(value),
                _ => None,
            };
            Ok(match (number, unit, parsed) {
                (Some(number), Some(unit), _) => Ok(Some(number / unit.in_a_second())),
                (Some(_), None, _) => Err("has numbers: say what they count, `unit: seconds` or \
                                           `milliseconds`"),
                (None, None, Some(parsed)) => Ok(Some(parsed)),
                _ => Err("has no moments"),
            })
        });
        answer
            .map_err(|why| failed(why.to_string()))?
            .map_err(|why| failed(format!("the column `{table}.{column}` {why}")))
    }

    pub(crate) fn rows_straight(&self, store: &str, table: &str) -> Result<u64, DriverError> {
        let failed = |why: String| DriverError::new(format!("ask {store}"), why);
        let declared = self.database(store)?;
        let connection =
            sqlite::open(&self.path(declared)).map_err(|why| failed(why.to_string()))?;
        known_table(&connection, table).map_err(failed)?;
        let sql = format!("SELECT count(*) FROM {}", sqlite::quoted(table));
        connection
            .query_row(&sql, [], |row| row.get(0))
            .map_err(|why| failed(why.to_string()))
    }

    fn database(&self, store: &str) -> Result<&Store, DriverError> {
        let declared = self.store(store)?;
        if declared.kind == StoreKind::Database {
            Ok(declared)
        } else {
            let doing = format!("ask {store}");
            Err(DriverError::new(doing, "it is no database"))
        }
    }

    pub(crate) fn file_straight(
        &self,
        store: &str,
        path: &str,
    ) -> Result<Option<FileSeen>, DriverError> {
        let failed =
            |why: &dyn std::fmt::Display| DriverError::new(format!("read from {store}"), why);
        let declared = self.store(store)?;
        let opened = match declared.kind {
            StoreKind::Files if leads_inside(path) => {
                fs::File::open(self.path(declared).join(path))
            }
            StoreKind::Files => return Err(failed(&"its path has to lead into the store")),
            StoreKind::Bucket => {
                let bucket = self.bucket(declared).map_err(|why| failed(&why))?;
                match bucket.open_version(path, None) {
                    Ok((_, _, file)) => Ok(file),
                    Err(crate::objects::Refused::NoSuchKey(_)) => return Ok(None),
                    Err(why) => return Err(failed(&io::Error::from(why))),
                }
            }
            _ => return Err(failed(&"it has no files")),
        };
        let mut file = match opened {
            Ok(file) => file,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(failed(&why)),
        };
        let mut looking = Looking::default();
        let mut buffer = vec![0; 64 << 10];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(Some(looking.seen())),
                Ok(read) => looking.take(&buffer[..read]),
                Err(why) if why.kind() == io::ErrorKind::IsADirectory => return Ok(None),
                Err(why) => return Err(failed(&why)),
            }
        }
    }
}

fn known_table(connection: &rusqlite::Connection, table: &str) -> Result<(), String> {
    let names = sqlite::names(connection).map_err(|why| why.to_string())?;
    if names.iter().any(|name| name == table) {
        Ok(())
    } else {
        Err(format!("there is no table `{table}`"))
    }
}
