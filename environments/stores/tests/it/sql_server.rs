//! Database servers in containers, for the tests of their drivers.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::models::PortBinding;
use phoenix_stores::server::Server;
use testcontainers::core::{ContainerAsync, ExecCommand, IntoContainerPort as _};
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{GenericImage, ImageExt as _};

/// A server that goes with the value.
pub(crate) struct Running {
    pub(crate) server: Server,
    pub(crate) container: ContainerAsync<GenericImage>,
}

impl Running {
    /// How long a script takes in the server's container; what it says where it fails.
    pub(crate) async fn timed(&self, script: &str) -> Result<Duration, String> {
        let started = Instant::now();
        // A pipe fails with any of its commands, or the time is that of nothing.
        let command = ExecCommand::new(["bash", "-o", "pipefail", "-c", script]);
        let mut done = self
            .container
            .exec(command)
            .await
            .map_err(|why| why.to_string())?;
        done.stdout_to_vec().await.map_err(|why| why.to_string())?;
        let took = started.elapsed();
        let words = done.stderr_to_vec().await.map_err(|why| why.to_string())?;
        match done.exit_code().await.map_err(|why| why.to_string())? {
            Some(0) => Ok(took),
            _ => Err(String::from_utf8_lossy(&words).into_owned()),
        }
    }
}

/// The engine, or `None` where the test has to be left out: without Docker or without the image.
pub(crate) async fn docker(image: &str) -> Option<Docker> {
    let found = async {
        let docker = Docker::connect_with_local_defaults()
            .map_err(|error| error.to_string())?
            .negotiate_version()
            .await
            .map_err(|error| error.to_string())?;
        docker
            .inspect_image(&format!("{image}:current"))
            .await
            .map_err(|error| error.to_string())?;
        Ok::<_, String>(docker)
    };
    match found.await {
        Ok(docker) => Some(docker),
        Err(why) => {
            let required = std::env::var("PHOENIX_REQUIRE").unwrap_or_default();
            assert!(!required.contains("docker"), "Docker is required: {why}");
            eprintln!("skipped: {image}:current is not there: {why}");
            None
        }
    }
}

/// Starts a server whose address stays the same when it is stopped and started.
pub(crate) async fn start(
    docker: &Docker,
    image: &str,
    port: u16,
    environment: &[(&str, &str)],
    (user, password, database): (&str, &str, &str),
) -> Running {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let here = free.local_addr().unwrap().port();
    drop(free);
    let binding = PortBinding {
        host_ip: Some("127.0.0.1".to_owned()),
        host_port: Some(here.to_string()),
    };
    let mut request = GenericImage::new(image, "current")
        .with_exposed_port(port.tcp())
        .with_label("phoenix.test", "stores")
        .with_host_config_modifier(move |host| {
            host.publish_all_ports = Some(false);
            host.port_bindings = Some(HashMap::from([(
                format!("{port}/tcp"),
                Some(vec![binding.clone()]),
            )]));
        });
    for (name, value) in environment {
        request = request.with_env_var(*name, *value);
    }
    let container = request.start().await.unwrap();
    Running {
        server: Server {
            docker: docker.clone(),
            container: container.id().to_owned(),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, here)),
            user: user.to_owned(),
            password: password.to_owned(),
            database: database.to_owned(),
        },
        container,
    }
}
