//! What there is: one store, what is in it, its recovery points, and the lies.

use phoenix_engine::environment::{DirectCopy, Vessel};

/// The only store.
pub(crate) const STORE: &str = "wiki-db";

/// Where the stack is not what it says. All of it is honest by default.
#[derive(Default)]
pub(crate) struct Lies {
    /// The only recovery point left is one that an older run made.
    pub(crate) older_point: bool,
    /// The destroy leaves the (emptied) vessel in the inventory.
    pub(crate) left_over: bool,
    /// The destroy moves the vessel to where nobody looks for it.
    pub(crate) moved_aside: bool,
    /// The rebuild brings the (emptied) old vessel back.
    pub(crate) same_vessel: bool,
    /// The data of before the destroy is in the new vessel, whatever is restored.
    pub(crate) keeps_data: bool,
    /// What answers after the destroy.
    pub(crate) answers: Vec<String>,
    /// The destroy takes the recovery points along.
    pub(crate) points_die: bool,
    /// The backup makes no recovery point that can be listed.
    pub(crate) points_hidden: bool,
    /// The stream has carried nothing for certain.
    pub(crate) carries_nothing: bool,
    /// The restore fails.
    pub(crate) restore_fails: bool,
    /// The store cannot be read straight after the restore.
    pub(crate) unreadable: bool,
    /// What becomes of the data in the restore.
    pub(crate) on_restore: Option<fn(&mut Content)>,
    /// The rebuild makes a new key.
    pub(crate) new_key: bool,
    /// The application answers each sealed read as if its key were wrong.
    pub(crate) key_error: bool,
    /// After the restore the application finds a canary absent so many times before it shows it.
    pub(crate) late_by_reads: u32,
    /// Each entry is listed twice.
    pub(crate) lists_twice: bool,
    /// Nobody has said how people log in.
    pub(crate) no_login: bool,
    /// The first write is not given back.
    pub(crate) no_first_write: bool,
    /// Whether a fault is seen to bite when it is injected.
    pub(crate) bites: Option<bool>,
    /// Whether it is seen to have bitten at the end.
    pub(crate) has_bitten: Option<bool>,
    /// The automation of manual steps fails.
    pub(crate) automation_fails: bool,
    /// Vessels that no store declares.
    pub(crate) strays: Vec<Stray>,
    /// A file that no inventory shows grows from the start.
    pub(crate) grows: bool,
    /// What becomes of a backup that phoenix did not make.
    pub(crate) foreign: Foreign,
}

/// What becomes of a backup that phoenix did not make.
#[derive(Clone, Default)]
pub(crate) struct Foreign {
    /// Somebody writes on in it while it is restored.
    pub(crate) changes: bool,
    /// It loads, and nothing comes of it.
    pub(crate) is_empty: bool,
    /// How old its newest row is, in seconds.
    pub(crate) age_s: f64,
    /// Its table is not there.
    pub(crate) without_table: bool,
}

/// A vessel that no store declares.
#[derive(Clone, Copy)]
pub(crate) struct Stray {
    pub(crate) name: &'static str,
    pub(crate) since: Since,
    /// The destroy takes it along.
    pub(crate) dies: bool,
}

/// Since when a stray is there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Since {
    Built,
    Written,
    Destroyed,
}

/// An entry of the application.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) kind: String,
    pub(crate) marker: String,
    pub(crate) text: String,
    /// The key that sealed it.
    pub(crate) sealed_by: Option<u32>,
}

/// What is in the store.
#[derive(Clone, Default)]
pub(crate) struct Content {
    pub(crate) rows: Vec<Row>,
    pub(crate) direct: Vec<DirectCopy>,
    /// The account of the person who logs in.
    pub(crate) account: Option<&'static str>,
}

pub(super) struct World {
    pub(super) lies: Lies,
    pub(super) moment: Since,
    pub(super) key: u32,
    /// Number of the vessel that is there.
    pub(super) vessel: Option<u32>,
    /// Number of the last vessel that was made.
    pub(super) newest_vessel: u32,
    pub(super) content: Content,
    pub(super) points: Vec<(String, Content)>,
    /// Reads since the restore.
    pub(super) reads: u32,
    pub(super) restored: bool,
    /// What was restored is of a backup that phoenix did not make.
    pub(super) is_foreign: bool,
    pub(super) fault: Option<phoenix_engine::plan::Fault>,
}

impl World {
    pub(super) fn new(lies: Lies) -> Self {
        Self {
            lies,
            moment: Since::Built,
            key: 1,
            vessel: None,
            newest_vessel: 0,
            content: Content::default(),
            points: Vec::new(),
            reads: 0,
            restored: false,
            is_foreign: false,
            fault: None,
        }
    }

    pub(super) fn build(&mut self) {
        self.new_vessel();
        self.content.account = Some("7");
    }

    pub(super) fn new_vessel(&mut self) {
        self.newest_vessel += 1;
        self.vessel = Some(self.newest_vessel);
    }

    pub(super) fn destroy(&mut self) {
        self.moment = Since::Destroyed;
        if !self.lies.left_over {
            self.vessel = None;
        }
        if !self.lies.keeps_data {
            self.content = Content::default();
        }
        if self.lies.points_die {
            self.points.clear();
        }
        if self.lies.older_point {
            let direct = vec![DirectCopy {
                marker: "phx-deadbeef-000001".to_owned(),
                text: String::new(),
            }];
            let older = Content {
                direct,
                account: self.content.account.or(Some("7")),
                ..Content::default()
            };
            self.points = vec![("older".to_owned(), older)];
        }
    }

    pub(super) fn rebuild(&mut self) {
        if self.lies.same_vessel {
            self.vessel = Some(self.newest_vessel);
        } else {
            self.new_vessel();
        }
        if self.lies.new_key {
            self.key += 1;
        }
    }

    pub(super) fn restore(&mut self, point: &str) {
        let kept = self.points.iter().find(|(id, _)| id == point);
        let (_, content) = kept.expect("a point that was listed");
        if !self.lies.keeps_data {
            self.content = content.clone();
        }
        if let Some(change) = self.lies.on_restore {
            change(&mut self.content);
        }
    }

    pub(super) fn unseen(&self) -> Vec<Vessel> {
        let grown = Vessel {
            store: None,
            kind: "files".to_owned(),
            place: "cellar".to_owned(),
            identity: "1".to_owned(),
        };
        let there = self.lies.grows && self.moment != Since::Destroyed;
        there.then_some(grown).into_iter().collect()
    }

    pub(super) fn inventory(&self) -> Vec<Vessel> {
        let vessel = |store: Option<&str>, place: &str, identity: String| Vessel {
            store: store.map(str::to_owned),
            kind: "memory".to_owned(),
            place: place.to_owned(),
            identity,
        };
        let mut vessels = Vec::new();
        if let Some(number) = self.vessel {
            vessels.push(vessel(Some(STORE), STORE, number.to_string()));
        }
        let destroyed = self.moment == Since::Destroyed;
        if self.lies.moved_aside && destroyed {
            vessels.push(vessel(None, "attic", "1".to_owned()));
        }
        let strays = self.lies.strays.iter();
        let there = strays.filter(|one| one.since <= self.moment && !(one.dies && destroyed));
        vessels.extend(there.map(|one| {
            // As a driver may say it: how much has grown in it is part of the place.
            let place = format!("{} ({} rows)", one.name, self.content.rows.len());
            vessel(None, &place, one.name.to_owned())
        }));
        vessels
    }
}
