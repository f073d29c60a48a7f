"""What an attacker tries: the API with every odd value, other people's things, paths out of the folder, archives that
grow, addresses inside the hub, text that a page or a spreadsheet would run. Each is tried and refused."""

from __future__ import annotations

import io
import re
import socket
import threading
import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import httpx2
import psycopg
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from playwright.sync_api import Page, expect
from schemathesis.specs.openapi import checks as promised

from connectors import network
from connectors.drivers import open_driver
from connectors.sample import take, unmapped
from portal import accounts, channels, kinds, reachable, sessions, tokens
from portal.downloads import to_csv
from portal.pages import ROUTERS
from portal.roles import ACTIONS, PUBLIC
from portal.site import Site
from schemas.errors import ConfigError, HubError
from tests.portal.conftest import PEOPLE
from warehouse import workbook

Signed = Callable[[str], httpx2.Client]
PROMISES = [promised.status_code_conformance, promised.content_type_conformance, promised.response_schema_conformance]
# What a form could have changed; the audit notes what is refused for the role, so it is not among them.
_CONTENT = """
SELECT (SELECT count(*) FROM hub.account) AS accounts, (SELECT count(*) FROM hub.api_token WHERE revoked_at IS NULL) AS tokens,
  (SELECT count(*) FROM hub.access_request) AS requests, (SELECT count(*) FROM hub.registration) AS registrations, (SELECT count(*) FROM hub.correction_event) AS events,
  (SELECT count(*) FROM hub.notice_channel) AS channels, (SELECT count(*) FROM hub.briefing) AS briefings, (SELECT count(*) FROM hub.session) AS sessions
"""
_NASTY = (
    "' OR 1=1 --",
    "\x00",
    "../../etc/passwd",
    "%00",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "𠮷" * 300,
    "-1",
    "9" * 40,
    "NaN",
    "a\nb",
)


@pytest.fixture
def token(site: Site) -> str:
    with site.database.owner() as connection:
        account = accounts.find(connection, PEOPLE["analyst"][0])
        assert account is not None
        sessions.ready_role(site.database, connection, account)
        return tokens.make(connection, account, "测试", 1)


def test_api_keeps_its_word_whatever_it_is_sent(address: str, token: str, signed_in: Signed) -> None:
    """No 500, and only the answers its description promises, in their form: Schemathesis makes the requests."""
    headers = {"Authorization": f"Bearer {token}"}
    schema = schemathesis.openapi.from_dict(signed_in("analyst").get("/api/openapi.json").json())
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= 4
    for operation in operations:

        @settings(
            max_examples=6, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
        )
        @given(case=operation.as_strategy())
        def trial(case: schemathesis.Case) -> None:
            answer = case.call(base_url=address, headers=headers, timeout=120)
            assert answer.status_code < 500, (case.method, case.path, answer.text)
            case.validate_response(answer, checks=PROMISES)

        trial()
        for wrong in ({}, {"Authorization": "Bearer hub_x"}, {"Authorization": "Basic eDp5"}):
            bare = httpx2.request(
                operation.method,
                address + operation.full_path.format(name="x"),
                headers=wrong,
                json={},
                trust_env=False,
            )
            assert bare.status_code == 401, operation.label


def test_no_page_breaks_on_odd_values(site: Site, signed_in: Signed) -> None:
    """Every route that takes a value in its path or query, as the role that may open it."""
    client = {
        role: signed_in(role) for role in ("engineer", "analyst", "leader", "clerk", "sysadmin", "secadmin", "auditor")
    }
    for router in ROUTERS:
        for route in router.routes:
            endpoint = getattr(route, "endpoint", None)
            action = getattr(endpoint, "action", PUBLIC)
            if (
                "GET" not in getattr(route, "methods", ())
                or action == PUBLIC
                or route.path.startswith(("/dagster", "/events"))
            ):
                continue
            role = next((r for r in client if r in ACTIONS[action]), "engineer")
            names = [p.name for p in route.dependant.query_params]
            for n, value in enumerate(_NASTY):
                if "{" not in route.path and not names:
                    continue
                path = re.sub(r"{(\w+)(?::\w+)?}", lambda _, v=value: quote(v, safe=""), route.path)
                answer = client[role].get(path, params=dict.fromkeys(names, value))
                assert answer.status_code < 500, (path, value, answer.text[-300:])
                assert "<script>alert(1)</script>" not in answer.text, path
                if n > 3 and "{" not in route.path:
                    break


@pytest.mark.parametrize("path", ["/static/../portal.key", "/static/%2e%2e/%2e%2e/pyproject.toml", "/static//etc/passwd", "/static/..%2f..%2fhub%2fcli.py", "/briefings/../1.docx"])  # fmt: skip
def test_no_path_leads_out_of_its_folder(address: str, path: str) -> None:
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as line:  # a client of ours would tidy the path
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    assert answer.split(b" ", 2)[1] in {b"404", b"303", b"405"}, answer[:200]
    assert b"root:" not in answer


