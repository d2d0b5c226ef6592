//! Paths into JSON: `$`, `$.name`, `$.list[0]`, `$.list[*].id`, `$['odd name']`. This is all there
//! is: a path says where a value stands, and computes nothing.

use serde_json::Value;

/// A path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    At(usize),
    Each,
}

impl JsonPath {
    /// Reads a path.
    ///
    /// # Errors
    /// What cannot stand in one, and at which byte of the text.
    pub fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut rest = text
            .strip_prefix('$')
            .ok_or_else(|| (0, "a path begins with `$`: `$.entry.id`".to_owned()))?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let at = text.len() - rest.len();
            if let Some(tail) = rest.strip_prefix('.') {
                let end = tail.find(|c| !in_name(c)).unwrap_or(tail.len());
                if end == 0 {
                    return Err((at, unknown_step(tail)));
                }
                steps.push(Step::Key(tail[..end].to_owned()));
                rest = &tail[end..];
            } else if let Some(tail) = rest.strip_prefix('[') {
                let (step, used) = bracket(tail).map_err(|why| (at, why))?;
                steps.push(step);
                rest = &tail[used..];
            } else {
                return Err((at, "after a step comes `.name`, `[0]` or `[*]`".to_owned()));
            }
        }
        Ok(Self { steps })
    }

    /// Every value that it leads to, in order; none where it leads nowhere.
    #[must_use]
    pub fn all<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        follow(&self.steps, value)
    }

    /// As [`JsonPath::all`], where something is sure to stand: an empty list is one, and an answer
    /// without the list is another answer. What stands in the elements of a list may be missing.
    ///
    /// # Errors
    /// The part of the path that leads nowhere.
    pub fn each<'v>(&self, value: &'v Value) -> Result<Vec<&'v Value>, String> {
        let list = self.steps.iter().position(|step| *step == Step::Each);
        let sure = &self.steps[..list.unwrap_or(self.steps.len())];
        let nowhere = || {
            let steps = sure.to_vec();
            format!("the answer has no {}", Self { steps })
        };
        let at = follow(sure, value).first().copied().ok_or_else(nowhere)?;
        match list {
            None => Ok(vec![at]),
            Some(_) if !at.is_array() => Err(format!("{}: this is no list", nowhere())),
            Some(list) => Ok(follow(&self.steps[list..], at)),
        }
    }
}

/// Every value that steps lead to.
fn follow<'v>(steps: &[Step], value: &'v Value) -> Vec<&'v Value> {
    let mut found = vec![value];
    for step in steps {
        found = found
            .into_iter()
            .flat_map(|value| -> Vec<&'v Value> {
                match step {
                    Step::Key(key) => value.get(key).into_iter().collect(),
                    Step::At(at) => value.get(at).into_iter().collect(),
                    Step::Each => value.as_array().into_iter().flatten().collect(),
                }
            })
            .collect();
    }
    found
}

impl std::fmt::Display for JsonPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("$")?;
        for step in &self.steps {
            match step {
                Step::Key(key) if key.chars().all(in_name) && !key.is_empty() => {
                    write!(f, ".{key}")?;
                }
                Step::Key(key) => write!(f, "['{key}']")?,
                Step::At(at) => write!(f, "[{at}]")?,
                Step::Each => f.write_str("[*]")?,
            }
        }
        Ok(())
    }
}

fn in_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

fn unknown_step(tail: &str) -> String {
    if tail.starts_with('.') {
        "`..` looks everywhere, and a path here says exactly where".to_owned()
    } else if tail.starts_with('*') {
        "each element of a list is `[*]`".to_owned()
    } else {
        "after `.` comes a name; an odd one is written `['odd name']`".to_owned()
    }
}

/// What stands in brackets, and how many bytes it took with the closing one.
fn bracket(tail: &str) -> Result<(Step, usize), String> {
    if let Some(quoted) = tail.strip_prefix('\'') {
        let end = quoted
            .find("']")
            .ok_or_else(|| "the name in `['…']` is not closed".to_owned())?;
        return Ok((Step::Key(quoted[..end].to_owned()), end + 3));
    }
    let end = tail
        .find(']')
        .ok_or_else(|| "the bracket is not closed".to_owned())?;
    let inside = &tail[..end];
    let step = match inside {
        "*" => Step::Each,
        _ if !inside.is_empty() && inside.bytes().all(|b| b.is_ascii_digit()) => Step::At(
            inside
                .parse()
                .map_err(|_| format!("`[{inside}]` is too large a number"))?,
        ),
        _ => {
            return Err(format!(
                "`[{inside}]` is not read here: `[0]` is the first of a list, `[*]` each of them"
            ));
        }
    };
    Ok((step, end + 1))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::JsonPath;

    fn found(path: &str) -> Vec<serde_json::Value> {
        let value = json!({
            "db": "ok",
            "a": {"b": [{"c": 1}, {"c": 2}]},
            "odd name": true,
            "nothing": null,
        });
        let path = JsonPath::parse(path).expect("a path");
        path.all(&value).into_iter().cloned().collect()
    }

    #[test]
    fn paths_lead_to_values() {
        assert_eq!(found("$.db"), [json!("ok")]);
        assert_eq!(found("$.a.b[0].c"), [json!(1)]);
        assert_eq!(found("$.a.b[*].c"), [json!(1), json!(2)]);
        assert_eq!(found("$['odd name']"), [json!(true)]);
        assert_eq!(found("$.nothing"), [json!(null)]);
        assert!(found("$.a.b[7].c").is_empty());
        assert!(found("$.db.c").is_empty());
        assert_eq!(found("$").len(), 1);
    }

    #[test]
    fn an_answer_without_the_list_is_no_empty_list() {
        let each = |path: &str, value: &serde_json::Value| {
            let path = JsonPath::parse(path).expect("a path");
            path.each(value).map(|found| found.len())
        };
        let answer = json!({"items": [], "odd": {}});
        assert_eq!(each("$.items[*].id", &answer), Ok(0));
        assert_eq!(
            each("$.items[*].id", &json!({"items": [{"id": 1}, {}]})),
            Ok(1)
        );
        assert!(each("$.odd[*].id", &answer).is_err_and(|why| why.contains("$.odd")));
        assert!(each("$.entries[*].id", &answer).is_err_and(|why| why.contains("$.entries")));
        assert!(each("$.id", &answer).is_err());
    }

    #[test]
    fn what_is_no_path_is_told_with_its_place() {
        for (text, at) in [
            ("id", 0),
            ("$..id", 1),
            ("$.a[?(@.x)]", 3),
            ("$.a[-1]", 3),
            ("$.a.*", 3),
            ("$.a[0", 3),
            ("$.a['x]", 3),
            ("$id", 1),
            ("$.a b", 3),
        ] {
            assert_eq!(
                JsonPath::parse(text).map_err(|(at, _)| at),
                Err(at),
                "{text}"
            );
        }
    }
}
