//! A stack under one profile: services, stores, secrets and manual steps with the policies that
//! apply. Made from an environment file; the planner and the runner see only this.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A stack under one profile.
#[derive(Clone, Debug, Default)]
pub struct Stack {
    /// Name of the environment.
    pub environment: String,
    /// The profile.
    pub profile: String,
    /// Where it runs.
    pub driver: Driver,
    /// Services in the order of the file.
    pub services: Vec<Service>,
    /// Stores in the order of the file.
    pub stores: Vec<Store>,
    /// Secrets in the order of the file.
    pub secrets: Vec<Secret>,
    /// Steps that a person has to do at a rebuild.
    pub manual_steps: Vec<ManualStep>,
    /// What success means.
    pub objectives: Objectives,
    /// Services that cannot run here, and why: they are not among the services, nothing is asked of
    /// them, and nothing that speaks of them is proven.
    pub absent: BTreeMap<String, String>,
    /// What is declared to be sick before the drill: service or store → (check, reason).
    pub known_sick: BTreeMap<String, (String, String)>,
}

/// Where a stack runs, as its environment file says.
#[derive(Clone, Debug, Default)]
pub struct Driver {
    /// The driver's name: `embedded`, `compose`.
    pub name: String,
    /// What the file says beside the name. The driver knows what it means, and the vocabulary has
    /// held it against that.
    pub settings: serde_json::Value,
    /// The folder that paths in the settings are relative to.
    pub folder: std::path::PathBuf,
}

/// A service.
#[derive(Clone, Debug, Default)]
pub struct Service {
    /// Name.
    pub name: String,
    /// Application module.
    pub app: String,
    /// Public URL.
    pub url: String,
    /// Stores and services that it needs.
    pub needs: Vec<String>,
    /// Secrets that it is started with.
    pub secrets: Vec<String>,
    /// The service through which people log in.
    pub login_via: Option<String>,
    /// Variables that the environment file sets for it.
    pub env: BTreeMap<String, String>,
    /// What the environment file tells its application module, as it stands there. The module knows
    /// what it means, and the vocabulary has held it against that; nobody in between does.
    pub settings: serde_json::Value,
}

/// What a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// Rows.
    Database,
    /// Files in a folder or a volume.
    Files,
    /// Objects.
    Bucket,
    /// Memory that may be lost.
    Memory,
}

/// A store.
#[derive(Clone, Debug)]
pub struct Store {
    /// Name.
    pub name: String,
    /// What it is.
    pub kind: StoreKind,
    /// The word of the environment file for it: `sqlite`, `directory`, `bucket`.
    pub engine: String,
    /// Path, bucket or database name within the environment.
    pub at: String,
    /// What the environment file says beside that: for the driver.
    pub settings: serde_json::Value,
    /// The store that carries this one (a database file on a volume), if any.
    pub on: Option<String>,
    /// Declared as expendable.
    pub losable: bool,
    /// How long a write may take to show up.
    pub catch_up: Duration,
    /// Its recovery policy.
    pub policy: Policy,
}

/// Recovery policy of a store: what production really has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Nothing.
    None,
    /// Physical snapshots on a schedule.
    Snapshot {
        /// Time between two.
        every: Duration,
        /// Time between the moment that a snapshot stands for and its being usable.
        lag: Duration,
        /// Whether they are still there after the instance is destroyed.
        outlives: bool,
    },
    /// Logical dumps on a schedule.
    Logical {
        /// Time between two.
        every: Duration,
        /// As above.
        lag: Duration,
    },
    /// Older versions kept in the store itself: a store that is emptied or overwritten comes back
    /// through them, one that is destroyed takes them along.
    Versioned,
    /// Every write carried away as it happens, so that no backup step is needed: its recovery point
    /// is where the stream ends.
    Replicated {
        /// How far behind.
        lag: Duration,
    },
    /// Kept out of the destroy on purpose.
    Retained,
}

