//! The engine's own stream of events: a container that dies is known when it dies.

use std::collections::HashMap;

use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use futures::{Stream, StreamExt as _};

use super::{Engine, RUN};

/// The events of a run's containers from the moment that it was made.
pub struct Watch {
    stream: std::pin::Pin<Box<dyn Stream<Item = EventMessage> + Send>>,
}

/// What happened to a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// Id of the container.
    pub id: String,
    /// The engine's word: `die`, `health_status: healthy`, `oom`, …
    pub what: String,
}

impl Engine {
    /// Listens from now on. What happens between the call and the first look is not missed.
    #[must_use]
    pub fn watch(&self) -> Watch {
        let filters = HashMap::from([
            ("type", vec!["container".to_owned()]),
            ("label", vec![format!("{RUN}={}", self.run)]),
        ]);
        // The moment is the engine's own clock's at best to the second: a little early is harmless,
        // since whoever waits asks for the state of a container first.
        let since = jiff::Timestamp::now().as_second().saturating_sub(1);
        let options = EventsOptionsBuilder::new()
            .filters(&filters)
            .since(&since.to_string())
            .build();
        let stream = self.docker.events(Some(options));
        Watch {
            stream: Box::pin(stream.filter_map(|event| async { event.ok() })),
        }
    }
}

impl Watch {
    /// The next event; `None` when the engine has closed the stream.
    pub async fn next(&mut self) -> Option<Happened> {
        loop {
            let event = self.stream.next().await?;
            let id = event.actor.and_then(|actor| actor.id);
            if let (Some(id), Some(what)) = (id, event.action) {
                return Some(Happened { id, what });
            }
        }
    }
}
