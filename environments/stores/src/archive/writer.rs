//! A folder of this machine as a tar archive in the standard form, piece by piece.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use phoenix_engine::measure::names_below;

use super::BLOCK;

/// Writes a folder: what is in it, in the order of its names, and the folder itself as `.`. Numbers of
/// owners and modes are those that the files have here; a file of several names is written as often.
///
/// # Errors
/// What the file system says; a file that changes its length while it is read; what is neither file,
/// folder nor link; and what `give` says.
pub(crate) fn write(
    folder: &Path,
    give: &mut dyn FnMut(Vec<u8>) -> io::Result<()>,
) -> io::Result<()> {
    // The folder itself comes first.
    let names = [PathBuf::new()].into_iter().chain(names_below(folder)?);
    for name in names {
        let path = folder.join(&name);
        let of = |why: io::Error| io::Error::other(format!("{}: {why}", path.display()));
        let meta = fs::symlink_metadata(&path).map_err(of)?;
        let shown = [b"./", name.as_os_str().as_bytes()].concat();
        let kind = meta.file_type();
        if kind.is_file() {
            give(header(&shown, b'0', b"", meta.len(), &meta))?;
            body(&path, meta.len(), give).map_err(of)?;
        } else if kind.is_dir() {
            give(header(&shown, b'5', b"", 0, &meta))?;
        } else if kind.is_symlink() {
            let target = fs::read_link(&path).map_err(of)?;
            give(header(
                &shown,
                b'2',
                target.as_os_str().as_bytes(),
                0,
                &meta,
            ))?;
        } else {
            return Err(of(io::Error::other("it is neither file, folder nor link")));
        }
    }
    give(vec![0; 2 * BLOCK])
}

fn body(
    path: &Path,
    length: u64,
    give: &mut dyn FnMut(Vec<u8>) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut left = length;
    loop {
        let mut piece = vec![0; 256 << 10];
        let read = file.read(&mut piece)?;
        if read == 0 {
            break;
        }
        left = left
            .checked_sub(read as u64)
            .ok_or_else(|| io::Error::other("it grew while it was read"))?;
        piece.truncate(read);
        give(piece)?;
    }
    if left > 0 {
        return Err(io::Error::other("it shrank while it was read"));
    }
    let over = usize::try_from(length % BLOCK as u64).unwrap_or(0);
    if over > 0 {
        give(vec![0; BLOCK - over])?;
    }
    Ok(())
}

/// A header, with the records before it that hold what does not fit.
fn header(path: &[u8], kind: u8, target: &[u8], size: u64, meta: &Metadata) -> Vec<u8> {
    let mut records = Vec::new();
    let mut note = |key: &str, value: &[u8]| records.extend(record(key, value));
    note("path", path);
    if !target.is_empty() {
        note("linkpath", target);
    }
    note("size", size.to_string().as_bytes());
    note("uid", meta.uid().to_string().as_bytes());
    note("gid", meta.gid().to_string().as_bytes());
    let mtime = format!("{}.{:09}", meta.mtime(), meta.mtime_nsec());
    note("mtime", mtime.as_bytes());
    let mut out = block(b"./PaxHeaders", b'x', records.len() as u64, 0o644).to_vec();
    out.extend(&records);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
    out.extend(block(path, kind, size, meta.mode() & 0o7777));
    out
}

/// `length key=value\n`, whose length counts its own digits.
fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    let mut out = format!("{length} {key}=").into_bytes();
    out.extend(value);
    out.push(b'\n');
    out
}

fn block(path: &[u8], kind: u8, size: u64, mode: u32) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let short = &path[..path.len().min(100)];
    block[..short.len()].copy_from_slice(short);
    let mut octal = |at: usize, width: usize, number: u64| {
        let digits = format!("{number:0width$o}", width = width - 1);
        // One that does not fit stands in the records.
        if digits.len() < width {
            block[at..at + digits.len()].copy_from_slice(digits.as_bytes());
        }
    };
    octal(100, 8, u64::from(mode));
    octal(108, 8, 0);
    octal(116, 8, 0);
    octal(124, 12, size);
    octal(136, 12, 0);
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    block[148..156].fill(b' ');
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    block[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
    block[154] = 0;
    block
}
