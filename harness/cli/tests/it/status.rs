//! `gaps --write`: the block between the comments, and not a byte more.

use crate::support::{Project, settings};

const OPENS: &str = "<!-- phoenix:status -->";
const CLOSES: &str = "<!-- /phoenix:status -->";

/// A project whose document is what the run judged, in another dress: the journal has its text.
fn judged(dress: impl Fn(&str) -> String) -> Project {
    let project = Project::with_a_run();
    let mut judged = None;
    for cycle in ["01-full-phoenix-today", "02-full-phoenix-target"] {
        let path = format!("phoenix-runs/20260101T000000Z-000000/{cycle}/journal.jsonl");
        let mut lines: Vec<serde_json::Value> = project
            .read(&path)
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        let document = &mut lines[0]["event"]["cycle-started"]["documents"][0];
        let text = dress(document["text"].as_str().expect("a text"));
        document["text"] = text.clone().into();
        document["path"] = "PHOENIX.md".into();
        judged = Some(text);
        let lines: Vec<String> = lines
            .iter()
            .map(|line| format!("{line}\n").replace("../../PHOENIX.md", "PHOENIX.md"))
            .collect();
        project.write(&path, lines.concat());
    }
    project.write("PHOENIX.md", judged.expect("a text"));
    project
}

fn outside(text: &str) -> (&str, &str) {
    let (before, rest) = text.split_once(OPENS).expect("an opening comment");
    let (_, after) = rest.split_once(CLOSES).expect("a closing comment");
    (before, after)
}

#[test]
fn every_byte_outside_the_block_stays() {
    for (name, crlf, mark) in [
        ("as it is", false, false),
        ("carriage returns", true, false),
        ("a byte order mark", false, true),
        ("both", true, true),
    ] {
        let project = judged(|text| {
            let text = if crlf {
                text.replace('\n', "\r\n")
            } else {
                text.to_owned()
            };
            if mark {
                format!("\u{feff}{text}")
            } else {
                text
            }
        });
        let before = project.read("PHOENIX.md");
        let said = project.phoenix(&["gaps", "--write"]);
        assert_eq!(said.code, 0, "{name}: {}", said.err);
        let after = project.read("PHOENIX.md");
        assert_eq!(outside(&before), outside(&after), "{name}");
        assert_ne!(before, after, "{name}: the block was written");
        let block = &after[after.find(OPENS).expect("it")..after.find(CLOSES).expect("it")];
        assert!(block.contains("not recovered"), "{block}");
        assert!(
            block.contains("settles nothing about production"),
            "the level of the evidence is told: {block}"
        );
        if crlf {
            assert_eq!(block.matches('\n').count(), block.matches("\r\n").count());
        }
        // Written twice is written once: the block itself is no change of the document.
        assert_eq!(project.phoenix(&["gaps", "--write"]).code, 0, "{name}");
        assert_eq!(project.read("PHOENIX.md"), after, "{name}");
    }
}

#[test]
fn the_cycle_is_chosen_by_its_profile() {
    let project = judged(str::to_owned);
    let said = project.phoenix(&["gaps", "--write", "--profile", "target"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let text = project.read("PHOENIX.md");
    assert!(text.contains("Profile:   target on embedded"), "{text}");
}

#[test]
fn a_document_without_a_place_for_it_is_told_what_to_add() {
    let project = judged(|text| text.replace(OPENS, "").replace(CLOSES, ""));
    let before = project.read("PHOENIX.md");
    let said = project.phoenix(&["gaps", "--write"]);
    settings().bind(|| insta::assert_snapshot!(said.whole()));
    assert_eq!(project.read("PHOENIX.md"), before);
}

#[test]
fn a_text_of_somebody_between_the_comments_is_kept() {
    let project = judged(|text| {
        text.replace(
            CLOSES,
            &format!("Ask Ada before you edit this.\n\n{CLOSES}"),
        )
    });
    let before = project.read("PHOENIX.md");
    let said = project.phoenix(&["gaps", "--write"]);
    settings().bind(|| insta::assert_snapshot!(said.whole()));
    assert_eq!(project.read("PHOENIX.md"), before);
}

#[test]
fn a_document_that_changed_since_it_was_judged_is_left_alone() {
    let project = judged(str::to_owned);
    let before = project.read("PHOENIX.md").replace("✅", "❌");
    project.write("PHOENIX.md", &before);
    let said = project.phoenix(&["gaps", "--write"]);
    settings().bind(|| insta::assert_snapshot!(said.whole()));
    assert_eq!(project.read("PHOENIX.md"), before);
}

#[test]
fn a_document_that_was_not_judged_is_refused() {
    let project = judged(str::to_owned);
    project.write("other.md", "# Another\n");
    let said = project.phoenix(&["gaps", "--write", "--document", "other.md"]);
    settings().bind(|| insta::assert_snapshot!(said.whole()));
}

#[test]
fn an_interrupted_run_leaves_the_status_of_the_one_before() {
    let project = judged(str::to_owned);
    let path = "phoenix-runs/20260101T000000Z-000000/01-full-phoenix-today/journal.jsonl";
    let whole = project.read(path);
    let cut = whole.replace("\"interrupted\":false", "\"interrupted\":true");
    assert_ne!(whole, cut);
    project.write(path, cut);
    let before = project.read("PHOENIX.md");
    let said = project.phoenix(&["gaps", "--write"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("was interrupted"), "{}", said.err);
    assert_eq!(project.read("PHOENIX.md"), before);
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_permissions_stay() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let project = judged(str::to_owned);
    std::fs::rename(project.path("PHOENIX.md"), project.path("real.md")).expect("moved");
    symlink("real.md", project.path("PHOENIX.md")).expect("a link");
    set_permissions(project.path("real.md"), Permissions::from_mode(0o640)).expect("a mode");
    let said = project.phoenix(&["gaps", "--write"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let link = std::fs::symlink_metadata(project.path("PHOENIX.md")).expect("a link");
    assert!(link.file_type().is_symlink());
    let real = std::fs::metadata(project.path("real.md")).expect("a file");
    assert_eq!(real.permissions().mode() & 0o777, 0o640);
    assert!(project.read("real.md").contains("not recovered"));
    let left: Vec<_> = std::fs::read_dir(project.path(""))
        .expect("a folder")
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().contains(".phoenix-"))
        .collect();
    assert!(left.is_empty(), "nothing lies around: {left:?}");
}
