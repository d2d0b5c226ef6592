//! What a machine shows of a run from outside: its files, its processes, its ports.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// All files and links below a folder, and its empty folders.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            all.extend(files(&path));
        } else {
            all.push(path);
        }
    }
    all
}

/// Processes that carry a run's id or have one of its files open.
pub(crate) fn processes_of(run: &str) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id| {
        let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        let open = fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten();
        let mut open = open
            .flatten()
            .filter_map(|file| fs::read_link(file.path()).ok());
        String::from_utf8_lossy(&environment).contains(&format!("PHOENIX_RUN={run}\0"))
            || open.any(|path| path.iter().any(|part| part == run))
    })
    .collect()
}

/// Sockets that listen on this machine, and their ports.
pub(crate) fn listening() -> BTreeMap<u64, String> {
    let mut all = BTreeMap::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        for line in fs::read_to_string(table)
            .unwrap_or_default()
            .lines()
            .skip(1)
        {
            let words: Vec<&str> = line.split_whitespace().collect();
            // State 0A is LISTEN; the tenth word is the socket.
            if words.get(3) == Some(&"0A")
                && let Some(socket) = words.get(9).and_then(|word| word.parse().ok())
            {
                all.insert(socket, words[1].to_owned());
            }
        }
    }
    all
}

/// Sockets that a process listens on.
pub(crate) fn sockets_of(process: u32) -> BTreeSet<u64> {
    let listening = listening();
    let open = fs::read_dir(format!("/proc/{process}/fd"))
        .into_iter()
        .flatten();
    open.flatten()
        .filter_map(|file| fs::read_link(file.path()).ok())
        .filter_map(|link| {
            let link = link.to_string_lossy().into_owned();
            link.strip_prefix("socket:[")?
                .strip_suffix(']')?
                .parse()
                .ok()
        })
        .filter(|socket| listening.contains_key(socket))
        .collect()
}
