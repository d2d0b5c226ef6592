"""Ledgerbook: entries with receipts. Rows in PostgreSQL, receipts in a folder.

People use its pages: a login, a form, a list. What reads it back is a small JSON API for whoever is
logged in. There is nothing in it for a drill.
"""

import html
import json
import os
import secrets
import threading
from email import message_from_bytes
from email.policy import HTTP
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from postgres import Connection, DatabaseError

PAGE = 20
UPLOADS = Path(os.environ.get("LEDGER_UPLOADS", "/uploads"))
SCHEMA = """create table if not exists entries (
    id bigint generated always as identity primary key,
    text text not null, receipt text, at timestamptz not null default now())"""

local = threading.local()
sessions = {}  # session -> its token against forgery


def query(text, *values):
    """A query on this thread's connection. A dead connection is replaced before the next one."""
    if getattr(local, "connection", None) is None:
        local.connection = Connection(
            os.environ.get("LEDGER_DB_HOST", "db"),
            "ledger",
            os.environ.get("LEDGER_DB_PASSWORD", ""),
            "ledger",
            int(os.environ.get("LEDGER_DB_PORT", "5432")),
        )
        local.connection.query("set client_min_messages = warning")
        local.connection.query(SCHEMA)
    try:
        return local.connection.query(text, *values)
    except DatabaseError:
        local.connection.close()
        local.connection = None
        raise


