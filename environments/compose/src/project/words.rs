//! A command line as the tool splits it.

/// Splits at blanks, as a POSIX shell does; what is not closed is taken as it is.
pub(crate) fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (None, blank) if blank.is_whitespace() => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, '\\') => word.get_or_insert_default().extend(letters.next()),
            (Some(open), close) if open == close => quote = None,
            (Some('"'), '\\') => {
                let word = word.get_or_insert_default();
                match letters.next() {
                    Some(escaped @ ('"' | '\\' | '$' | '`')) => word.push(escaped),
                    other => {
                        word.push('\\');
                        word.extend(other);
                    }
                }
            }
            (_, letter) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn words_are_those_of_a_shell() {
        assert_eq!(split("/bin/x --y"), ["/bin/x", "--y"]);
        assert_eq!(
            split(r#"sh -c "echo \"a b\" 'c'" """#),
            ["sh", "-c", "echo \"a b\" 'c'", ""]
        );
        assert_eq!(split(r"a\ b  'c d'e"), ["a b", "c de"]);
    }
}
