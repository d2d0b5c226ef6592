//! The steps of a scenario, with those that go without saying: the build and the check of the
//! steady state before the first, the manual steps of a rebuild, the start of the services.

use std::time::Duration;

use phoenix_language::tree::Place;
use phoenix_language::{Node, Source};

use super::bodies::{check_words, checks_of, point_of, request_of, seed_title};
use super::environment::known_name;
use super::foreign::Vessels;
use super::{duration_of, number_of, text_of, texts_of};
use crate::plan::{Act, RunCommand, Step};
use crate::stack::Stack;
use crate::words;

/// What comes after a step, and before it.
#[derive(Clone, Copy)]
struct Follows {
    /// A restore, sooner or later.
    restore: bool,
    /// At once, a step that wants that nothing has started on the stores yet.
    still: bool,
    /// Before it there was a command, which may make files.
    run: bool,
}

/// Steps under way of being made.
pub(super) struct Lowering<'a> {
    pub(super) source: &'a Source,
    pub(super) stack: &'a Stack,
    made: usize,
    last: Option<String>,
    /// Id of the check of the steady state; none within `finally:`.
    steady: Option<String>,
    /// (id of a step, name that it needs, place of the name).
    pub(super) needs: Vec<(String, String, Place)>,
    backed_up: bool,
    /// A rebuild asked for the manual steps, and no start has met them yet.
    manual_due: bool,
    names: Vec<String>,
    /// What becomes of stores on the way, as far as backups of others depend on it.
    pub(super) vessels: Vessels,
}

impl<'a> Lowering<'a> {
    pub(super) fn new(source: &'a Source, stack: &'a Stack) -> Self {
        Self {
            source,
            stack,
            made: 0,
            last: None,
            steady: None,
            needs: Vec::new(),
            backed_up: false,
            manual_due: false,
            names: Vec::new(),
            vessels: Vessels::default(),
        }
    }

    pub(super) fn steps(&mut self, node: Option<&Node>, cleanup: bool) -> Vec<Step> {
        let items = node.map(Node::items).unwrap_or_default();
        let mut steps = Vec::new();
        if !cleanup {
            steps.push(self.add(
                "build",
                "bring the stack up from nothing",
                Act::Build,
                false,
            ));
            steps.push(self.add(
                "steady-state",
                "check that the stack is well and that everything found is declared",
                Act::SteadyState,
                false,
            ));
            self.steady.clone_from(&self.last);
        } else {
            // `finally:` waits for nothing that may never have run.
            self.last = None;
            self.steady = None;
        }
        let kinds: Vec<String> = items.iter().map(|item| kind_of(item)).collect();
        for (at, item) in items.iter().enumerate() {
            let from = steps.len();
            let follows = Follows {
                restore: kinds[at + 1..].iter().any(|kind| kind == "restore"),
                still: kinds
                    .get(at + 1)
                    .is_some_and(|kind| matches!(kind.as_str(), "restore" | "prove")),
                run: kinds[..at].iter().any(|kind| kind == "run"),
            };
            self.lower(item, &kinds[at], follows, cleanup, &mut steps);
            self.name_and_needs(item, &mut steps[from..]);
        }
        steps
    }

    fn name_and_needs(&mut self, item: &Node, made: &mut [Step]) {
        let (Some(name), needs) = (text_of(item.get("name")), item.get("needs")) else {
            self.own_needs(item.get("needs"), made);
            return;
        };
        if self.names.contains(&name) {
            let place = item.get("name").map_or(item.place, |node| node.place);
            let message = format!("two steps are called `{name}`");
            let help = "give one of them another name".to_owned();
            self.source
                .error(place, "duplicate-name", message, Some(help));
        }
        self.names.push(name.clone());
        if let Some(last) = made.last_mut() {
            last.name = Some(name);
        }
        self.own_needs(needs, made);
    }

