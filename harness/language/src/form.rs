//! Forms: how a text has to look to be a port, a duration, an address. A shape names one where it takes
//! no other text.

use serde_json::{Value, json};

use crate::value;

/// How a text has to look.
pub struct Form {
    /// What such a text is, with its article: `a port`.
    pub name: &'static str,
    /// The stable word of a diagnostic about one that is none: `bad-port`.
    pub code: &'static str,
    /// What is wrong with a text, in a few words.
    pub read: fn(&str) -> Result<(), String>,
    /// The JSON schema.
    pub schema: fn() -> Value,
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Form {
    /// The name without its article, for "is no port".
    #[must_use]
    pub fn bare(&self) -> &'static str {
        self.name
            .split_once(' ')
            .map_or(self.name, |(_, bare)| bare)
    }
}

/// A duration with its unit; it may be 0.
pub static DURATION: Form = Form {
    name: "a duration",
    code: "bad-duration",
    read: |text| value::duration(text).map(drop),
    schema: duration_schema,
};

/// A duration that is longer than nothing: what waits for 0 s has given up before it began.
pub static PERIOD: Form = Form {
    name: "a duration",
    code: "bad-duration",
    read: |text| value::period(text).map(drop),
    schema: duration_schema,
};

/// A count with a bound.
pub static BOUND: Form = Form {
    name: "a count",
    code: "bad-count",
    read: |text| value::bound(text).map(drop),
    schema: || {
        json!({
            "type": ["integer", "string"],
            "description": "a number, `at least 1` or `at most 5`",
        })
    },
};

/// A place beyond the stack that it may reach.
pub static EGRESS: Form = Form {
    name: "a way out",
    code: "bad-egress",
    read: |text| value::egress(text).map(drop),
    schema: || {
        json!({
            "type": "string",
            "description": "`name:port`, or `name:port -> address:port`",
        })
    },
};

/// A port.
pub static PORT: Form = Form {
    name: "a port",
    code: "bad-port",
    read: |text| match text.parse::<u16>() {
        Ok(0) | Err(_) => Err("write a number from 1 to 65535".to_owned()),
        Ok(_) => Ok(()),
    },
    schema: || json!({"type": ["integer", "string"], "minimum": 1, "maximum": 65535}),
};

/// The length of a random value, in characters.
pub static LENGTH: Form = Form {
    name: "a length",
    code: "bad-length",
    read: |text| match text.parse::<u32>() {
        Ok(1..=4096) => Ok(()),
        _ => Err("write a number of characters from 1 to 4096".to_owned()),
    },
    schema: || json!({"type": ["integer", "string"], "minimum": 1, "maximum": 4096}),
};

/// The name of something, which is never nothing.
pub static NAME: Form = Form {
    name: "a name",
    code: "bad-name",
    read: |text| {
        if text.is_empty() || text.chars().any(char::is_control) {
            Err("it has at least one letter and no control characters".to_owned())
        } else {
            Ok(())
        }
    },
    schema: || json!({"type": ["string", "number"], "minLength": 1}),
};

/// The address of a service.
pub static URL: Form = Form {
    name: "an address",
    code: "bad-url",
    read: url,
    schema: || json!({"type": "string", "pattern": "^https?://[^/?#@\\s]+"}),
};

