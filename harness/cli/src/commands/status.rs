//! `gaps --write`: the measured status, put into the document that was judged.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use phoenix_claims::register::{DocumentRef, StatusBlockError};
use phoenix_claims::{Register, outside_status_block, write_status_block};
use phoenix_language::diagnostic::Severity;
use phoenix_language::{Diagnostic, Diagnostics};
use phoenix_reports::CycleView;

use crate::error::Error;
use crate::terminal;

/// Rewrites the status block of the judged documents from the first of these cycles. All new texts
/// are made before the first file is touched.
pub(crate) fn write(run: &str, cycles: &[&CycleView], given: Option<&Path>) -> Result<u8, Error> {
    let [cycle, others @ ..] = cycles else {
        return Err(Error::usage("no cycle to write of", "run `phoenix run`"));
    };
    let started = &cycle.started;
    let Some(register) = &cycle.register else {
        return Err(Error::usage(
            format!("run {run} broke off before it was judged: there is nothing to write"),
            "run `phoenix run` again, or name another run",
        ));
    };
    if cycle.finished.as_ref().is_none_or(|end| end.interrupted) {
        return Err(Error::usage(
            format!("run {run} was interrupted: what it measured is no status"),
            "let `phoenix run` come to its end, or name another run",
        ));
    }
    let mut made = Vec::new();
    for document in chosen(register, given)? {
        let path = given.map_or_else(|| PathBuf::from(&document.path), Path::to_owned);
        let judged = started
            .documents
            .iter()
            .find(|file| file.path == document.path);
        let judged = judged.map(|file| file.text.as_str());
        let new = new_text(&path, judged, register, run)?;
        made.push((path, new));
    }
    for (path, text) in &made {
        replace(path, text.as_bytes()).map_err(|why| {
            Error::usage(
                format!("{} cannot be written: {why}", path.display()),
                "it is as it was; look at the permissions of the file and its folder",
            )
        })?;
        terminal::talk(&format!(
            "{}: status of {} under {}, run {run}\n",
            path.display(),
            started.scenario.name,
            started.profile
        ));
    }
    if let Some(other) = others.first() {
        terminal::talk(&format!(
            "note: the run has {} more ({} under {} …): choose with --profile\n",
            if others.len() == 1 { "cycle" } else { "cycles" },
            other.started.scenario.name,
            other.started.profile
        ));
    }
    Ok(0)
}

/// The judged documents, or the one of them that was given.
fn chosen<'r>(register: &'r Register, given: Option<&Path>) -> Result<Vec<&'r DocumentRef>, Error> {
    let Some(given) = given else {
        return Ok(register.documents.iter().collect());
    };
    let same = |document: &&DocumentRef| {
        let (left, right) = (fs::canonicalize(&document.path), fs::canonicalize(given));
        Path::new(&document.path) == given || matches!((left, right), (Ok(l), Ok(r)) if l == r)
    };
    let found: Vec<&DocumentRef> = register.documents.iter().filter(same).collect();
    if found.is_empty() {
        let judged: Vec<&str> = register
            .documents
            .iter()
            .map(|document| document.path.as_str())
            .collect();
        return Err(Error::usage(
            format!("{} was not judged by run {}", given.display(), register.run),
            format!(
                "it judged {}; run `phoenix run --document {}` first",
                judged.join(", "),
                given.display()
            ),
        ));
    }
    Ok(found)
}

fn new_text(
    path: &Path,
    judged: Option<&str>,
    register: &Register,
    run: &str,
) -> Result<String, Error> {
    let file = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|why| {
        Error::usage(
            format!("{file} cannot be read: {why}"),
            "go to the folder that the run was started in, or name the file with --document",
        )
    })?;
    let new = write_status_block(&text, register).map_err(|why| no_place(&file, &text, &why))?;
    // What was measured was measured against another text: its counts would be wrong here.
    let outside =
        |text: &str| outside_status_block(text).map(|(a, b)| (a.to_owned(), b.to_owned()));
    if judged.is_some_and(|judged| outside(judged).ok() != outside(&text).ok()) {
        return Err(Error::usage(
            format!("{file} has changed since run {run} judged it"),
            "judge what it says now: `phoenix run`, then `phoenix gaps --write`",
        ));
    }
    Ok(new)
}

/// A document without a place for the block, as a mistake in a file.
fn no_place(file: &str, text: &str, why: &StatusBlockError) -> Error {
    let line = why.line().unwrap_or(0) as usize;
    let shown = text.lines().nth(line.saturating_sub(1));
    let shown = shown.filter(|_| line > 0).unwrap_or_default();
    Diagnostics(vec![Diagnostic {
        severity: Severity::Error,
        code: why.word(),
        file: file.to_owned(),
        line,
        column: 1,
        width: shown.chars().count().max(1),
        text: shown.to_owned(),
        message: why.what().to_owned(),
        help: Some(why.help_text()),
    }])
    .into()
}

/// Replaces a file as a whole: whoever reads it sees the old text or the new one, whatever happens
/// in between. A link is followed; permissions stay.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let permissions = fs::metadata(&path)?.permissions();
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = folder.join(format!(".{name}.phoenix-{}", std::process::id()));
    let written = File::create_new(&new).and_then(|mut file| {
        file.write_all(bytes)?;
        file.set_permissions(permissions)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(folder)?.sync_all()
    });
    if written.is_err() {
        let _gone = fs::remove_file(&new);
    }
    written
}
