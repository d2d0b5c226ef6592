//! What stands in `${…}` in a scenario: filled in, left for the run, or refused before it.

use phoenix_engine::lower;
use phoenix_engine::plan::{Act, Plan};
use phoenix_language::vocabulary::{parse_environment, parse_scenario};

const ENVIRONMENT: &str = "environment: e\ndriver: embedded\nstores:\n  db: { sqlite: db }\n\
                           services:\n  web: { app: bookstack, url: 'https://docs.localhost', \
                           needs: [db] }\nprofiles:\n  today: {}\n";

/// Plans a scenario of these lines; or what is said against them.
fn planned(lines: &str) -> Result<Plan, String> {
    let environment = parse_environment("e.yaml", ENVIRONMENT).map_err(|all| all.render(false))?;
    let stack = lower::stack(&environment, "today").map_err(|all| all.render(false))?;
    let source = parse_scenario("s.yaml", &format!("scenario: s\n{lines}"))
        .map_err(|all| all.render(false))?;
    let plans = lower::plans(&source, &stack).map_err(|all| all.render(false))?;
    Ok(plans.into_iter().next().expect("a plan"))
}

/// A request with a header.
fn sending(header: &str) -> String {
    format!("steps:\n  - http: {{ get: 'http://x/', headers: {{ authorization: '{header}' }} }}\n")
}

#[test]
fn a_request_is_filled_with_what_the_scenario_sets() {
    let plan = planned(&format!("with: {{ who: us }}\n{}", sending("Basic ${who}"))).expect("one");
    let headers = plan.steps.iter().find_map(|step| match &step.act {
        Act::Http(request) => Some(&request.headers["authorization"]),
        _ => None,
    });
    assert_eq!(headers.map(String::as_str), Some("Basic us"));
    let saved = "steps:\n  - run: { command: [cat, token], save: token }\n";
    let after = sending("Bearer ${token}").replace("steps:\n", saved);
    assert!(planned(&after).is_ok(), "it is left for the run");
}

#[test]
fn variables_and_secrets_are_refused_with_another_way() {
    for name in ["env:TOKEN", "secret:web/key"] {
        let placeholder = format!("${{{name}}}");
        let hidden = format!(
            "with: {{ token: '{placeholder}' }}\n{}",
            sending("${token}")
        );
        for (lines, line) in [(sending(&placeholder), 3), (hidden, 2)] {
            let said = planned(&lines).expect_err("nothing would be filled in");
            let place = format!("s.yaml:{line}:");
            for part in ["unknown-variable", &placeholder, "sh, -c", &place] {
                assert!(said.contains(part), "no {part} in:\n{said}");
            }
        }
    }
}

#[test]
fn a_value_that_names_another_is_not_filled_in() {
    let lines = format!("with: {{ a: x, b: '${{a}}' }}\n{}", sending("${b}"));
    let said = planned(&lines).expect_err("it would be sent as it stands");
    assert!(said.contains("nothing sets `${a}`"), "{said}");
}