impl Policy {
    /// What a destroy at the worst moment would lose by the policy alone; `None` where nothing that
    /// the policy keeps outlives it.
    #[must_use]
    pub fn worst_loss(&self) -> Option<Duration> {
        match self {
            Self::None | Self::Versioned => None,
            Self::Snapshot {
                outlives: false, ..
            } => None,
            Self::Snapshot { every, lag, .. } | Self::Logical { every, lag } => Some(*every + *lag),
            Self::Replicated { lag } => Some(*lag),
            Self::Retained => Some(Duration::ZERO),
        }
    }

    /// Whether a backup step makes a recovery point under it.
    #[must_use]
    pub fn makes_points(&self) -> bool {
        !matches!(self, Self::None | Self::Retained | Self::Replicated { .. })
    }

    /// Whether a stream carries its writes away: its point is made by the cut of the stream.
    #[must_use]
    pub fn streams(&self) -> bool {
        matches!(self, Self::Replicated { .. })
    }
}

impl std::fmt::Display for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => write!(f, "no backup"),
            Self::Snapshot {
                every, outlives, ..
            } => write!(
                f,
                "snapshot every {}{}",
                crate::words::duration(*every),
                if *outlives {
                    ""
                } else {
                    ", gone with its instance"
                }
            ),
            Self::Logical { every, .. } => {
                write!(f, "dump every {}", crate::words::duration(*every))
            }
            Self::Versioned => write!(f, "versions kept in the store itself"),
            Self::Replicated { lag } => {
                write!(f, "replicated, {} behind", crate::words::duration(*lag))
            }
            Self::Retained => write!(f, "kept out of the destroy"),
        }
    }
}

/// A secret.
#[derive(Clone, Debug)]
pub struct Secret {
    /// Name.
    pub name: String,
    /// Bytes of randomness in it.
    pub bytes: usize,
    /// How the bytes are written down.
    pub encoding: SecretEncoding,
    /// The variable that hands its value to the stack, where the driver needs to be told.
    pub env: Option<String>,
    /// The store that it is the password of: nothing is sealed with it, and a server lets nobody in who
    /// shows another one than its role was made with.
    pub opens: Option<String>,
    /// Whether a rebuild brings the same value back.
    pub preserved: bool,
}

/// How a secret's bytes are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretEncoding {
    /// As many printable characters as there are bytes.
    Text,
    /// `base64:` and the bytes in base64.
    PrefixedBase64,
    /// Hexadecimal digits, two a byte.
    Hex,
}

/// A step that a person does at a rebuild.
#[derive(Clone, Debug)]
pub struct ManualStep {
    /// Name.
    pub name: String,
    /// What it is.
    pub title: String,
    /// Minutes it takes a person, as declared.
    pub minutes: f64,
    /// What performs it without a person; `None` leaves it to one.
    pub automation: Option<Automation>,
}

/// What performs a manual step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Automation {
    /// A command: program and arguments.
    Command(Vec<String>),
    /// The code that sets up the clients at this provider, with the token of its first boot.
    Provision(String),
    /// Something that phoenix cannot see here. Nobody is waited for, and nothing is proved.
    Declared,
}

/// What success means.
#[derive(Clone, Copy, Debug, Default)]
pub struct Objectives {
    /// Disaster to the last service's first durable write, at most.
    pub rto: Option<Duration>,
    /// Age of the oldest acknowledged write lost, at most.
    pub rpo: Option<Duration>,
    /// Manual steps, at most.
    pub manual_steps: Option<u32>,
}

