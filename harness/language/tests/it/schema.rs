//! The published schemas, held against the shipped files: an editor must not mark what phoenix takes.

use std::path::Path;

use phoenix_language::{Source, vocabulary};
use serde_json::{Value, json};

/// Whether a value satisfies a schema, of the words that the published ones use.
fn fits(schema: &Value, value: &Value, root: &Value) -> bool {
    let has_type = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        other => panic!("the schema says `{other}`"),
    };
    let Some(rules) = schema.as_object() else {
        panic!("no schema: {schema}");
    };
    rules.iter().all(|(key, rule)| match key.as_str() {
        "$ref" => {
            let target = rule.as_str().expect("a reference").trim_start_matches('#');
            fits(
                root.pointer(target).expect("what it refers to"),
                value,
                root,
            )
        }
        "type" => match rule {
            Value::String(kind) => has_type(kind),
            kinds => kinds
                .as_array()
                .expect("types")
                .iter()
                .any(|kind| has_type(kind.as_str().expect("a type"))),
        },
        "enum" => rule.as_array().expect("words").contains(value),
        "anyOf" => rule
            .as_array()
            .expect("schemas")
            .iter()
            .any(|one| fits(one, value, root)),
        "oneOf" => {
            let all = rule.as_array().expect("schemas").iter();
            all.filter(|one| fits(one, value, root)).count() == 1
        }
        "items" => value
            .as_array()
            .is_none_or(|items| items.iter().all(|item| fits(rule, item, root))),
        "properties" => value.as_object().is_none_or(|entries| {
            entries
                .iter()
                .all(|(name, value)| rule.get(name).is_none_or(|own| fits(own, value, root)))
        }),
        "additionalProperties" => value.as_object().is_none_or(|entries| {
            let others = entries
                .iter()
                .filter(|(name, _)| schema["properties"].get(name.as_str()).is_none());
            others.into_iter().all(|(_, value)| match rule {
                Value::Bool(allowed) => *allowed,
                one => fits(one, value, root),
            })
        }),
        "required" => {
            rule.as_array().expect("names").iter().all(|name| {
                value.is_object() && value.get(name.as_str().expect("a name")).is_some()
            })
        }
        "minimum" => value
            .as_i64()
            .is_none_or(|number| number >= rule.as_i64().expect("a number")),
        "maximum" => value
            .as_i64()
            .is_none_or(|number| number <= rule.as_i64().expect("a number")),
        "minItems" => value
            .as_array()
            .is_none_or(|items| items.len() as u64 >= rule.as_u64().expect("a number")),
        "minLength" => value
            .as_str()
            .is_none_or(|text| text.len() as u64 >= rule.as_u64().expect("a number")),
        "pattern" => value.as_str().is_none_or(|text| {
            let pattern = regex_lite::Regex::new(rule.as_str().expect("a pattern"));
            pattern.expect("a pattern that can be read").is_match(text)
        }),
        "propertyNames" => value.as_object().is_none_or(|entries| {
            let mut names = entries.keys();
            names.all(|name| fits(rule, &json!(name), root))
        }),
        "description" | "title" | "$schema" | "$defs" => true,
        other => panic!("the schema says `{other}`, which this test does not know"),
    })
}

#[test]
fn every_shipped_file_satisfies_its_schema() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut looked_at = 0;
    for (folder, schema) in [
        ("scenarios", vocabulary::scenario_schema()),
        ("environments", vocabulary::environment_schema()),
    ] {
        for entry in std::fs::read_dir(root.join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_none_or(|ext| ext != "yaml") {
                continue;
            }
            let value = Source::read(&path).expect("YAML").root.to_json();
            assert!(fits(&schema, &value, &schema), "{}", path.display());
            looked_at += 1;
        }
    }
    assert!(looked_at >= 3, "only {looked_at} files");
    let schema = vocabulary::environment_schema();
    let path = root.join("examples/ledgerbook/environment.yaml");
    let value = Source::read(&path).expect("YAML").root.to_json();
    assert!(fits(&schema, &value, &schema), "{}", path.display());
}

#[test]
fn what_phoenix_refuses_does_not_satisfy_it() {
    let schema = vocabulary::scenario_schema();
    let good = json!({"scenario": "a", "steps": [{"backup": "all"}]});
    assert!(fits(&schema, &good, &schema));
    for bad in [
        json!({"steps": [{"backup": "all"}]}),
        json!({"scenario": "a", "steps": [{"backup": "all", "destroy": "all"}]}),
        json!({"scenario": "a", "steps": [{"bakcup": "all"}]}),
        json!({"scenario": "a", "steps": [{"seed": {"canaries": -1}}]}),
    ] {
        assert!(!fits(&schema, &bad, &schema), "{bad}");
    }
}
