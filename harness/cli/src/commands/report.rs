//! `report`: the journals of a run, drawn again.

use phoenix_reports::View;

use crate::arguments::{ReportArguments, ReportFormat};
use crate::error::Error;
use crate::project::{Project, run_folder, view_and_note};
use crate::terminal;

pub(crate) fn report(arguments: &ReportArguments) -> Result<u8, Error> {
    let runs = Project::find().runs(arguments.runs_dir.as_deref());
    let view = view_and_note(&run_folder(&runs, &arguments.run)?)?;
    terminal::data(&draw(&view, arguments.format)?)?;
    Ok(0)
}

pub(crate) fn draw(view: &View, format: ReportFormat) -> Result<String, Error> {
    let internal = |why: String| Error::Internal {
        why: format!("the report cannot be drawn: {why}"),
        journal: None,
    };
    match format {
        ReportFormat::Html => phoenix_reports::html(view).map_err(|why| internal(why.to_string())),
        ReportFormat::Markdown => Ok(phoenix_reports::markdown(view)),
        ReportFormat::Json => Ok(phoenix_reports::json(view)),
        ReportFormat::Junit => {
            phoenix_reports::junit(view).map_err(|why| internal(why.to_string()))
        }
    }
}
