//! Commands that stand in for a person.

use phoenix_engine::environment::{DriverError, RUN_VARIABLE};

/// Runs the command that performs a manual step of a run; what it printed.
///
/// # Errors
/// When it is empty, cannot be started, or does not end well: then with what it complained of.
pub async fn command(run: &str, step: &str, argv: &[String]) -> Result<String, DriverError> {
    let doing = || format!("automate {step}");
    let Some((program, arguments)) = argv.split_first() else {
        return Err(DriverError::new(doing(), "its automation is empty"));
    };
    let output = tokio::process::Command::new(program)
        .args(arguments)
        .env(RUN_VARIABLE, run)
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|why| DriverError::new(doing(), format!("{program}: {why}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(DriverError::new(
        doing(),
        format!("{}: {why}", output.status),
    ))
}
