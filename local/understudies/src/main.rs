//! One understudy as a process of its own, in the place of the application's container.

mod arguments;
mod container;
mod process;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use arguments::{Application, Arguments, CreateRealm, Manage, Serve};
use clap::Parser as _;
use phoenix_understudies::platform::memory::{MemoryCache, MemoryQueue};
use phoenix_understudies::platform::{
    Backing, Behaviour, BootError, Clock, Platform, Resolver, Running, SqliteDatabase,
};
use phoenix_understudies::shared::client::install_crypto;
use phoenix_understudies::zulip::NewRealm;
use phoenix_understudies::{bookstack, mattermost, zitadel, zulip};
use process::{print, serve_until_signalled};

#[tokio::main]
async fn main() -> ExitCode {
    let done = if let Some((program, arguments)) = container::called(std::env::args_os().collect())
    {
        container::run(program, arguments).await
    } else {
        by_files().await
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => {
            // Nobody is left to be told that nobody can be told.
            let _told = writeln!(std::io::stderr(), "{words}");
            ExitCode::FAILURE
        }
    }
}

/// The command line of laptops: the database is a file.
async fn by_files() -> Result<(), String> {
    match Arguments::parse().application {
        Application::Zulip {
            command: Some(Manage::CreateRealm(new)),
            ..
        } => create_realm(&new).await,
        Application::Zulip { serve, .. } => play(Name::Zulip, &serve).await,
        Application::Zitadel(serve) => play(Name::Zitadel, &serve).await,
        Application::Bookstack(serve) => play(Name::Bookstack, &serve).await,
        Application::Mattermost(serve) => play(Name::Mattermost, &serve).await,
    }
}

#[derive(Clone, Copy)]
enum Name {
    Zitadel,
    Bookstack,
    Mattermost,
    Zulip,
}

impl Name {
    fn text(self) -> &'static str {
        match self {
            Self::Zitadel => "zitadel",
            Self::Bookstack => "bookstack",
            Self::Mattermost => "mattermost",
            Self::Zulip => "zulip",
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Zitadel => 8080,
            Self::Bookstack => 8081,
            Self::Mattermost => 8065,
            Self::Zulip => 8082,
        }
    }

    async fn start(self, platform: Platform) -> Result<Running, BootError> {
        match self {
            Self::Zitadel => zitadel::start(platform).await,
            Self::Bookstack => bookstack::start(platform).await,
            Self::Mattermost => mattermost::start(platform).await,
            Self::Zulip => zulip::start(platform).await,
        }
    }
}

/// Serves until a signal; the application's own words where it does not start.
async fn play(name: Name, serve: &Serve) -> Result<(), String> {
    install_crypto();
    let file = serve
        .database
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{}.sqlite", name.text())));
    let database = open(&file)?;
    let platform = platform(name, serve, Arc::clone(&database))?;
    serve_until_signalled(name.text(), name.start(platform)).await?;
    database.close();
    Ok(())
}

fn open(file: &Path) -> Result<Arc<SqliteDatabase>, String> {
    let database = SqliteDatabase::open(file);
    let database = database.map_err(|why| format!("{}: {why}", file.display()))?;
    Ok(Arc::new(database))
}

fn platform(name: Name, serve: &Serve, database: Arc<SqliteDatabase>) -> Result<Platform, String> {
    let config = serve.config.as_ref().unwrap_or(&serve.files);
    for folder in [&serve.files, config] {
        std::fs::create_dir_all(folder).map_err(|why| format!("{}: {why}", folder.display()))?;
    }
    let resolver = Resolver::of_the_system();
    for (name, address) in &serve.resolve {
        resolver.set(name, *address);
    }
    let backing = match name {
        Name::Zulip => Backing {
            memcached: Some(Arc::new(MemoryCache::open())),
            redis: Some(Arc::new(MemoryCache::open())),
            rabbitmq: Some(Arc::new(MemoryQueue::open())),
        },
        _ => Backing::default(),
    };
    Ok(Platform {
        env: process::environment(),
        listen: serve
            .listen
            .unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, name.port()))),
        database,
        files: serve.files.clone(),
        config: config.clone(),
        backing,
        clock: Clock::default(),
        resolver,
        trust_pem: serve
            .trust
            .iter()
            .map(|file| read(file))
            .collect::<Result<_, _>>()?,
        behaviour: Behaviour {
            rate_limits: !serve.no_rate_limits,
            ..Behaviour::default()
        },
    })
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|why| format!("{}: {why}", file.display()))
}

/// `manage.py create_realm`, beside a server that runs.
async fn create_realm(new: &CreateRealm) -> Result<(), String> {
    let password = read(&new.password_file)?;
    let password = password.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(format!("{} holds no password", new.password_file.display()));
    }
    if !new.database.is_file() {
        return Err(format!(
            "{} is no database; start the server first",
            new.database.display()
        ));
    }
    let database = open(&new.database)?;
    let realm = NewRealm {
        name: &new.name,
        email: &new.email,
        full_name: &new.full_name,
        password,
    };
    // It needs the database and the clock, and starts nothing.
    let platform = Platform {
        env: BTreeMap::new(),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        database,
        files: PathBuf::new(),
        config: PathBuf::new(),
        backing: Backing::default(),
        clock: Clock::default(),
        resolver: Resolver::default(),
        trust_pem: Vec::new(),
        behaviour: Behaviour::default(),
    };
    if zulip::create_realm(&platform, &realm).await? {
        print(&[format!(
            "Organisation {} and its owner were made.",
            new.name
        )]);
        Ok(())
    } else {
        Err("Subdomain is already in use. Please choose a different one.".to_owned())
    }
}
