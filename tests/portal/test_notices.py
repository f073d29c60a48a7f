"""Messages: who gets which, each cause once; the outbox's retries and log; the channels against receivers on loopback."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from portal import accounts, channels, live, mending, notices, outbox, watch
from portal.notices import Event
from portal.site import Site
from schemas.errors import ConfigError
from schemas.identifiers import COUNTY_TIME
from tests.portal import county
from tests.portal.conftest import PEOPLE
from warehouse import calendar, objection

Signed = Callable[[str], httpx2.Client]


class Receiver:
    """A group's robot or a county's own system: keeps what it gets, answers what it is told to."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.answer: tuple[int, Any] = (200, {"errcode": 0, "errmsg": "ok"})
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told.got.append((self.path, dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
                status, body = told.answer
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Post(socketserver.StreamRequestHandler):
    """A mail server that takes one letter."""

    letters: list[str]

    def handle(self) -> None:
        say = lambda text: self.wfile.write(f"{text}\r\n".encode())  # noqa: E731
        say("220 here")
        while line := self.rfile.readline().decode().strip():
            verb = line[:4].upper()
            if verb == "DATA":
                say("354 go")
                text = ""
                while (part := self.rfile.readline().decode()) != ".\r\n":
                    text += part
                type(self).letters.append(text)
            say("221 bye" if verb == "QUIT" else "250 ok")
            if verb == "QUIT":
                return


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def nothing_waits(site: Site) -> Iterator[None]:
    yield
    with site.database.owner() as connection:
        connection.execute(
            "TRUNCATE hub.outbox, hub.notice_receipt, hub.notice, hub.notice_channel, hub.notice_delivery"
        )


def _channel(site: Site, kind: str, address: str, **more: Any) -> None:
    values = {"name": kind, "kind": kind, "address": address, "made_by": "xitong"} | more
    with site.database.owner() as connection:
        connection.execute(
            f"INSERT INTO hub.notice_channel ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))})", list(values.values())  # type: ignore[arg-type]
        )  # fmt: skip


def _put(site: Site, *events: Event, now: datetime | None = None) -> int:
    with site.database.owner() as connection:
        return notices.put_all(connection, events, now)


def _unread(site: Site, key: str) -> list[str]:
    with site.database.owner() as connection:
        account = accounts.find(connection, PEOPLE[key][0])
        assert account is not None
        return [row["title"] for row in notices.inbox(connection, account, unread=True)]


def _due(site: Site) -> list[datetime]:
    with site.database.owner() as connection:
        return [
            row["due_at"].astimezone(COUNTY_TIME)
            for row in connection.execute("SELECT due_at FROM hub.outbox ORDER BY 1")
        ]


HELD = Event("held", "held:1", "一批被扣住", "/runs/1", "tax")


def test_each_cause_is_told_once_to_those_it_concerns(site: Site) -> None:
    assert _put(site, HELD, HELD) == 1
    assert _put(site, HELD) == 0
    assert [_unread(site, key) for key in ("taxclerk", "engineer", "clerk", "leader", "sysadmin")] == [
        ["一批被扣住"],
        ["一批被扣住"],
        [],
        [],
        [],
    ]
    with site.database.owner() as connection:
        account = accounts.find(connection, PEOPLE["leader"][0])
    assert account is not None
    _put(site, Event("decided", "x", "给你一个人的", "/requests", account_id=account.account_id))
    assert _unread(site, "leader") == ["给你一个人的"]
    assert _unread(site, "analyst") == []


def test_watch_tells_of_what_is_wrong_in_the_hub(site: Site) -> None:
    """The fixture's hub: two refused rows, a problem overdue, an indicator at 69.97."""
    with site.database.owner() as connection:
        connection.execute("UPDATE hub.correction_order SET opened_on = opened_on - 400, due_on = opened_on - 390")
        source = connection.execute("SELECT source_id, connector FROM hub.source ORDER BY 1 LIMIT 1").fetchone()
        assert source
        connection.execute(
            "INSERT INTO hub.source_layout (source_id, problem, failures) VALUES (%s, 'x', 2) ON CONFLICT (source_id) DO UPDATE SET failures = 2",
            [source["source_id"]],
        )
    assert watch.look(site) > 0
    assert watch.look(site) == 0
    with site.database.owner() as connection:
        kinds = {row["kind"] for row in connection.execute("SELECT DISTINCT kind FROM hub.notice")}
        connection.execute("UPDATE hub.source_layout SET failures = 0, problem = NULL")
    assert {"returned", "overdue", "rectification_overdue", "below_70", "failed"} <= kinds
    clerk, leader = "；".join(_unread(site, "clerk")), "；".join(_unread(site, "leader"))
    assert "2 行退回" in clerk
    assert "已超期" in clerk
    assert "69.97 分，低于 70 分" in leader
    assert "陈" not in clerk + leader  # no name of a caller, no value of a row


def test_a_clock_reminds_at_half_four_fifths_and_its_last_day_and_is_overdue_the_day_after(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Day by day through an order's ten working days, National Day among them: each step is told once, on its day."""
    opened, due = date(2025, 9, 26), date(2025, 10, 16)
    with site.database.owner() as connection:
        one = connection.execute(
            "UPDATE hub.correction_order SET opened_on = %s, due_on = %s WHERE order_id = (SELECT min(order_id) FROM hub.quarantine WHERE resolved_at IS NULL) "
            "RETURNING order_id", [opened, due],
        ).fetchone()  # fmt: skip
        assert one is not None
        whole = calendar.calendar(connection).between(opened, due)
    told: dict[str, tuple[date, str, str]] = {}
    with site.database.owner() as connection:
        for day in (opened + timedelta(days=n) for n in range(30)):
            monkeypatch.setattr(mending, "today", lambda day=day: day)
            for event in watch.corrections(connection, site):
                if event.cause.startswith(f"order:{one['order_id']}:"):
                    told.setdefault(event.cause.rpartition(":")[2], (day, event.kind, event.title))
    assert whole == 10
    assert {step: (day, kind) for step, (day, kind, _) in told.items()} == {
        "50": (date(2025, 10, 10), "clock"),
        "80": (date(2025, 10, 14), "clock"),
        "100": (due, "clock"),
        "late": (date(2025, 10, 17), "overdue"),
    }
    assert f"时限已用 100%，{due} 到期" in told["100"][2]
    assert "已超期 1 个工作日" in told["late"][2]


def test_digest_waits_for_the_working_morning_and_quiet_hours(site: Site) -> None:
    _channel(site, "webhook", "http://127.0.0.1:9/x", quiet_from="22:00", quiet_until="07:00")
    saturday = datetime(2026, 11, 28, 23, 0, tzinfo=COUNTY_TIME)
    _put(site, Event("late", "a", "来源迟到", "/ops", "tax"), HELD, now=saturday)
    assert _due(site) == [
        datetime(2026, 11, 29, 7, 0, tzinfo=COUNTY_TIME),
        datetime(2026, 11, 30, 8, 30, tzinfo=COUNTY_TIME),
    ]


def test_failed_attempt_is_logged_tried_again_and_given_up(
    site: Site, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_SECRET_HOOK", "geheim-4711")
    _channel(site, "webhook", receiver.address + "/in?token=${HUB_SECRET_HOOK}")
    receiver.answer = (500, {})
    _put(site, HELD)
    assert outbox.send_due(site) == (0, 1)
    assert outbox.send_due(site) == (0, 0)  # not before its pause is over
    for _ in outbox.PAUSES:
        with site.database.owner() as connection:
            connection.execute("UPDATE hub.outbox SET due_at = clock_timestamp()")
        outbox.send_due(site)
    with site.database.owner() as connection:
        log = outbox.deliveries(connection)
        (row,) = connection.execute("SELECT attempts, given_up_at FROM hub.outbox").fetchall()
    watch.look(site)
    assert "消息渠道“webhook”有 1 条试了多次没有送到，已放弃" in _unread(site, "sysadmin")
    with site.database.owner() as connection:
        connection.execute("DELETE FROM hub.outbox o USING hub.notice n WHERE n.notice_id = o.notice_id AND n.cause <> 'held:1'")  # fmt: skip
        assert outbox.again(connection) == 1
    assert row["attempts"] == len(outbox.PAUSES) + 1
    assert row["given_up_at"] is not None
    assert len(log) == len(outbox.PAUSES) + 1
    assert all("回答 500" in one["told"] and "geheim" not in one["told"] for one in log)
    receiver.answer = (200, {})
    assert outbox.send_due(site) == (1, 0)
    numbers = {headers["X-Hub-Id"] for _, headers, _ in receiver.got}
    assert len(numbers) == 1  # the receiver can tell a repetition


def test_slow_channel_gives_way_to_the_others(site: Site, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "SHARE", -1.0)  # any attempt is too long
    _channel(site, "webhook", receiver.address + "/slow", name="slow")
    _put(site, HELD)
    with site.database.owner() as connection:
        connection.execute("INSERT INTO hub.outbox (notice_id, channel_id, receiver, due_at) SELECT notice_id, channel_id, 'b', due_at FROM hub.outbox")  # fmt: skip
    _channel(site, "webhook", receiver.address + "/quick", name="quick")
    _put(site, Event("held", "held:2", "又一批被扣住", "/runs/2", "tax"))
    with site.database.owner() as connection:
        connection.execute("DELETE FROM hub.outbox o USING hub.notice_channel c, hub.notice n WHERE c.channel_id = o.channel_id AND n.notice_id = o.notice_id AND c.name = 'slow' AND n.cause = 'held:2'")  # fmt: skip
    assert outbox.send_due(site) == (2, 0)
    assert [path for path, _, _ in receiver.got] == ["/slow", "/quick"]
    assert outbox.send_due(site) == (1, 0)


def test_message_that_does_not_arrive_is_told_why_and_in_red(site: Site, signed_in: Signed) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        _channel(site, "webhook", f"http://127.0.0.1:{nobody.getsockname()[1]}/in")
        _channel(site, "mail", f"smtp://127.0.0.1:{nobody.getsockname()[1]}?from=a@b.cn")
        client = signed_in("sysadmin")
        with site.database.owner() as connection:
            numbers = [r["channel_id"] for r in connection.execute("SELECT channel_id FROM hub.notice_channel")]
        for number in numbers:
            sent = client.post(f"/admin/notify/{number}/test", data={"_csrf": client.csrf, "receiver": "a@b.cn"})  # type: ignore[attr-defined]
            client.cookies.set("hub_said", sent.cookies["hub_said"].strip('"'))
            page = client.get("/admin/notify").text
            assert re.search(r'class="say bad" role="alert">[^<]*没有送到：对方拒绝连接', page)


def test_lines_due_together_go_as_one_signed_message(
    site: Site, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_SECRET_SIGN", "s3cret-key")
    _channel(site, "webhook", receiver.address, secret="${HUB_SECRET_SIGN}")
    _put(site, HELD, Event("failed", "f", "连续失败", "/ops", "tax"))
    assert outbox.send_due(site) == (1, 0)
    ((_, headers, body),) = receiver.got
    assert [item["title"] for item in json.loads(body)["items"]] == ["一批被扣住", "连续失败"]
    told = hmac.new(b"s3cret-key", headers["X-Hub-Timestamp"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature"] == f"sha256={told}"


def test_robots_of_wecom_and_dingtalk(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_SECRET_K", "SEC000")
    many = channels.Message("1", "提醒", tuple((f"第 {n} 条" * 20, "") for n in range(90)))
    channels.deliver("wecom", receiver.address + "/send?key=${HUB_SECRET_K}", None, "", many)
    path, _, body = receiver.got[-1]
    content = json.loads(body)["markdown"]["content"]
    assert path == "/send?key=SEC000"
    assert len(content.encode()) <= 4096
    assert "另有" in content
    channels.deliver("dingtalk", receiver.address + "/send?access_token=${HUB_SECRET_K}", "${HUB_SECRET_K}", "", many)
    query = parse_qs(urlsplit(receiver.got[-1][0]).query)
    wanted = hmac.new(b"SEC000", f"{query['timestamp'][0]}\nSEC000".encode(), hashlib.sha256).digest()
    assert base64.b64decode(query["sign"][0]) == wanted
    receiver.answer = (200, {"errcode": 310000, "errmsg": "keywords not in content"})
    with pytest.raises(Exception, match="keywords not in content"):
        channels.deliver("dingtalk", receiver.address, None, "", many)


def test_mail_goes_to_those_who_want_it(site: Site) -> None:
    Post.letters = []
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Post) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        _channel(site, "mail", f"smtp://127.0.0.1:{server.server_address[1]}?from=hub@example.gov.cn")
        with site.database.owner() as connection:
            connection.execute(
                "UPDATE hub.account SET email = name || '@example.gov.cn', mail_when = CASE role WHEN 'clerk' THEN 'all' ELSE 'never' END"
            )
        try:
            _put(site, HELD)
            assert outbox.send_due(site) == (1, 0)
        finally:
            with site.database.owner() as connection:
                connection.execute("UPDATE hub.account SET email = NULL, mail_when = 'all'")
            server.shutdown()
    (letter,) = Post.letters
    assert "To: shuiwu@example.gov.cn" in letter
    assert "=?utf-8?" in letter


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("wecom", "https://qyapi.example/send?key=12345678"),
        ("webhook", "https://u:klartext@oa.example/x"),
        ("webhook", "file:///etc/passwd"),
        ("mail", "smtp://mail.example:25"),
        ("pigeon", "https://x"),
    ],
)
def test_channel_that_cannot_be_or_holds_a_secret_is_refused(kind: str, address: str) -> None:
    with pytest.raises(ConfigError):
        channels.check(kind, address, None)


@pytest.mark.parametrize("key", ["clerk", "taxclerk", "engineer"])
def test_head_counts_what_the_inbox_lists(key: str, site: Site, signed_in: Signed) -> None:
    with site.database.owner() as connection:
        source = connection.execute("SELECT source_id FROM hub.source WHERE connector = 'hotline_office/callback'").fetchone()  # fmt: skip
        assert source is not None
        connection.execute(
            "INSERT INTO hub.drift (source_id, kind, subject, message, detail, holds, delivery) VALUES (%s, 'column_added', %s, '多了一列', '{}', false, 'a.csv')",
            [source["source_id"], f"备注{key}"],
        )  # fmt: skip
        raised = objection.raise_(connection, county.DAY, dataset="hotline_callback", record_key="CB1", kind="wrong", said="不对", provider="hotline_office", by="fenxi", department=None)  # fmt: skip
        account = accounts.find(connection, PEOPLE[key][0])
        assert account is not None
        told = live.counts(connection, [account.account_id])[account.account_id]["inbox"]
    page = signed_in(key).get("/inbox").text
    rows = re.findall(r'<th[^>]*><a href="/(?:quality/orders|drift|objections|conflicts|reviews|boards)/', page)
    assert told == len(rows)
    assert told or key == "taxclerk"
    with site.database.owner() as connection:
        connection.execute("DELETE FROM hub.objection WHERE objection_id = %s", [raised])
        connection.execute("DELETE FROM hub.drift WHERE subject = %s", [f"备注{key}"])


def test_messages_are_read_by_their_own_reader_only(site: Site, signed_in: Signed) -> None:
    _put(site, HELD)
    mine, other = signed_in("taxclerk"), signed_in("leader")
    assert "一批被扣住" in mine.get("/notices").text
    number = mine.get("/notices").text.split('href="/notices/')[1].split('"')[0]
    assert other.get(f"/notices/{number}").status_code == 404
    assert mine.get(f"/notices/{number}").headers["location"] == "/runs/1"
    assert _unread(site, "taxclerk") == []


def test_counts_come_live_and_resume(site: Site, signed_in: Signed) -> None:
    client = signed_in("taxclerk")
    with client.stream("GET", "/events?seen=0.0") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 5000"
        _put(site, HELD)
        event = [line for line, _ in zip(lines, range(5), strict=False) if line]
    assert "event: counts" in event
    told = json.loads(next(line for line in event if line.startswith("data:"))[5:])
    assert told["notices"] == 1
    number = next(line for line in event if line.startswith("id:"))[4:]
    assert '<b data-live="notices">1</b>' in client.get("/notices").text
    assert number.endswith(".1")
