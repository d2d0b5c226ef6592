//! Placeholders in a text: `${name}`. They are replaced, and nothing else: no expression, no
//! default.

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'t> {
    /// As it is.
    Text(&'t str),
    /// What a name stands for.
    Name {
        /// The name.
        name: &'t str,
        /// Byte at which the placeholder begins.
        at: usize,
    },
}

/// The pieces of a text, in order. A placeholder that is not closed is text.
#[must_use]
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut from = 0;
    while let Some(begin) = text[from..].find("${").map(|at| from + at) {
        let Some(end) = text[begin..].find('}').map(|at| begin + at) else {
            break;
        };
        if begin > from {
            pieces.push(Piece::Text(&text[from..begin]));
        }
        pieces.push(Piece::Name {
            name: &text[begin + 2..end],
            at: begin,
        });
        from = end + 1;
    }
    if from < text.len() {
        pieces.push(Piece::Text(&text[from..]));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::{Piece, pieces};

    #[test]
    fn a_text_is_taken_apart() {
        let name = |name, at| Piece::Name { name, at };
        assert_eq!(
            pieces("/e/${id}?a=${secret:x}&"),
            [
                Piece::Text("/e/"),
                name("id", 3),
                Piece::Text("?a="),
                name("secret:x", 11),
                Piece::Text("&"),
            ]
        );
        assert_eq!(pieces("${id}"), [name("id", 0)]);
        assert_eq!(pieces("5 ${ more"), [Piece::Text("5 ${ more")]);
        assert!(pieces("").is_empty());
    }
}
