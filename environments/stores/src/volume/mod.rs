//! A Docker volume: its files, read and written by a helper container.
//!
//! The fingerprint is computed from the archive while it streams by, so that it is the fingerprint of
//! the very bytes that lie in the recovery point. Only names, attributes and digests are held. What
//! the helper runs is in `local/runbooks/volume-restore.md`, word for word.

mod foreign;
mod helper;
mod look;
mod manifest;
mod point;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker;
use bytes::Bytes;
use phoenix_engine::environment::{DirectCopy, DriverError, FileSeen, Fingerprint, Loaded};
use phoenix_engine::foreign::ForeignPoint;
use tokio::io::AsyncRead;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::archive::{Reader, Visitor};
use crate::{Form, Store, Taken};
use helper::{AT, Command, Ended, script};
use look::{Collecting, Searching};
use manifest::Taking;

/// The page by which people restore a volume.
pub const RESTORE: &str = include_str!("../../../../local/runbooks/volume-restore.md");

/// Folder of canaries that were written straight into the volume.
const CANARIES: &str = ".phoenix-canary";
/// How often a volume is read again when files changed under the reader.
const ATTEMPTS: u32 = 3;
/// Pieces of an archive that wait for whoever reads them.
const WAITING: usize = 64;

/// A volume of the engine as a store.
pub struct VolumeStore {
    docker: Docker,
    volume: String,
    image: String,
    run: String,
    without: Vec<String>,
}

impl VolumeStore {
    /// A volume by its name. `image` is what helpers are made from (GNU tar, find and a shell), `run`
    /// is the value of their label `phoenix.run`. Folders in `without`, relative to the volume, are
    /// stores of their own and left out of everything.
    #[must_use]
    pub fn new(docker: Docker, volume: &str, image: &str, run: &str, without: &[String]) -> Self {
        Self {
            docker,
            volume: volume.to_owned(),
            image: image.to_owned(),
            run: run.to_owned(),
            without: without
                .iter()
                .map(|folder| folder.trim_matches('/').to_owned())
                .collect(),
        }
    }

    /// What no other incarnation has: the label `phoenix.incarnation` where there is one, and the
    /// engine's time of creation, which is told in seconds. `None` when no such volume is there.
    ///
    /// # Errors
    /// When the engine cannot be asked.
    pub async fn identity(&self) -> Result<Option<String>, DriverError> {
        match self.docker.inspect_volume(&self.volume).await {
            Ok(volume) => {
                let born = volume.created_at.map(|at| format!("{at:?}"));
                let born = born.unwrap_or_default();
                let incarnation = volume.labels.get("phoenix.incarnation");
                // Old engines tell the last change of the folder as its creation.
                Ok(Some(match incarnation {
                    Some(label) => format!("{}:{label}", self.volume),
                    None => format!("{}:{born}", self.volume),
                }))
            }
            Err(why) if is_missing(&why) => Ok(None),
            Err(why) => Err(self.failed("identify", &why)),
        }
    }

    fn failed(&self, doing: &str, why: &dyn std::fmt::Display) -> DriverError {
        DriverError::new(format!("{doing} the volume {}", self.volume), why)
    }

    /// Mounting a volume that is not there would make an empty one.
    async fn is_there(&self) -> Result<(), String> {
        match self.docker.inspect_volume(&self.volume).await {
            Ok(_) => Ok(()),
            Err(why) if is_missing(&why) => Err("there is no such volume".to_owned()),
            Err(why) => Err(why.to_string()),
        }
    }

    async fn run(
        &self,
        read_only: bool,
        script: &str,
        arguments: &[String],
        input: Option<&mut (dyn AsyncRead + Send + Unpin)>,
        output: mpsc::Sender<Bytes>,
    ) -> Result<Ended, String> {
        self.is_there().await?;
        Command {
            docker: &self.docker,
            image: &self.image,
            run: &self.run,
            volume: &self.volume,
            read_only,
            script,
            arguments,
        }
        .run(input, output)
        .await
    }

    /// A command with little output and no failure that is no error.
    async fn say(
        &self,
        read_only: bool,
        script: &str,
        arguments: &[String],
        mut input: Option<&[u8]>,
    ) -> Result<Vec<u8>, String> {
        let (output, mut heard) = mpsc::channel::<Bytes>(WAITING);
        let collect = async move {
            let mut all = Vec::new();
            while let Some(piece) = heard.recv().await {
                all.extend_from_slice(&piece);
            }
            all
        };
        let input = input
            .as_mut()
            .map(|bytes| bytes as &mut (dyn AsyncRead + Send + Unpin));
        let (ended, all) = tokio::join!(
            self.run(read_only, script, arguments, input, output),
            collect
        );
        let ended = ended?;
        if ended.status == 0 {
            Ok(all)
        } else {
            Err(format!("status {}: {}", ended.status, ended.complaints))
        }
    }

