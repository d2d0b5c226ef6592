//! Servers in containers, on ports of loopback.

use phoenix_understudies::platform::Engine;
use testcontainers::core::{ContainerAsync, IntoContainerPort as _};
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerRequest, GenericImage, ImageExt as _};

use crate::support::database::{PASSWORD, Server};

/// A server that ends with its test.
pub(super) struct Running {
    pub(super) container: ContainerAsync<GenericImage>,
    pub(super) server: Server,
}

impl Running {
    /// As another process of these tests is told of it.
    pub(super) fn text(&self) -> String {
        let engine = match self.server.engine {
            Engine::Mysql => "mysql",
            _ => "postgres",
        };
        format!("{engine} {}", self.server.port)
    }
}

/// A PostgreSQL with these arguments to its command. It need not survive its machine.
pub(super) async fn postgres(arguments: &[&str]) -> Option<Running> {
    let command = [
        "postgres",
        "-cfsync=off",
        "-cfull_page_writes=off",
        "-cmax_connections=400",
    ];
    let image = GenericImage::new("phoenix.local/postgres", "current")
        .with_exposed_port(5432.tcp())
        .with_env_var("POSTGRES_PASSWORD", PASSWORD)
        .with_cmd(command.iter().chain(arguments).copied());
    start(image, Engine::Postgres, 5432).await
}

pub(super) async fn mariadb() -> Option<Running> {
    let image = GenericImage::new("phoenix.local/mariadb", "current")
        .with_exposed_port(3306.tcp())
        .with_env_var("MYSQL_ROOT_PASSWORD", PASSWORD)
        .with_cmd([
            "mysqld",
            "--max-connections=400",
            "--innodb-flush-log-at-trx-commit=0",
        ]);
    start(image, Engine::Mysql, 3306).await
}

/// Starts it and waits until it answers; none where there is no such image or no Docker.
pub(super) async fn start(
    image: ContainerRequest<GenericImage>,
    engine: Engine,
    port: u16,
) -> Option<Running> {
    let container = container(image).await?;
    let server = Server {
        engine,
        port: container.get_host_port_ipv4(port.tcp()).await.unwrap(),
    };
    let database = server.system();
    let answers = async {
        while database.ping().await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let answered = tokio::time::timeout(std::time::Duration::from_secs(90), answers).await;
    assert!(answered.is_ok(), "the server never answered");
    Some(Running { container, server })
}

/// A container that ends with its test; none where there is no such image or no Docker.
#[expect(clippy::print_stderr, reason = "whoever runs the tests has to see it")]
pub(super) async fn container(
    image: ContainerRequest<GenericImage>,
) -> Option<ContainerAsync<GenericImage>> {
    match image
        .with_label("phoenix.test", "understudies")
        .start()
        .await
    {
        Ok(container) => Some(container),
        Err(why) => {
            let required = std::env::var("PHOENIX_REQUIRE").unwrap_or_default();
            assert!(!required.contains("docker"), "Docker is required: {why}");
            eprintln!("skipped: {why}");
            None
        }
    }
}
