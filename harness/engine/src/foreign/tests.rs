use std::io::Write as _;
use std::path::Path;

use super::*;
use crate::measure::measure;

const PLAIN: &[u8] = b"--\n-- PostgreSQL database dump\n--\n\n";
const MYSQL: &[u8] =
    b"/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB\n";

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("packed");
    encoder.finish().expect("packed")
}

fn tar(first: &[u8]) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..first.len()].copy_from_slice(first);
    block[257..263].copy_from_slice(b"ustar\0");
    block
}

fn told(folder: &Path, bytes: &[u8]) -> Result<Found, String> {
    // A name that says nothing, or the wrong thing.
    let path = folder.join("backup.txt");
    std::fs::write(&path, bytes).expect("written");
    recognise(&path)
}

#[test]
fn a_kind_is_told_by_content() {
    let folder = tempfile::tempdir().expect("a folder");
    for (bytes, kind) in [
        (b"PGDMP\x01\x0e\x00\x04\x08\x01".to_vec(), Kind::PgCustom),
        (PLAIN.to_vec(), Kind::PgPlain),
        (
            [b"\\restrict abc\n\n".as_slice(), PLAIN].concat(),
            Kind::PgPlain,
        ),
        (MYSQL.to_vec(), Kind::Mysqldump),
        (
            b"-- MySQL dump 10.13  Distrib 8.0.36\n".to_vec(),
            Kind::Mysqldump,
        ),
        (b"SQLite format 3\0rest".to_vec(), Kind::Sqlite),
        (tar(b"./"), Kind::Tar),
    ] {
        let found = told(folder.path(), &bytes).expect("known");
        assert_eq!((found.kind, found.packed), (kind, false));
        let found = told(folder.path(), &packed(&bytes)).expect("known");
        assert_eq!((found.kind, found.packed), (kind, true));
    }
    assert_eq!(recognise(folder.path()).expect("known").kind, Kind::Folder);
}

#[test]
fn what_it_is_not_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    for (bytes, why) in [
        (b"".to_vec(), "it is empty"),
        (packed(b""), "unpacked, it is empty"),
        (b"INSERT INTO t VALUES (1);\n".to_vec(), "it is none of"),
        (
            b"-- PostgreSQL database cluster dump\n".to_vec(),
            "pg_dumpall",
        ),
        (tar(b"toc.dat"), "as a tar archive"),
        (b"\x28\xb5\x2f\xfdrest".to_vec(), "packed or sealed by zstd"),
        (b"\x1f\x8bno gzip at all".to_vec(), "cannot be unpacked"),
    ] {
        let said = told(folder.path(), &bytes).expect_err("refused");
        assert!(said.contains(why), "{said}");
    }
    let missing = recognise(&folder.path().join("nothing")).expect_err("refused");
    assert!(missing.contains("nothing at this path"), "{missing}");
    std::fs::write(folder.path().join("toc.dat"), "x").expect("written");
    let directory = recognise(folder.path()).expect_err("refused");
    assert!(directory.contains("as a directory"), "{directory}");
}

#[test]
fn a_store_takes_what_its_tools_can_load_and_nothing_else() {
    let of = |kind, packed| Found { kind, packed };
    assert_eq!(refused("postgres", of(Kind::PgCustom, false)), None);
    assert_eq!(refused("postgres", of(Kind::PgPlain, true)), None);
    assert_eq!(refused("mysql", of(Kind::Mysqldump, true)), None);
    assert_eq!(refused("volume", of(Kind::Tar, true)), None);
    assert_eq!(refused("bucket", of(Kind::Folder, false)), None);
    let said = refused("sqlite", of(Kind::PgCustom, false)).expect("refused");
    assert_eq!(
        said,
        "it is a dump of pg_dump in its custom format, and a sqlite store takes a SQLite file"
    );
    let said = refused("postgres", of(Kind::PgCustom, true)).expect("refused");
    assert!(said.ends_with("unpack it first"), "{said}");
    let said = refused("memcached", of(Kind::Tar, false)).expect("refused");
    assert!(said.contains("takes no recovery point"), "{said}");
}

#[test]
fn a_measure_is_of_names_and_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    std::fs::create_dir(root.join("sub")).expect("a folder");
    std::fs::write(root.join("sub/a"), "one").expect("written");
    let first = measure(root).expect("measured");
    assert_eq!((first.bytes, first.files), (3, 1));
    std::fs::write(root.join("sub/a"), "two").expect("written");
    let second = measure(root).expect("measured");
    assert_ne!(first.blake3, second.blake3);
    std::fs::rename(root.join("sub/a"), root.join("sub/b")).expect("renamed");
    assert_ne!(second.blake3, measure(root).expect("measured").blake3);
    let file = measure(&root.join("sub/b")).expect("measured");
    assert_eq!(file.blake3, blake3::hash(b"two").to_hex().to_string());
}

#[test]
fn a_packed_file_that_was_cut_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cut");
    let noise: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let whole = packed(&noise);
    std::fs::write(&path, &whole[..whole.len() - 9]).expect("written");
    let mut bytes = Vec::new();
    let read = open(&path, true).expect("opened").read_to_end(&mut bytes);
    assert!(read.is_err(), "{} bytes came", bytes.len());
}
