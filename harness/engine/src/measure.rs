//! What lies below a folder, and the digest of a file or folder: what evidence says of a recovery point
//! has to be about these bytes.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// What a recovery point measures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Bytes of its files.
    pub bytes: u64,
    /// Its files: 1 where it is a file itself.
    pub files: u64,
    /// BLAKE3: of the bytes of a file; of a folder over names, links and the digests of its files.
    pub blake3: String,
}

/// Measures a file or a folder.
///
/// # Errors
/// What the file system says.
pub fn measure(path: &Path) -> io::Result<Measured> {
    if !fs::metadata(path)?.is_dir() {
        let (bytes, digest) = digest_of(path)?;
        return Ok(Measured {
            bytes,
            files: 1,
            blake3: digest.to_hex().to_string(),
        });
    }
    let names = names_below(path)?;
    let mut hasher = blake3::Hasher::new();
    let (mut bytes, mut files) = (0, 0);
    for name in &names {
        let inside = path.join(name);
        let kind = fs::symlink_metadata(&inside)?.file_type();
        hasher.update(name.as_os_str().as_encoded_bytes());
        hasher.update(b"\0");
        if kind.is_symlink() {
            hasher.update(fs::read_link(&inside)?.as_os_str().as_encoded_bytes());
        } else if kind.is_file() {
            let (length, digest) = digest_of(&inside)?;
            bytes += length;
            files += 1;
            hasher.update(digest.as_bytes());
        }
    }
    Ok(Measured {
        bytes,
        files,
        blake3: hasher.finalize().to_hex().to_string(),
    })
}

fn digest_of(path: &Path) -> io::Result<(u64, blake3::Hash)> {
    let mut hasher = blake3::Hasher::new();
    let bytes = io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok((bytes, hasher.finalize()))
}

/// Every name below a folder, the folders among them, in their order. Links are not followed.
///
/// # Errors
/// What the file system says.
pub fn names_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    walk(folder, folder, &mut names)?;
    names.sort();
    Ok(names)
}

fn walk(root: &Path, folder: &Path, names: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        names.push(path.strip_prefix(root).unwrap_or(&path).to_owned());
        if fs::symlink_metadata(&path)?.is_dir() {
            walk(root, &path, names)?;
        }
    }
    Ok(())
}
