//! A recovery point of a volume on disk: the archive, and beside it what it must be.

use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::manifest::{Manifest, Taking};
use crate::archive::Reader;
use crate::manifest::short;

const ARCHIVE: &str = "volume.tar";
const PARTIAL: &str = "volume.tar.partial";
const SEAL: &str = "volume.json";

/// What an archive must be.
#[derive(Serialize, Deserialize)]
struct Seal {
    bytes: u64,
    digest: String,
}

/// An archive that is complete and has no name yet. Dropped, it is gone.
pub(super) struct Written {
    partial: PathBuf,
    folder: PathBuf,
    seal: Seal,
    manifest: Manifest,
    kept: bool,
}

/// Removes what was written, unless it became an archive.
struct Partial(Option<PathBuf>);

impl Drop for Partial {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _best_effort = fs::remove_file(path);
        }
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if !self.kept {
            let _best_effort = fs::remove_file(&self.partial);
        }
    }
}

/// Writes an archive and takes its manifest, piece by piece.
pub(super) fn write(
    folder: &Path,
    mut pieces: mpsc::Receiver<Bytes>,
    over: CancellationToken,
) -> Result<Written, String> {
    let path = folder.join(PARTIAL);
    let failed = |why: io::Error| format!("write {}: {why}", path.display());
    let mut partial = Partial(Some(path.clone()));
    let file = fs::File::create(&path).map_err(failed)?;
    let mut file = BufWriter::with_capacity(1 << 20, file);
    let mut hasher = blake3::Hasher::new();
    let mut reader = Reader::new(Taking::until(over));
    let mut bytes = 0;
    while let Some(piece) = pieces.blocking_recv() {
        file.write_all(&piece).map_err(failed)?;
        hasher.update(&piece);
        reader.feed(&piece)?;
        bytes += piece.len() as u64;
    }
    let manifest = reader.finish()?.manifest()?;
    let file = file.into_inner().map_err(|why| failed(why.into_error()))?;
    file.sync_all().map_err(failed)?;
    partial.0 = None;
    Ok(Written {
        partial: path,
        folder: folder.to_owned(),
        seal: Seal {
            bytes,
            digest: short(&hasher.finalize()),
        },
        manifest,
        kept: false,
    })
}

impl Written {
    /// Gives it its name.
    pub(super) fn keep(mut self) -> Result<Manifest, String> {
        let keep = || -> io::Result<()> {
            let seal = serde_json::to_vec(&self.seal).map_err(io::Error::other)?;
            fs::write(self.folder.join(SEAL), seal)?;
            fs::rename(&self.partial, self.folder.join(ARCHIVE))
        };
        keep().map_err(|why| format!("keep the archive in {}: {why}", self.folder.display()))?;
        self.kept = true;
        Ok(std::mem::take(&mut self.manifest))
    }
}

/// An archive that is being read: held against its seal, its manifest taken again.
pub(super) struct Opened {
    file: tokio::fs::File,
    seal: Seal,
    bytes: u64,
    hasher: blake3::Hasher,
    reader: Reader<Taking>,
    trouble: Option<String>,
}

impl Opened {
    pub(super) async fn open(folder: &Path) -> Result<Self, String> {
        let seal = fs::read(folder.join(SEAL))
            .map_err(|why| format!("{} is no recovery point: {why}", folder.display()))?;
        let seal: Seal = serde_json::from_slice(&seal)
            .map_err(|why| format!("the recovery point is damaged: {why}"))?;
        let file = tokio::fs::File::open(folder.join(ARCHIVE))
            .await
            .map_err(|why| format!("open {ARCHIVE}: {why}"))?;
        Ok(Self {
            file,
            seal,
            bytes: 0,
            hasher: blake3::Hasher::new(),
            reader: Reader::new(Taking::default()),
            trouble: None,
        })
    }

    /// Bytes read and the manifest, if all that was read is what was written.
    pub(super) fn close(self) -> Result<(u64, Manifest), String> {
        let digest = short(&self.hasher.finalize());
        if self.bytes != self.seal.bytes || digest != self.seal.digest {
            return Err(format!(
                "the recovery point is damaged, or could not be read to its end: {} bytes with the \
                 digest {digest}, where {} bytes with {} were written; what was put back so far is \
                 not whole{}",
                self.bytes,
                self.seal.bytes,
                self.seal.digest,
                self.trouble
                    .map(|why| format!(" ({why})"))
                    .unwrap_or_default()
            ));
        }
        if let Some(why) = self.trouble {
            return Err(why);
        }
        Ok((self.bytes, self.reader.finish()?.manifest()?))
    }
}

impl AsyncRead for Opened {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.file).poll_read(context, buffer);
        let this = &mut *self;
        let piece = &buffer.filled()[before..];
        this.bytes += piece.len() as u64;
        this.hasher.update(piece);
        if this.trouble.is_none() {
            this.trouble = this.reader.feed(piece).err();
        }
        polled
    }
}
