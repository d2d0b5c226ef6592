//! Waiting for what comes by itself.

use std::time::{Duration, Instant};

/// Shortest pause between two looks at a service: what is measured is its time and not the harness's.
const SERVICE_LEAST: Duration = Duration::from_millis(15);
/// Shortest pause between two looks at anything else, which may cost more than a request.
const ANYTHING_LEAST: Duration = Duration::from_millis(5);
/// Longest pause of all.
const MOST: Duration = Duration::from_millis(200);

/// The pause before the next look at a service that was waited for so long already. A thousandth of
/// that, past the first seconds: a service that takes minutes is not asked ten thousand times, and
/// the clock is no more wrong for it.
pub(super) fn for_service(waited: Duration) -> Duration {
    (waited / 1000).clamp(SERVICE_LEAST, MOST)
}

/// The same for anything that a scenario waits for: as long again as it was waited for.
pub(super) fn for_anything(waited: Duration) -> Duration {
    waited.clamp(ANYTHING_LEAST, MOST)
}

/// Asks until the answer is good, or until the time is over: then what was seen last.
pub(super) async fn wait_for<T, F, Fut>(
    within: Duration,
    pause: fn(Duration) -> Duration,
    mut probe: F,
) -> Result<T, String>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, String>>,
{
    let began = Instant::now();
    loop {
        match probe().await {
            Ok(value) => return Ok(value),
            Err(saw) => {
                let pause = pause(began.elapsed());
                if began.elapsed() + pause > within {
                    return Err(saw);
                }
                tokio::time::sleep(pause).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use futures::StreamExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::network::Network;

    #[test]
    fn a_service_is_looked_at_soon_and_one_that_takes_long_less_often() {
        let ms = Duration::from_millis;
        assert_eq!(for_service(Duration::ZERO), ms(15));
        assert_eq!(for_service(ms(10_000)), ms(15));
        assert_eq!(for_service(ms(60_000)), ms(60));
        assert_eq!(for_service(ms(3_600_000)), ms(200));
        assert_eq!(for_anything(ms(40)), ms(40));
    }

    #[tokio::test]
    async fn the_last_look_is_told_when_the_time_is_over() {
        let looks = AtomicU64::new(0);
        let saw = wait_for(Duration::from_millis(40), for_service, async || {
            let look = looks.fetch_add(1, Ordering::Relaxed) + 1;
            Err::<(), _>(format!("look {look}"))
        })
        .await;
        let looks = looks.into_inner();
        assert_eq!(saw, Err(format!("look {looks}")));
        assert!((1..=3).contains(&looks), "{looks}");
    }

    /// How many samples the bench takes.
    const SAMPLES: u64 = 200;
    /// The most that the harness may take to know of a good answer, in 99 of 100.
    const P99: Duration = Duration::from_millis(20);

    /// A server that answers 503 until its moment, and 200 from then on; how long after that moment
    /// somebody who waits knows it.
    async fn sample(pause: fn(Duration) -> Duration, after: Duration) -> Duration {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let moment = Instant::now() + after;
        let served = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&served);
        let server = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let count = Arc::clone(&count);
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    while stream.read(&mut request).await.is_ok_and(|n| n > 0) {
                        let good = Instant::now() >= moment;
                        let status = if good { "200 OK" } else { "503 Not Yet" };
                        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                        count.fetch_add(1, Ordering::Relaxed);
                        if stream.write_all(answer.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        let client = Network::new(None).client(Duration::from_secs(5)).unwrap();
        wait_for(Duration::from_secs(30), pause, async || {
            let url = format!("http://{address}/");
            let answer = client.get(url).send().await.map_err(|e| e.to_string())?;
            answer
                .status()
                .is_success()
                .then_some(())
                .ok_or_else(|| answer.status().to_string())
        })
        .await
        .unwrap();
        let knew = moment.elapsed();
        server.abort();
        // One request for each look: the load is bounded by the pause.
        let bound = (after + knew).as_millis() as u64 / pause(Duration::ZERO).as_millis() as u64;
        assert!(served.load(Ordering::Relaxed) <= bound + 2);
        knew
    }

    /// The median and the 99th of a hundred, over services that get well at moments of no rule within
    /// `most`, so many waited for at once.
    async fn measured(
        pause: fn(Duration) -> Duration,
        most: Duration,
        together: usize,
    ) -> (Duration, Duration) {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let moments: Vec<Duration> = (0..SAMPLES)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                Duration::from_nanos(state % most.as_nanos() as u64)
            })
            .collect();
        let mut all: Vec<Duration> = futures::stream::iter(moments)
            .map(|after| sample(pause, after))
            .buffer_unordered(together)
            .collect()
            .await;
        all.sort();
        let at = |share: usize| all[all.len() * share / 100 - 1];
        (at(50), at(99))
    }

    #[tokio::test]
    #[ignore = "a measurement, for a quiet machine: -E 'test(how_soon)' --run-ignored all --no-capture"]
    async fn how_soon_a_service_is_known_to_be_well() {
        fn each_second(_: Duration) -> Duration {
            Duration::from_secs(1)
        }
        let _already = rustls::crypto::ring::default_provider().install_default();
        let own = measured(for_service, Duration::from_millis(500), 1).await;
        let loop_of_scripts = measured(each_second, Duration::from_secs(3), 20).await;
        eprintln!(
            "known after the first good answer, of {SAMPLES}: here p50 {:?}, p99 {:?}; by asking each \
             second p50 {:?}, p99 {:?}",
            own.0, own.1, loop_of_scripts.0, loop_of_scripts.1
        );
        assert!(own.1 <= P99, "{own:?}");
        assert!(own.1 * 10 <= loop_of_scripts.1, "{own:?}");
    }
}
