//! The database of a machine: a SQLite file, or a database of a server that the test process was
//! given. What happens to it is the same in words: it is dropped, hidden, copied.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use phoenix_understudies::platform::{
    Database, DatabaseError, Engine, MysqlConfig, MysqlDatabase, PostgresConfig, PostgresDatabase,
    Row, SqliteDatabase, Statement, Value,
};
use tokio::sync::{Notify, OnceCell};

/// `ENGINE PORT` of a server on loopback; SQLite without it.
pub(crate) const SERVER: &str = "PHOENIX_TEST_SERVER";
pub(crate) const PASSWORD: &str = "of-the-test";

/// Where the rows of one machine are.
pub(crate) enum Place {
    File(PathBuf),
    Server { server: Server, name: String },
}

/// A server of the test process.
#[derive(Clone, Copy)]
pub(crate) struct Server {
    pub(crate) engine: Engine,
    pub(crate) port: u16,
}

impl Server {
    /// A connection to a database of it.
    pub(crate) fn connect(self, database: &str) -> Arc<dyn Database> {
        let host = "127.0.0.1".to_owned();
        let (port, password) = (self.port, PASSWORD.to_owned());
        let database = database.to_owned();
        match self.engine {
            Engine::Mysql => Arc::new(
                MysqlDatabase::connect(MysqlConfig {
                    host,
                    port,
                    user: "root".to_owned(),
                    password,
                    database,
                })
                .unwrap(),
            ),
            _ => Arc::new(
                PostgresDatabase::connect(PostgresConfig {
                    host,
                    port,
                    user: "postgres".to_owned(),
                    password,
                    database,
                })
                .unwrap(),
            ),
        }
    }

    /// A connection to the database that every server has.
    pub(crate) fn system(self) -> Arc<dyn Database> {
        self.connect(match self.engine {
            Engine::Mysql => "mysql",
            _ => "postgres",
        })
    }

    async fn tell(self, sql: &str) {
        self.system().execute(sql, Vec::new()).await.unwrap();
    }
}

/// The engine that this process tests over.
pub(crate) fn server() -> Option<Server> {
    let text = std::env::var(SERVER).ok()?;
    let (engine, port) = text.split_once(' ').unwrap();
    Some(Server {
        engine: match engine {
            "mysql" => Engine::Mysql,
            "postgres" => Engine::Postgres,
            other => panic!("no engine is called {other}"),
        },
        port: port.parse().unwrap(),
    })
}

impl Place {
    /// A place of its own, where nothing is yet.
    pub(crate) fn new(folder: &Path) -> Self {
        static DATABASES: AtomicUsize = AtomicUsize::new(0);
        match server() {
            None => Self::File(folder.join("database")),
            Some(server) => Self::Server {
                server,
                name: format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed)),
            },
        }
    }

    /// A connection. The database is made where it is not there.
    pub(crate) fn open(&self) -> Arc<TestDatabase> {
        let rows = match self {
            Self::File(path) => Rows::File(SqliteDatabase::open(path).unwrap()),
            Self::Server { server, name } => Rows::Server {
                server: *server,
                name: name.clone(),
                made: OnceCell::new(),
            },
        };
        Arc::new(TestDatabase {
            rows,
            refused: Notify::new(),
        })
    }

    /// Destroys it.
    pub(crate) async fn drop(&self) {
        match self {
            Self::File(path) => std::fs::remove_file(path).unwrap(),
            Self::Server { server, name } => {
                let force = match server.engine {
                    Engine::Postgres => " WITH (FORCE)",
                    _ => "",
                };
                server.tell(&format!("DROP DATABASE {name}{force}")).await;
            }
        }
    }

    /// Nobody reaches it until it is shown again.
    pub(crate) async fn hide(&self) {
        match self {
            Self::File(path) => std::fs::rename(path, path.with_extension("hidden")).unwrap(),
            Self::Server { server, name } => {
                server.tell(&format!("CREATE DATABASE {name}")).await;
                self.allow(*server, name, false).await;
            }
        }
    }

    pub(crate) async fn show(&self) {
        match self {
            Self::File(path) => std::fs::rename(path.with_extension("hidden"), path).unwrap(),
            Self::Server { server, name } => self.allow(*server, name, true).await,
        }
    }

    async fn allow(&self, server: Server, name: &str, allowed: bool) {
        server
            .tell(&format!(
                "ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}"
            ))
            .await;
    }

    /// Keeps a copy of what is in it now; nobody is connected.
    pub(crate) async fn copy(&self) {
        match self {
            Self::File(path) => {
                std::fs::copy(path, path.with_extension("copy")).unwrap();
            }
            Self::Server { server, name } => {
                disconnect(*server, name).await;
                let sql = format!("CREATE DATABASE {name}_copy TEMPLATE {name}");
                server.tell(&sql).await;
            }
        }
    }

    /// Replaces it by the copy.
    pub(crate) async fn put_back(&self) {
        match self {
            Self::File(path) => {
                for tail in ["", "-wal", "-shm"] {
                    let mut file = path.clone().into_os_string();
                    file.push(tail);
                    let _gone = std::fs::remove_file(file);
                }
                std::fs::copy(path.with_extension("copy"), path).unwrap();
            }
            Self::Server { server, name } => {
                self.drop().await;
                let sql = format!("CREATE DATABASE {name} TEMPLATE {name}_copy");
                server.tell(&sql).await;
            }
        }
    }
}