impl Stack {
    /// The stack without services that cannot run where it is, and without those that need them.
    #[must_use]
    pub fn without(mut self, absent: &BTreeMap<String, String>) -> Self {
        self.absent.extend(absent.clone());
        loop {
            let gone = self.services.iter().find_map(|service| {
                if self.absent.contains_key(&service.name) {
                    return Some((service.name.clone(), None));
                }
                let mut needs = service.needs.iter().chain(&service.login_via);
                let need = needs.find(|need| self.absent.contains_key(*need))?;
                let why = format!("it needs {need}: {}", self.absent[need]);
                Some((service.name.clone(), Some(why)))
            });
            let Some((name, why)) = gone else {
                return self;
            };
            self.services.retain(|service| service.name != name);
            self.absent.extend(why.map(|why| (name, why)));
        }
    }

    /// A service by name.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }

    /// A store by name.
    #[must_use]
    pub fn store(&self, name: &str) -> Option<&Store> {
        self.stores.iter().find(|store| store.name == name)
    }

    /// A secret by name.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<&Secret> {
        self.secrets.iter().find(|secret| secret.name == name)
    }

    /// The key of a service: the first of its secrets that is no password of a store.
    #[must_use]
    pub fn key_of(&self, service: &Service) -> Option<&Secret> {
        let mut secrets = service.secrets.iter().filter_map(|name| self.secret(name));
        secrets.find(|secret| secret.opens.is_none())
    }

    /// Names of all stores, in the order of the file.
    #[must_use]
    pub fn store_names(&self) -> Vec<&str> {
        self.stores.iter().map(|one| one.name.as_str()).collect()
    }

    /// Names of all services, in the order of the file.
    #[must_use]
    pub fn service_names(&self) -> Vec<&str> {
        self.services.iter().map(|one| one.name.as_str()).collect()
    }

    /// Names of all secrets, in the order of the file.
    #[must_use]
    pub fn secret_names(&self) -> Vec<&str> {
        self.secrets.iter().map(|one| one.name.as_str()).collect()
    }

    /// Names of all manual steps, in the order of the file.
    #[must_use]
    pub fn manual_step_names(&self) -> Vec<&str> {
        self.manual_steps
            .iter()
            .map(|one| one.name.as_str())
            .collect()
    }

    /// The stores under a service, in the order of its needs.
    #[must_use]
    pub fn stores_of(&self, service: &Service) -> Vec<&Store> {
        service
            .needs
            .iter()
            .filter_map(|need| self.store(need))
            .collect()
    }

    /// Services in an order in which each comes after what it needs, the provider of its logins
    /// included. Names that are in a cycle come last, in the order of the file.
    #[must_use]
    pub fn start_order(&self) -> Vec<String> {
        let mut done: BTreeSet<&str> = BTreeSet::new();
        let mut order = Vec::new();
        while order.len() < self.services.len() {
            let before = order.len();
            for service in &self.services {
                if done.contains(service.name.as_str()) {
                    continue;
                }
                let ready = service
                    .needs
                    .iter()
                    .chain(&service.login_via)
                    .all(|need| self.service(need).is_none() || done.contains(need.as_str()));
                if ready {
                    done.insert(&service.name);
                    order.push(service.name.clone());
                }
            }
            if order.len() == before {
                for service in &self.services {
                    if !done.contains(service.name.as_str()) {
                        order.push(service.name.clone());
                    }
                }
                break;
            }
        }
        order
    }

    /// Stores in an order in which each comes after the one that carries it, and otherwise in the
    /// order in which the services that need them start.
    #[must_use]
    pub fn restore_order(&self) -> Vec<String> {
        let mut order: Vec<String> = Vec::new();
        let add = |name: &str, order: &mut Vec<String>| {
            if !order.iter().any(|known| known == name) {
                order.push(name.to_owned());
            }
        };
        for service in self.start_order() {
            let Some(service) = self.service(&service) else {
                continue;
            };
            for store in self.stores_of(service) {
                if let Some(carrier) = &store.on {
                    add(carrier, &mut order);
                }
                add(&store.name, &mut order);
            }
        }
        for store in &self.stores {
            add(&store.name, &mut order);
        }
        order
    }
}
