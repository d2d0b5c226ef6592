//! Recovery points that phoenix did not make: what a file or folder is, told by its content and
//! never by its name, which stores take it, and what it is worth as evidence.

mod head;
mod look;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;

pub use look::Looking;

/// What a recovery point is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A dump of `pg_dump` in its custom format.
    PgCustom,
    /// A dump of `pg_dump` as SQL.
    PgPlain,
    /// A dump of `mysqldump` or `mariadb-dump`.
    Mysqldump,
    /// A database file of SQLite.
    Sqlite,
    /// A tar archive.
    Tar,
    /// A folder of files.
    Folder,
}

impl Kind {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::PgCustom => "a dump of pg_dump in its custom format",
            Self::PgPlain => "a dump of pg_dump as SQL",
            Self::Mysqldump => "a dump of mysqldump",
            Self::Sqlite => "a SQLite file",
            Self::Tar => "a tar archive",
            Self::Folder => "a folder",
        }
    }
}

/// A recovery point, looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// Whether it is packed by gzip.
    pub packed: bool,
}

impl Found {
    /// In words.
    #[must_use]
    pub fn words(self) -> String {
        let packed = if self.packed { ", packed by gzip" } else { "" };
        format!("{}{packed}", self.kind.words())
    }
}

/// A recovery point that a scenario restores into a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignPoint {
    /// The store.
    pub store: String,
    /// Where it is.
    pub path: PathBuf,
    /// As the scenario writes it.
    pub shown: String,
    /// What the keys of a bucket begin with, before the names of the folder.
    pub prefix: String,
}

/// Tells what is at a path.
///
/// # Errors
/// When nothing is there, it cannot be read, or it is none of the kinds; in words that say what to
/// do instead.
pub fn recognise(path: &Path) -> Result<Found, String> {
    let meta = std::fs::metadata(path).map_err(|why| match why.kind() {
        io::ErrorKind::NotFound => "there is nothing at this path".to_owned(),
        _ => format!("it cannot be read: {why}"),
    })?;
    if meta.is_dir() {
        return head::of_folder(path).map(|kind| Found {
            kind,
            packed: false,
        });
    }
    if !meta.is_file() {
        return Err("it is neither a file nor a folder".to_owned());
    }
    let unread = |why: io::Error| format!("it cannot be read: {why}");
    let start = head::start(File::open(path).map_err(unread)?).map_err(unread)?;
    if !start.starts_with(head::GZIP) {
        return head::of_file(&start).map(|kind| Found {
            kind,
            packed: false,
        });
    }
    let inner = head::start(open(path, true).map_err(unread)?)
        .map_err(|why| format!("it begins as gzip does, and cannot be unpacked: {why}"))?;
    let kind = head::of_file(&inner).map_err(|why| format!("unpacked, {why}"))?;
    Ok(Found { kind, packed: true })
}

/// Why a store of this kind cannot take what was found; `None` where it can.
#[must_use]
pub fn refused(engine: &str, found: Found) -> Option<String> {
    let (takes, unpacked): (&[Kind], &[Kind]) = match engine {
        "postgres" => (&[Kind::PgCustom, Kind::PgPlain], &[Kind::PgCustom]),
        "mysql" => (&[Kind::Mysqldump], &[]),
        "volume" => (&[Kind::Tar, Kind::Folder], &[]),
        "bucket" | "directory" => (&[Kind::Folder], &[]),
        "sqlite" => (&[Kind::Sqlite], &[Kind::Sqlite]),
        _ => (&[], &[]),
    };
    if takes.is_empty() {
        return Some(format!(
            "it is {}, and a {engine} store takes no recovery point that phoenix did not make",
            found.words()
        ));
    }
    if !takes.contains(&found.kind) {
        let takes: Vec<&str> = takes.iter().map(|kind| kind.words()).collect();
        return Some(format!(
            "it is {}, and a {engine} store takes {}",
            found.words(),
            takes.join(", or ")
        ));
    }
    (found.packed && unpacked.contains(&found.kind))
        .then(|| format!("it is {}: unpack it first", found.words()))
}

/// What a path is, if the store of this kind takes it.
///
/// # Errors
/// See [`recognise`] and [`refused`].
pub fn admitted(engine: &str, path: &Path) -> Result<Found, String> {
    let found = recognise(path)?;
    match refused(engine, found) {
        Some(why) => Err(why),
        None => Ok(found),
    }
}

/// Whether the path of a file of a store leads into it, and nowhere else.
#[must_use]
pub fn leads_inside(path: &str) -> bool {
    let mut parts = Path::new(path).components();
    parts.all(|part| matches!(part, Component::Normal(_)))
}

/// The bytes of a file, unpacked where it is packed. A packed file that was cut, or that is not what
/// its sums say, ends in an error.
///
/// # Errors
/// When the file cannot be opened.
pub fn open(path: &Path, packed: bool) -> io::Result<Box<dyn Read + Send>> {
    let file = io::BufReader::with_capacity(256 << 10, File::open(path)?);
    Ok(if packed {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    })
}

#[cfg(test)]
mod tests;
