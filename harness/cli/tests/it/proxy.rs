//! A way to the engine that can be closed: a socket of the test's own, with the engine's behind it.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// The engine's own socket.
const ENGINE: &str = "/var/run/docker.sock";

/// The proxy. Gone with the value.
pub(crate) struct Proxy {
    path: PathBuf,
    refuses: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<UnixStream>>>,
}

impl Proxy {
    /// Listens at a path.
    pub(crate) fn at(path: &Path) -> Self {
        let listener = UnixListener::bind(path).expect("a socket");
        let refuses = Arc::new(AtomicBool::new(false));
        let open = Arc::new(Mutex::new(Vec::new()));
        let proxy = Self {
            path: path.to_owned(),
            refuses: refuses.clone(),
            open: open.clone(),
        };
        std::thread::spawn(move || {
            for caller in listener.incoming().map_while(Result::ok) {
                if refuses.load(Ordering::SeqCst) {
                    let _closed = caller.shutdown(Shutdown::Both);
                    continue;
                }
                let _gone = pass_on(caller, &open);
            }
        });
        proxy
    }

    /// What `DOCKER_HOST` says.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    /// Drops every connection in the middle of what it carries.
    pub(crate) fn drop_all(&self) {
        for stream in self.open.lock().expect("a list").drain(..) {
            let _closed = stream.shutdown(Shutdown::Both);
        }
    }

    /// Drops every connection and lets nobody in any more.
    pub(crate) fn refuse(&self) {
        self.refuses.store(true, Ordering::SeqCst);
        self.drop_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.refuse();
        let _gone = std::fs::remove_file(&self.path);
    }
}

fn pass_on(caller: UnixStream, open: &Mutex<Vec<UnixStream>>) -> io::Result<()> {
    let engine = UnixStream::connect(ENGINE)?;
    let mut list = open.lock().expect("a list");
    list.extend([caller.try_clone()?, engine.try_clone()?]);
    for (mut from, mut to) in [(caller.try_clone()?, engine.try_clone()?), (engine, caller)] {
        std::thread::spawn(move || {
            let _ended = io::copy(&mut from, &mut to);
            // An answer may still be under way when the question has ended.
            let _closed = to.shutdown(Shutdown::Write);
        });
    }
    Ok(())
}
