//! What the seam promises, over each server.

use std::time::Duration;

use phoenix_understudies::platform::{Database, DatabaseError, Engine, Row, Statement, Value};

use super::server::{self, Running};

fn statement(sql: &str, params: Vec<Value>) -> Statement {
    Statement {
        sql: sql.to_owned(),
        params,
    }
}

async fn seam(database: &dyn Database) {
    let table = "CREATE TABLE things (id INTEGER PRIMARY KEY AUTOINCREMENT, \
                 name TEXT NOT NULL UNIQUE, note TEXT, bytes BLOB, number BIGINT)";
    database.execute(table, Vec::new()).await.unwrap();
    let add = "INSERT INTO things (name, note, bytes, number) VALUES (?, ?, ?, ?)";
    let row = |name: &str, number: i64| {
        vec![
            name.into(),
            Value::Null,
            vec![0, 255, 39].into(),
            number.into(),
        ]
    };
    let first = database.insert(add, row("a?'b", i64::MAX)).await.unwrap();
    let second = database.insert(add, row("A?'B", -1)).await.unwrap();
    assert_eq!((first, second), (1, 2), "case makes another key");
    let third = database.insert(add, row("a?'b ", 0)).await.unwrap();
    assert_eq!(third, 3, "a space at the end makes another key");
    let told = database.insert(add, row("a?'b", 0)).await;
    assert!(matches!(told, Err(DatabaseError::Unique(_))), "{told:?}");
    let told = database.execute("INSERT INTO nowhere VALUES (1)", vec![]);
    let told = told.await;
    assert!(matches!(told, Err(DatabaseError::Refused(_))), "{told:?}");

    let select = "SELECT id, name, note, bytes, number, 7, '' FROM things WHERE name = ?";
    let rows = database.query(select, vec!["a?'b".into()]).await.unwrap();
    let expected = vec![
        Value::Integer(1),
        Value::Text("a?'b".to_owned()),
        Value::Null,
        Value::Blob(vec![0, 255, 39]),
        Value::Integer(i64::MAX),
        Value::Integer(7),
        Value::Text(String::new()),
    ];
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].0, expected);

    // A row that is found and stays as it was is touched.
    let same = "UPDATE things SET number = -1 WHERE id = ?";
    for id in [Value::from(2), Value::from("2")] {
        assert_eq!(database.execute(same, vec![id]).await, Ok(1));
    }
    let long = "😀".repeat(100_000);
    let note = "UPDATE things SET note = ? WHERE id = 1";
    let touched = database.execute(note, vec![long.as_str().into()]).await;
    assert_eq!(touched, Ok(1));
    let rows = database.query("SELECT note FROM things WHERE id = 1", vec![]);
    assert_eq!(rows.await.unwrap()[0].text(0), long);

    let copy = "INSERT INTO things (name, number) SELECT ?, number FROM things WHERE id = ?";
    let broken = vec![
        statement(copy, vec!["copy".into(), 1.into()]),
        statement(copy, vec!["a?'b".into(), 1.into()]),
    ];
    let told = database.transaction(broken).await;
    assert!(matches!(told, Err(DatabaseError::Unique(_))), "{told:?}");
    let count = "SELECT COUNT(*) FROM things WHERE name = 'copy'";
    let copies = async || database.query(count, vec![]).await.unwrap()[0].integer(0);
    assert_eq!(copies().await, 0, "all or none");
    let whole = vec![statement(copy, vec!["copy".into(), 1.into()])];
    assert_eq!(database.transaction(whole).await, Ok(()));
    assert_eq!(copies().await, 1);
}

async fn kill_connections(engine: Engine, system: &dyn Database) {
    let (all, kill) = match engine {
        Engine::Mysql => (
            "SELECT id FROM information_schema.processlist WHERE db = 'seam'",
            "KILL",
        ),
        _ => (
            "SELECT pid FROM pg_stat_activity WHERE datname = 'seam'",
            "SELECT pg_terminate_backend",
        ),
    };
    let found = system.query(all, Vec::new()).await.unwrap();
    assert!(!found.is_empty(), "connections are kept");
    for row in &found {
        let sql = format!("{kill} ({})", row.integer(0));
        system.query(&sql, Vec::new()).await.unwrap();
    }
    // A server says that it will, and does it a little later.
    let gone = async {
        loop {
            let left = system.query(all, Vec::new()).await.unwrap();
            let is_old = |row: &Row| found.iter().any(|old| old.integer(0) == row.integer(0));
            if !left.iter().any(is_old) {
                return;
            }
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(30), gone).await;
    assert!(ended.is_ok(), "connections outlive their end");
}

/// Every connection that is kept breaks, and nobody notices but a call that comes meanwhile.
async fn outlives_a_restart(running: &Running, database: &dyn Database) {
    let system = running.server.system();
    kill_connections(running.server.engine, system.as_ref()).await;
    let one = "SELECT COUNT(*) FROM things";
    let told = database.query(one, Vec::new()).await;
    assert!(told.is_ok(), "{told:?}");

    running.container.pause().await.unwrap();
    let hanging = tokio::time::timeout(Duration::from_secs(60), database.ping()).await;
    let told = hanging.expect("it is given up");
    assert!(
        matches!(told, Err(DatabaseError::Unavailable(_))),
        "{told:?}"
    );
    running.container.unpause().await.unwrap();
    let until = async { while database.ping().await.is_err() {} };
    let back = tokio::time::timeout(Duration::from_secs(60), until).await;
    assert!(back.is_ok(), "it never came back");

    let drop = "DROP DATABASE seam";
    let force = match running.server.engine {
        Engine::Postgres => " WITH (FORCE)",
        _ => "",
    };
    let drop = format!("{drop}{force}");
    system.execute(&drop, Vec::new()).await.unwrap();
    let told = database.query(one, Vec::new()).await;
    assert!(told.is_err(), "{told:?}");
    // MariaDB goes on answering on connections that it has, without the tables.
    if running.server.engine == Engine::Postgres {
        let told = database.ping().await;
        assert!(
            matches!(told, Err(DatabaseError::Unavailable(_))),
            "{told:?}"
        );
    }
}

async fn promises(running: Option<Running>) {
    let Some(running) = running else { return };
    let system = running.server.system();
    let create = "CREATE DATABASE seam";
    system.execute(create, Vec::new()).await.unwrap();
    let database = running.server.connect("seam");
    seam(database.as_ref()).await;
    outlives_a_restart(&running, database.as_ref()).await;
}

#[tokio::test]
async fn postgresql_keeps_the_promises_of_the_seam() {
    promises(server::postgres(&[]).await).await;
}

#[tokio::test]
async fn mariadb_keeps_the_promises_of_the_seam() {
    promises(server::mariadb().await).await;
}
