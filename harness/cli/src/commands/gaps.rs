//! `gaps`: the register of the last run, or a draft of what ties a document to checks.

use std::io::IsTerminal as _;

use phoenix_claims::mapping::Names;
use phoenix_claims::{draft_mapping, draft_yaml};
use phoenix_engine::lower;
use phoenix_evidence::finding::Subject;
use phoenix_language::vocabulary;
use phoenix_reports::View;

use crate::arguments::GapsArguments;
use crate::error::Error;
use crate::project::{Project, journals, run_folder};

/// Columns when nobody says how many there are.
const WIDTH: usize = 100;

pub(crate) fn gaps(arguments: &GapsArguments) -> Result<u8, Error> {
    if arguments.draft_mapping {
        return draft(arguments);
    }
    let runs = Project::find().runs(arguments.runs_dir.as_deref());
    let (journals, _) = journals(&run_folder(&runs, &arguments.run)?)?;
    let view = View::new(&journals);
    let mut codes = Vec::new();
    let colour = crate::progress::colour() && std::io::stdout().is_terminal();
    for cycle in &view.cycles {
        println!(
            "{} under {}",
            cycle.started.scenario.name, cycle.started.profile
        );
        match &cycle.register {
            Some(register) => {
                print!("{}", register.render_text(WIDTH, colour));
                codes.push(register.exit_code());
            }
            None => {
                println!("this cycle broke off before it was judged");
                codes.push(3);
            }
        }
        println!();
    }
    Ok(crate::exit::worst(codes))
}

fn draft(arguments: &GapsArguments) -> Result<u8, Error> {
    let project = Project::find();
    let environment = vocabulary::read_environment(&project.environment(&arguments.env)?)?;
    let profile = lower::profiles(&environment)
        .into_iter()
        .next()
        .unwrap_or_default();
    let stack = lower::stack(&environment, &profile)?;
    let given: Vec<std::path::PathBuf> = arguments.document.iter().cloned().collect();
    let mut subjects = Vec::new();
    for store in &stack.stores {
        let words = vec![store.engine.clone(), store.at.clone()];
        subjects.push((Subject::Store(store.name.clone()), words));
    }
    for service in &stack.services {
        subjects.push((
            Subject::Service(service.name.clone()),
            vec![service.app.clone()],
        ));
    }
    for secret in &stack.secrets {
        subjects.push((Subject::Secret(secret.name.clone()), Vec::new()));
    }
    for step in &stack.manual_steps {
        subjects.push((
            Subject::ManualStep(step.name.clone()),
            vec![step.title.clone()],
        ));
    }
    let names = Names { subjects };
    for document in crate::judge::documents(&environment, &given)? {
        print!("{}", draft_yaml(&draft_mapping(&document, &names)));
    }
    Ok(0)
}
