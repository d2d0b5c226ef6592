//! A container that lives for one command over a volume.

use bollard::Docker;
use bollard::container::{AttachContainerResults, LogOutput};
use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType, MountVolumeOptions,
};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptions, RemoveContainerOptionsBuilder,
    StartContainerOptions,
};
use bytes::Bytes;
use futures::StreamExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

use super::RESTORE;
use crate::runbook::{Place, Runbook};

/// Where the helper sees the volume.
pub(super) const AT: &str = "/volume";
/// What the shell says at its very end. A helper that is killed says nothing, and a stream that only
/// stops is not taken for one that ended.
const STATUS: &str = "phoenix-status:";
/// How much of what a command complains about is kept.
const COMPLAINTS: usize = 64 << 10;

/// The commands of a block of the page that people follow: the helper runs these very lines.
pub(super) fn script(name: &str, fed: bool) -> Result<String, String> {
    let page = Runbook::read(RESTORE).map_err(|why| why.to_string())?;
    let block = page.block(name, Place::Volume, fed);
    block
        .map(|block| block.script.clone())
        .map_err(|why| why.to_string())
}

/// A command for a helper.
pub(super) struct Command<'a> {
    pub(super) docker: &'a Docker,
    pub(super) image: &'a str,
    pub(super) run: &'a str,
    pub(super) volume: &'a str,
    pub(super) read_only: bool,
    /// Shell, with `"$@"` for the arguments.
    pub(super) script: &'a str,
    pub(super) arguments: &'a [String],
}

/// How a command ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: i32,
    pub(super) complaints: String,
}

/// Removes a container when nobody waits for it any more.
struct Guard {
    docker: Docker,
    id: String,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let (docker, id) = (self.docker.clone(), std::mem::take(&mut self.id));
        if let (false, Ok(runtime)) = (id.is_empty(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move { remove(&docker, &id).await });
        }
    }
}

/// Also where it is gone already: the engine removes it by itself when it ends.
async fn remove(docker: &Docker, id: &str) {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true);
    let _gone = docker.remove_container(id, Some(options.build())).await;
}

impl Command<'_> {
    /// Runs it; what it writes goes into `output`, whose receiver may hang up.
    pub(super) async fn run(
        &self,
        input: Option<&mut (dyn AsyncRead + Send + Unpin)>,
        output: mpsc::Sender<Bytes>,
    ) -> Result<Ended, String> {
        let engine = |what: &str| {
            let what = what.to_owned();
            move |why: bollard::errors::Error| format!("{what}: {why}")
        };
        let created = self
            .docker
            .create_container(None::<CreateContainerOptions>, self.body(input.is_some()))
            .await
            .map_err(engine(&format!("make a helper from {}", self.image)))?;
        let mut guard = Guard {
            docker: self.docker.clone(),
            id: created.id,
        };
        let options = AttachContainerOptionsBuilder::default()
            .stream(true)
            .stdin(input.is_some())
            .stdout(true)
            .stderr(true)
            .build();
        let attached = self
            .docker
            .attach_container(&guard.id, Some(options))
            .await
            .map_err(engine("attach to the helper"))?;
        self.docker
            .start_container(&guard.id, None::<StartContainerOptions>)
            .await
            .map_err(engine("start the helper"))?;
        let ended = converse(attached, input, output).await;
        remove(self.docker, &guard.id).await;
        guard.id.clear();
        ended
    }

    fn body(&self, with_input: bool) -> ContainerCreateBody {
        let script = format!("{{\n{}\n}}\necho \"{STATUS}$?\" >&2", self.script);
        let command = ["/bin/sh", "-c", &script, "sh"].map(str::to_owned);
        ContainerCreateBody {
            image: Some(self.image.to_owned()),
            entrypoint: Some(Vec::new()),
            cmd: Some(
                command
                    .into_iter()
                    .chain(self.arguments.iter().cloned())
                    .collect(),
            ),
            env: Some(vec!["LC_ALL=C".to_owned(), "TZ=UTC".to_owned()]),
            user: Some("0:0".to_owned()),
            labels: Some([("phoenix.run".to_owned(), self.run.to_owned())].into()),
            attach_stdin: Some(with_input),
            open_stdin: Some(with_input),
            stdin_once: Some(with_input),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(false),
            host_config: Some(HostConfig {
                auto_remove: Some(true),
                network_mode: Some("none".to_owned()),
                readonly_rootfs: Some(true),
                // The engine would keep a second copy of all that streams by.
                log_config: Some(HostConfigLogConfig {
                    typ: Some("none".to_owned()),
                    config: None,
                }),
                mounts: Some(vec![Mount {
                    typ: Some(MountType::VOLUME),
                    source: Some(self.volume.to_owned()),
                    target: Some(AT.to_owned()),
                    read_only: Some(self.read_only),
                    volume_options: Some(MountVolumeOptions {
                        no_copy: Some(true),
                        ..Default::default()
                    }),
                    ..Default::default()
                }]),
                ..Default::default()
            }),
            ..Default::default()
        }
    }
}

