//! The first bytes of a file, and what they say it is.

use std::io::{self, Read};
use std::path::Path;

use super::Kind;

/// How a file begins that is packed by gzip.
pub(super) const GZIP: &[u8] = b"\x1f\x8b";
/// How much of a file is looked at.
const LOOKED_AT: u64 = 64 << 10;
/// Within how many bytes a dump of SQL says what it is: before it stand at most a few settings.
const SAYS_WITHIN: usize = 4 << 10;

/// What is packed or sealed by a tool that is not undone here: its first bytes, and its name.
const SEALED: &[(&[u8], &str)] = &[
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"PK\x03\x04", "zip"),
    (b"7z\xbc\xaf", "7z"),
    (b"age-encryption.org/", "age (encrypted)"),
    (b"-----BEGIN PGP MESSAGE-----", "GnuPG (encrypted)"),
    (b"Salted__", "OpenSSL (encrypted)"),
];

/// The first bytes of a stream.
pub(super) fn start(from: impl Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    from.take(LOOKED_AT).read_to_end(&mut start)?;
    Ok(start)
}

/// What a file is that begins like this.
pub(super) fn of_file(start: &[u8]) -> Result<Kind, String> {
    if start.is_empty() {
        return Err("it is empty".to_owned());
    }
    if start.starts_with(b"PGDMP") {
        // After three bytes of its version and two sizes; other formats have such a list of contents
        // in a file of its own.
        return if start.get(10).is_none_or(|format| *format == 1) {
            Ok(Kind::PgCustom)
        } else {
            Err(
                "it is the list of contents of a dump of pg_dump, without its data: dump in custom \
                 format (`pg_dump --format=custom`)"
                    .to_owned(),
            )
        };
    }
    if start.starts_with(b"SQLite format 3\0") {
        return Ok(Kind::Sqlite);
    }
    if start.get(257..262) == Some(b"ustar") {
        return if start.starts_with(b"toc.dat\0") {
            Err(
                "it is a dump of pg_dump as a tar archive: dump it in custom format \
                 (`pg_dump --format=custom`), or turn it into SQL with pg_restore --file"
                    .to_owned(),
            )
        } else {
            Ok(Kind::Tar)
        };
    }
    if let Some((_, tool)) = SEALED.iter().find(|(magic, _)| start.starts_with(magic)) {
        return Err(format!(
            "it is packed or sealed by {tool}: undo that first (gzip is understood)"
        ));
    }
    of_text(&String::from_utf8_lossy(
        &start[..start.len().min(SAYS_WITHIN)],
    ))
}

fn of_text(text: &str) -> Result<Kind, String> {
    for line in text.lines() {
        if line.starts_with("-- PostgreSQL database cluster dump") {
            return Err(
                "it is a dump of a whole PostgreSQL cluster (pg_dumpall), which makes \
                        databases and roles of its own: dump the one database with pg_dump"
                    .to_owned(),
            );
        }
        if line.starts_with("-- PostgreSQL database dump") {
            return Ok(Kind::PgPlain);
        }
        if line.starts_with("-- MySQL dump ") || line.starts_with("-- MariaDB dump ") {
            return Ok(Kind::Mysqldump);
        }
    }
    Err(
        "it is none of: a dump of pg_dump (custom or SQL), of mysqldump, a SQLite file, a tar \
         archive, a folder. A dump without its comments (--compact, --skip-comments) does not say \
         whether it is whole, and is not taken"
            .to_owned(),
    )
}

/// What a folder is.
pub(super) fn of_folder(path: &Path) -> Result<Kind, String> {
    // That it can be listed at all is part of the answer.
    std::fs::read_dir(path).map_err(|why| format!("it cannot be read: {why}"))?;
    if path.join("toc.dat").is_file() {
        return Err(
            "it is a dump of pg_dump as a directory: dump it in custom format \
                    (`pg_dump --format=custom`)"
                .to_owned(),
        );
    }
    Ok(Kind::Folder)
}