def test_other_peoples_things_are_not_there(site: Site, signed_in: Signed, token: str) -> None:
    analyst, engineer = signed_in("analyst"), signed_in("engineer")
    with site.database.owner() as connection:
        number = connection.execute("SELECT max(token_id) AS n FROM hub.api_token").fetchone()["n"]  # type: ignore[index]
    place = f"/connect/tokens/{number}/revoke"
    assert engineer.post(place, data={"_csrf": engineer.csrf}).status_code == 404  # type: ignore[attr-defined]
    assert engineer.post(place, data={"_csrf": analyst.csrf}).status_code == 403  # type: ignore[attr-defined]
    assert analyst.post(place, data={"_csrf": analyst.csrf}).status_code == 303  # type: ignore[attr-defined]
    clerk = signed_in("clerk")
    for path in ("/briefings", "/briefings/1.docx", "/admin/audit.txt", "/admin/grants.xlsx", "/ops"):
        assert clerk.get(path).status_code == 403, path


def test_whoever_asks_does_not_approve(site: Site) -> None:
    """Also past the pages: the tables themselves refuse, whatever code comes."""
    with site.database.owner() as connection:
        person = connection.execute(
            "SELECT account_id FROM hub.account WHERE name = %s", [PEOPLE["secadmin"][0]]
        ).fetchone()
    assert person
    tries = (
        ("INSERT INTO hub.account (name, person, role, created_by, approved_by, approved_at) VALUES ('ziji', 'x', 'analyst', 'anquan', 'anquan', now())", []),
        ("INSERT INTO hub.access_request (account_id, dataset, purpose, until, decided_by, decided_at, approved) VALUES (%s, 'x', 'x', now(), %s, now(), true)", [person["account_id"]] * 2),
        ("INSERT INTO hub.registration (connector, state, document, created_by, submitted_by, decided_by) VALUES ('a/b', 'approved', '{}', 'wang', 'wang', 'WANG')", []),
        ("INSERT INTO hub.correction_contest (quarantine_id, raised_by, reason, decided_by, verdict) SELECT min(quarantine_id), 'wang', 'x', 'wang', 'upheld' FROM hub.quarantine", []),
    )  # fmt: skip
    for query, values in tries:
        with pytest.raises(psycopg.errors.CheckViolation), site.database.owner() as connection:
            connection.execute(query, values)  # type: ignore[arg-type]


def test_nothing_is_changed_without_the_forms_own_token(site: Site, signed_in: Signed, address: str) -> None:
    """Every route that is no GET, as the role that may: no token, a wrong one, another person's, another site's page."""
    clients = {
        role: signed_in(role) for role in ("engineer", "analyst", "leader", "clerk", "sysadmin", "secadmin", "auditor")
    }
    other = signed_in("taxclerk").csrf  # type: ignore[attr-defined]
    with site.database.owner() as connection:
        before = connection.execute(_CONTENT).fetchall()
    walked = 0
    for router in ROUTERS:
        for route in router.routes:
            endpoint = getattr(route, "endpoint", None)
            for method in getattr(route, "methods", set()) - {"GET", "HEAD", "OPTIONS"}:
                action = getattr(endpoint, "action", PUBLIC)
                role = next((r for r in clients if r in ACTIONS.get(action, ())), "analyst")
                path = re.sub(r"{(\w+)(?::\w+)?}", "1", route.path)
                evil = [{"Sec-Fetch-Site": s} for s in ("cross-site", "same-site")] + [
                    {"Origin": o} for o in ("http://evil.example", "null", f"{address}.evil.example")
                ]
                for headers in evil:
                    sent = clients[role].request(method, path, data={"_csrf": clients[role].csrf}, headers=headers)  # type: ignore[attr-defined]
                    assert sent.status_code == 403, (method, path, headers)
                if path.startswith("/api/") or "full" not in getattr(endpoint, "stages", ("full",)) or action == PUBLIC:
                    continue
                if path.startswith(
                    "/dagster"
                ):  # no forms of ours: it takes nothing but JSON, which no other site's form sends
                    for kind in (
                        "application/x-www-form-urlencoded",
                        "text/plain",
                        "multipart/form-data; boundary=x",
                        "",
                    ):
                        sent = clients[role].request(method, path, content=b"{}", headers={"Content-Type": kind})
                        assert sent.status_code == 400, (method, path, kind)
                    continue
                walked += 1
                for token in ({}, {"_csrf": ""}, {"_csrf": "x"}, {"_csrf": other}, {"_csrf": f"{clients[role].csrf}x"}):  # type: ignore[attr-defined]
                    sent = clients[role].request(method, path, data=token | {"x": "1"})
                    assert sent.status_code == 403, (method, path, token)
                    assert "已经过期" in sent.text, (method, path, token)
    assert walked > 50
    with site.database.owner() as connection:
        assert connection.execute(_CONTENT).fetchall() == before


