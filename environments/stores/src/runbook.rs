//! Runbooks: pages for people whose shell blocks are what a restore executes.
//!
//! A block that is executed has an info string such as
//! `sh phoenix:restore in the server's container, the dump on standard input`. Whoever reads the
//! page does by hand what the driver does; there is no second copy of the commands.

use phoenix_engine::environment::DriverError;

/// Where a block of a runbook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Inside the container of the running server.
    Server,
    /// In a helper container that has the stopped server's image and volumes.
    Helper,
    /// In a helper container that has one volume, its arguments are folders to leave out.
    Volume,
}

/// One block of a runbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its name on the page.
    pub name: String,
    /// Where it runs.
    pub place: Place,
    /// Whether it reads the recovery point on its standard input.
    pub fed: bool,
    /// The commands, for `sh -eu`.
    pub script: String,
}

/// The executable blocks of a page, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runbook {
    title: String,
    blocks: Vec<Block>,
}

impl Runbook {
    /// Reads a page.
    ///
    /// # Errors
    /// A block that does not say where it runs, one that is not closed, a name that comes twice, a
    /// page without a title or without blocks.
    pub fn read(page: &str) -> Result<Self, DriverError> {
        let title = page
            .lines()
            .find_map(|line| line.strip_prefix("# "))
            .map(|title| title.trim().to_owned())
            .ok_or_else(|| DriverError::new("reading a runbook", "it has no title"))?;
        let failed = |why: String| DriverError::new(format!("reading the runbook '{title}'"), why);
        let mut blocks: Vec<Block> = Vec::new();
        let mut lines = page.lines();
        while let Some(line) = lines.next() {
            let Some(head) = line.strip_prefix("```") else {
                continue;
            };
            let mut script = String::new();
            loop {
                match lines.next() {
                    Some("```") => break,
                    Some(line) => {
                        script.push_str(line);
                        script.push('\n');
                    }
                    None => return Err(failed(format!("the block '{head}' is not closed"))),
                }
            }
            let Some(head) = head.strip_prefix("sh phoenix:") else {
                continue;
            };
            let block = read_head(head, script).map_err(&failed)?;
            if blocks.iter().any(|other| other.name == block.name) {
                return Err(failed(format!("two blocks are called '{}'", block.name)));
            }
            blocks.push(block);
        }
        if blocks.is_empty() {
            return Err(failed("no block of it is for execution".to_owned()));
        }
        Ok(Self { title, blocks })
    }

    /// The block of that name, held against where the caller is going to run it.
    ///
    /// # Errors
    /// The page has no such block, or says that it runs elsewhere or reads something else.
    pub fn block(&self, name: &str, place: Place, fed: bool) -> Result<&Block, DriverError> {
        let failed =
            |why: String| DriverError::new(format!("following the runbook '{}'", self.title), why);
        let block = self
            .blocks
            .iter()
            .find(|block| block.name == name)
            .ok_or_else(|| failed(format!("it has no block '{name}'")))?;
        if (block.place, block.fed) != (place, fed) {
            return Err(failed(format!(
                "its block '{name}' is to run elsewhere or to read something else than is done here"
            )));
        }
        Ok(block)
    }
}

/// Reads `NAME in the server's container, the dump on standard input`.
fn read_head(head: &str, script: String) -> Result<Block, String> {
    let (name, words) = head.split_once(' ').unwrap_or((head, ""));
    let (place, fed) = words.split_once(", ").map_or((words, ""), |parts| parts);
    let place = match place.trim() {
        "in the server's container" => Place::Server,
        "in a helper container with the stopped server's volumes" => Place::Helper,
        "in a helper container over the volume" => Place::Volume,
        other => {
            return Err(format!(
                "the block '{name}' runs '{other}'; say \"in the server's container\", \"in a \
                 helper container with the stopped server's volumes\" or \"in a helper container \
                 over the volume\""
            ));
        }
    };
    let fed = match fed.trim() {
        "" => false,
        "the dump on standard input"
        | "the snapshot on standard input"
        | "the archive on standard input" => true,
        other => {
            return Err(format!(
                "the block '{name}' reads '{other}', which nobody feeds"
            ));
        }
    };
    Ok(Block {
        name: name.to_owned(),
        place,
        fed,
        script,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# A page\nwords\n```sh phoenix:restore in the server's container, the dump \
                        on standard input\ncat\n```\n```sh\nls\n```\n";

    #[test]
    fn only_named_blocks_are_for_execution() {
        let page = Runbook::read(PAGE).unwrap();
        assert_eq!(page.blocks.len(), 1);
        assert_eq!(
            page.block("restore", Place::Server, true).unwrap().script,
            "cat\n"
        );
        assert!(page.block("restore", Place::Helper, true).is_err());
        assert!(page.block("restore", Place::Server, false).is_err());
        assert!(page.block("check", Place::Server, false).is_err());
    }

    #[test]
    fn no_page_whose_commands_nobody_executes_is_told_as_executed() {
        let page = include_str!("../../../local/runbooks/bucket-restore.md");
        assert!(page.contains("does not execute the commands of this page"));
        let error = Runbook::read(page).unwrap_err().to_string();
        assert!(error.contains("no block of it is for execution"), "{error}");
        for form in [crate::Form::Logical, crate::Form::Physical] {
            assert_eq!(crate::runbook("bucket", form), None);
            for engine in ["postgres", "mysql", "volume"] {
                let page = crate::runbook(engine, form).unwrap();
                assert!(Runbook::read(page.text).is_ok(), "{}", page.file);
            }
        }
    }

    #[test]
    fn a_page_that_cannot_be_followed_is_refused() {
        for (from, to, why) in [
            ("in the server's container", "somewhere", "runs 'somewhere'"),
            ("the dump", "a pipe", "nobody feeds"),
            ("cat\n```", "cat\n", "is not closed"),
            ("# A page", "A page", "no title"),
            ("sh phoenix:", "sh ", "no block"),
        ] {
            // An unclosed block swallows the one after it, so that the last line has to go too.
            let page = PAGE.replace(from, to).replace(
                if why == "is not closed" {
                    "```sh\nls\n```\n"
                } else {
                    "\u{0}"
                },
                "",
            );
            let error = Runbook::read(&page).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        let twice = format!("{PAGE}{PAGE}");
        assert!(
            Runbook::read(&twice)
                .unwrap_err()
                .to_string()
                .contains("two blocks")
        );
    }
}
