//! Calls of an API, as a harness has to make them: a 429 is waited out, a time-out after sending
//! is nobody's answer, and an error is told with all of its causes.

use std::time::{Duration, Instant};

use phoenix_engine::application::{AppError, RATE_LIMIT_WAIT_MAX, WriteOutcome};
use phoenix_engine::words::{error_chain, first_bytes};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;

/// Time that one call is given.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// An answer, whole.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Why there is none.
#[derive(Clone, Debug)]
pub(crate) enum NoAnswer {
    /// The request never left: it cannot have done anything.
    NotSent(String),
    /// It may have been received.
    Unknown(String),
}

impl NoAnswer {
    pub(crate) fn words(&self) -> &str {
        match self {
            Self::NotSent(why) | Self::Unknown(why) => why,
        }
    }
}

impl Answer {
    pub(crate) fn ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Status and first bytes, for evidence.
    pub(crate) fn words(&self) -> String {
        format!("{} {}", self.status, first_bytes(&self.text(), 160))
    }
}

/// Sends what `make` builds, again after each 429 until its waits are used up.
pub(crate) async fn send(make: impl Fn() -> RequestBuilder) -> Result<Answer, NoAnswer> {
    let deadline = Instant::now() + RATE_LIMIT_WAIT_MAX;
    loop {
        let response = make().timeout(CALL_TIMEOUT).send().await.map_err(|error| {
            let words = error_chain(&error);
            if error.is_connect() || error.is_builder() {
                NoAnswer::NotSent(words)
            } else {
                NoAnswer::Unknown(words)
            }
        })?;
        let status = response.status().as_u16();
        let wait = response
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.parse::<u64>().ok())
            .map_or(Duration::from_secs(1), Duration::from_secs);
        let body = response
            .bytes()
            .await
            .map_err(|error| NoAnswer::Unknown(error_chain(&error)))?
            .to_vec();
        if status == 429 && Instant::now() + wait < deadline {
            phoenix_engine::pause(wait).await;
            continue;
        }
        return Ok(Answer { status, body });
    }
}

/// The outcome of a write by its answer.
pub(crate) fn outcome(
    answer: Result<Answer, NoAnswer>,
    reference: impl Fn(&Answer) -> Value,
) -> WriteOutcome {
    match answer {
        Ok(answer) if answer.ok() => WriteOutcome::Acknowledged {
            reference: reference(&answer),
        },
        // The server failed in the middle: nobody knows what it did before.
        Ok(answer) if answer.status >= 500 => WriteOutcome::Indeterminate {
            why: answer.words(),
        },
        Ok(answer) => WriteOutcome::Refused {
            answer: answer.words(),
        },
        Err(NoAnswer::NotSent(why)) => WriteOutcome::Refused { answer: why },
        Err(NoAnswer::Unknown(why)) => WriteOutcome::Indeterminate { why },
    }
}

/// An error of a call that is no canary's.
pub(crate) fn failed(doing: &str, answer: &Result<Answer, NoAnswer>) -> AppError {
    let (why, unauthorised) = match answer {
        Ok(answer) => (answer.words(), answer.status == 401 || answer.status == 403),
        Err(none) => (none.words().to_owned(), false),
    };
    AppError {
        doing: doing.to_owned(),
        why,
        unauthorised,
    }
}

/// A client for the API of a context.
pub(crate) fn client(network: &phoenix_engine::network::Network) -> Result<Client, String> {
    network
        .client(CALL_TIMEOUT)
        .map_err(|error| error_chain(&error))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};
    use std::time::Instant;

    use phoenix_engine::network::Network;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::{Client, NoAnswer, WriteOutcome, client, outcome, send};

    /// A server that gives one of these answers to each connection and then hears nobody; one that
    /// is empty is a connection that breaks off.
    async fn answering(answers: &'static [&'static str]) -> (Client, String) {
        // Whoever came first has chosen the same.
        let _already = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                let mut request = [0_u8; 4096];
                let read = stream.read(&mut request).await.expect("a request");
                assert!(read > 0);
                stream
                    .write_all(answer.as_bytes())
                    .await
                    .expect("it is heard");
            }
        });
        let network = Network::default();
        network.set("app.localhost", address);
        let client = client(&network).expect("a client");
        (client, format!("http://app.localhost:{}/", address.port()))
    }

    #[tokio::test]
    async fn a_rate_limit_is_waited_out_and_is_no_answer() {
        let (client, url) = answering(&[
            "HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            "HTTP/1.1 201 Created\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}",
        ])
        .await;
        let began = Instant::now();
        let answer = send(|| client.post(&url)).await;
        assert_eq!(answer.map(|answer| answer.status).ok(), Some(201));
        assert!(began.elapsed().as_millis() >= 1000, "its wait is honoured");
    }

    #[tokio::test]
    async fn what_was_sent_and_never_answered_is_indeterminate() {
        let (client, url) = answering(&[""]).await;
        let answer = send(|| client.post(&url)).await;
        assert!(matches!(answer, Err(NoAnswer::Unknown(_))), "{answer:?}");
        let outcome = outcome(answer, |_| serde_json::Value::Null);
        assert!(
            matches!(outcome, WriteOutcome::Indeterminate { .. }),
            "{outcome:?}"
        );
    }

    #[tokio::test]
    async fn what_was_never_sent_is_refused() {
        let (client, url) = answering(&[]).await;
        // The listener goes with its task.
        tokio::task::yield_now().await;
        let answer = send(|| client.post(&url)).await;
        let outcome = outcome(answer, |_| serde_json::Value::Null);
        assert!(
            matches!(outcome, WriteOutcome::Refused { .. }),
            "{outcome:?}"
        );
    }
}
