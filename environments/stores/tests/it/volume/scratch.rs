//! A volume for one test, and a shell in it.

use bollard::Docker;
use bollard::models::VolumeCreateRequest;
use phoenix_stores::volume::VolumeStore;

pub(super) const IMAGE: &str = "phoenix.local/base:current";

/// The engine with the image, or `None` where the test is to be passed over.
pub(crate) async fn engine(image: &str) -> Option<Docker> {
    let docker = Docker::connect_with_local_defaults().ok();
    let found = match docker {
        Some(docker) => {
            let docker = docker.negotiate_version().await.ok();
            match docker {
                Some(docker) => docker.inspect_image(image).await.ok().map(|_| docker),
                None => None,
            }
        }
        None => None,
    };
    if found.is_none() {
        let required = std::env::var("PHOENIX_REQUIRE").unwrap_or_default();
        assert!(
            !required.contains("docker"),
            "no engine with the image {image}"
        );
        eprintln!("skipped: no engine with the image {image}");
    }
    found
}

/// Removed with what is in it when the test ends.
pub(super) struct Scratch {
    pub(super) name: String,
    pub(super) docker: Docker,
    pub(super) run: String,
}

impl Scratch {
    pub(super) async fn new(docker: &Docker) -> Self {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("phoenix-test-volume-{}-{count}", std::process::id());
        let run = format!("test-{}-{count}", std::process::id());
        docker
            .create_volume(VolumeCreateRequest {
                name: Some(name.clone()),
                labels: Some([("phoenix.run".to_owned(), run.clone())].into()),
                ..Default::default()
            })
            .await
            .unwrap();
        Self {
            name,
            docker: docker.clone(),
            run,
        }
    }

    pub(super) fn store(&self) -> VolumeStore {
        self.without(&[])
    }

    pub(super) fn without(&self, folders: &[&str]) -> VolumeStore {
        let folders: Vec<String> = folders.iter().map(|&folder| folder.to_owned()).collect();
        VolumeStore::new(self.docker.clone(), &self.name, IMAGE, &self.run, &folders)
    }

    /// What a shell in the volume says.
    pub(super) async fn shell(&self, script: &str) -> String {
        let script = format!("set -eu; cd /v; {script}");
        let mount = format!("{}:/v", self.name);
        let output = tokio::process::Command::new("docker")
            .args([
                "run",
                "--rm",
                "--network",
                "none",
                "-v",
                &mount,
                IMAGE,
                "bash",
                "-c",
                &script,
            ])
            .output()
            .await
            .unwrap();
        assert!(output.status.success(), "{script}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Containers of this test that are still there.
    pub(super) async fn helpers(&self) -> usize {
        let label = format!("label=phoenix.run={}", self.run);
        let output = tokio::process::Command::new("docker")
            .args(["ps", "-aq", "--filter", &label])
            .output()
            .await
            .unwrap();
        String::from_utf8_lossy(&output.stdout).lines().count()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let removed = std::process::Command::new("docker")
            .args(["volume", "rm", "-f", &self.name])
            .output();
        let _best_effort = removed;
    }
}
