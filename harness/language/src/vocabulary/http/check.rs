//! What no shape can see: names that are saved before they are used, one body a request, and what a
//! description needs so that a canary can be judged at all.

use super::text::{Names, json_path_key, own_name, path, pattern, place, placeholders, selector};
use super::{KEYS, LOGIN_KEYS, METHODS};
use crate::tree::{Kind, Node, Place, Source};

const BODIES: [&str; 4] = ["json", "form", "multipart", "body"];

/// Holds every description of an environment file against what it says itself.
pub(crate) fn check(source: &Source) {
    let root = &source.root;
    let names = |key| root.get(key).map(Node::entries).unwrap_or_default();
    let secrets: Vec<&str> = names("secrets")
        .iter()
        .map(|(key, _)| key.text.as_str())
        .collect();
    for (name, service) in names("services") {
        let checker = Checker {
            source,
            secrets: &secrets,
        };
        match service.get("app").and_then(Node::text) {
            Some("http") => checker.described(name.place, service),
            Some(app) => checker.not_described(app, service),
            None => {}
        }
    }
}

struct Checker<'s> {
    source: &'s Source,
    secrets: &'s [&'s str],
}

/// The nodes under a key: none, one, or those of a list.
fn under<'n>(node: &'n Node, key: &str) -> Vec<&'n Node> {
    node.get(key).map(Node::items).unwrap_or_default()
}

