//! Straight access to stores, past their applications: canaries, texts, counts, queries.

use phoenix_engine::environment::{DirectCopy, DriverError};
use phoenix_engine::stack::StoreKind;

use crate::driver::Embedded;
use crate::store::{directory, sqlite};

impl Embedded {
    /// Writes a canary straight into a store; whether the store takes one.
    pub(crate) fn write_straight(
        &self,
        store: &str,
        copy: &DirectCopy,
    ) -> Result<bool, DriverError> {
        let declared = self.store(store)?;
        let path = self.path(declared);
        let doing = || format!("write straight into {store}");
        match declared.kind {
            StoreKind::Database => sqlite::write_direct(&path, copy)
                .map(|()| true)
                .map_err(|why| DriverError::new(doing(), why)),
            StoreKind::Files => directory::write_direct(&path, copy)
                .map(|()| true)
                .map_err(|why| DriverError::new(doing(), why)),
            StoreKind::Bucket => self
                .bucket(declared)
                .and_then(|bucket| bucket.write_direct(copy))
                .map(|()| true)
                .map_err(|why| DriverError::new(doing(), why)),
            StoreKind::Memory => Ok(self.servers.write_direct(store, copy)),
        }
    }

    /// The canaries that were written straight into a store.
    pub(crate) fn list_straight(&self, store: &str) -> Result<Vec<DirectCopy>, DriverError> {
        let declared = self.store(store)?;
        let path = self.path(declared);
        let doing = || format!("read straight from {store}");
        match declared.kind {
            StoreKind::Database => {
                sqlite::list_direct(&path).map_err(|why| DriverError::new(doing(), why))
            }
            StoreKind::Memory => Ok(self.servers.list_direct(store)),
            StoreKind::Bucket => self
                .bucket(declared)
                .and_then(|bucket| bucket.list_direct())
                .map_err(|why| DriverError::new(doing(), why)),
            StoreKind::Files => {
                directory::list_direct(&path).map_err(|why| DriverError::new(doing(), why))
            }
        }
    }

    /// Whether a text stands anywhere in a store.
    pub(crate) fn find_straight(&self, store: &str, text: &str) -> Result<bool, DriverError> {
        let declared = self.store(store)?;
        let path = self.path(declared);
        let doing = || format!("look for a text in {store}");
        match declared.kind {
            StoreKind::Database => {
                sqlite::find_text(&path, text).map_err(|why| DriverError::new(doing(), why))
            }
            StoreKind::Memory => Ok(self.servers.find_text(store, text)),
            StoreKind::Bucket => self
                .bucket(declared)
                .and_then(|bucket| bucket.find_text(text))
                .map_err(|why| DriverError::new(doing(), why)),
            StoreKind::Files => directory::find_text(&path, text, &self.carried(declared))
                .map_err(|why| DriverError::new(doing(), why)),
        }
    }

    /// Rows, files, objects or entries of a store, canaries left out.
    pub(crate) fn count_straight(&self, store: &str) -> Result<u64, DriverError> {
        let declared = self.store(store)?;
        let path = self.path(declared);
        let fail = |why: &dyn std::fmt::Display| {
            DriverError::new(format!("count what {store} holds"), why)
        };
        match declared.kind {
            StoreKind::Database => sqlite::rows(&path).map_err(|why| fail(&why)),
            StoreKind::Files => directory::files_but(&path, &self.carried(declared))
                .map(|files| files.len() as u64)
                .map_err(|why| fail(&why)),
            StoreKind::Bucket => self
                .bucket(declared)
                .map(|bucket| bucket.objects().len() as u64)
                .map_err(|why| fail(&why)),
            StoreKind::Memory => Ok(self.servers.holds(store)),
        }
    }

    /// First column of every row of a query.
    pub(crate) fn query_straight(
        &self,
        store: &str,
        query: &str,
    ) -> Result<Vec<String>, DriverError> {
        let declared = self.store(store)?;
        let doing = format!("ask {store}");
        if declared.kind != StoreKind::Database {
            return Err(DriverError::new(doing, "it is no database"));
        }
        sqlite::query(&self.path(declared), query).map_err(|why| DriverError::new(doing, why))
    }
}