    /// Streams the archive of the volume, or of a part of it, past a worker on a thread of its own.
    async fn archive<T, W>(&self, part: &[String], worker: W) -> Result<(T, Ended), String>
    where
        T: Send + 'static,
        W: FnOnce(mpsc::Receiver<Bytes>, CancellationToken) -> Result<T, String> + Send + 'static,
    {
        let script = script("backup", false)?;
        let (output, pieces) = mpsc::channel(WAITING);
        let over = CancellationToken::new();
        let working = tokio::task::spawn_blocking({
            let over = over.clone();
            move || worker(pieces, over)
        });
        let _when_given_up = over.drop_guard();
        let mut arguments: Vec<String> = self
            .without
            .iter()
            .map(|folder| format!("--exclude=./{folder}"))
            .collect();
        arguments.extend_from_slice(part);
        let ended = self.run(true, &script, &arguments, None, output).await;
        let worked = working
            .await
            .map_err(|why| format!("a reader broke off: {why}"))?;
        // A worker that failed hung up, and the helper's end is only what followed from it. But a
        // helper that failed is why an archive ends early.
        let ended = match (ended, &worked) {
            (Ok(ended), _) => ended,
            (Err(_), Err(why)) if !why.contains(EARLY) => return Err(why.clone()),
            (Err(why), _) => return Err(why),
        };
        if ended.status != 0 {
            return Err(format!(
                "tar ended with {}: {}",
                ended.status, ended.complaints
            ));
        }
        Ok((worked?, ended))
    }

    async fn manifest(&self) -> Result<(manifest::Manifest, Fingerprint), String> {
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            match self
                .archive(&[], |pieces, over| read(pieces, Taking::until(over)))
                .await
            {
                Ok((taking, ended)) => {
                    let manifest = taking.manifest()?;
                    let sockets = sockets(&ended.complaints);
                    let print = manifest::fingerprint(&manifest, &self.without, sockets);
                    return Ok((manifest, print));
                }
                Err(why) if has_moved(&why) => last = why,
                Err(why) => return Err(why),
            }
        }
        Err(still_moving(&last))
    }
}

/// What a reader says of an archive that only stops.
const EARLY: &str = "ends before its end";

fn is_missing(why: &bollard::errors::Error) -> bool {
    matches!(
        why,
        bollard::errors::Error::DockerResponseServerError {
            status_code: 404,
            ..
        }
    )
}

/// Whether a failure is that of a reader under whom files change.
fn has_moved(why: &str) -> bool {
    why.starts_with("tar ended with 1:")
}

fn still_moving(last: &str) -> String {
    format!(
        "files changed while they were read, {ATTEMPTS} times; stop what writes into it. {last}"
    )
}

/// Sockets that tar said it leaves out.
fn sockets(complaints: &str) -> usize {
    complaints.matches("socket ignored").count()
}

/// Reads an archive to its end.
fn read<V: Visitor>(mut pieces: mpsc::Receiver<Bytes>, visitor: V) -> Result<V, String> {
    let mut reader = Reader::new(visitor);
    while let Some(piece) = pieces.blocking_recv() {
        reader.feed(&piece)?;
    }
    reader.finish()
}

#[async_trait]
impl Store for VolumeStore {
    async fn ready(&self, within: Duration) -> Result<(), DriverError> {
        let asked = tokio::time::timeout(within, self.is_there()).await;
        asked
            .unwrap_or_else(|_| Err(format!("the engine did not answer within {within:?}")))
            .map_err(|why| self.failed("find", &why))
    }

