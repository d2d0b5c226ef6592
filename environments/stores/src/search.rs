//! A text in a stream of bytes.

/// Looks for a text in bytes that come piece by piece, also across their borders.
pub(crate) struct Finder {
    text: Vec<u8>,
    /// The end of what came so far, one byte shorter than the text.
    tail: Vec<u8>,
}

impl Finder {
    pub(crate) fn new(text: &str) -> Self {
        Self {
            text: text.as_bytes().to_vec(),
            tail: Vec::new(),
        }
    }

    /// Forgets what came before: another stream begins.
    pub(crate) fn restart(&mut self) {
        self.tail.clear();
    }

    /// Whether the text is complete with these bytes.
    pub(crate) fn found(&mut self, bytes: &[u8]) -> bool {
        let keep = self.text.len().saturating_sub(1);
        // Only the seam needs both: the tail, and what can belong to a text begun in it.
        let mut seam = std::mem::take(&mut self.tail);
        seam.extend_from_slice(&bytes[..keep.min(bytes.len())]);
        let found = contains(&seam, &self.text) || contains(bytes, &self.text);
        self.tail = if bytes.len() >= keep {
            bytes[bytes.len() - keep..].to_vec()
        } else {
            seam[seam.len() - keep.min(seam.len())..].to_vec()
        };
        found
    }
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    let Some(first) = text.first() else {
        return true;
    };
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        if rest[at..].starts_with(text) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_wherever_the_stream_is_cut() {
        let whole = b"before the needle after";
        for piece in 1..whole.len() {
            let mut finder = Finder::new("needle");
            let found = whole.chunks(piece).any(|bytes| finder.found(bytes));
            assert!(found, "cut every {piece} bytes");
        }
        let mut finder = Finder::new("needle");
        assert!(!whole[..15].chunks(2).any(|bytes| finder.found(bytes)));
        finder.restart();
        assert!(!finder.found(b"dle"), "two streams are no text together");
    }
}
