//! What the stack's own processes said, kept with the run when something went wrong: afterwards they are
//! gone, and their logs with them.

use phoenix_evidence::journal::event::Event;

use super::{Cycle, CycleError};
use crate::environment::ProcessLog;
use crate::plan::Step;

/// Folder of the logs, within the cycle's.
const FOLDER: &str = "logs";

impl Cycle<'_> {
    /// Keeps the logs of everything that runs or ran, as they are after a step. That one cannot be kept is
    /// told, and changes no verdict.
    pub(super) async fn keep_logs(&self, step: &Step) -> Result<(), CycleError> {
        let logs = self.environment.logs().await;
        if logs.is_empty() {
            return Ok(());
        }
        let folder = self.folder.join(FOLDER).join(&step.id);
        if let Err(why) = std::fs::create_dir_all(&folder) {
            let text = format!("logs are not kept: {}: {why}", folder.display());
            return Ok(self.tell(&Event::Note { text })?);
        }
        for ProcessLog { name, lines } in logs {
            let file = format!("{FOLDER}/{}/{}.log", step.id, file_name(&name));
            let mut text = lines.join("\n");
            text.push('\n');
            let path = self.folder.join(&file);
            if let Err(why) = std::fs::write(&path, &text) {
                let text = format!("the log of {name} is not kept: {}: {why}", path.display());
                self.tell(&Event::Note { text })?;
                continue;
            }
            self.tell(&Event::Attached {
                file,
                blake3: blake3::hash(text.as_bytes()).to_hex().to_string(),
                bytes: text.len() as u64,
            })?;
        }
        Ok(())
    }
}

/// A name as part of a path.
fn file_name(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    name.chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect()
}
