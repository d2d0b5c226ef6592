//! A folder of this machine copied into a volume of the run. The copy goes through the engine, which
//! may be another machine, and it goes one way: the folder is only ever read.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use bollard::query_parameters::UploadToContainerOptionsBuilder;
use bytes::{Bytes, BytesMut};
use futures::stream;
use phoenix_engine::environment::DriverError;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStdout, Command};

use super::Engine;

/// Longest time that the engine may take to unpack a copy.
const FILL_WITHIN: Duration = Duration::from_secs(1800);
/// Bytes that are read at a time.
const BLOCK: usize = 256 * 1024;
/// Names and hard links begin with that folder, symbolic links are as they are: the engine gives the
/// folder itself its owner and mode only if the archive calls it by a name.
const BELOW: &str = "--transform=flags=rSh;s,^\\.,volume,";

impl Engine {
    /// Copies what lies in a folder into a volume: owners by number, modes, links, sparse files and
    /// extended attributes as they are. Sockets are left out.
    ///
    /// # Errors
    /// When the folder cannot be read whole, or the engine cannot unpack it.
    pub async fn fill_volume(
        &self,
        image: &str,
        volume: &str,
        folder: &Path,
    ) -> Result<(), DriverError> {
        let doing = format!("copy {} into a volume of the run", folder.display());
        let fail = |why: bollard::errors::Error| DriverError::new(&doing, why);
        if !folder.is_dir() {
            // As the engine would: a folder that is not there is an empty one.
            return Ok(());
        }
        // It carries the volume, and is never started.
        let made = self
            .docker()
            .create_container(None, self.beside(image, volume))
            .await
            .map_err(fail)?;
        let copied = self.unpack(&made.id, folder, &doing).await;
        self.remove_container(&made.id).await?;
        copied
    }

    async fn unpack(&self, container: &str, folder: &Path, doing: &str) -> Result<(), DriverError> {
        let (mut tar, packed) = pack(folder).map_err(|why| DriverError::new(doing, why))?;
        let mut complaints = tar.stderr.take();
        let heard = async {
            let mut text = String::new();
            if let Some(complaints) = &mut complaints {
                let _cut = complaints.read_to_string(&mut text).await;
            }
            text
        };
        let options = UploadToContainerOptionsBuilder::new().path("/").build();
        let docker = self.docker().clone().with_timeout(FILL_WITHIN);
        let sent = docker.upload_to_container(
            container,
            Some(options),
            bollard::body_try_stream(blocks(packed)),
        );
        let (sent, heard) = tokio::join!(sent, heard);
        let ended = tar.wait().await;
        sent.map_err(|why| DriverError::new(doing, why))?;
        // 1: something changed while it was read, as it may in a folder that is used.
        match ended.map_err(|why| DriverError::new(doing, why))?.code() {
            Some(0 | 1) => Ok(()),
            _ => Err(DriverError::new(doing, heard.trim())),
        }
    }
}

fn pack(folder: &Path) -> std::io::Result<(Child, ChildStdout)> {
    let mut tar = Command::new("tar")
        .args(["--create", "--file=-", "--format=posix", "--numeric-owner"])
        .args(["--sparse", "--xattrs", "--warning=no-file-ignored", BELOW])
        .arg("--directory")
        .arg(folder)
        .arg(".")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let packed = tar
        .stdout
        .take()
        .ok_or_else(|| std::io::Error::other("tar has no output"))?;
    Ok((tar, packed))
}

fn blocks(packed: ChildStdout) -> impl futures::Stream<Item = std::io::Result<Bytes>> {
    stream::try_unfold(packed, |mut packed| async move {
        let mut block = BytesMut::with_capacity(BLOCK);
        let read = packed.read_buf(&mut block).await?;
        Ok((read > 0).then(|| (block.freeze(), packed)))
    })
}
