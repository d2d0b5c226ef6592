//! The commands of the runbook that people follow: the driver runs these very lines.

/// The page by which people restore a volume.
pub const TEXT: &str = include_str!("../../../../local/runbooks/volume-restore.md");

/// The shell block after a marker `<!-- phoenix: NAME -->`.
pub(super) fn block(name: &str) -> Result<String, String> {
    of(TEXT, name)
}

fn of(text: &str, name: &str) -> Result<String, String> {
    let marker = format!("<!-- phoenix: {name} -->");
    let mut lines = text
        .lines()
        .skip_while(|line| line.trim() != marker)
        .skip(1);
    let opened = lines.find(|line| !line.trim().is_empty());
    if opened != Some("```sh") {
        return Err(format!("the runbook has no shell block `{name}`"));
    }
    let mut block = Vec::new();
    for line in lines {
        if line == "```" {
            return Ok(block.join("\n"));
        }
        block.push(line);
    }
    Err(format!(
        "the shell block `{name}` of the runbook has no end"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_that_is_run_is_in_the_runbook() {
        for name in ["backup", "restore"] {
            let block = block(name).unwrap();
            assert!(block.starts_with("tar "), "{block}");
        }
        assert!(block("nothing").is_err());
        assert!(of("<!-- phoenix: a -->\n```sh\ntar", "a").is_err());
    }
}
