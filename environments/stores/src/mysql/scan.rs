//! What a dump of `mysqldump` says of itself, read while it passes.

use std::collections::BTreeMap;

use crate::sql::lines::Lines;

/// Longer lines are rows; only definitions are looked at.
const LINE_KEPT: usize = 64 << 10;

/// Reads a dump line by line, in any pieces.
#[derive(Debug, Default)]
pub(super) struct Scan {
    lines: Lines,
    /// The definition that is being read, with the table's name.
    open: Option<(String, String)>,
    announced: Option<String>,
    /// The database that was dumped.
    pub(super) database: Option<String>,
    /// The version of its server.
    pub(super) server: Option<String>,
    /// Databases that it goes to by its own words.
    pub(super) uses: Vec<String>,
    /// Definitions by table.
    pub(super) tables: BTreeMap<String, String>,
    /// The tool is past its head: it has its snapshot.
    pub(super) underway: bool,
    /// The last line that says anything says that the dump is whole.
    pub(super) completed: bool,
}

impl Scan {
    pub(super) fn take(&mut self, bytes: &[u8]) {
        let mut lines = std::mem::take(&mut self.lines);
        lines.take(bytes, LINE_KEPT, |line| self.read(line));
        self.lines = lines;
    }

    fn read(&mut self, line: &str) {
        if line.is_empty() {
            return;
        }
        self.completed = line.starts_with("-- Dump completed");
        if let Some((name, text)) = &mut self.open {
            text.push_str(line);
            text.push('\n');
            if line.ends_with(';') {
                self.tables
                    .entry(std::mem::take(name))
                    .or_insert(std::mem::take(text));
                self.open = None;
            }
        } else if let Some(rest) = line.strip_prefix("-- Host: ") {
            self.database = rest
                .split_once("Database: ")
                .map(|(_, name)| name.trim().to_owned());
        } else if let Some(version) = line.strip_prefix("-- Server version") {
            self.server = Some(version.trim().to_owned());
        } else if let Some(name) = line.strip_prefix("USE `") {
            self.uses
                .push(name.trim_end_matches(';').trim_end_matches('`').to_owned());
        } else if let Some(name) = line.strip_prefix("-- Table structure for table `") {
            self.underway = true;
            self.announced = Some(name.trim_end_matches('`').replace("``", "`"));
        } else if line.starts_with("CREATE TABLE `") {
            // Only after the announcement: the body of a routine may say the same words.
            self.open = self
                .announced
                .take()
                .map(|name| (name, format!("{line}\n")));
        } else if line.starts_with("-- Dump") || line.starts_with("-- Temporary") {
            self.underway = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_is_read_in_any_pieces() {
        let dump = "-- Host: localhost    Database: stack\n-- Server version\t10.11.6-MariaDB\n--\n-- Table structure for table `t`\n--\n\n\
                    CREATE TABLE `t` (\n  `id` int\n) ENGINE=InnoDB AUTO_INCREMENT=3;\n\
                    INSERT INTO `t` VALUES (1);\nCREATE TABLE `t` (\n);\n-- Dump completed on x\n\n";
        for size in [1, 7, 4096] {
            let mut scan = Scan::default();
            for piece in dump.as_bytes().chunks(size) {
                scan.take(piece);
            }
            assert_eq!(scan.database.as_deref(), Some("stack"));
            assert_eq!(scan.tables.len(), 1);
            assert!(scan.tables["t"].contains("AUTO_INCREMENT=3"));
            assert!(scan.completed && scan.underway);
            assert_eq!(scan.server.as_deref(), Some("10.11.6-MariaDB"));
            assert_eq!(scan.uses, Vec::<String>::new());
        }
        let mut elsewhere = Scan::default();
        elsewhere.take(b"CREATE DATABASE `other`;\n\nUSE `other`;\n");
        assert_eq!(elsewhere.uses, ["other"]);
        let mut cut = Scan::default();
        cut.take(&dump.as_bytes()[..dump.len() - 30]);
        assert!(!cut.completed);
    }
}
