"""The hotline platform's interface, as a process of its own: token, pages, updated-since.

    GET /api/tickets?page=1&page_size=500&updated_since=2026-09-30 08:00:00
    Authorization: Bearer …

    {"code": 0, "message": "ok", "data": {"total": 40120, "page": 1, "page_size": 500, "items": [ … ]}}

Items come in the order of their last change. Run: python -m examples.county.api STORE PORT TOKEN_FILE
"""

from __future__ import annotations

import hmac
import json
import sqlite3
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

COLLECTIONS = ("tickets", "events", "assignments", "callbacks")
LARGEST_PAGE = 2000


def page(store: sqlite3.Connection, collection: str, number: int, size: int, since: str) -> bytes:
    """One page of a collection as the body of an answer."""
    total = store.execute(f"SELECT count(*) FROM {collection} WHERE updated_at >= ?", [since]).fetchone()[0]
    rows = store.execute(
        f"SELECT doc FROM {collection} WHERE updated_at >= ? ORDER BY updated_at, n LIMIT ? OFFSET ?",
        [since, size, (number - 1) * size],
    )
    items = ",".join(doc for (doc,) in rows)
    return f'{{"code":0,"message":"ok","data":{{"total":{total},"page":{number},"page_size":{size},"items":[{items}]}}}}'.encode()


class Handler(BaseHTTPRequestHandler):
    """Answers one connection; `store` and `token` are set on the class by `serve`."""

    protocol_version = "HTTP/1.1"
    store: Path
    token: str
    _own = threading.local()

    def do_GET(self) -> None:
        """Answer a page, or say in JSON why not."""
        asked = urlsplit(self.path)
        if not hmac.compare_digest(self.headers.get("Authorization", "").encode(), f"Bearer {self.token}".encode()):
            return self._say(401, "令牌无效或已过期")
        collection = asked.path.removeprefix("/api/")
        if collection not in COLLECTIONS:
            return self._say(404, f"没有接口 {asked.path}")
        words = {name: values[0] for name, values in parse_qs(asked.query).items()}
        try:
            number, size = int(words.get("page", 1)), int(words.get("page_size", 500))
        except ValueError:
            return self._say(400, "page、page_size 应为整数")
        if number < 1 or not 1 <= size <= LARGEST_PAGE:
            return self._say(400, f"page 从 1 起，page_size 在 1 至 {LARGEST_PAGE} 之间")
        return self._send(
            200, page(self._connection(), collection, number, size, words.get("updated_since", "").replace("T", " "))
        )

    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._own, "store"):
            self._own.store = sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)
        return self._own.store  # type: ignore[no-any-return]

    def _say(self, status: int, message: str) -> None:
        self._send(status, json.dumps({"code": status, "message": message}, ensure_ascii=False).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: addresses asked for may hold personal data."""


def serve(store: Path, port: int, token: str) -> None:
    """Answer until ended."""
    Handler.store, Handler.token = store, token
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]).read_text(encoding="utf-8").strip())
