//! Archives and folders that phoenix did not make.

use std::io;
use std::path::Path;

use bytes::Bytes;
use phoenix_engine::environment::{DriverError, FileSeen, Loaded};
use phoenix_engine::foreign::{self, ForeignPoint, Found, Kind};
use tokio::sync::mpsc;
use tokio_util::io::StreamReader;

use super::helper::AT;
use super::helper::script;
use super::manifest::{self, Manifest, Taking};
use super::{VolumeStore, WAITING};
use crate::archive::{Reader, writer};

/// How much of a file is shown: what the trait allows.
const SHOWN: usize = phoenix_engine::environment::FILE_START;

impl VolumeStore {
    /// Feeds the archive, or a folder as one, to the runbook's command, and compares what is there
    /// then with what is in it.
    pub(super) async fn load_foreign(&self, point: &ForeignPoint) -> Result<Loaded, DriverError> {
        let doing = format!("restore from {} into", point.shown);
        let fail = |why: String| self.failed(&doing, &why);
        let path = point.path.clone();
        let found = tokio::task::spawn_blocking(move || foreign::admitted("volume", &path))
            .await
            .map_err(|why| fail(why.to_string()))?
            .map_err(fail)?;
        let held = self.count(true).await.map_err(fail)?;
        if held > 0 {
            return Err(fail(format!(
                "it holds {held} entries; a recovery point goes into a fresh volume only: `destroy` and \
                 `rebuild` have to come before"
            )));
        }
        let wanted = self.feed(&point.path, found).await.map_err(fail)?;
        let (now, _) = self.manifest().await.map_err(fail)?;
        let lines = manifest::differences_of(&wanted, &now);
        if !lines.is_empty() {
            return Err(fail(format!(
                "what is there now is not what is in it: {}",
                lines.join("; ")
            )));
        }
        let files = self.count(false).await.map_err(fail)?;
        Ok(Loaded {
            says: format!("{} entries, {files} files", wanted.len()),
        })
    }

    async fn feed(&self, path: &Path, found: Found) -> Result<Manifest, String> {
        let (give, pieces) = mpsc::channel::<io::Result<Bytes>>(WAITING);
        let path = path.to_owned();
        let reading = tokio::task::spawn_blocking(move || read(&path, found, &give));
        let pieces = futures::stream::unfold(pieces, |mut pieces| async move {
            let piece = pieces.recv().await?;
            Some((piece, pieces))
        });
        let mut archive = StreamReader::new(Box::pin(pieces));
        let script = script("restore", true)?;
        let (output, _silent) = mpsc::channel(1);
        let ended = self
            .run(false, &script, &[], Some(&mut archive), output)
            .await;
        // Nobody takes the rest of what a tool refused.
        drop(archive);
        // Damage comes first: what tar says about it is only what follows.
        let wanted = reading.await.map_err(|why| why.to_string())?;
        let ended = match (&wanted, ended) {
            (Err(Broken::Read(why)), _) => return Err(why.clone()),
            (_, ended) => ended?,
        };
        if ended.status != 0 || !ended.complaints.is_empty() {
            return Err(format!(
                "tar ended with {}: {}",
                ended.status, ended.complaints
            ));
        }
        wanted.map_err(|_| "tar did not read the archive to its end".to_owned())
    }

    pub(super) async fn look_at(&self, path: &str) -> Result<Option<FileSeen>, DriverError> {
        let fail = |why: String| self.failed(&format!("read {path} from"), &why);
        if !foreign::leads_inside(path) {
            return Err(fail("its path has to lead into the volume".to_owned()));
        }
        let script = format!(
            "if test -f \"{AT}/$1\"; then wc -c < \"{AT}/$1\"; sha256sum < \"{AT}/$1\" | cut -c1-64; \
             head -c {SHOWN} \"{AT}/$1\"; fi"
        );
        let said = self
            .say(true, &script, &[path.to_owned()], None)
            .await
            .map_err(fail)?;
        if said.is_empty() {
            return Ok(None);
        }
        let mut parts = said.splitn(3, |byte| *byte == b'\n');
        let mut text = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
        let (bytes, sha256) = (text(), text());
        let start = parts.next().unwrap_or_default().to_vec();
        let bytes = bytes
            .trim()
            .parse()
            .map_err(|_| fail(format!("a length that is none: {bytes}")))?;
        Ok(Some(FileSeen {
            bytes,
            sha256,
            start,
        }))
    }
}

/// Why a point was not read to its end.
enum Broken {
    /// It could not be read.
    Read(String),
    /// Nobody took it any more.
    HungUp,
}

/// Gives the archive, and takes its manifest.
fn read(
    path: &Path,
    found: Found,
    give: &mpsc::Sender<io::Result<Bytes>>,
) -> Result<Manifest, Broken> {
    let mut reader = Reader::new(Taking::default());
    let mut trouble: Option<String> = None;
    let mut hung_up = false;
    let mut take = |piece: Vec<u8>| {
        if trouble.is_none() {
            trouble = reader.feed(&piece).err();
        }
        hung_up = hung_up || give.blocking_send(Ok(piece.into())).is_err();
    };
    let whole = if found.kind == Kind::Folder {
        writer::write(path, &mut |piece| {
            take(piece);
            Ok(())
        })
    } else {
        crate::foreign::pass(path, found.packed, &mut |bytes| take(bytes.to_vec()))
    };
    let broken = |why: String| {
        // The tool must not take the end of what came for the end of the archive.
        let _gone = give.blocking_send(Err(io::Error::other(why.clone())));
        Broken::Read(why)
    };
    if let Err(why) = whole {
        return Err(broken(why.to_string()));
    }
    if let Some(why) = trouble {
        return Err(broken(why));
    }
    let manifest = reader.finish().and_then(Taking::manifest).map_err(broken)?;
    if hung_up {
        return Err(Broken::HungUp);
    }
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_becomes_an_archive_that_reads_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let long = "n".repeat(150);
        std::fs::create_dir(root.join(&long)).expect("a folder");
        std::fs::write(root.join(&long).join("file"), vec![7; 100_000]).expect("written");
        std::fs::write(root.join("nothing"), b"").expect("written");
        std::os::unix::fs::symlink("../nowhere", root.join("link")).expect("a link");
        let (give, mut pieces) = mpsc::channel(1_000);
        let found = Found {
            kind: Kind::Folder,
            packed: false,
        };
        let Ok(manifest) = read(root, found, &give) else {
            panic!("it can be read");
        };
        drop(give);
        let names: Vec<&String> = manifest.keys().collect();
        assert_eq!(
            names,
            [".", "link", &long, &format!("{long}/file"), "nothing"]
        );
        let mut length = 0;
        while let Some(piece) = pieces.blocking_recv() {
            length += piece.expect("a piece").len();
        }
        assert_eq!(length % 512, 0);
        assert!(length > 100_000, "{length}");
    }
}