    async fn backup(&self, _form: Form, into: &Path) -> Result<Taken, DriverError> {
        let fail = |why: String| self.failed("back up", &why);
        let into: Arc<Path> = into.into();
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            let folder = Arc::clone(&into);
            let streamed =
                self.archive(&[], move |pieces, over| point::write(&folder, pieces, over));
            match streamed.await {
                Ok((point, ended)) => {
                    let sockets = sockets(&ended.complaints);
                    let manifest = point.keep().map_err(fail)?;
                    let print = manifest::fingerprint(&manifest, &self.without, sockets);
                    return Ok(Taken {
                        fingerprint: Some(print),
                    });
                }
                Err(why) if has_moved(&why) => last = why,
                Err(why) => return Err(fail(why)),
            }
        }
        Err(fail(still_moving(&last)))
    }

    async fn restore(&self, from: &Path) -> Result<u64, DriverError> {
        let fail = |why: String| self.failed("restore", &why);
        let held = self.count(true).await.map_err(fail)?;
        if held > 0 {
            return Err(fail(format!(
                "it holds {held} entries; a recovery point goes into a fresh volume only"
            )));
        }
        let script = script("restore", true).map_err(fail)?;
        let mut archive = point::Opened::open(from).await.map_err(fail)?;
        let (output, _silent) = mpsc::channel(1);
        let ended = self
            .run(false, &script, &[], Some(&mut archive), output)
            .await;
        // Damage comes first: what tar says about it is only what follows.
        let (bytes, wanted) = archive.close().map_err(fail)?;
        let ended = ended.map_err(fail)?;
        if ended.status != 0 || !ended.complaints.is_empty() {
            return Err(fail(format!(
                "tar ended with {}: {}",
                ended.status, ended.complaints
            )));
        }
        let (_, now) = self.manifest().await.map_err(fail)?;
        let wanted = manifest::fingerprint(&wanted, &self.without, 0);
        let lines = manifest::compare(&wanted, &now);
        if lines.is_empty() {
            return Ok(bytes);
        }
        Err(fail(format!(
            "what is there now is not what was backed up: {}",
            lines.join("; ")
        )))
    }

    /// An archive or a folder. Of a folder the numbers of owners and the modes are those that its
    /// files have here, and times come back.
    async fn restore_foreign(&self, point: &ForeignPoint) -> Result<Loaded, DriverError> {
        self.load_foreign(point).await
    }

    async fn file(&self, path: &str) -> Result<Option<FileSeen>, DriverError> {
        self.look_at(path).await
    }

    async fn fingerprint(&self) -> Result<Option<Fingerprint>, DriverError> {
        let taken = self.manifest().await;
        taken
            .map(|(_, print)| Some(print))
            .map_err(|why| self.failed("fingerprint", &why))
    }

    fn compare(&self, before: &Fingerprint, after: &Fingerprint) -> Vec<String> {
        manifest::compare(before, after)
    }

    async fn write_direct(&self, copy: &DirectCopy) -> Result<bool, DriverError> {
        let fail = |why: String| self.failed("write straight into", &why);
        if copy.marker.is_empty() || copy.marker.starts_with('.') || copy.marker.contains('/') {
            return Err(fail(format!("`{}` is no name of a file", copy.marker)));
        }
        let script = format!("mkdir -p {AT}/{CANARIES} && cat > {AT}/{CANARIES}/\"$1\"");
        let arguments = [copy.marker.clone()];
        self.say(false, &script, &arguments, Some(copy.text.as_bytes()))
            .await
            .map_err(fail)?;
        Ok(true)
    }

    async fn list_direct(&self) -> Result<Vec<DirectCopy>, DriverError> {
        let fail = |why: String| self.failed("read straight from", &why);
        let script = format!(
            "if test -d {AT}/{CANARIES}; then tar -c -C {AT} --format=posix {CANARIES}; fi"
        );
        let archive = self.say(true, &script, &[], None).await.map_err(fail)?;
        if archive.is_empty() {
            return Ok(Vec::new());
        }
        let mut reader = Reader::new(Collecting::default());
        reader.feed(&archive).map_err(fail)?;
        let mut copies = reader.finish().map_err(fail)?.copies;
        copies.sort_by(|a, b| a.marker.cmp(&b.marker));
        Ok(copies)
    }

    async fn find_text(&self, text: &str) -> Result<bool, DriverError> {
        let searching = Searching::new(text);
        let part = [format!("--exclude=./{CANARIES}")];
        let read = self
            .archive(&part, |pieces, _over| read(pieces, searching))
            .await;
        read.map(|(searched, _)| searched.found)
            .map_err(|why| self.failed("look for a text in", &why))
    }

    async fn holds(&self) -> Result<u64, DriverError> {
        let counted = self.count(false).await;
        counted.map_err(|why| self.failed("count what is in", &why))
    }

    async fn sql(&self, _query: &str) -> Result<Vec<String>, DriverError> {
        Err(self.failed("ask", &"it is no database"))
    }

    async fn execute(&self, _statement: &str, _values: &[String]) -> Result<u64, DriverError> {
        Err(self.failed("change", &"it is no database"))
    }
}