# ------------------------------------------------------------------------------------------------- addresses
@pytest.mark.parametrize(
    "host", ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1", "2852039166"]
)
def test_sources_are_never_link_local(host: str) -> None:
    with pytest.raises(ConfigError, match="不能填"):
        network.reach(host, 80, "来源")


# Every one of these is this machine, a neighbour on the link or a cloud's own keys, in the words of some client library.
_INSIDE = (
    "127.0.0.1", "127.1", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "2130706433", "127.0.0.1.", "localhost", "①②⑦.0.0.1", "[::1]", "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::]", "0.0.0.0", "0", "169.254.169.254", "169.254.43518", "0xa9fea9fe", "2852039166", "[::ffff:169.254.169.254]",
    "[fe80::1]", "[fe80::1%25lo]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "metadata.google.internal.localhost", "224.0.0.1", "255.255.255.255",
    "10.1.2.3@127.0.0.1", "10.1.2.3\\@127.0.0.1", "%31%32%37.0.0.1", "10.1.2.3,127.0.0.1",
)  # fmt: skip


def _go(site: Site, driver: str, host: str, port: int) -> None:
    """What the hub does with the address a clerk has typed: compose, judge, connect."""
    database = {"host": host, "port": str(port), "database": "d", "user": "u", "password": "", "table": "t"}
    given = {"url": f"http://{host}:{port}/x"} if driver == "http" else database
    source = kinds.compose(kinds.kind_of(driver), given, {})
    reachable.check(site.home, source, allowed=(), own_ports=(), department="tax")
    if driver == "http":
        take(unmapped("tax/x", source | {"retries": 0}))
    else:
        open_driver(unmapped("tax/x", source)).columns()


@pytest.mark.parametrize("host", _INSIDE)
def test_no_way_of_writing_an_address_leads_inside(host: str, site: Site) -> None:
    with _Listening() as inside:
        for driver in ("http", "postgresql", "mysql", "sqlserver", "oracle", "dm", "kingbase"):
            with pytest.raises(HubError):
                _go(site, driver, host, inside.port)
        assert inside.connections == 0


@pytest.mark.parametrize("place", ["10.1.2.3/d?host=127.0.0.1", "10.1.2.3?hostaddr=127.0.0.1&x=", "10.1.2.3/d?service=x#", "u@10.1.2.3", "10.1.2.3:5432", "10.1.2.3/../"])  # fmt: skip
def test_the_field_for_the_host_holds_a_host(place: str, site: Site) -> None:
    with pytest.raises(ConfigError, match="不是主机名或 IP"):
        _go(site, "postgresql", place, 5432)


@pytest.mark.parametrize("after", ["host=127.0.0.1", "hostaddr=127.0.0.1", "HOST=x", "port=1", "service=x"])
def test_no_address_is_changed_behind_its_question_mark(after: str) -> None:
    source = {"driver": "postgresql", "url": f"postgresql://u@127.0.0.1:1/d?{after}", "table": "t"}
    with pytest.raises(ConfigError, match="问号后面不能写"):
        open_driver(unmapped("tax/x", source)).columns()


class _Listening:
    """A port of this machine and who has come to it; `answer` sends visitors on to an address."""

    def __init__(self, elsewhere: str = "") -> None:
        self.visits: list[str] = []
        self.connections = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def handle(self) -> None:
                outer.connections += 1
                super().handle()

            def do_GET(self) -> None:
                outer.visits.append(self.path)
                self.send_response(302 if elsewhere else 200)
                if elsewhere:
                    self.send_header("Location", elsewhere)
                self.send_header("Content-Length", "13")
                self.end_headers()
                self.wfile.write(b'[{"a": "told"}]'[:13])

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> _Listening:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_an_interface_that_sends_the_hub_elsewhere_is_not_followed() -> None:
    with _Listening() as inside:
        for elsewhere in (
            f"http://127.0.0.1:{inside.port}/keys",
            f"http://localhost:{inside.port}/keys",
            "http://169.254.169.254/latest",
            "file:///etc/passwd",
            f"//127.0.0.1:{inside.port}/",
        ):
            with _Listening(elsewhere) as source:
                with pytest.raises(HubError, match=r"指向别的主机|不能填"):
                    take(
                        unmapped(
                            "tax/x", {"driver": "http", "url": f"http://127.0.0.1:{source.port}/list", "retries": 0}
                        )
                    )
                assert source.visits == ["/list"]
        assert inside.connections == 0


