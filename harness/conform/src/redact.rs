//! What is said of calls and answers: short, and without what lets one in.

use serde_json::Value;

/// Longest text that is told of a body, in characters.
const LONGEST: usize = 240;
/// Parts of names whose values let one in.
const SECRET: &[&str] = &[
    "token",
    "secret",
    "password",
    "api_key",
    "apikey",
    "cookie",
    "keycontent",
];

/// JSON with its secrets veiled, cut to a length.
pub(crate) fn json(value: &Value) -> String {
    short(&veiled(value).to_string())
}

fn veiled(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                let lower = name.to_lowercase();
                let is_secret = value.is_string() && SECRET.iter().any(|part| lower.contains(part));
                let shown = if is_secret {
                    "(veiled)".into()
                } else {
                    veiled(value)
                };
                (name.clone(), shown)
            })
            .collect(),
        Value::Array(all) => all.iter().map(veiled).collect(),
        other => other.clone(),
    }
}

/// An address without the values of its parameters: some of them let one in.
pub(crate) fn location(address: &str) -> String {
    let Some((path, query)) = address.split_once('?') else {
        return address.to_owned();
    };
    let names: Vec<&str> = query
        .split('&')
        .map(|pair| pair.split('=').next().unwrap_or_default())
        .collect();
    format!("{path}?{}", names.join("&"))
}

pub(crate) fn short(text: &str) -> String {
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn what_lets_one_in_is_never_told() {
        let told = super::json(&json!({
            "api_key": "k1", "user": [{"clientSecret": "k2", "sessionToken": "k3", "id": 7}],
            "password": {"password": "k4"},
        }));
        assert_eq!(
            told,
            "{\"api_key\":\"(veiled)\",\"user\":[{\"clientSecret\":\"(veiled)\",\
             \"sessionToken\":\"(veiled)\",\"id\":7}],\"password\":{\"password\":\"(veiled)\"}}"
        );
        let told = super::location("https://a/b?code=k5&state=k6");
        assert_eq!(told, "https://a/b?code&state");
    }

    #[test]
    fn a_long_answer_is_cut() {
        let told = super::short(&"ö ".repeat(500));
        assert_eq!(told.chars().count(), super::LONGEST);
        assert!(told.ends_with('…'));
    }
}
