//! Processes that a killed run left running: commands of `run:` steps and of manual steps, the
//! Compose tool in the middle of its work. Each carries the run's id in its environment, and what it
//! started does too. Where there is no `/proc`, none is found.

use std::time::{Duration, Instant};

use phoenix_engine::environment::RUN_VARIABLE;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// How long a process that was ended may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// Ends all processes of a run, and waits until they are gone; how many there were. Only what carries
/// the run's id is touched, and never this process.
///
/// # Errors
/// When one cannot be ended, or is still there after a while.
pub(crate) fn end(run: &str) -> Result<usize, String> {
    let mut ended = std::collections::BTreeSet::new();
    let deadline = Instant::now() + GONE_WITHIN;
    loop {
        let left = of(run);
        if left.is_empty() {
            return Ok(ended.len());
        }
        for pid in left {
            // By a handle, so that its number cannot have become another's meanwhile: what is signalled
            // is looked at again after the handle is had.
            let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else {
                continue;
            };
            if !carries(pid, run) {
                continue;
            }
            match pidfd_send_signal(&process, Signal::KILL) {
                Ok(()) | Err(rustix::io::Errno::SRCH) => {
                    ended.insert(pid.as_raw_nonzero());
                }
                Err(why) => {
                    return Err(format!(
                        "the process {} cannot be ended: {why}",
                        pid.as_raw_nonzero()
                    ));
                }
            }
            // Readable when it has ended.
            let mut waiting = [rustix::event::PollFd::new(
                &process,
                rustix::event::PollFlags::IN,
            )];
            let within = rustix::event::Timespec {
                tv_sec: 1,
                tv_nsec: 0,
            };
            let _seen_again = rustix::event::poll(&mut waiting, Some(&within));
        }
        if Instant::now() > deadline {
            return Err(format!(
                "processes of the run are still there after {}s",
                GONE_WITHIN.as_secs()
            ));
        }
    }
}

/// All processes of a run but this one.
fn of(run: &str) -> Vec<Pid> {
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(Pid::from_raw)
        .filter(|pid| *pid != rustix::process::getpid() && carries(*pid, run))
        .collect()
}

/// Whether a process carries the run's id. One that has ended carries nothing, and another user's
/// cannot be looked into.
fn carries(pid: Pid, run: &str) -> bool {
    let wanted = format!("{RUN_VARIABLE}={run}");
    std::fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).is_ok_and(|environment| {
        environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == wanted.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::Command;

    use super::{RUN_VARIABLE, end};

    #[test]
    fn only_processes_of_the_run_are_ended() {
        let sleeper = |run: &str| {
            Command::new("sleep")
                .arg("600")
                .env(RUN_VARIABLE, run)
                .spawn()
                .expect("a process")
        };
        let run = format!("20260101T000000Z-{:06x}", std::process::id());
        let (mut own, mut other) = (sleeper(&run), sleeper(&format!("{run}0")));
        let ended = std::thread::scope(|scope| {
            // A child that nobody waits for stays in the table.
            let reaped = scope.spawn(|| own.wait().expect("its end"));
            let ended = end(&run);
            assert_eq!(reaped.join().expect("a thread").signal(), Some(9));
            ended
        });
        assert_eq!(ended, Ok(1));
        assert!(other.try_wait().expect("a process").is_none());
        other.kill().expect("killed");
        other.wait().expect("its end");
    }
}