class Ledgerbook(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer("GET")

    def do_POST(self):
        self.answer("POST")

    def do_PUT(self):
        self.answer("PUT")

    def do_DELETE(self):
        self.answer("DELETE")

    def answer(self, method):
        length = int(self.headers.get("content-length") or 0)
        self.body = self.rfile.read(length)
        try:
            self.route(method, urlsplit(self.path))
        except (DatabaseError, OSError) as why:
            self.send(503, {"error": f"database: {why}"})

    def route(self, method, url):
        parts = [part for part in url.path.split("/") if part]
        if url.path == "/healthz":
            self.send(200, {"db": "ok" if query("select 1") == [["1"]] else "odd"})
        elif url.path == "/login":
            self.log_in() if method == "POST" else self.login_page()
        elif not self.token():
            self.redirect("/login")
        elif method != "GET" and not self.is_own():
            self.send(403, {"error": "the form is too old, or is not ours"})
        elif url.path == "/":
            self.page(f"<h1>Ledgerbook</h1>{self.form()}{self.rows(1)}")
        elif url.path == "/entries" and method == "POST":
            self.create()
        elif parts[:2] == ["api", "entries"]:
            self.api(method, parts[2:], parse_qs(url.query))
        elif parts[:1] == ["receipts"] and len(parts) == 2:
            self.receipt(parts[1])
        elif url.path == "/api/me":
            self.send(200, {"id": "admin", "email": "admin@ledgerbook.example"})
        else:
            self.send(404, {"error": "not found"})

    # Who is there.

    def session(self):
        cookie = SimpleCookie(self.headers.get("cookie", "")).get("ledgerbook")
        return cookie.value if cookie else ""

    def token(self):
        return sessions.get(self.session())

    def is_own(self):
        given = self.fields().get("csrf") or self.headers.get("x-csrf-token") or ""
        return secrets.compare_digest(given, self.token())

    def login_page(self, words=""):
        self.page(
            f"<h1>Log in</h1><p>{words}</p><form method=post action=/login>"
            "<input name=name><input name=password type=password><button>Log in</button></form>"
        )

    def log_in(self):
        fields = self.fields()
        wanted = os.environ.get("LEDGER_ADMIN_PASSWORD", "")
        given = fields.get("password", "")
        right = wanted and secrets.compare_digest(given.encode(), wanted.encode())
        if fields.get("name") != "admin" or not right:
            return self.login_page("Name and password do not belong together.")
        session = secrets.token_urlsafe(24)
        sessions[session] = secrets.token_urlsafe(24)
        self.redirect("/", f"ledgerbook={session}; Path=/; HttpOnly; SameSite=Lax")

    # Entries.

    def form(self):
        return (
            "<form method=post action=/entries enctype=multipart/form-data>"
            f'<input type=hidden name=csrf value="{self.token()}">'
            "<textarea name=text></textarea><input type=file name=receipt>"
            "<button>Book it</button></form>"
        )

    def rows(self, page):
        rows = query(
            "select id, text from entries order by id desc limit $1::int offset $2::int",
            PAGE,
            (page - 1) * PAGE,
        )
        items = "".join(f"<li id=e{row[0]}>{html.escape(row[1])}</li>" for row in rows)
        return f"<ul>{items}</ul>"

    def create(self):
        fields = self.fields()
        name = fields.get("receipt name")
        if name:
            name = f"{secrets.token_hex(8)}-{Path(name).name}"
            UPLOADS.mkdir(parents=True, exist_ok=True)
            with open(UPLOADS / name, "xb") as file:
                file.write(fields["receipt"])
                file.flush()
                os.fsync(file.fileno())
        made = query(
            "insert into entries (text, receipt) values ($1, $2) returning id",
            fields.get("text", ""),
            name,
        )
        self.redirect(f"/entries/{made[0][0]}")

    def api(self, method, rest, asked):
        if not rest:
            page = int(asked.get("page", ["1"])[0])
            rows = query(
                "select id, text, receipt from entries order by id limit $1::int offset $2::int",
                PAGE,
                (page - 1) * PAGE,
            )
            return self.send(200, {"entries": [self.as_json(row) for row in rows]})
        number = rest[0] if rest[0].isdigit() else "0"
        found = query("select id, text, receipt from entries where id = $1::bigint", number)
        if not found:
            return self.send(404, {"error": "no such entry"})
        if method == "PUT":
            text = json.loads(self.body)["text"]
            query("update entries set text = $2 where id = $1::bigint", number, text)
            return self.send(200, {"id": int(number), "text": text})
        if method == "DELETE":
            query("delete from entries where id = $1::bigint", number)
            return self.send(200, {"id": int(number)})
        return self.send(200, self.as_json(found[0]))

    @staticmethod
    def as_json(row):
        return {"id": int(row[0]), "text": row[1], "receipt": row[2]}

    def receipt(self, name):
        try:
            data = (UPLOADS / Path(name).name).read_bytes()
        except FileNotFoundError:
            return self.send(404, {"error": "no such receipt"})
        self.reply(200, data, "application/octet-stream")

    # The wire.

    def fields(self):
        """The fields of a form; a file's bytes under its name, its own name beside it."""
        kind = self.headers.get("content-type", "")
        if kind.startswith("application/x-www-form-urlencoded"):
            return {key: values[0] for key, values in parse_qs(self.body.decode()).items()}
        if not kind.startswith("multipart/form-data"):
            return {}
        head = f"content-type: {kind}\r\n\r\n".encode()
        fields = {}
        for part in message_from_bytes(head + self.body, policy=HTTP).iter_parts():
            name = part.get_param("name", header="content-disposition")
            data = part.get_payload(decode=True) or b""
            if part.get_filename():
                fields[name], fields[f"{name} name"] = data, part.get_filename()
            else:
                fields[name] = data.decode()
        return fields

    def redirect(self, to, cookie=None):
        self.reply(302, b"", "text/plain", {"location": to, "set-cookie": cookie})

    def page(self, body):
        text = f"<!doctype html><meta charset=utf-8><title>Ledgerbook</title>{body}"
        self.reply(200, text.encode(), "text/html; charset=utf-8")

    def send(self, status, value):
        self.reply(status, json.dumps(value, ensure_ascii=False).encode(), "application/json")

    def reply(self, status, data, kind, more=None):
        self.send_response(status)
        for name, value in {"content-type": kind, **(more or {})}.items():
            if value:
                self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


if __name__ == "__main__":
    place = (os.environ.get("LEDGER_HOST", "0.0.0.0"), int(os.environ.get("LEDGER_PORT", "8000")))
    server = ThreadingHTTPServer(place, Ledgerbook)
    print(f"listening on port {server.server_address[1]}", flush=True)
    server.serve_forever()
