//! Random names, HTML, forms.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng as _;

/// So many random bytes.
#[must_use]
pub fn random_bytes(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    rand::thread_rng().fill(bytes.as_mut_slice());
    bytes
}

/// A random token, URL safe, of so many bytes of randomness.
#[must_use]
pub fn token(bytes: usize) -> String {
    URL_SAFE_NO_PAD.encode(random_bytes(bytes))
}

/// So many random characters of an alphabet.
#[must_use]
pub fn random_from(alphabet: &[u8], len: usize) -> String {
    let mut random = rand::thread_rng();
    (0..len)
        .map(|_| char::from(alphabet[random.gen_range(0..alphabet.len())]))
        .collect()
}

/// Text made safe for HTML, attributes included.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&#34;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// Query or form parameters; the last of a repeated name counts.
#[must_use]
pub fn params(encoded: &str) -> std::collections::BTreeMap<String, String> {
    url::form_urlencoded::parse(encoded.as_bytes())
        .into_owned()
        .collect()
}

/// A URL with parameters appended.
#[must_use]
pub fn with_params(base: &str, params: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in params {
        query.append_pair(name, value);
    }
    let separator = if base.contains('?') { '&' } else { '?' };
    format!("{base}{separator}{}", query.finish())
}