def test_a_name_that_changes_its_address_is_judged_when_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first answer of the resolver is outside, the next is the hub's own port."""
    with _Listening() as inside:
        monkeypatch.setenv(network.OWN_PORTS, str(inside.port))
        real, answers = socket.getaddrinfo, iter(["127.0.0.1"] * 9)
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda host, *a, **k: real(next(answers) if host == "db.county.example" else host, *a, **k),
        )
        for source in (
            {"driver": "postgresql", "url": f"postgresql://u@db.county.example:{inside.port}/d", "table": "t"},
            {"driver": "mysql", "url": f"mysql://u@db.county.example:{inside.port}/d", "table": "t"},
        ):
            with pytest.raises(ConfigError, match="枢纽自己的服务"):
                open_driver(unmapped("tax/x", source)).columns()
        with pytest.raises(ConfigError, match="枢纽自己的服务"):
            take(
                unmapped("tax/x", {"driver": "http", "url": f"http://db.county.example:{inside.port}/x", "retries": 0})
            )
        assert inside.connections == 0


def test_sources_are_not_the_hub_itself_and_stay_in_their_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(network.OWN_PORTS, "3000,5432")
    for host in ("127.0.0.1", "localhost", "127.8.9.1"):
        with pytest.raises(ConfigError, match="枢纽自己的服务"):
            network.permitted(host, 5432, "来源")
    network.permitted("127.0.0.1", 5433, "来源")
    monkeypatch.setenv("HUB_SOURCE_NETWORKS", "10.20.0.0/16, 192.168.3.0/24")
    network.permitted("10.20.3.4", 5432, "来源")
    with pytest.raises(ConfigError, match="HUB_SOURCE_NETWORKS"):
        network.permitted("10.21.0.1", 5432, "来源")


def test_messages_go_to_no_address_the_hub_must_not_be_sent_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(network.OWN_PORTS, "3000")
    for address in ("http://169.254.169.254/latest", "http://127.0.0.1:3000/x", "http://[::ffff:169.254.169.254]/x"):
        with pytest.raises(ConfigError, match="不能填"):
            channels.deliver("webhook", address, None, "", channels.Message("1", "x", ()))


def test_calendar_takes_days_of_this_century_only(signed_in: Signed) -> None:
    client = signed_in("sysadmin")
    for wrong in ({"did": "announce", "year": "-5"}, {"did": "set", "day": "0001-01-01"}, {"did": "set", "day": "2027-02-30"}, {"did": "x"}):  # fmt: skip
        answer = client.post("/admin/calendar", data={"_csrf": client.csrf, "source": "通知"} | wrong)  # type: ignore[attr-defined]
        assert answer.status_code in {404, 422}, wrong


# ------------------------------------------------------------------------------------------------- files, text
def test_archive_that_grows_is_refused_before_it_is_opened(signed_in: Signed, site: Site) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as inside, inside.open("xl/sharedStrings.xml", "w") as part:
        for _ in range(501):
            part.write(bytes(1024 * 1024))
    assert len(bomb.getvalue()) < 1_000_000
    with pytest.raises(ConfigError, match="500 MB"):
        workbook.read(io.BytesIO(bomb.getvalue()), "改好.xlsx")
    client = signed_in("clerk")
    with site.database.owner() as connection:
        order = connection.execute("SELECT min(order_id) AS n FROM hub.correction_order").fetchone()["n"]  # type: ignore[index]
    for path in (f"/quality/orders/{order}/workbook", "/uploads/hotline_office/callback"):
        answer = client.post(path, data={"_csrf": client.csrf}, files={"file": ("改好.xlsx", bomb.getvalue())})  # type: ignore[attr-defined]
        assert answer.status_code == 422, path


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1", "=cmd|' /C calc'!A0"])
def test_text_that_a_spreadsheet_would_run_is_text(text: str) -> None:
    line = to_csv([("a", "甲")], [{"a": text}]).decode("utf-8-sig").splitlines()[1]
    assert line.lstrip('"').startswith("'")


def test_text_that_a_page_would_run_is_text(window: Callable[..., Page], site: Site) -> None:
    evil = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
    with site.database.owner() as connection:
        account = accounts.find(connection, PEOPLE["taxclerk"][0])
        assert account is not None
        connection.execute("UPDATE hub.account SET person = %s WHERE account_id = %s", [evil, account.account_id])
    try:
        page = window("sysadmin")
        page.goto("/admin/users")
        expect(page.get_by_text(evil)).to_be_visible()
        assert "账号" in page.title()
    finally:
        with site.database.owner() as connection:
            connection.execute(
                "UPDATE hub.account SET person = 'shuiwu同志' WHERE account_id = %s", [account.account_id]
            )
