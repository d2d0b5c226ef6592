//! Descriptions of applications, and what is wrong with them.

use phoenix_language::vocabulary::parse_environment;

/// An environment with one service, whose description is indented by four.
fn told(service: &str) -> String {
    let text = format!(
        "environment: e\ndriver: embedded\nstores:\n  db: {{ sqlite: db.sqlite }}\nsecrets:\n  \
         books/admin: {{ bytes: 24 }}\nservices:\n  books:\n{service}\nprofiles:\n  today: {{}}\n"
    );
    match parse_environment("e.yaml", &text) {
        Ok(source) => source.found().render(false),
        Err(found) => found.render(false),
    }
}

const WHOLE: &str = r#"
    app: http
    url: http://books.localhost
    needs: [db]
    health:
      - { get: /healthz, expect: { status: 200, json: { $.db: ok } } }
      - { get: /ready, instance: $.installation }
    auth:
      form:
        page: /login
        fields: { username: admin, password: "${secret:books/admin}" }
      token:
        post: /api/token
        json: { user: admin, password: "${env:BOOKS_PASSWORD}" }
        take: $.token
    login: { account: { get: /me, id: $.id, email: $.email } }
    canary:
      prepare: { post: /shelves, json: { name: "phx-${nonce}" }, save: { shelf: $.id } }
      write:
        - { get: "/shelves/${shelf}/new", save: { csrf: { html: "input[name=csrf]" } } }
        - post: /entries
          form: { csrf: "${csrf}", text: "${payload}", title: "${marker}" }
          save: { id: { redirect: /entries/* } }
      read: { get: "/api/entries/${id}", payload: $.text }
      update: { put: "/api/entries/${id}", json: { text: "${payload}" } }
      delete: { delete: "/api/entries/${id}", expect: { status: [200, 204] } }
      list: { get: "/api/entries?page=${page}", texts: "$.items[*].text", ids: "$.items[*].id" }
      absent: { status: 404, json: { $.error: not found } }
      file:
        write:
          post: /api/uploads
          multipart: { text: "${payload}", upload: { file: "${marker}.bin" } }
          save: { id: $.id, file: $.file }
        read: { get: "/uploads/${file}" }
        link: { at: $.file, is: "${file}" }
"#;

#[test]
fn a_whole_description_is_right() {
    assert_eq!(told(WHOLE), "");
}

#[test]
fn every_mistake_is_told_at_once_with_its_place() {
    let wrong = r#"
    app: http
    url: http://books.localhost
    health: { get: healthz, expect: { status: 999, jsn: { $.db: ok } } }
    auth:
      form:
        page: /login
        fields: { username: admin, password: "${secret:books/admn}" }
    login: { start: /sso }
    canary:
      write:
        post: /entries
        json: { text: "${paylod}" }
        form: { a: b }
        save: { id: $..id, token: $.t, other: id }
      read: { get: "/entries/${idd}", expect: { json: { $.text: "${payload}" } } }
      delete: { get: /x, json: {} }
      list: { get: /entries, next: { html: "a[" } }
      absent: {}
      file:
        write: { pst: /uploads, save: { file: { redirect: /uploads } } }
        read: { get: "/uploads/${file}" }
"#;
    insta::assert_snapshot!(told(wrong));
}

#[test]
fn each_request_of_a_reading_may_say_what_is_absent() {
    let in_two = |absent: &str| {
        let read = "{ get: \"/api/entries/${id}\", payload: $.text }";
        let before = format!("{{ get: \"/shelves/${{id}}\", absent: {absent} }}");
        let text = WHOLE.replace(read, &format!("[{before}, {read}]"));
        assert_ne!(text, WHOLE);
        told(&text)
    };
    assert_eq!(in_two("{ status: 404, contains: \"${id}\" }"), "");
    let wrong = in_two("{ status: 999, contains: \"${idd}\" }");
    assert!(wrong.contains("no answer has this status"), "{wrong}");
    assert!(wrong.contains("${idd}"), "{wrong}");
    let written = WHOLE.replace("update: { put:", "update: { absent: { status: 404 }, put:");
    assert!(told(&written).contains("absent"), "only a reading has it");
}

#[test]
fn what_is_not_there_is_named() {
    insta::assert_snapshot!(told("    app: http\n    url: http://books.localhost\n"));
}

#[test]
fn a_description_belongs_to_no_other_application() {
    insta::assert_snapshot!(told(
        "    app: bookstack\n    url: http://books.localhost\n    canary: { write: { post: /a }, \
         read: { get: /b, payload: body } }\n    login: { start: /sso }\n"
    ));
}

#[test]
fn an_unknown_application_is_told_before_anything_runs() {
    let told = told("    app: htpp\n    url: http://books.localhost\n");
    assert!(told.contains("did you mean `http`?"), "{told}");
}

#[test]
fn an_entry_with_a_file_has_to_save_what_it_is_read_by() {
    let told = told(&WHOLE.replace("save: { id: $.id, file: $.file }", "save: { file: $.file }"));
    assert!(
        told.contains("an entry is read with `${id}`, and this saves no `id`"),
        "{told}"
    );
}

#[test]
fn a_password_in_the_file_is_a_warning() {
    let open = WHOLE.replace("${secret:books/admin}", "hunter2");
    let told = told(&open);
    assert!(told.contains("warning[open-secret]: `password`"), "{told}");
}
