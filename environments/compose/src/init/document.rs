//! A first document: what nobody has proven yet, said as what it is.

use super::Found;
use super::stores::Store;
use super::write::Text;

/// Name of the claim that nothing keeps a store.
pub(super) fn claim(store: &str) -> String {
    format!("gap-{store}")
}

impl Found {
    /// Stores that the document makes a claim of.
    pub(super) fn claimed(&self) -> impl Iterator<Item = &Store> {
        self.stores.iter().filter(|store| !store.losable)
    }

    /// A first document: that nothing is backed up, store by store, until somebody knows better.
    #[must_use]
    pub fn document(&self, name: &str, files: &str) -> String {
        let mut out = Text::default();
        out.line(&format!("# {name}: can it burn down and come back?\n"));
        out.line("## Current Status: not measured\n");
        out.line("<!-- phoenix:status -->\n```text");
        out.line("Not measured yet: `phoenix gaps --write` fills this in.");
        out.line("```\n<!-- /phoenix:status -->\n");
        out.line("## Blockers to a Full Phoenix\n");
        out.line("### 🔴 Critical: Data Loss\n");
        for store in self.claimed() {
            out.line(&format!("#### {} ({})\n", store.name, store.what));
            out.line(&format!("<!-- phoenix: {} -->\n", claim(&store.name)));
            out.line("```");
            out.line(&format!("Location:   {files}"));
            out.line("Problem:    No backup of it is seen in the Compose files");
            out.line("Impact:     What it holds is gone with its volume or its container");
            out.line("Fix:        Back it up, and restore the backup once in a drill");
            out.line("```\n");
        }
        out.line("## Success Criteria\n");
        out.line("| Metric | Current | Target |");
        out.line("| --- | --- | --- |");
        out.line("| Data loss on rebuild <!-- phoenix: crit-data-loss --> | everything | 0% |");
        out.0
    }

    /// A first scenario: everything burns once under each profile.
    #[must_use]
    pub fn scenario(&self) -> String {
        let mut out = Text::default();
        out.line("# Everything burns once under each profile of the environment.");
        out.line("scenario: full-phoenix");
        out.line("title: Everything burns. Does everything come back?");
        out.line("profiles: [today, target]");
        out.line("");
        out.line("steps:");
        out.line("  # Entries through the applications that say how, and three straight into each store.");
        out.line("  - seed: { canaries: 30, pairs: 10, overwritten: 5, deleted: 5, direct: 3 }");
        out.line("  - backup: all");
        out.line("  - write: { for: 1s, writers: 4 }");
        out.line("  - destroy: all");
        out.line("  - rebuild: all");
        out.line("  - restore: all");
        out.line("  - check: [health, login, survival, fingerprint, restart]");
        out.0
    }
}
