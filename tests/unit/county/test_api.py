"""The hotline's interface: token, pages in the order of change, updated-since."""

import json
import threading
from http.server import ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import polars as pl
import pytest

from examples.county import databases
from examples.county.api import Handler


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    store = tmp_path_factory.mktemp("hotline") / "store.sqlite"
    rows = [f"2026-09-{d:02d} 08:00:00" for d in range(1, 26)]
    frames = {
        connector: pl.DataFrame(
            {key: [f"{key}{i}" for i in range(25)], "updatedAt": rows, "solved": [None] * 25, "~e": [1] * 25}
        )
        for connector, (_, key) in databases.HOTLINE.items()
    }
    databases.fill_hotline(store, frames)

    class Served(Handler):
        pass

    Served.store, Served.token = store, "secret"
    server = ThreadingHTTPServer(("127.0.0.1", 0), Served)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/api"
    server.shutdown()
    server.server_close()


def ask(address, path, token="secret"):
    with urlopen(Request(f"{address}/{path}", headers={"Authorization": f"Bearer {token}"})) as answer:
        return json.loads(answer.read())


def test_pages_hold_everything_once_in_order(address):
    pages = [ask(address, f"tickets?page={n}&page_size=10")["data"] for n in (1, 2, 3, 4)]
    assert [len(p["items"]) for p in pages] == [10, 10, 5, 0]
    assert {p["total"] for p in pages} == {25}
    got = [item["ticketNo"] for p in pages for item in p["items"]]
    assert got == [f"ticketNo{i}" for i in range(25)]
    assert "~e" not in pages[0]["items"][0]


def test_updated_since_is_inclusive(address):
    since = quote("2026-09-24 08:00:00")
    assert [i["eventId"] for i in ask(address, f"events?updated_since={since}")["data"]["items"]] == [
        "eventId23",
        "eventId24",
    ]


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [("tickets", "wrong", 401), ("nothing", "secret", 404), ("tickets?page=0", "secret", 400)],
)
def test_refusals_say_why(address, path, token, status):
    with pytest.raises(HTTPError) as refused:
        ask(address, path, token)
    assert refused.value.code == status
    assert json.loads(refused.value.read())["message"]
    refused.value.close()
