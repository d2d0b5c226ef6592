//! `conform`: what an application promises, asked of any address.

use std::fmt::Write as _;
use std::path::Path;

use phoenix_conform::{Application, Check, Report, Target, Verdict, conform as ask};
use serde_json::json;

use crate::arguments::{ConformArguments, Conformer, Format};
use crate::error::Error;
use crate::terminal;

/// A check that differs.
const DIFFERS: u8 = 1;
/// None differs, and some could not be asked.
const NOT_ASKED: u8 = 3;

pub(crate) fn conform(arguments: &ConformArguments) -> Result<u8, Error> {
    let target = target(arguments)?;
    let application = match arguments.application {
        Conformer::Zitadel => Application::Zitadel,
        Conformer::Bookstack => Application::BookStack,
        Conformer::Mattermost => Application::Mattermost,
        Conformer::Zulip => Application::Zulip,
    };
    let runtime = super::run::runtime()?;
    let live = matches!(arguments.format, Format::Text);
    let mut said = Ok(());
    let mut told = |check: &Check| {
        if live && said.is_ok() {
            said = terminal::data(&words(check));
        }
    };
    let report = runtime.block_on(ask(application, &target, &mut told));
    said?;
    match arguments.format {
        Format::Text => terminal::data(&end(&report))?,
        Format::Json => {
            let checks: Vec<_> = report.checks.iter().map(Check::json).collect();
            terminal::json(&json!({
                "schema": super::SCHEMA, "url": arguments.url, "checks": checks,
                "left_out": report.left_out, "leaves": report.leaves,
            }))?;
        }
    }
    Ok(if report.differ() > 0 {
        DIFFERS
    } else if report.conforms() {
        0
    } else {
        NOT_ASKED
    })
}

fn target(arguments: &ConformArguments) -> Result<Target, Error> {
    let authority = arguments.ca.as_deref().map(read).transpose()?;
    let target = Target::new(&arguments.url, arguments.connect, authority.as_deref());
    let mut target = target.map_err(|why| {
        Error::usage(
            why,
            "`--url https://NAME[:PORT]` is the server, `--ca FILE` its authority in PEM",
        )
    })?;
    if let Some(path) = &arguments.secret_file {
        let secret = String::from_utf8_lossy(&read(path)?).trim().to_owned();
        if secret.is_empty() || secret.contains(['\n', '\r']) {
            return Err(Error::usage(
                format!("{}: it has to be one line", path.display()),
                "`phoenix conform --help` says what each application wants in it",
            ));
        }
        target = target.with_secret(&secret);
    }
    Ok(if arguments.writes {
        target.with_writes()
    } else {
        target
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|why| {
        Error::usage(
            format!("{}: {why}", path.display()),
            "name a file that can be read",
        )
    })
}

/// A check as it is told: one line if all is well, what was sent and what came otherwise.
fn words(check: &Check) -> String {
    let mut out = String::new();
    let (word, why) = match &check.verdict {
        Verdict::Conforms => ("conforms", None),
        Verdict::Differs(why) => ("DIFFERS", Some(why)),
        Verdict::NotAsked(why) => ("not asked", Some(why)),
    };
    let _infallible = writeln!(out, "{word:<9}  {:<21}  {}", check.name, check.contract);
    if let Some(why) = why {
        let _infallible = writeln!(out, "{:>32}  {why}", "why");
        for (label, text) in [("sent", &check.sent), ("came", &check.came)] {
            if !text.is_empty() {
                let _infallible = writeln!(out, "{label:>32}  {text}");
            }
        }
        let _infallible = writeln!(out, "{:>32}  {}", "contract of", check.source);
    }
    out
}

fn end(report: &Report) -> String {
    let differ = report.differ();
    let good = |check: &&Check| check.verdict == Verdict::Conforms;
    let conform = report.checks.iter().filter(good).count();
    let unknown = report.checks.len() - conform - differ;
    let mut out = format!("\n{conform} conform, {differ} differ, {unknown} could not be asked\n");
    if !report.left_out.is_empty() {
        let _infallible = writeln!(
            out,
            "left out, because they write (--writes): {}",
            report.left_out.join(", ")
        );
    }
    if !report.leaves.is_empty() {
        let _infallible = writeln!(out, "left behind there: {}", report.leaves.join("; "));
    }
    out
}
