//! Values of secrets in text that is kept: logs of applications are full of connection strings.

use crate::access::Access;
use crate::keyring::Keyring;

/// Shortest value that is looked for: a shorter one stands in innocent words too.
const SHORTEST: usize = 6;

/// Values that must not be kept, each with the name that stands in its place. Not printable.
pub struct Hidden(Vec<(String, String)>);

impl Hidden {
    /// The values of a stack's secrets, of now and before, and what code made for its applications.
    #[must_use]
    pub fn new(secrets: &Keyring, access: &Access) -> Self {
        let secrets = secrets.values();
        let mut all: Vec<(String, String)> = secrets
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .chain(access.values())
            .collect();
        // One that is part of another would leave the rest of that one.
        all.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        Self(all)
    }

    /// With further values.
    #[must_use]
    pub fn and<'a>(mut self, more: impl IntoIterator<Item = (&'a String, &'a String)>) -> Self {
        let more = more.into_iter();
        self.0
            .extend(more.map(|(name, value)| (name.clone(), value.clone())));
        self.0
            .sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        self
    }

    /// Puts the name of each value where it stands, also where it was escaped for a URL.
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in self.0.iter().filter(|(_, value)| value.len() >= SHORTEST) {
            let hidden = format!("[{name}]");
            text = text.replace(value, &hidden);
            let escaped: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
            if escaped != *value {
                text = text.replace(&escaped, &hidden);
            }
        }
        text
    }

    /// The same for lines.
    #[must_use]
    pub fn lines(&self, lines: &[String]) -> Vec<String> {
        lines.iter().map(|line| self.hide(line)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Hidden;

    #[test]
    fn values_are_hidden_plain_and_escaped_and_short_ones_are_left() {
        let values = [
            ("db/password", "p4ss/w0rd"),
            ("part", "p4ss/w"),
            ("short", "on"),
        ];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let hidden = Hidden(Vec::new()).and(values.iter().map(|(name, value)| (name, value)));
        let text = "postgres://u:p4ss%2Fw0rd@db and p4ss/w0rd on";
        let kept = hidden.hide(text);
        assert_eq!(kept, "postgres://u:[db/password]@db and [db/password] on");
    }
}