/// The name of a variable.
pub static VARIABLE: Form = Form {
    name: "a variable",
    code: "bad-variable",
    read: |text| {
        let fits = |(at, c): (usize, char)| {
            c == '_' || c.is_ascii_alphabetic() || (at > 0 && c.is_ascii_digit())
        };
        if !text.is_empty() && text.chars().enumerate().all(fits) {
            Ok(())
        } else {
            Err("it has letters, digits and `_`, and begins with no digit".to_owned())
        }
    },
    schema: || json!({"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}),
};

/// A place in a container.
pub static PLACE: Form = Form {
    name: "a place in a container",
    code: "bad-place",
    read: |text| match text.split_once(":/") {
        Some((service, path)) if !service.is_empty() && is_below(path) => Ok(()),
        _ => Err("write `service:/path`, the path whole and without `..`".to_owned()),
    },
    schema: || json!({"pattern": "^[^:]+:/."}),
};

/// The path of a file in a container.
pub static PATH: Form = Form {
    name: "a path",
    code: "bad-path",
    read: |text| match text.strip_prefix('/') {
        Some(path) if is_below(path) => Ok(()),
        _ => Err("write it from `/` on, without `..`".to_owned()),
    },
    schema: || json!({"type": "string", "pattern": "^/."}),
};

/// A folder in a volume.
pub static FOLDER: Form = Form {
    name: "a folder",
    code: "bad-path",
    read: |text| match is_below(text) && !text.starts_with('/') {
        true => Ok(()),
        false => {
            Err("write it from the volume's root on, without `/` before it or `..`".to_owned())
        }
    },
    schema: || json!({"type": "string", "pattern": "^[^/]"}),
};

/// A key of a service in the Compose files.
pub static SERVICE_KEY: Form = Form {
    name: "a key of a service",
    code: "bad-key",
    read: |text| match text.rsplit_once('.') {
        Some((service, key)) if !service.is_empty() && !key.is_empty() => Ok(()),
        _ => Err("write `service.key`".to_owned()),
    },
    schema: || json!({"type": "string", "pattern": "^.+\\..+$"}),
};

/// Whether a path leads somewhere below where it begins.
fn is_below(path: &str) -> bool {
    let mut parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    let first = parts.next();
    let leaves = |part: &str| part == ".." || part.contains('\0');
    first.is_some_and(|part| !leaves(part)) && !parts.any(leaves)
}

fn duration_schema() -> Value {
    json!({
        "type": "string",
        "description": "a number and a unit: 90s, 15m, 24h, 7d, 500ms",
    })
}

fn url(text: &str) -> Result<(), String> {
    let example = "write `https://` or `http://`, a name, and a port where it has one of its own";
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .ok_or(example)?;
    if rest.contains(['?', '#']) {
        return Err("what comes after `?` or `#` does not belong into it".to_owned());
    }
    let host = rest.split('/').next().unwrap_or_default();
    if host.contains('@') {
        return Err("a name and a password do not belong into an address".to_owned());
    }
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    if !is_host(name) || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(example.to_owned());
    }
    match port {
        Some(port) => (PORT.read)(port).map_err(|why| format!("its port: {why}")),
        None => Ok(()),
    }
}

/// Whether a text is the name of a host or an address.
fn is_host(text: &str) -> bool {
    let inner = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    if let Some(address) = inner {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let fits = |label: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        !label.is_empty() && !label.starts_with('-') && label.chars().all(plain)
    };
    text.split('.').all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_takes_what_it_is_for_and_nothing_else() {
        let cases: [(&Form, &[&str], &[&str]); 10] = [
            (&PORT, &["1", "65535"], &["0", "65536", "-1", "", "http"]),
            (&LENGTH, &["1", "4096"], &["0", "4097", "many"]),
            (&NAME, &["a", "zulip db"], &["", "a\nb"]),
            (&PERIOD, &["1ms", "5m"], &["0s", "0h0m", "5"]),
            (
                &URL,
                &["https://auth.localhost", "http://[::1]:80/x"],
                &[
                    "",
                    "ftp://x",
                    "notaurl",
                    "https://",
                    "https://a b",
                    "https://u:p@h",
                    "https://a..b",
                    "https://a%zz",
                    "http://[::zz]",
                    "http://a/b?c",
                    "http://h:0",
                ],
            ),
            (&VARIABLE, &["A", "_b1"], &["", "1A", "A B", "A-B"]),
            (
                &PLACE,
                &["wiki:/var", "wiki:/pat.txt"],
                &[
                    "wiki",
                    ":/var",
                    "wiki:var",
                    "wiki:/",
                    "wiki:/..",
                    "wiki:/a/../..",
                ],
            ),
            (&PATH, &["/ca.pem"], &["ca.pem", "/", "/../x"]),
            (
                &FOLDER,
                &["postgres", "a/b"],
                &["", ".", "/a", "../x", "a/../b"],
            ),
            (&SERVICE_KEY, &["wiki.cap_add"], &["wiki", ".key", "wiki."]),
        ];
        for (form, right, wrong) in cases {
            for text in right {
                assert_eq!((form.read)(text), Ok(()), "{form:?}: {text}");
            }
            for text in wrong {
                assert!((form.read)(text).is_err(), "{form:?}: {text}");
            }
        }
    }
}