impl Checker<'_> {
    fn wrong(&self, place: Place, code: &'static str, message: &str, help: &str) {
        let help = (!help.is_empty()).then(|| help.to_owned());
        self.source.error(place, code, message.to_owned(), help);
    }

    /// Another application brings its own requests.
    fn not_described(&self, app: &str, service: &Node) {
        let login = service.get("login");
        let mine = KEYS.map(|key| (service, key));
        let of_login = LOGIN_KEYS.map(|key| (login.unwrap_or(service), key));
        for (node, key) in mine
            .iter()
            .chain(of_login.iter().filter(|_| login.is_some()))
        {
            let found = node.entries().iter().find(|(known, _)| known.text == *key);
            if let Some((found, _)) = found {
                let message = format!("`{key}` describes an application, and {app} needs none");
                self.wrong(
                    found.place,
                    "unknown-key",
                    &message,
                    "remove it, or write `app: http`",
                );
            }
        }
        if let Some(login) = login.filter(|login| login.get("via").is_none()) {
            self.wrong(
                login.place,
                "missing-key",
                "`login` needs a `via`",
                "via: The service that they log in through.",
            );
        }
    }

    fn described(&self, at: Place, service: &Node) {
        for (key, help) in [
            ("health", "health: { get: /healthz }"),
            (
                "canary",
                "canary: { write: { post: … }, read: { get: … } }, or `unknown` for now",
            ),
        ] {
            if service.get(key).is_none() {
                let message = format!("`app: http` needs a `{key}`");
                self.wrong(at, "missing-key", &message, help);
            }
        }
        let base = Names::of(&["nonce"]);
        for request in under(service, "health") {
            self.request(request, &base, false);
            self.place(request, "instance");
        }
        if let Some(auth) = service.get("auth") {
            self.auth(auth, &base);
        }
        if let Some(login) = service.get("login") {
            self.login(login, service, &base);
        }
        // A word instead of a description is held against the vocabulary.
        if let Some(canary) = service.get("canary").filter(|one| one.text().is_none()) {
            self.canary(canary, &base);
        }
    }

    /// The text of an environment file is part of the evidence of every run: a password in it
    /// would be too.
    fn told_openly(&self, auth: &Node) {
        let mut found: Vec<(&str, &Node)> = Vec::new();
        found.extend(auth.get("bearer").map(|node| ("bearer", node)));
        let token = auth.get("token");
        for (map, every) in [
            (auth.get("basic"), false),
            (auth.get("headers"), true),
            (auth.get("form").and_then(|form| form.get("fields")), false),
            (token.and_then(|token| token.get("json")), false),
            (token.and_then(|token| token.get("form")), false),
        ] {
            for (key, value) in map.map(Node::entries).unwrap_or_default() {
                let name = key.text.to_lowercase();
                if every
                    || ["pass", "secret", "token", "key"]
                        .iter()
                        .any(|word| name.contains(word))
                {
                    found.push((&key.text, value));
                }
            }
        }
        for (name, node) in found {
            if node.text().is_some_and(|text| !text.contains("${")) {
                self.source.warn(
                    node.place,
                    "open-secret",
                    format!("`{name}` stands in this file, which every run keeps a copy of"),
                    Some("write `${secret:NAME}` or `${env:VARIABLE}`".to_owned()),
                );
            }
        }
    }

    fn auth(&self, auth: &Node, base: &Names) {
        self.told_openly(auth);
        for (_, value) in auth.get("basic").map(Node::entries).unwrap_or_default() {
            self.text(value, base);
        }
        if let Some(bearer) = auth.get("bearer") {
            self.text(bearer, base);
        }
        self.texts(auth.get("headers"), base);
        if let Some(form) = auth.get("form") {
            if let Some(page) = form.get("page") {
                path(self.source, page);
                self.text(page, base);
            }
            self.texts(form.get("fields"), base);
            self.expect(form.get("expect"), base);
        }
        if let Some(token) = auth.get("token") {
            self.request(token, base, false);
            self.place(token, "take");
            self.texts(token.get("send"), &base.with(&Names::of(&["token"])));
        }
    }

    fn login(&self, login: &Node, service: &Node, base: &Names) {
        for key in ["start", "callback"] {
            if let Some(node) = login.get(key) {
                path(self.source, node);
                self.text(node, base);
            }
        }
        match login.get("account") {
            Some(account) => {
                self.request(account, base, false);
                self.place(account, "id");
                self.place(account, "email");
            }
            None => self.wrong(
                login.place,
                "missing-key",
                "`login` needs an `account`",
                "account: { get: /me, id: $.id }: without it nobody knows who is logged in",
            ),
        }
        let form = service.get("auth").and_then(|auth| auth.get("form"));
        if login.get("via").is_some() && login.get("start").is_none() {
            self.wrong(
                login.place,
                "missing-key",
                "`login` needs a `start`",
                "start: The path that sends people to the provider.",
            );
        } else if login.get("via").is_none() && form.is_none() {
            self.wrong(
                login.place,
                "missing-key",
                "this says no way to log in",
                "add `via: SERVICE`, or describe the login page under `auth: { form: … }`",
            );
        }
    }

    fn canary(&self, canary: &Node, base: &Names) {
        let plain = base.with(&self.sequence(&under(canary, "prepare"), base, false));
        let told = plain.with(&Names::of(&["marker"]));
        let written = told.with(&Names::of(&["payload"]));
        let saved = self.sequence(&under(canary, "write"), &written, false);
        let by_id = told.with(&saved);
        self.sequence(&under(canary, "read"), &by_id, false);
        self.has_payload(canary, "read");
        self.sequence(&under(canary, "update"), &written.with(&saved), false);
        self.sequence(&under(canary, "delete"), &by_id, false);
        if let Some(list) = canary.get("list") {
            self.request(list, &plain.with(&Names::of(&["page"])), false);
            self.list(list);
        }
        self.expect(canary.get("absent"), &by_id);
        self.expect(canary.get("undecryptable"), &by_id);
        if let Some(file) = canary.get("file") {
            self.file(canary, file, &saved, (&told, &written));
        }
    }

    fn list(&self, list: &Node) {
        for key in ["texts", "ids"] {
            self.place(list, key);
        }
        if let Some(next) = list
            .get("next")
            .filter(|next| next.text() != Some("link-header"))
        {
            place(self.source, next);
        }
        if list.get("texts").is_none() && list.get("ids").is_none() {
            self.wrong(
                list.place,
                "missing-key",
                "`list` says nothing of the entries",
                "add `texts: $[*].text`, or `ids: $[*].id`: then each is read by its id",
            );
        }
        let by_number = list
            .entries()
            .iter()
            .any(|(_, value)| value.text().is_some_and(|text| text.contains("${page}")));
        if let Some(next) = list.get("next").filter(|_| by_number) {
            self.wrong(
                next.place,
                "two-at-once",
                "pages have numbers here, and links as well",
                "keep `${page}` or `next`",
            );
        }
    }

    fn file(&self, canary: &Node, file: &Node, plain: &Names, names: (&Names, &Names)) {
        let (told, written) = names;
        let requests = under(file, "write");
        let saved = self.sequence(&requests, written, true);
        let by_id = told.with(&saved);
        self.sequence(&under(file, "read"), &by_id, false);
        if file.get("row").is_some() {
            self.sequence(&under(file, "row"), &by_id, false);
            self.has_payload(file, "row");
        } else {
            self.saved_for(&under(canary, "read"), plain, &by_id, file);
        }
        if let Some(link) = file.get("link") {
            self.place(link, "at");
            if let Some(is) = link.get("is") {
                self.text(is, &by_id);
            }
        }
        let sends = requests.iter().any(|request| {
            let body = request.get("body").and_then(Node::text);
            let parts = request.get("multipart").map(Node::entries);
            body == Some("${bytes}")
                || parts
                    .unwrap_or_default()
                    .iter()
                    .any(|(_, part)| part.get("file").is_some())
        });
        if !requests.is_empty() && !sends {
            self.wrong(
                requests[0].place,
                "missing-key",
                "this sends no file",
                "add `multipart: { upload: { file: \"${marker}.bin\" } }` or `body: \"${bytes}\"`",
            );
        }
    }

    /// The canary's own reading also reads the entries that have a file: with what these saved.
    fn saved_for(&self, read: &[&Node], plain: &Names, known: &Names, file: &Node) {
        let mut own = Names::default();
        for request in read {
            for (key, node) in request.entries() {
                for piece in crate::placeholder::pieces(node.text().unwrap_or_default()) {
                    if let crate::placeholder::Piece::Name { name, .. } = piece
                        && METHODS.contains(&key.text.as_str())
                        && plain.has(name)
                        && !known.has(name)
                        && !own.has(name)
                    {
                        let message = format!(
                            "an entry is read with `${{{name}}}`, and this saves no `{name}`"
                        );
                        let place = file.get("write").map_or(file.place, |write| write.place);
                        self.wrong(
                            place,
                            "unknown-name",
                            &message,
                            "add it under `save`, or say under `row` how these are read",
                        );
                    }
                }
            }
            for (name, _) in request.get("save").map(Node::entries).unwrap_or_default() {
                own.add(&name.text);
            }
        }
    }

    /// The last request of a reading says where the text is.
    fn has_payload(&self, node: &Node, key: &str) {
        let requests = under(node, key);
        for request in &requests {
            self.place(request, "payload");
        }
        let Some((last, before)) = requests.split_last() else {
            return;
        };
        if last.get("payload").is_none() {
            let message = format!("`{key}` does not say where the text is");
            self.wrong(last.place, "missing-key", &message, "add `payload: $.text`");
        }
        for request in before {
            if let Some(payload) = request.get("payload") {
                self.wrong(
                    payload.place,
                    "unknown-key",
                    "the text is in the answer to the last request",
                    "move `payload` there",
                );
            }
        }
    }

    /// Requests in their order, each of which may use what those before it saved; all that they
    /// save.
    fn sequence(&self, requests: &[&Node], known: &Names, with_file: bool) -> Names {
        let mut saved = Names::default();
        for request in requests {
            self.request(request, &known.with(&saved), with_file);
            for (name, _) in request.get("save").map(Node::entries).unwrap_or_default() {
                saved.add(&name.text);
            }
        }
        saved
    }

    fn request(&self, request: &Node, known: &Names, with_file: bool) {
        for (key, value) in request.entries() {
            match key.text.as_str() {
                method if METHODS.contains(&method) => {
                    path(self.source, value);
                    self.text(value, known);
                }
                "headers" | "form" => self.texts(Some(value), known),
                "json" => self.deep(value, known),
                "multipart" => {
                    for (_, part) in value.entries() {
                        self.text(part, known);
                        self.texts(Some(part), known);
                    }
                }
                "body" if with_file && value.text() == Some("${bytes}") => {}
                "body" | "type" => self.text(value, known),
                "expect" | "absent" => self.expect(Some(value), known),
                "save" => {
                    for (name, at) in value.entries() {
                        own_name(self.source, name.place, &name.text);
                        place(self.source, at);
                    }
                }
                _ => {}
            }
        }
        let mut bodies = request
            .entries()
            .iter()
            .filter(|(key, _)| BODIES.contains(&key.text.as_str()));
        if let Some((first, _)) = bodies.next() {
            if request.get("get").is_some() {
                let message = format!("a GET sends no `{}`", first.text);
                self.wrong(
                    first.place,
                    "bad-body",
                    &message,
                    "what it asks for is in its path: `/entries?text=${marker}`",
                );
            }
            if let Some((second, _)) = bodies.next() {
                let message = format!("one body a request: `{}` is a second", second.text);
                self.wrong(second.place, "two-at-once", &message, "remove one of them");
            }
        }
        if let Some(follow) = request
            .get("follow")
            .filter(|_| request.get("get").is_none())
        {
            self.wrong(
                follow.place,
                "unknown-key",
                "only a GET is followed",
                "what a redirect of a write says is `expect: { redirect: /entries/* }`",
            );
        }
    }

    fn expect(&self, expect: Option<&Node>, known: &Names) {
        let Some(expect) = expect else { return };
        for status in under(expect, "status") {
            let number = status.text().and_then(|text| text.parse::<u16>().ok());
            if number.is_some_and(|number| !(100..600).contains(&number)) {
                self.wrong(
                    status.place,
                    "bad-status",
                    "no answer has this status",
                    "100 to 599",
                );
            }
        }
        if let Some(redirect) = expect.get("redirect") {
            pattern(self.source, redirect, 0);
            self.text(redirect, known);
        }
        for (key, value) in expect.get("json").map(Node::entries).unwrap_or_default() {
            json_path_key(self.source, key.place, &key.text);
            self.text(value, known);
        }
        for (key, value) in expect.get("html").map(Node::entries).unwrap_or_default() {
            selector(self.source, key.place, &key.text);
            self.text(value, known);
        }
        for text in under(expect, "contains") {
            self.text(text, known);
        }
        if expect.entries().is_empty() && matches!(expect.kind, Kind::Map(_)) {
            self.wrong(
                expect.place,
                "missing-key",
                "this expects nothing",
                "say a `status`, or remove it: any 2xx is expected then",
            );
        }
    }

    fn place(&self, node: &Node, key: &str) {
        if let Some(node) = node.get(key) {
            place(self.source, node);
        }
    }

    fn text(&self, node: &Node, known: &Names) {
        placeholders(self.source, node, known, self.secrets);
    }

    fn texts(&self, node: Option<&Node>, known: &Names) {
        for (_, value) in node.map(Node::entries).unwrap_or_default() {
            self.text(value, known);
        }
    }

    /// Texts at any depth.
    fn deep(&self, node: &Node, known: &Names) {
        match &node.kind {
            Kind::Scalar { .. } => self.text(node, known),
            Kind::List(items) => items.iter().for_each(|item| self.deep(item, known)),
            Kind::Map(entries) => entries
                .iter()
                .for_each(|(_, value)| self.deep(value, known)),
        }
    }
}
