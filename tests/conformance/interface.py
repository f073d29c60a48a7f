"""A department's JSON interface in a thread: pages of every style, an updated-since filter, trouble on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


class Interface:
    """What the interface holds, and how it behaves."""

    def __init__(self):
        self.records = []
        self.token = None
        self.largest_page = 1000
        self.troubles = []  # answers given before the real one: (status, headers, body)
        self.asked = []
        self.envelope = lambda records, more: {
            "code": 0,
            "data": {"list": records, "total": more["total"]},
            "next": more["next"],
        }
        self.ignores_paging = False
        self.port = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/tickets"

    def answer(self, handler):
        query = dict(parse_qsl(urlsplit(handler.path).query))
        self.asked.append(query)
        if self.troubles:
            return self.troubles.pop(0)
        if self.token and handler.headers.get("Authorization") != f"Bearer {self.token}":
            return 401, {}, b'{"message": "bad token"}'
        found = [r for r in self.records if str(r.get("更新时间") or "") >= query.get("updated_since", "")]
        size = min(int(query.get("page_size", 1000)), self.largest_page)
        start = int(query.get("offset") or query.get("cursor") or 0)
        if "page" in query and not self.ignores_paging:
            start = (int(query["page"]) - 1) * size
        page = found[start : start + size]
        after = start + size
        link = f"http://{handler.headers['Host']}/tickets?cursor={after}&page_size={size}"
        more = {
            "total": len(found),
            "next": after if after < len(found) else None,
            "link": link if after < len(found) else None,
        }
        headers = {"Link": f'<{link}>; rel="next"'} if more["link"] and "page" not in query else {}
        return 200, headers, json.dumps(self.envelope(page, more), ensure_ascii=False).encode()


@contextmanager
def serving() -> Iterator[Interface]:
    """A running interface."""
    interface = Interface()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            status, headers, body = interface.answer(self)
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    interface.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield interface
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