    fn own_needs(&mut self, needs: Option<&Node>, made: &mut [Step]) {
        let (Some(needs), Some(first)) = (needs, made.first_mut()) else {
            return;
        };
        // Whatever else it waits for or not: nothing happens to a stack that is not known to be well.
        first.needs.clear();
        first.needs.extend(self.steady.clone());
        for need in needs.items() {
            if let Some(name) = need.text() {
                self.needs
                    .push((first.id.clone(), name.to_owned(), need.place));
            }
        }
    }

    fn add(&mut self, kind: &str, title: &str, act: Act, cleanup: bool) -> Step {
        self.made += 1;
        let id = format!("{:02}-{kind}", self.made);
        let needs = self.last.replace(id.clone()).into_iter().collect();
        Step {
            id,
            name: None,
            title: title.to_owned(),
            needs,
            act,
            cleanup,
        }
    }

    fn lower(
        &mut self,
        item: &Node,
        kind: &str,
        follows: Follows,
        cleanup: bool,
        steps: &mut Vec<Step>,
    ) {
        let empty = Node {
            place: item.place,
            kind: phoenix_language::tree::Kind::Map(Vec::new()),
        };
        let body = item.get(kind).unwrap_or(&empty);
        let mut push = |this: &mut Self, kind: &str, title: String, act: Act| {
            let step = this.add(kind, &title, act, cleanup);
            steps.push(step);
        };
        match kind {
            "seed" => {
                let seed = self.seed(body);
                let title = seed_title(&seed);
                push(self, kind, title, Act::Seed(seed));
            }
            "write" => {
                self.writers(body);
                let lasting = self.writes_for(body);
                let writers = number_of(body.get("writers")).unwrap_or(4) as usize;
                let title = format!("go on writing for {}", words::duration(lasting));
                push(self, kind, title, Act::Write { lasting, writers });
            }
            "backup" => {
                self.backed_up = true;
                let stores = self.stores(body, "stores");
                let label = text_of(body.get("label"));
                let title = format!("back up {}, by policy", self.words_of(&stores));
                push(self, kind, title, Act::Backup { stores, label });
            }
            "destroy" => {
                let (stores, services) = self.destroyed(body);
                let title = format!("destroy {}, and prove it", self.words_of(&stores));
                self.vessels.destroy(&stores);
                push(self, kind, title, Act::Destroy { stores, services });
            }
            "rebuild" => {
                let stores = self.stores(body, "stores");
                let title = format!("rebuild {} from code", self.words_of(&stores));
                // A rebuild of one store asks nobody for anything.
                self.manual_due |= stores.len() == self.stack.stores.len();
                self.vessels.rebuild(&stores);
                push(self, kind, title, Act::Rebuild { stores });
                if !follows.restore {
                    self.start(&mut push);
                }
            }
            "restore" if body.get("from").is_some() => {
                let (points, label) = self.foreign_points(body, follows.run);
                let title = self.foreign_title(&points);
                push(self, kind, title, Act::RestoreForeign { points, label });
                if !follows.still {
                    self.start(&mut push);
                }
                self.vessels.start_due = follows.still;
            }
            "prove" => {
                let expected = self.expected(body);
                let title = self.expected_title(&expected);
                push(self, kind, title, Act::Prove { expected });
                if self.vessels.start_due && !follows.still {
                    self.start(&mut push);
                    self.vessels.start_due = false;
                }
            }
            "restore" => {
                if let Some(label) = body.get("label") {
                    self.source.error(
                        label.place,
                        "unknown-key",
                        "a label goes with `from`".to_owned(),
                        Some("to restore a labelled point, write `point: { label: … }`".to_owned()),
                    );
                }
                if !self.backed_up {
                    self.source.warn(
                        item.place,
                        "restore-before-backup",
                        "nothing was backed up before this restore".to_owned(),
                        Some("put a `- backup: all` before it".to_owned()),
                    );
                }
                let mut stores = match body.get("order").map(|order| texts_of(Some(order))) {
                    Some(order) if order != ["auto"] => order,
                    _ => self.stores(body, "stores"),
                };
                let order = self.stack.restore_order();
                if body
                    .get("order")
                    .is_none_or(|order| order.text() == Some("auto"))
                {
                    stores.sort_by_key(|store| order.iter().position(|known| known == store));
                }
                let point = point_of(body.get("point"));
                let title = format!("restore {}", self.words_of(&stores));
                self.vessels.restore(&stores);
                push(self, kind, title, Act::Restore { stores, point });
                if !follows.still {
                    self.start(&mut push);
                }
                self.vessels.start_due = follows.still;
            }
            "check" => {
                let checks = self.carried_checks(body, checks_of(body));
                let title = format!("check {}", check_words(&checks));
                push(self, kind, title, Act::Check { checks });
            }
            "inject" => {
                if let Some(fault) = self.fault(body) {
                    push(self, kind, fault.sentence(), Act::Inject(fault));
                }
            }
            "manual" => {
                let known: Vec<&str> = self.stack.manual_step_names();
                known_name(self.source, body, &known, "manual step");
                let step = text_of(Some(body)).unwrap_or_default();
                push(
                    self,
                    kind,
                    format!("manual step: {step}"),
                    Act::Manual { step },
                );
            }
            "run" => {
                self.program(body);
                let command = RunCommand {
                    argv: texts_of(body.get("command")),
                    timeout: duration_of(body.get("timeout")).unwrap_or(Duration::from_secs(60)),
                    exit: number_of(body.get("exit"))
                        .and_then(|code| i32::try_from(code).ok())
                        .unwrap_or(0),
                    save: text_of(body.get("save")),
                };
                push(
                    self,
                    kind,
                    format!("run {}", command.argv.join(" ")),
                    Act::Run(command),
                );
            }
            "http" => {
                let request = request_of(self.source, body);
                let title = format!("{} {}", request.method.to_uppercase(), request.url);
                push(self, kind, title, Act::Http(request));
            }
            "sql" => {
                let store = self.store(body.get("store"));
                let query = text_of(body.get("query")).unwrap_or_default();
                let title = format!("ask {store}: {query}");
                let act = Act::Sql {
                    store,
                    query,
                    value: text_of(body.get("value")),
                    rows: number_of(body.get("rows")).map(u64::from),
                    save: text_of(body.get("save")),
                };
                push(self, kind, title, act);
            }
            "wait-until" => {
                let within = duration_of(body.get("within")).unwrap_or(Duration::from_secs(30));
                if let Some(until) = self.until(body) {
                    let title = format!("wait, {} at most", words::duration(within));
                    push(self, kind, title, Act::WaitUntil { until, within });
                }
            }
            _ => {}
        }
    }