/// Ends what a closed connection has left at the server, which notices a moment later.
async fn disconnect(server: Server, name: &str) {
    let system = server.system();
    let sql = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = ?";
    system.query(sql, vec![name.into()]).await.unwrap();
}

/// A connection that a test can close.
pub(crate) struct TestDatabase {
    rows: Rows,
    refused: Notify,
}

enum Rows {
    File(SqliteDatabase),
    Server {
        server: Server,
        name: String,
        made: OnceCell<std::sync::Mutex<Option<Arc<dyn Database>>>>,
    },
}

impl TestDatabase {
    /// Every later call finds the database unavailable.
    pub(crate) fn close(&self) {
        match &self.rows {
            Rows::File(database) => database.close(),
            Rows::Server { made, .. } => {
                if let Some(made) = made.get() {
                    made.lock().unwrap().take();
                }
            }
        }
    }

    /// Waits until somebody has asked whether the database is there, and it was not.
    pub(crate) async fn refused(&self) {
        self.refused.notified().await;
    }

    async fn reached(&self) -> Result<Arc<dyn Database>, DatabaseError> {
        let Rows::Server { server, name, made } = &self.rows else {
            unreachable!("a file is reached without a server")
        };
        let made = made
            .get_or_init(|| async {
                let create = format!("CREATE DATABASE {name}");
                // It may be there already.
                let _made = server.system().execute(&create, Vec::new()).await;
                std::sync::Mutex::new(Some(server.connect(name)))
            })
            .await;
        let database = made.lock().unwrap().clone();
        database.ok_or_else(|| DatabaseError::Unavailable("connection closed".to_owned()))
    }
}

#[async_trait::async_trait]
impl Database for TestDatabase {
    async fn execute(&self, sql: &str, params: Vec<Value>) -> Result<u64, DatabaseError> {
        match &self.rows {
            Rows::File(database) => database.execute(sql, params).await,
            Rows::Server { .. } => self.reached().await?.execute(sql, params).await,
        }
    }

    async fn insert(&self, sql: &str, params: Vec<Value>) -> Result<i64, DatabaseError> {
        match &self.rows {
            Rows::File(database) => database.insert(sql, params).await,
            Rows::Server { .. } => self.reached().await?.insert(sql, params).await,
        }
    }

    async fn query(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DatabaseError> {
        match &self.rows {
            Rows::File(database) => database.query(sql, params).await,
            Rows::Server { .. } => self.reached().await?.query(sql, params).await,
        }
    }

    async fn transaction(&self, statements: Vec<Statement>) -> Result<(), DatabaseError> {
        match &self.rows {
            Rows::File(database) => database.transaction(statements).await,
            Rows::Server { .. } => self.reached().await?.transaction(statements).await,
        }
    }

    async fn ping(&self) -> Result<(), DatabaseError> {
        let answer = match &self.rows {
            Rows::File(database) => database.ping().await,
            Rows::Server { .. } => match self.reached().await {
                Ok(database) => database.ping().await,
                Err(why) => Err(why),
            },
        };
        if answer.is_err() {
            self.refused.notify_one();
        }
        answer
    }

    fn engine(&self) -> Engine {
        match &self.rows {
            Rows::File(database) => database.engine(),
            Rows::Server { server, .. } => server.engine,
        }
    }
}
