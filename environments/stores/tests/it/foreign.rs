//! Recovery points that the drivers did not make: what the tests have in common.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use phoenix_engine::foreign::ForeignPoint;
use phoenix_stores::server::Server;

/// A point at a path, as a scenario names it.
pub(crate) fn point(path: &Path) -> ForeignPoint {
    ForeignPoint {
        store: "store".to_owned(),
        path: path.to_owned(),
        shown: path.file_name().unwrap().to_string_lossy().into_owned(),
        prefix: String::new(),
    }
}

/// A file with these bytes.
pub(crate) fn file(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

pub(crate) fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// What a tool in a server's container writes: a dump as people make it.
pub(crate) async fn tool(server: &Server, variable: &str, words: &[&str]) -> Vec<u8> {
    let password = format!("{variable}={}", server.password);
    let output = tokio::process::Command::new("docker")
        .args(["exec", "-e", &password, &server.container])
        .args(words)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {said}");
    output.stdout
}
