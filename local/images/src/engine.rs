//! The container engine: its images, by its own interface.
//!
//! Not by its command line: that wants a plugin to build, or a variable that takes the plugin away
//! and may stop doing so; the interface builds with every engine, tells steps from output, and ends
//! a build whose caller is gone.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::{
    BuildImageOptionsBuilder, CreateImageOptions, RemoveImageOptionsBuilder, TagImageOptionsBuilder,
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};

use crate::error::Error;
use crate::output::Tail;

/// How long the engine may take to give the first word of an answer. A root is imported while it is
/// made, and answered then.
const ANSWER: Duration = Duration::from_secs(900);

/// The engine that `DOCKER_HOST` names, or the machine's own.
#[derive(Clone, Debug)]
pub struct Engine {
    docker: Docker,
}

/// How a step ended badly.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) step: String,
    pub(crate) why: String,
    pub(crate) tail: Tail,
}

impl Engine {
    /// Connects, and settles on the newest interface that both sides speak.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`].
    pub async fn connect() -> Result<Self, Error> {
        let docker = Docker::connect_with_defaults().map_err(|why| broken(&why))?;
        let docker = docker.with_timeout(ANSWER).negotiate_version().await;
        let docker = docker.map_err(|why| broken(&why))?;
        Ok(Self { docker })
    }

    pub(crate) fn docker(&self) -> &Docker {
        &self.docker
    }

    /// The size of an image in bytes, with what it stands on; nothing where there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Engine`].
    pub async fn size(&self, tag: &str) -> Result<Option<u64>, Error> {
        match self.docker.inspect_image(tag).await {
            Ok(image) => Ok(Some(
                image
                    .size
                    .and_then(|size| u64::try_from(size).ok())
                    .unwrap_or(0),
            )),
            Err(bollard::errors::Error::DockerResponseServerError {
                status_code: 404, ..
            }) => Ok(None),
            Err(why) => Err(broken(&why)),
        }
    }

    /// Lets `current` name the image `content` too.
    pub(crate) async fn point(&self, content: &str, current: &str) -> Result<(), Error> {
        let (repository, tag) = current.rsplit_once(':').unwrap_or((current, "current"));
        let options = TagImageOptionsBuilder::default()
            .repo(repository)
            .tag(tag)
            .build();
        let done = self.docker.tag_image(content, Some(options)).await;
        done.map_err(|why| broken(&why))
    }

    /// Takes a name off an image; what else it is called, and what stands on it, stays.
    pub(crate) async fn untag(&self, tag: &str) -> Result<(), Error> {
        let options = RemoveImageOptionsBuilder::default().noprune(true).build();
        let done = self.docker.remove_image(tag, Some(options), None).await;
        done.map(|_untagged| ()).map_err(|why| broken(&why))
    }

    /// Builds an image from a context, a tar stream with the file `dockerfile` in it. `step` is told
    /// each step as it starts.
    pub(crate) async fn build(
        &self,
        tag: &str,
        dockerfile: &str,
        context: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
        mut step: impl FnMut(&str),
    ) -> Result<(), Broken> {
        let options = BuildImageOptionsBuilder::default()
            .t(tag)
            .dockerfile(dockerfile)
            .rm(true)
            .forcerm(true)
            .buildargs(&proxies())
            .build();
        let body = bollard::body_try_stream(context);
        let mut answer = self.docker.build_image(options, None, Some(body));
        let mut now = "the engine reads the context".to_owned();
        let mut tail = Tail::default();
        while let Some(told) = answer.next().await {
            match told {
                Ok(told) => {
                    let text = told.stream.unwrap_or_default();
                    if let Some(words) = text.strip_prefix("Step ") {
                        words.trim_end().clone_into(&mut now);
                        tail.clear();
                        step(&now);
                    } else {
                        tail.push(&text);
                    }
                    if let Some(why) = told.error_detail.and_then(|detail| detail.message) {
                        return Err(Broken {
                            step: now,
                            why,
                            tail,
                        });
                    }
                }
                Err(why) => {
                    let why = words(&why);
                    return Err(Broken {
                        step: now,
                        why,
                        tail,
                    });
                }
            }
        }
        Ok(())
    }

    /// Makes an image of a root, a tar stream. `tail` has what its maker says.
    pub(crate) async fn import(
        &self,
        tag: &str,
        root: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
        changes: Vec<String>,
        step: &str,
        tail: &Arc<Mutex<Tail>>,
    ) -> Result<(), Broken> {
        let (repository, version) = tag.rsplit_once(':').unwrap_or((tag, "current"));
        let options = CreateImageOptions {
            from_src: Some("-".to_owned()),
            repo: Some(repository.to_owned()),
            tag: Some(version.to_owned()),
            changes,
            ..Default::default()
        };
        let body = bollard::body_try_stream(root);
        let mut answer = self.docker.create_image(Some(options), Some(body), None);
        while let Some(told) = answer.next().await {
            if let Err(why) = told {
                return Err(Broken {
                    step: step.to_owned(),
                    why: words(&why),
                    tail: tail.lock().map(|tail| tail.clone()).unwrap_or_default(),
                });
            }
        }
        Ok(())
    }
}

/// The proxies of this machine, for the programs of a build; the engine keeps them out of images.
fn proxies() -> std::collections::HashMap<String, String> {
    ["http_proxy", "https_proxy", "no_proxy"]
        .iter()
        .flat_map(|name| [(*name).to_owned(), name.to_uppercase()])
        .filter_map(|name| Some((name.clone(), std::env::var(&name).ok()?)))
        .collect()
}

fn broken(why: &bollard::errors::Error) -> Error {
    Error::Engine { why: words(why) }
}

/// What happened, down to its cause.
pub(crate) fn words(why: &bollard::errors::Error) -> String {
    use bollard::errors::Error as Its;
    match why {
        Its::DockerStreamError { error } => error.clone(),
        Its::DockerResponseServerError { message, .. } => message.clone(),
        other => {
            let mut words = other.to_string();
            let mut cause = std::error::Error::source(other);
            while let Some(why) = cause {
                words = format!("{words}: {why}");
                cause = why.source();
            }
            words
        }
    }
}
