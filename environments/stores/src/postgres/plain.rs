//! What a dump of `pg_dump` as SQL says of itself, read while it passes.

use crate::sql::lines::Lines;

/// Longer lines are rows; only what the tool says beside them is looked at.
const LINE_KEPT: usize = 4 << 10;
/// The last line of every whole dump, but for remarks and the end of its restriction.
const COMPLETE: &str = "-- PostgreSQL database dump complete";

/// Reads a dump line by line, in any pieces.
#[derive(Debug, Default)]
pub(super) struct Plain {
    lines: Lines,
    /// The table whose rows are passing, and whether it is the harness's own.
    copying: Option<bool>,
    /// Version of the server that was dumped.
    pub(super) server: Option<String>,
    /// Version of the tool.
    pub(super) tool: Option<String>,
    pub(super) tables: usize,
    pub(super) sequences: usize,
    /// Rows that it has as such; a dump of INSERT statements has none.
    pub(super) rows: u64,
    /// Another database that it would go to.
    pub(super) elsewhere: Option<String>,
    /// Nothing but remarks follows the line that says that the dump is whole.
    pub(super) whole: bool,
}

impl Plain {
    pub(super) fn take(&mut self, bytes: &[u8]) {
        let mut lines = std::mem::take(&mut self.lines);
        lines.take(bytes, LINE_KEPT, |line| self.read(line));
        self.lines = lines;
    }

    fn read(&mut self, line: &str) {
        if let Some(own) = self.copying {
            // In the rows themselves a backslash is always doubled or part of an escape.
            if line == "\\." {
                self.copying = None;
            } else if !own {
                self.rows += 1;
            }
            return;
        }
        let remark = line.is_empty() || line == "--" || line.starts_with("\\unrestrict ");
        if !remark {
            self.whole = line == COMPLETE;
        }
        if let Some(rest) = line.strip_prefix("-- Dumped from database version ") {
            self.server = Some(rest.trim().to_owned());
        } else if let Some(rest) = line.strip_prefix("-- Dumped by pg_dump version ") {
            self.tool = Some(rest.trim().to_owned());
        } else if line.starts_with("-- Name: ") {
            self.tables += usize::from(line.contains("; Type: TABLE; "));
            self.sequences += usize::from(line.contains("; Type: SEQUENCE; "));
        } else if line.starts_with("COPY ") && line.ends_with(" FROM stdin;") {
            self.copying = Some(line.contains(crate::sql::CANARIES));
        } else if let Some(to) = line
            .strip_prefix("\\connect ")
            .or_else(|| line.strip_prefix("\\c "))
        {
            self.elsewhere = Some(to.trim().to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "--\n-- PostgreSQL database dump\n--\n\n\\restrict Abc\n\n\
        -- Dumped from database version 15.14 (Debian 15.14-1)\n\
        -- Dumped by pg_dump version 15.14 (Debian 15.14-1)\n\n\
        -- Name: t; Type: TABLE; Schema: public; Owner: keeper\n--\n\nCREATE TABLE public.t (a text);\n\
        -- Name: t_id_seq; Type: SEQUENCE; Schema: public; Owner: keeper\n\
        -- Data for Name: t; Type: TABLE DATA; Schema: public; Owner: keeper\n\
        COPY public.t (a) FROM stdin;\none\n-- Name: x; Type: TABLE; Schema\n\
        -- PostgreSQL database dump complete\n\\\\connect other\n\\.\n\n\
        --\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict Abc\n\n";

    fn read(text: &str, size: usize) -> Plain {
        let mut plain = Plain::default();
        for piece in text.as_bytes().chunks(size) {
            plain.take(piece);
        }
        plain
    }

    #[test]
    fn a_dump_is_read_in_any_pieces_and_its_rows_are_no_words() {
        for size in [1, 7, 4096] {
            let plain = read(DUMP, size);
            assert!(plain.whole);
            assert_eq!((plain.tables, plain.sequences, plain.rows), (1, 1, 4));
            assert_eq!(plain.elsewhere, None);
            assert_eq!(plain.server.as_deref(), Some("15.14 (Debian 15.14-1)"));
            assert_eq!(plain.tool.as_deref(), Some("15.14 (Debian 15.14-1)"));
        }
    }

    #[test]
    fn one_that_was_cut_anywhere_is_not_whole() {
        let end = DUMP
            .rfind("-- PostgreSQL database dump complete")
            .expect("its end");
        for cut in (0..end + COMPLETE.len()).step_by(11) {
            assert!(!read(&DUMP[..cut], 4096).whole, "cut at {cut}");
        }
    }

    #[test]
    fn one_that_goes_elsewhere_says_so() {
        let plain = read(
            "\\connect other\n-- PostgreSQL database dump complete\n",
            4096,
        );
        assert_eq!(plain.elsewhere.as_deref(), Some("other"));
    }
}
