//! `images`: the set for where no registry can be reached.

use std::fmt::Write as _;
use std::time::Duration;

use phoenix_images::{Builder, Engine, Failures, Progress, Recipes, Step};
use serde_json::json;

use crate::arguments::{Format, ImagesBuildArguments, ImagesCommand, ImagesListArguments};
use crate::error::Error;
use crate::terminal;

/// Code of an image that could not be had.
const NOT_HAD: u8 = 3;

pub(crate) fn images(command: &ImagesCommand) -> Result<u8, Error> {
    let recipes = Recipes::find().map_err(|why| mistake(&why))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|why| Error::Internal {
            why: format!("no threads could be started: {why}"),
            journal: None,
        })?;
    match command {
        ImagesCommand::Build(arguments) => runtime.block_on(build(arguments, recipes)),
        ImagesCommand::List(arguments) => runtime.block_on(list(arguments, &recipes)),
    }
}

async fn build(arguments: &ImagesBuildArguments, recipes: Recipes) -> Result<u8, Error> {
    let chosen = recipes.chosen(&arguments.names);
    let chosen = chosen.map_err(|why| mistake(&why))?;
    let names = chosen.iter().map(|recipe| recipe.name.chars().count());
    let widest = names.max().unwrap_or(0);
    let began = std::time::Instant::now();
    let engine = match Engine::connect().await {
        Ok(engine) => engine,
        Err(why) => return Ok(not_had(&why.into())),
    };
    let mut builder = Builder::new(engine, recipes).as_built(arguments.as_built);
    if let Some(jobs) = arguments.jobs {
        builder = builder.at_a_time(usize::from(jobs.get()));
    }
    let columns = terminal::width();
    let told = |progress: Progress| terminal::talk(&line(&progress, widest, columns));
    match builder.build(&arguments.names, told).await {
        Ok(images) => {
            let now = images.iter().filter(|image| image.now).count();
            terminal::talk(&format!(
                "{} images are there, {now} of them built now, in {}\n",
                images.len(),
                seconds(began.elapsed())
            ));
            Ok(0)
        }
        Err(failures) => Ok(not_had(&failures)),
    }
}

/// A line of progress, as long as the terminal is wide: a step can be a page of shell.
fn line(progress: &Progress, widest: usize, columns: usize) -> String {
    let what = match &progress.step {
        Step::Present => "is there".to_owned(),
        Step::Inputs => "fetches what goes into it".to_owned(),
        Step::Running(step) => step.split_whitespace().collect::<Vec<_>>().join(" "),
        Step::Built(took) => format!("built in {}", seconds(*took)),
        Step::Failed => "FAILED".to_owned(),
    };
    let line = format!(
        "{:>8}  {:<widest$}  {what}",
        seconds(progress.elapsed),
        progress.name
    );
    let mut line: String = line.chars().take(columns).collect();
    line.push('\n');
    line
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn not_had(failures: &Failures) -> u8 {
    for failure in &failures.0 {
        terminal::talk(&format!("error: {failure}\n"));
    }
    NOT_HAD
}

fn mistake(why: &phoenix_images::Error) -> Error {
    Error::usage(
        why.to_string(),
        "`phoenix images list` shows what can be built",
    )
}

async fn list(arguments: &ImagesListArguments, recipes: &Recipes) -> Result<u8, Error> {
    let engine = Engine::connect().await;
    let mut rows = Vec::new();
    for recipe in recipes.iter() {
        let tag = recipes.tag_of(&recipe.name);
        let mut bytes = None;
        if let (Ok(engine), Ok(tag)) = (&engine, &tag) {
            bytes = engine.size(&tag.content()).await.ok().flatten();
        }
        rows.push((recipe, tag, bytes));
    }
    match arguments.format {
        Format::Json => {
            let images: Vec<serde_json::Value> = rows
                .iter()
                .map(|(recipe, tag, bytes)| {
                    json!({
                        "name": recipe.name,
                        "tag": tag.as_ref().ok().map(phoenix_images::Tag::content),
                        "present": bytes.is_some(),
                        "size_bytes": bytes,
                        "upstream": recipe.upstream,
                        "parents": recipe.parents,
                    })
                })
                .collect();
            terminal::json(&json!({ "schema": super::SCHEMA, "images": images }))?;
        }
        Format::Text => {
            let mut out = String::new();
            for (recipe, tag, bytes) in &rows {
                let tag = match tag {
                    Ok(tag) => tag.content(),
                    Err(_) => "-".to_owned(),
                };
                let size = match bytes {
                    Some(bytes) => format!("{} MB", bytes / 1_000_000),
                    None => "missing".to_owned(),
                };
                let upstream = recipe.upstream.as_deref().unwrap_or("-");
                let _infallible =
                    writeln!(out, "{:<12}  {tag:<44}  {size:>8}  {upstream}", recipe.name);
            }
            terminal::data(&out)?;
        }
    }
    for (_, tag, _) in &rows {
        if let Err(why) = tag {
            terminal::talk(&format!("note: {why}\n"));
        }
    }
    match engine {
        Ok(_) => Ok(0),
        Err(why) => Ok(not_had(&why.into())),
    }
}