    /// A command has to begin with a program.
    fn program(&self, body: &Node) {
        let Some(node) = body.get("command") else {
            return;
        };
        if texts_of(Some(node)).first().is_none_or(String::is_empty) {
            self.source.error(
                node.place,
                "empty-command",
                "the command names no program".to_owned(),
                Some("name the program, then its arguments: `command: [ls, -l]`".to_owned()),
            );
        }
    }

    fn start(&mut self, push: &mut impl FnMut(&mut Self, &str, String, Act)) {
        self.vessels.start();
        let services = self.stack.start_order();
        let title = format!("start {}", services.join(", "));
        push(self, "start", title, Act::Start { services });
        // What people do at a rebuild they do to services that run.
        if std::mem::take(&mut self.manual_due) {
            for manual in &self.stack.manual_steps {
                let title = format!("manual step: {}", manual.title);
                let step = manual.name.clone();
                push(self, "manual", title, Act::Manual { step });
            }
        }
    }
}

fn kind_of(item: &Node) -> String {
    if let Some(word) = item.text() {
        return word.to_owned();
    }
    item.entries()
        .iter()
        .map(|(key, _)| key.text.as_str())
        .find(|key| !matches!(*key, "name" | "needs"))
        .unwrap_or_default()
        .to_owned()
}
