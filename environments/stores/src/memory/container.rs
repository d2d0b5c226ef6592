//! What is done in and to the container of a server.

use bollard::Docker;
use bollard::query_parameters::{
    StartContainerOptions, StopContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use bytes::Bytes;

use crate::container::{self, Command, Input};

/// A container by its id or name.
#[derive(Clone)]
pub(super) struct Container {
    pub(super) docker: Docker,
    pub(super) id: String,
}

impl Container {
    /// Runs a command in it; what it says, if it ends well.
    pub(super) async fn exec(&self, command: &[&str]) -> Result<String, String> {
        let failed = |why: &dyn std::fmt::Display| format!("run {}: {why}", command[0]);
        let call = Command {
            docker: &self.docker,
            container: &self.id,
            words: command,
            user: None,
            variables: &[],
        };
        let mut said = Vec::new();
        let ended = call.run(Input::Nothing, &mut said).await;
        let ended = ended.map_err(|why| failed(&why))?;
        ended.streamed.map_err(|why| failed(&why))?;
        let said = String::from_utf8_lossy(&said).into_owned();
        match ended.code {
            Some(0) => Ok(said),
            code => Err(format!(
                "{} ended with {code:?}: {} {said}",
                command[0],
                ended.words.told()
            )),
        }
    }

    /// One file of it.
    pub(super) async fn file(&self, path: &str) -> Result<Vec<u8>, String> {
        let read = container::file(&self.docker, &self.id, path, u64::MAX).await;
        read.map_err(|error| error.to_string())?
            .ok_or_else(|| format!("{path} is not there"))
    }

    /// Puts a file into a folder of it, also while it is stopped.
    pub(super) async fn put(
        &self,
        folder: &str,
        name: &str,
        owner: (u32, u32),
        bytes: &[u8],
    ) -> Result<(), String> {
        let options = UploadToContainerOptionsBuilder::default()
            .path(folder)
            .build();
        let archive = archive_of(name, owner, bytes)?;
        let put =
            self.docker
                .upload_to_container(&self.id, Some(options), bollard::body_full(archive));
        put.await
            .map_err(|why| format!("put {name} into {folder}: {why}"))
    }

    /// Ends its program; `seconds` until it is forced.
    pub(super) async fn stop(&self, seconds: i32) -> Result<(), String> {
        let options = StopContainerOptionsBuilder::default().t(seconds).build();
        let stopped = self.docker.stop_container(&self.id, Some(options)).await;
        stopped.map_err(|why| format!("stop the container: {why}"))
    }

    pub(super) async fn start(&self) -> Result<(), String> {
        let options = None::<StartContainerOptions>;
        let started = self.docker.start_container(&self.id, options).await;
        started.map_err(|why| format!("start the container: {why}"))
    }

    /// When it was started, which no other start of it has.
    pub(super) async fn started(&self) -> Result<String, String> {
        let found = self.docker.inspect_container(&self.id, None).await;
        let found = found.map_err(|why| why.to_string())?;
        let at = found.state.and_then(|state| state.started_at);
        Ok(format!(
            "{}:{}",
            found.id.unwrap_or_default(),
            at.unwrap_or_default()
        ))
    }
}

/// An archive of one file, which only its owner reads.
fn archive_of(name: &str, (uid, gid): (u32, u32), bytes: &[u8]) -> Result<Bytes, String> {
    let mut header = [0_u8; 512];
    let mut set =
        |at: usize, text: String| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    if name.len() >= 100 || bytes.len() >= 1 << 33 {
        return Err(format!("{name} does not fit into an archive"));
    }
    set(0, name.to_owned());
    set(100, "0000600".to_owned());
    set(108, format!("{uid:07o}"));
    set(116, format!("{gid:07o}"));
    set(124, format!("{:011o}", bytes.len()));
    set(136, format!("{:011o}", 0));
    set(148, " ".repeat(8));
    set(156, "0".to_owned());
    set(257, "ustar\x0000".to_owned());
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut archive = header.to_vec();
    archive.extend_from_slice(bytes);
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    Ok(archive.into())
}
