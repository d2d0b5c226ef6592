//! Lines of a dump, as they pass.

/// The beginning of the line that passes, as long as it has to be to be recognised.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    kept: Vec<u8>,
}

impl Lines {
    /// Takes the next bytes; `each` hears the first bytes, at most `most`, of every line that ends in
    /// them.
    pub(crate) fn take(&mut self, bytes: &[u8], most: usize, mut each: impl FnMut(&str)) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.keep(&rest[..end], most);
            let line = std::mem::take(&mut self.kept);
            each(&String::from_utf8_lossy(&line));
            rest = &rest[end + 1..];
        }
        self.keep(rest, most);
    }

    fn keep(&mut self, bytes: &[u8], most: usize) {
        let room = most.saturating_sub(self.kept.len());
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}