async fn converse(
    attached: AttachContainerResults,
    input: Option<&mut (dyn AsyncRead + Send + Unpin)>,
    output: mpsc::Sender<Bytes>,
) -> Result<Ended, String> {
    let AttachContainerResults {
        output: mut heard,
        input: mut said,
    } = attached;
    let (silence, mut silenced) = tokio::sync::oneshot::channel::<()>();
    let say = async move {
        let Some(input) = input else { return Ok(()) };
        let mut buffer = vec![0; 256 << 10];
        loop {
            let read = input
                .read(&mut buffer)
                .await
                .map_err(|why| why.to_string())?;
            if read == 0 {
                break;
            }
            // Who stopped reading says why on the other side; without that, this error is all.
            let written = tokio::select! {
                written = said.write_all(&buffer[..read]) => written,
                _over = &mut silenced => return Ok(()),
            };
            if written.is_err() {
                return Ok(());
            }
        }
        let _closed = said.shutdown().await;
        // Held until the other side is through: dropping it would end both directions.
        let _over = silenced.await;
        Ok(())
    };
    let hear = async move {
        let mut complaints = Vec::new();
        while let Some(heard) = heard.next().await {
            match heard.map_err(|why| format!("listen to the helper: {why}"))? {
                LogOutput::StdOut { message } => {
                    let delivered = output.send(message).await;
                    if delivered.is_err() {
                        break;
                    }
                }
                LogOutput::StdErr { message } => {
                    complaints.extend_from_slice(&message);
                    let surplus = complaints.len().saturating_sub(COMPLAINTS);
                    complaints.drain(..surplus);
                }
                _ => {}
            }
        }
        drop(silence);
        Ok::<_, String>(complaints)
    };
    // An input that cannot be read ends all: the helper would wait for the rest of it.
    let ((), complaints) = tokio::try_join!(say, hear)?;
    let complaints = String::from_utf8_lossy(&complaints).into_owned();
    let status = complaints
        .rsplit_once(STATUS)
        .and_then(|(words, status)| Some((words, status.trim().parse().ok()?)));
    match status {
        Some((words, status)) => Ok(Ended {
            status,
            complaints: words.trim().to_owned(),
        }),
        None => Err(format!(
            "the helper was ended before it was through{}{}",
            if complaints.is_empty() {
                ""
            } else {
                "; it said: "
            },
            complaints.trim()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_that_is_run_is_on_the_page() {
        for (name, fed) in [("backup", false), ("restore", true)] {
            let script = script(name, fed).unwrap();
            assert!(script.starts_with("tar "), "{script}");
        }
        assert!(script("restore", false).is_err());
        assert!(script("nothing", false).is_err());
    }
}
