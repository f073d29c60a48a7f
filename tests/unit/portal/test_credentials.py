"""A new password of a live source: tried first, kept only when the source lets it in."""

import base64
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from connectors import spec
from portal import credentials
from warehouse.home import Home

NAME = "HUB_SECRET_PARK"


class Interface(BaseHTTPRequestHandler):
    """Lets in who knows the password 新口令; its records have no column that a connector maps."""

    def do_GET(self):
        proof = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode()
        self.send_response(200 if proof == "ro:新口令" else 401)
        self.send_header("Content-Length", "16")
        self.end_headers()
        self.wfile.write(b'[{"other": "1"}]')

    def log_message(self, *args):
        pass


@pytest.fixture
def live(tmp_path, monkeypatch):
    server = HTTPServer(("127.0.0.1", 0), Interface)
    Thread(target=server.serve_forever, daemon=True).start()
    home = Home(tmp_path)
    home.env_file.write_text(f"{NAME}=旧口令\n", encoding="utf-8")
    monkeypatch.setenv(NAME, "旧口令")
    source = {
        "driver": "http", "url": f"http://127.0.0.1:{server.server_port}/list", "auth": "basic", "user": "ro",
        "password": f"${{{NAME}}}", "retries": 0,
    }  # fmt: skip
    one = spec.Connector(
        id="housing/park", dept="housing", title="停车", dataset="park", source=source, mode="full", cursor=None, lookback="0s",
        schedule=None, pool="", timezone="Asia/Shanghai", fields={"no": "编号"}, constants={}, path=tmp_path,
    )  # fmt: skip
    yield home, spec.Registry({one.id: one}), one
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("given", "held", "last"), [("错口令", False, "login"), ("新口令", True, "list")])
def test_a_new_password_is_kept_only_when_it_is_let_in(live, given, held, last):
    """A column that is gone says nothing of the password: it is put in place, and the step is told."""
    home, registry, one = live
    kept, steps, done = credentials.change(home, registry, one, NAME, given, department="housing")
    assert (kept.name, done, steps[-1].name, steps[-1].ok) == (NAME, held, last, False)
    assert given not in str(steps)
    assert (os.environ[NAME], home.env_file.read_text(encoding="utf-8")) == (
        ("新口令", f"{NAME}=新口令\n") if held else ("旧口令", f"{NAME}=旧口令\n")
    )
    assert not [name for name in os.environ if "TRIAL" in name]
