//! `gaps --draft-mapping`: which check may answer which claim of a document.

use phoenix_claims::mapping::Names;
use phoenix_claims::{draft_mapping, draft_yaml};
use phoenix_engine::lower;
use phoenix_engine::stack::Stack;
use phoenix_evidence::finding::Subject;
use phoenix_language::vocabulary;

use crate::arguments::GapsArguments;
use crate::error::Error;
use crate::project::Project;
use crate::{judge, terminal};

pub(crate) fn draft(arguments: &GapsArguments) -> Result<u8, Error> {
    let project = Project::find();
    let environment =
        vocabulary::read_environment(&project.environment(arguments.env.as_deref())?)?;
    let profile = lower::profiles(&environment)
        .into_iter()
        .next()
        .unwrap_or_default();
    let names = names(&lower::stack(&environment, &profile)?);
    let given: Vec<_> = arguments.document.iter().cloned().collect();
    let mut open = String::new();
    let mut proposed = Vec::new();
    for document in judge::documents(&environment, &given)? {
        if document.claims.is_empty() {
            terminal::talk(&format!(
                "note: {} makes no claim that is recognised: a claim is a row of a table with a \
                 status, a heading of a gap, or an item of a list of criteria\n",
                document.path
            ));
        }
        let found = draft_mapping(&document, &names);
        for claim in &document.claims {
            let answered = found.iter().any(|one| one.claim == claim.id);
            if !answered && claim.ties.is_empty() {
                open.push_str(&format!(
                    "# {}:{}: no check is proposed for: {}\n",
                    document.path,
                    claim.span.line,
                    claim.title.replace(char::is_control, " ")
                ));
            }
        }
        proposed.extend(found);
    }
    terminal::data(&(draft_yaml(&proposed) + &open))?;
    Ok(0)
}

/// What has a name in a stack, with the words that people use for it.
fn names(stack: &Stack) -> Names {
    let stores = stack.stores.iter().map(|store| {
        let mut words = vec![store.engine.clone(), store.at.clone()];
        words.push(common_words(&store.engine).to_owned());
        let users = stack.services.iter().filter(|service| {
            let stores = stack.stores_of(service);
            stores.iter().any(|known| known.name == store.name)
        });
        for service in users {
            words.extend([service.name.clone(), service.app.clone()]);
            words.push(role_words(&service.app).to_owned());
        }
        (Subject::Store(store.name.clone()), words)
    });
    let services = stack.services.iter().map(|service| {
        let words = vec![service.app.clone(), role_words(&service.app).to_owned()];
        (Subject::Service(service.name.clone()), words)
    });
    let secrets = stack.secrets.iter().map(|secret| {
        let words = vec!["key secret encryption decrypt".to_owned()];
        (Subject::Secret(secret.name.clone()), words)
    });
    let steps = stack.manual_steps.iter().map(|step| {
        let words = vec![step.title.clone()];
        (Subject::ManualStep(step.name.clone()), words)
    });
    Names {
        subjects: stores.chain(services).chain(secrets).chain(steps).collect(),
    }
}

/// What people call a store by its engine.
fn common_words(engine: &str) -> &'static str {
    match engine {
        "directory" | "volume" | "bucket" => {
            "files uploads attachments images folder volume bucket storage"
        }
        "redis" | "memcached" => "cache sessions queue",
        _ => "database sql",
    }
}

/// What people call an application by what it does.
fn role_words(app: &str) -> &'static str {
    match app {
        "zitadel" => "identity provider sso",
        "bookstack" => "wiki pages",
        "mattermost" | "zulip" => "chat messages",
        _ => "",
    }
}
