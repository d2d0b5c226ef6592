//! What recipes are, in which order they come, and what their names depend on.

use phoenix_images::Recipes;

use crate::support::Project;

/// Where the parent and the child of most of these stand.
const CHILD: &str = "# upstream: redis:7\nFROM phoenix.local/zero:current\nCOPY file /\n";

fn family() -> Project {
    let project = Project::new();
    project
        .recipe("child", "Dockerfile", CHILD)
        .recipe("child", "file", "one")
        .recipe("zero", "Dockerfile", "FROM scratch\n")
        .recipe("other", "Dockerfile", "FROM scratch\nCOPY a /\n");
    project
}

fn names(recipes: &Recipes) -> Vec<String> {
    recipes.iter().map(|recipe| recipe.name.clone()).collect()
}

#[test]
fn parents_come_first_and_folders_without_a_dockerfile_are_no_recipes() {
    let project = family();
    project.recipe("notes", "README.md", "nothing to build");
    let recipes = project.read();
    assert_eq!(names(&recipes), ["other", "zero", "child"]);
    let child = recipes.get("child").unwrap();
    assert_eq!(child.parents, ["zero"]);
    assert_eq!(child.upstream.as_deref(), Some("redis:7"));
}

#[test]
fn a_choice_brings_what_it_stands_on_and_nothing_else() {
    let recipes = family().read();
    let chosen = recipes.chosen(&["child".to_owned()]).unwrap();
    let chosen: Vec<&str> = chosen.iter().map(|recipe| recipe.name.as_str()).collect();
    assert_eq!(chosen, ["zero", "child"]);
    let unknown = recipes.chosen(&["chidl".to_owned()]).unwrap_err();
    assert!(
        unknown
            .to_string()
            .contains("`chidl`; there are other, zero, child")
    );
}

#[test]
fn an_image_of_a_registry_is_refused() {
    let project = family();
    project.recipe("child", "Dockerfile", "FROM debian:bookworm\n");
    let why = Recipes::read(&project.root()).unwrap_err().to_string();
    assert!(
        why.contains("child") && why.contains("debian:bookworm"),
        "{why}"
    );
}

#[test]
fn a_stage_of_its_own_is_no_parent() {
    let project = family();
    let text = "FROM phoenix.local/zero:current AS made\nFROM made\nFROM scratch\n";
    project.recipe("child", "Dockerfile", text);
    assert_eq!(project.read().get("child").unwrap().parents, ["zero"]);
}

#[test]
fn a_parent_that_is_not_there_is_told_by_name() {
    let project = family();
    project.recipe("child", "Dockerfile", "FROM phoenix.local/gone:current\n");
    let why = Recipes::read(&project.root()).unwrap_err().to_string();
    assert!(why.contains("no recipe is called gone"), "{why}");
}

#[test]
fn a_circle_is_told() {
    let project = family();
    project.recipe("zero", "Dockerfile", "FROM phoenix.local/child:current\n");
    let why = Recipes::read(&project.root()).unwrap_err().to_string();
    assert!(why.contains("child") && why.contains("zero"), "{why}");
}

#[test]
fn the_same_recipe_has_the_same_tag_wherever_it_is() {
    assert_eq!(family().tag("child"), family().tag("child"));
}

#[test]
fn any_file_of_a_recipe_changes_its_tag_and_no_others() {
    let project = family();
    let (child, zero) = (project.tag("child"), project.tag("zero"));
    project.recipe("child", "file", "two");
    assert_ne!(project.tag("child"), child);
    assert_eq!(project.tag("zero"), zero);
    project.recipe("child", "file", "one");
    assert_eq!(project.tag("child"), child);
    project.recipe("child", "folder/more", "");
    assert_ne!(project.tag("child"), child);
}

#[test]
fn what_becomes_a_program_changes_the_tag() {
    use std::os::unix::fs::PermissionsExt as _;
    let project = family();
    let before = project.tag("child");
    let path = project.root().join("child/file");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_ne!(project.tag("child"), before);
}

#[test]
fn a_change_of_a_parent_changes_what_stands_on_it() {
    let project = family();
    let (child, other) = (project.tag("child"), project.tag("other"));
    project.recipe("zero", "more", "");
    assert_ne!(project.tag("child"), child);
    assert_eq!(project.tag("other"), other);
}

#[test]
fn another_build_of_a_program_changes_the_tag_of_what_carries_it() {
    // Cargo's own folder would be looked into instead.
    if std::env::var_os("CARGO_TARGET_DIR").is_some() {
        return;
    }
    let project = family();
    project.recipe(
        "carrier",
        "Dockerfile",
        "# phoenix-input: play\nFROM scratch\n",
    );
    let why = project.read().tag_of("carrier").unwrap_err().to_string();
    assert!(why.contains("carrier") && why.contains("`play`"), "{why}");
    project.write("target/debug/play", "one");
    let before = project.tag("carrier");
    project.write("target/debug/play", "two");
    assert_ne!(project.tag("carrier"), before);
    assert!(project.path().join("target").is_dir());
}
