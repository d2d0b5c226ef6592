"""PostgreSQL's protocol, as far as a small application needs it, with nothing to install.

One connection, queries with parameters, every value as text. SCRAM and trust only.
"""

import base64
import hashlib
import hmac
import os
import socket
import struct


class DatabaseError(Exception):
    """What the server said, or that it is gone."""


class Connection:
    def __init__(self, host, user, password, database, port=5432, timeout=5):
        self.socket = socket.create_connection((host, port), timeout)
        self.buffer = b""
        parameters = f"user\0{user}\0database\0{database}\0client_encoding\0UTF8\0\0".encode()
        self._raw(struct.pack("!ii", len(parameters) + 8, 196608) + parameters)
        self._authenticate(password)
        while self._message()[0] != b"Z":
            pass

    def query(self, text, *values):
        """All rows of a query, each a list of texts. `$1`, `$2` stand for the values."""
        bind = b"\0\0" + struct.pack("!hh", 0, len(values))
        for value in values:
            if value is None:
                bind += struct.pack("!i", -1)
            else:
                data = str(value).encode()
                bind += struct.pack("!i", len(data)) + data
        bind += struct.pack("!h", 0)
        self._raw(
            self._framed(b"P", b"\0" + text.encode() + b"\0" + struct.pack("!h", 0))
            + self._framed(b"B", bind)
            + self._framed(b"E", b"\0" + struct.pack("!i", 0))
            + self._framed(b"S", b"")
        )
        rows, error = [], None
        while True:
            kind, body = self._message()
            if kind == b"D":
                rows.append(self._row(body))
            elif kind == b"E":
                error = self._error(body)
            elif kind == b"Z":
                break
        if error:
            raise DatabaseError(error)
        return rows

    def close(self):
        self.socket.close()

    @staticmethod
    def _framed(kind, body):
        return kind + struct.pack("!i", len(body) + 4) + body

    def _raw(self, data):
        try:
            self.socket.sendall(data)
        except OSError as why:
            raise DatabaseError(str(why)) from why

    def _exactly(self, count):
        while len(self.buffer) < count:
            try:
                more = self.socket.recv(65536)
            except OSError as why:
                raise DatabaseError(str(why)) from why
            if not more:
                raise DatabaseError("the server closed the connection")
            self.buffer += more
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def _message(self):
        head = self._exactly(5)
        return head[:1], self._exactly(struct.unpack("!i", head[1:])[0] - 4)

    @staticmethod
    def _row(body):
        count, at, row = struct.unpack("!h", body[:2])[0], 2, []
        for _ in range(count):
            (length,) = struct.unpack("!i", body[at : at + 4])
            at += 4
            row.append(None if length < 0 else body[at : at + length].decode())
            at += max(length, 0)
        return row

    @staticmethod
    def _error(body):
        fields = {field[:1]: field[1:].decode() for field in body.split(b"\0") if field}
        return fields.get(b"M", "unknown error")

    def _authenticate(self, password):
        nonce = base64.b64encode(os.urandom(18)).decode()
        first = f"n=,r={nonce}"
        while True:
            kind, body = self._message()
            if kind == b"E":
                raise DatabaseError(self._error(body))
            (step,) = struct.unpack("!i", body[:4])
            if step == 0:
                return
            if step == 10:
                answer = b"SCRAM-SHA-256\0" + struct.pack("!i", len(first) + 3)
                self._raw(self._framed(b"p", answer + b"n,," + first.encode()))
            elif step == 11:
                proof = self._proof(password, first, body[4:].decode())
                self._raw(self._framed(b"p", proof))
            elif step != 12:
                raise DatabaseError(f"the server wants authentication {step}")

    @staticmethod
    def _proof(password, first, challenge):
        parts = dict(part.split("=", 1) for part in challenge.split(","))
        salt, rounds = base64.b64decode(parts["s"]), int(parts["i"])
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
        key = hmac.digest(salted, b"Client Key", "sha256")
        without = f"c=biws,r={parts['r']}"
        signed = f"{first},{challenge},{without}".encode()
        signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
        proof = bytes(one ^ other for one, other in zip(key, signature))
        return f"{without},p={base64.b64encode(proof).decode()}".encode()
