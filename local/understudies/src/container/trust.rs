//! Whom an image's language trusts: each has a way of its own to be told.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::Variables;
use crate::process::print;

/// What the distribution trusts.
const SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Where Go looks for certificates in files of their own.
const FOLDERS: &str = "/etc/ssl/certs:/etc/pki/tls/certs";

/// PHP's curl: `curl.cainfo` of the last of the `.ini` files that sets it, else the system.
pub(super) fn php(folder: &Path) -> Vec<String> {
    let file = cainfo(folder).unwrap_or_else(|| PathBuf::from(SYSTEM));
    read(&file).into_iter().collect()
}

fn cainfo(folder: &Path) -> Option<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "ini"))
        .collect();
    files.sort();
    let set = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).ok()?;
        text.lines()
            .filter_map(|line| line.split_once('='))
            .filter(|(name, _)| name.trim() == "curl.cainfo")
            .map(|(_, value)| value.trim().trim_matches('"').to_owned())
            .rfind(|value| !value.is_empty())
    };
    files.iter().rev().find_map(set).map(PathBuf::from)
}

/// Go: `SSL_CERT_FILE` in the place of the system's file, and the folders beside it all the same,
/// unless `SSL_CERT_DIR` names others.
pub(super) fn go(env: &BTreeMap<String, String>) -> Vec<String> {
    let env = Variables(env);
    let mut trusted: BTreeSet<String> = read(Path::new(&env.or("SSL_CERT_FILE", SYSTEM)))
        .into_iter()
        .collect();
    for folder in env.or("SSL_CERT_DIR", FOLDERS).split(':') {
        let Ok(entries) = std::fs::read_dir(folder) else {
            continue;
        };
        for entry in entries.flatten() {
            // The bundle of them all says nothing that they do not.
            if entry.path() == Path::new(SYSTEM) {
                continue;
            }
            trusted.extend(
                std::fs::read_to_string(entry.path())
                    .ok()
                    .filter(|text| is_pem(text)),
            );
        }
    }
    trusted.into_iter().collect()
}

/// Python's requests: `REQUESTS_CA_BUNDLE`, else what came with it.
pub(super) fn python(env: &BTreeMap<String, String>) -> Vec<String> {
    let file = Variables(env).or("REQUESTS_CA_BUNDLE", SYSTEM);
    read(Path::new(&file)).into_iter().collect()
}

/// A file that cannot be read trusts nobody: calls fail later, as in the original.
fn read(file: &Path) -> Option<String> {
    match std::fs::read_to_string(file) {
        Ok(text) => Some(text).filter(|text| is_pem(text)),
        Err(why) => {
            print(&[format!("cannot read {}: {why}", file.display())]);
            None
        }
    }
}

fn is_pem(text: &str) -> bool {
    text.contains("-----BEGIN CERTIFICATE-----")
}

#[cfg(test)]
mod tests {
    use super::{cainfo, go};

    const PEM: &str = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";

    #[test]
    fn the_last_file_that_sets_it_says_whom_php_trusts() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(cainfo(folder.path()), None);
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("aa.ini", "curl.cainfo = /a.pem\n");
        write(
            "zz.ini",
            "; curl.cainfo = /no.pem\ncurl.cainfo = \"/z.pem\"\n",
        );
        write("zzz.txt", "curl.cainfo = /no.pem\n");
        assert_eq!(cainfo(folder.path()), Some("/z.pem".into()));
        write("zzz.ini", "curl.cainfo =\n");
        assert_eq!(cainfo(folder.path()), Some("/z.pem".into()));
    }

    #[test]
    fn go_takes_the_file_and_the_folders() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        std::fs::create_dir(path("certs")).unwrap();
        std::fs::write(path("bundle.pem"), PEM).unwrap();
        std::fs::write(path("certs/one.pem"), format!("one\n{PEM}")).unwrap();
        std::fs::write(path("certs/README"), "no certificate").unwrap();
        let env = [("SSL_CERT_FILE", "bundle.pem"), ("SSL_CERT_DIR", "certs")];
        let env = env.map(|(name, file)| (name.to_owned(), path(file))).into();
        assert_eq!(go(&env).len(), 2);
    }
}
