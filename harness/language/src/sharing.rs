//! A schema in which what stands in several places is written once: shapes are trees, and a list of
//! steps written out twice at every level would fill a file that nobody can review.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Bytes of a part, as JSON, from which a reference to it is shorter than itself.
const BYTES_MIN: usize = 150;

/// The same schema, with its repeated parts under `$defs`.
pub(crate) fn shared(schema: Value) -> Value {
    let mut counts = BTreeMap::new();
    count(&schema, &mut counts);
    counts.retain(|text, count| *count > 1 && text.len() >= BYTES_MIN);
    if counts.is_empty() {
        return schema;
    }
    let mut names: Vec<(String, Value)> = Vec::new();
    let Value::Object(root) = schema else {
        return schema;
    };
    let mut out: Map<String, Value> = root
        .into_iter()
        .map(|(key, value)| (key, referring(value, &counts, &mut names)))
        .collect();
    let defs: Map<String, Value> = names
        .into_iter()
        .enumerate()
        .map(|(at, (_, part))| (name(at), part))
        .collect();
    out.insert("$defs".to_owned(), Value::Object(defs));
    Value::Object(out)
}

fn name(at: usize) -> String {
    format!("part-{}", at + 1)
}

/// Whether this is a schema, rather than the names under `properties`: those cannot be a reference.
fn is_schema(value: &Value) -> bool {
    let is = |key: &str| value.get(key);
    is("type").is_some_and(|kind| kind.is_string() || kind.is_array())
        || ["anyOf", "oneOf", "enum"]
            .iter()
            .any(|key| is(key).is_some_and(Value::is_array))
}

fn count(value: &Value, counts: &mut BTreeMap<String, usize>) {
    match value {
        Value::Object(entries) => {
            if is_schema(value) {
                *counts.entry(value.to_string()).or_default() += 1;
            }
            entries.values().for_each(|inner| count(inner, counts));
        }
        Value::Array(items) => items.iter().for_each(|inner| count(inner, counts)),
        _ => {}
    }
}

fn referring(
    value: Value,
    counts: &BTreeMap<String, usize>,
    names: &mut Vec<(String, Value)>,
) -> Value {
    let text = value.to_string();
    let is_shared = is_schema(&value) && counts.contains_key(&text);
    if let Some(at) = names
        .iter()
        .position(|(known, _)| is_shared && *known == text)
    {
        return reference(at);
    }
    let place = is_shared.then(|| {
        names.push((text, Value::Null));
        names.len() - 1
    });
    let inner = match value {
        Value::Object(entries) => entries
            .into_iter()
            .map(|(key, value)| (key, referring(value, counts, names)))
            .collect(),
        Value::Array(items) => items
            .into_iter()
            .map(|value| referring(value, counts, names))
            .collect(),
        other => other,
    };
    match place {
        Some(at) => {
            names[at].1 = inner;
            reference(at)
        }
        None => inner,
    }
}

fn reference(at: usize) -> Value {
    json!({ "$ref": format!("#/$defs/{}", name(at)) })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::shared;

    /// The schema with every reference replaced by what it means.
    fn resolved(value: &Value, defs: &Value) -> Value {
        match value {
            Value::Object(entries) => match entries.get("$ref").and_then(Value::as_str) {
                Some(target) => {
                    let name = target.rsplit('/').next().unwrap_or_default();
                    resolved(&defs[name], defs)
                }
                None => entries
                    .iter()
                    .map(|(key, value)| (key.clone(), resolved(value, defs)))
                    .collect(),
            },
            Value::Array(items) => items.iter().map(|item| resolved(item, defs)).collect(),
            other => other.clone(),
        }
    }

    #[test]
    fn nothing_but_the_length_changes() {
        let leaf = json!({"enum": ["a".repeat(80), "b".repeat(80)]});
        let middle = json!({"anyOf": [{"type": "array", "items": leaf}, leaf]});
        let names = json!({"type": middle, "long": middle});
        let object = json!({"type": "object", "properties": names});
        let whole = json!({"properties": {"one": object, "two": middle, "three": {
            "type": "array", "properties": names,
        }}});
        let short = shared(whole.clone());
        assert!(short.to_string().len() < whole.to_string().len());
        let three = &short["properties"]["three"]["properties"];
        assert!(
            three["type"]["$ref"].is_string(),
            "names stay names: {three}"
        );
        let mut back = resolved(&short, &short["$defs"]);
        back.as_object_mut().expect("an object").remove("$defs");
        assert_eq!(back, whole);
    }
}
