//! What one bucket takes from another.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::{Bucket, Refused, now_us, random_name};
use crate::objects::index::{Change, Version, Versioning};
use crate::objects::log::{Line, Log};

impl Bucket {
    /// Writes a change as another bucket had it, its bytes copied from there; bytes copied.
    pub(in crate::objects) fn take_over(
        &self,
        mut change: Change,
        from: &Path,
    ) -> Result<u64, Refused> {
        let mut copied = 0;
        if let Change::Put {
            version: Version {
                blob: Some(blob), ..
            },
            ..
        } = &mut change
        {
            let source = from.join("data").join(&blob.file);
            blob.file = random_name();
            let partial = self.folder.join("partial").join(&blob.file);
            copied = fs::copy(source, &partial)?;
            File::open(&partial)?.sync_data()?;
            fs::rename(&partial, self.file_of(blob))?;
        }
        self.commit(|_, _| Ok((Some(change), ())))?;
        Ok(copied)
    }

    /// Puts all that another bucket's folder holds into this one, versions and markers with their
    /// ids; bytes copied.
    ///
    /// # Errors
    /// When the folder holds no bucket, or something cannot be copied.
    pub fn copy_in(&self, from: &Path) -> io::Result<u64> {
        let (_, index) = Log::open(from)?;
        let mut bytes = 0;
        let mut take = |change| -> io::Result<()> {
            bytes += self.take_over(change, from)?;
            Ok(())
        };
        if index.versioning != Versioning::Off {
            take(Change::Versioning(index.versioning))?;
        }
        for (key, versions) in index.keys {
            for version in versions {
                take(Change::Put {
                    key: key.clone(),
                    version,
                })?;
            }
        }
        Ok(bytes)
    }

    /// Copies the bucket as of one moment into an empty folder, whatever is written meanwhile.
    ///
    /// # Errors
    /// What the file system says.
    pub fn copy_out(&self, to: &Path) -> io::Result<()> {
        let hold = self.hold();
        let index = self.index().clone();
        Self::lay_out(to)?;
        let mut changes = vec![Change::Versioning(index.versioning)];
        for (key, versions) in index.keys {
            for version in versions {
                if let Some(blob) = &version.blob {
                    let target = to.join("data").join(&blob.file);
                    fs::copy(self.file_of(blob), target)?;
                }
                let key = key.clone();
                changes.push(Change::Put { key, version });
            }
        }
        drop(hold);
        let (mut log, _) = Log::open(to)?;
        let lines: Vec<Line> = changes
            .into_iter()
            .map(|change| Line {
                at_us: now_us(),
                change,
            })
            .collect();
        log.append_all(&lines)
    }
}
