"""The interface driver against a server that misbehaves: it loads right, or refuses with the cause."""

import gzip
import json
import os
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.drivers import open_driver
from connectors.spec import Connector
from schemas.errors import ConfigError, SourceChanged, SourceUnavailable
from tests.conformance.misbehaving import SECRET, serving
from tests.conformance.suite import failure, read, rows_of

ALL = [str(n) for n in range(1, 13)]


@pytest.fixture(scope="module")
def running():
    with serving() as world:
        yield world


@pytest.fixture
def world(running, monkeypatch):
    running.clear()
    monkeypatch.setenv("HUB_SECRET_TEST", SECRET)
    monkeypatch.setattr("connectors.web.random.uniform", lambda low, high: 0.02)
    return running


def connector(world, path="/paged", *, mode="full", cursor=None, fields=None, lookback="0s", **options):
    source = {
        "driver": "http",
        "url": f"{world.url}{path}",
        "paging": "page",
        "page_size_param": "",
        "timeout": 5,
        "verify": False,
    }
    return Connector(
        id="dept/ticket", dept="dept", title="测试", dataset="ticket", source={**source, **options}, mode=mode, cursor=cursor,
        lookback=lookback, schedule=None, pool="dept", timezone="Asia/Shanghai", fields=fields or {"no": "id", "name": "name"},
        constants={}, path=Path("dept/ticket.yaml"),
    )  # fmt: skip


def ids(rows):
    return [row["id"] for row in rows]


def swept(made, folder):
    """One read that may keep what it got: (rows, finding codes)."""
    driver = open_driver(made)
    driver.workspace = folder
    [delivery] = driver.deliveries(None, ())
    rows = [row for batch in delivery.batches() for row in batch.to_pylist()]
    return rows, [finding.code for finding in delivery.findings]


# ------------------------------------------------------------------------------------------------ bad answers
@pytest.mark.parametrize("trouble", [(429, {"Retry-After": "0"}), (500, {}), (503, {}), "cut", "short"])
def test_one_bad_page_is_asked_for_again(world, trouble):
    world.fail_at = {3: [trouble, trouble]}
    assert ids(rows_of(connector(world))) == ALL
    assert [asked["page"] for asked in world.asked].count("3") == 3


def test_retry_after_is_honoured(world):
    world.fail_at = {2: [(429, {"Retry-After": "1"})]}
    begun = time.monotonic()
    assert ids(rows_of(connector(world))) == ALL
    assert time.monotonic() - begun >= 1


@pytest.mark.parametrize("trouble", ["cut", "short"])
def test_answer_that_stays_cut_is_never_loaded(world, trouble):
    world.fail_at = {2: [trouble] * 9}
    told = failure(connector(world, retries=1), SourceUnavailable)
    assert "不完整" in told or "中断" in told


def test_same_page_under_new_cursors_is_a_circle(world):
    assert "打转" in failure(connector(world, "/repeated", paging="cursor"), SourceChanged)
    assert len(world.asked) == 2


@pytest.mark.parametrize(("size", "said"), [("5", ""), ("4", "1"), ("12", "1"), ("20", "1")])
def test_last_page_given_again_is_the_end(world, size, said):
    """A page shorter than one before it was the last, and so is one that makes the total which the envelope says."""
    made = connector(world, "/held", params={"size": size, "said": said}, records="data.list")
    assert ids(rows_of(made)) == ALL


def test_full_page_given_again_without_a_total_is_a_circle(world):
    made = connector(world, "/held", params={"size": "4"}, records="data.list")
    assert "source.total" in failure(made, SourceChanged)


@pytest.mark.parametrize("status", [404, 410, 204])
@pytest.mark.parametrize("said", ["", "?said=1"])
@pytest.mark.parametrize("count", [12, 11])
def test_pages_that_are_not_there_lie_beyond_the_end(world, status, said, count):
    world.records, world.beyond = world.records[:count], status
    assert ids(rows_of(connector(world, f"/paged{said}", verify=True))) == ALL[:count]


@pytest.mark.parametrize("status", [404, 410, 416])
@pytest.mark.parametrize(
    ("path", "told"),
    [("/paged", "第 3 页返回 HTTP {}，后面一页却有"), ("/paged?said=1", "HTTP {}，可接口说有 12 条，只翻到 4 条")],
)
def test_a_page_that_is_not_there_among_others_is_no_end(world, path, told, status):
    world.fail_at = {3: [(status, {})] * 9}
    assert told.format(status) in failure(connector(world, path), SourceUnavailable)
    world.fail_at = {1: [(404, {})] * 9}
    assert "没有这个接口（HTTP 404）" in failure(connector(world, path), ConfigError)


def test_an_answer_packed_unasked_is_told(world):
    world.body, world.packed = b"\x0b\x01\x80[]\x03", "br"
    assert "用 br 压缩的" in failure(connector(world, "/as_told", paging="none"), SourceChanged)


def test_an_answer_packed_without_saying_so_is_unpacked(world):
    world.body = gzip.compress(json.dumps({"data": [{"id": "1", "name": "甲"}] * 3000}, ensure_ascii=False).encode())
    made = connector(world, "/as_told", paging="none", max_mb=0.2)
    assert len(rows_of(made)) == 3000
    assert "max_mb" in failure(connector(world, "/as_told", paging="none", max_mb=0.05), ConfigError)
    world.body = world.body[:-9]
    assert "不完整" in failure(connector(world, "/as_told", paging="none", retries=0), SourceUnavailable)


@pytest.mark.parametrize("end", [0, "0", None, ""])
def test_a_next_cursor_of_nought_is_none(world, end):
    world.body = json.dumps({"data": [{"id": "1", "name": "甲"}], "next": end}).encode()
    assert len(rows_of(connector(world, "/as_told", paging="cursor"))) == 1


def test_a_port_of_something_else_is_told(world):
    assert "http://" in failure(
        connector(world, url=f"{world.url.replace('http:', 'https:')}/paged", retries=0), ConfigError
    )
    with socket.create_server(("127.0.0.1", 0)) as other:

        def hang_up():
            connection, _ = other.accept()
            connection.recv(4096)
            connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        address = f"http://127.0.0.1:{other.getsockname()[1]}/x"
        assert "没有按 HTTP 应答" in failure(connector(world, url=address, retries=0), SourceUnavailable)


def test_endless_interface_is_left(world):
    assert "30 页" in failure(connector(world, "/endless", paging="cursor", max_pages=30), SourceChanged)


@pytest.mark.parametrize("flag", ["has_more", "last", "total"])
def test_an_empty_page_that_says_it_is_the_last_ends_the_cursors(world, flag):
    made = connector(world, f"/always?flag={flag}", paging="cursor")
    assert ids(rows_of(made)) == ALL
    assert len(world.asked) <= 8


def test_cursors_that_lead_nowhere_for_ever_are_left(world):
    assert "连着 100 页没有记录" in failure(connector(world, "/always", paging="cursor"), SourceChanged)


def test_content_counts_not_its_label(world):
    assert ids(rows_of(connector(world, "/mislabelled", paging="none"))) == ["1", "2"]


def test_an_error_under_an_answer_without_records_is_told(world):
    assert "code=500：系统繁忙" in failure(connector(world, "/complains", paging="none"), SourceUnavailable)
    assert rows_of(connector(world, "/complains", paging="none", ok="code", ok_values=[0, 500])) == []


@pytest.mark.parametrize("said", ["", "?said=1"])
@pytest.mark.parametrize("verify", [False, True])
def test_an_empty_page_is_not_the_end(world, said, verify):
    """Some filter each page after cutting it; where the envelope tells a total, more than one page may be empty."""
    world.holes = {2, 3} if said else {2}
    if said:
        told = failure(connector(world, f"/paged{said}", verify=verify), SourceUnavailable)
        assert "说有 12 条，只翻到 8 条" in told
        assert "total: none" in told
    else:
        assert ids(rows_of(connector(world, verify=verify))) == [*ALL[:2], *ALL[4:]]
    made = connector(world, f"/paged{said}", verify=verify, total="none")
    assert ids(rows_of(made)) == ([*ALL[:2]] if said else [*ALL[:2], *ALL[4:]])


def test_a_page_that_was_empty_for_a_moment_is_filled_in_the_second_round(world):
    world.holes = {2}
    rows = rows_of(connector(world, "/paged?said=1&once=1", verify=True))
    assert sorted(map(int, ids(rows))) == list(range(1, 13))


def test_empty_pages_under_cursors_are_passed(world):
    world.holes = {2, 3}
    assert ids(rows_of(connector(world, "/linked", paging="cursor"))) == [*ALL[:2], *ALL[6:]]


def test_the_next_link_is_found_among_others_with_titles(world):
    assert ids(rows_of(connector(world, "/linked", paging="link"))) == ALL


def test_less_than_the_envelope_tells_is_not_taken_for_all(world):
    """A page read as if it were everything, because nobody said that there are pages."""
    assert "paging" in failure(connector(world, "/paged?said=1", paging="none"), ConfigError)
    assert len(rows_of(connector(world, "/paged?said=1", paging="none", total="none"))) == 2


def test_the_query_of_the_address_itself_is_kept(world):
    """The parameters of a page stand beside it: without it all records would come instead of those of one kind."""
    rows_of(connector(world, "/paged?kind=%E4%BC%81%E4%B8%9A&page=7", params={"town": "城东"}))
    assert {(asked["kind"], asked["town"]) for asked in world.asked} == {("企业", "城东")}
    assert world.asked[0]["page"] == "1"


@pytest.mark.parametrize(
    ("body", "kind", "word"),
    [
        ('[{"id": "1", "name": "县市场监督管理局"}, {"id": "2", "name": "坏字"}]'.encode().replace(b"\xe5\x9d\x8f", b"\xe5\x9d"), SourceChanged, "UTF-8"),
        ('[{"id": "1", "name": "縣政府"}]'.encode("big5"), SourceChanged, "UTF-8"),
        ('[{"id": "1", "name": "县'.encode()[:-1], SourceUnavailable, "不完整"),
        ('[{"id": "1", "name": "县"}'.encode(), SourceUnavailable, "不完整"),
        (b'[{"id": "1" "name": "no comma between these two"}, {"id": "2", "name": "b"}]', SourceChanged, "第 1 行第 13 个字符"),
        (b'{"code": "500", "msg": "db down", "data": null}', SourceUnavailable, "code=500"),
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_read_exactly_is_refused(world, body, kind, word):
    world.body = body
    assert word in failure(connector(world, "/as_told", paging="none", retries=0), kind)


def test_what_reads_exactly_is_read(world):
    world.body = '[{"id": "1", "name": "县\t𠮷\n局"}, {"id": "2", "name": "x\\ud83d"}]'.encode("gb18030")
    assert [row["name"] for row in rows_of(connector(world, "/as_told", paging="none"))] == [
        "县\t𠮷\n局",
        "x\ufffd\ufffd\ufffd",
    ]
    world.body = b'[{"id": "1", "a.b": "x"}, {"id": "2", "a": {"b": "y"}}]'
    made = connector(world, "/as_told", paging="none", fields={"no": "id", "b": "a.b"})
    assert [row["a.b"] for row in rows_of(made)] == ["x", "y"]
    world.body = "<r><list><row><id>1</id><name>甲<b>粗</b>乙</name></row></list></r>".encode()
    made = connector(world, "/as_told", paging="none", format="xml", records="r.list.row")
    assert [row["name"] for row in rows_of(made)] == ['{"b":"粗","text":"甲乙"}']


def test_xml_where_json_was_agreed_is_told(world):
    assert "format: xml" in failure(connector(world, "/xml", paging="none"), SourceChanged)


def test_redirect_to_another_host_gets_no_request(world):
    begun = time.monotonic()
    told = failure(connector(world, "/elsewhere", paging="none", token="${HUB_SECRET_TEST}"), SourceChanged)
    assert "10.0.0.1" in told
    assert time.monotonic() - begun < 2


def test_redirect_on_the_same_host_is_followed(world):
    assert ids(rows_of(connector(world, "/moved", paging="none"))) == ["1", "2"]
    assert "转向" in failure(connector(world, "/round", paging="none"), SourceChanged)


def test_slow_drip_is_cut_off(world):
    begun = time.monotonic()
    assert "0.5 秒" in failure(connector(world, "/drip", paging="none", timeout=0.5, retries=0), SourceUnavailable)
    assert time.monotonic() - begun < 3


def test_flood_is_cut_off(world):
    assert "max_mb" in failure(connector(world, "/flood", paging="none", max_mb=1), ConfigError)


def test_outer_entities_are_not_read(world):
    rows = rows_of(connector(world, "/entity", paging="none", format="xml", records="list.item", fields={"no": "id"}))
    assert "root:" not in str(rows)


def test_requests_keep_their_distance(world):
    begun = time.monotonic()
    rows_of(connector(world, per_minute=1200))
    assert time.monotonic() - begun >= 6 * 0.05


@pytest.mark.parametrize("come", [(), ("13",)])
@pytest.mark.parametrize("page", [2, 4, 6])
def test_a_record_that_slips_between_the_pages_is_read(world, page, come):
    """One is taken out of a page that was read: all behind it move forward, one of them past the page to be read."""
    world.take_out = (page, come)
    there = {*ALL, *come}
    assert set(ids(rows_of(connector(world)))) < there
    world.clear()
    world.take_out = (page, come)
    found = ids(rows_of(connector(world, verify=True)))
    assert (set(found), len(found)) == (there, len(there))


def test_an_object_with_one_name_twice_is_told(world):
    assert "'id' 写了两次" in failure(connector(world, "/twice", paging="none"), SourceChanged)


# ------------------------------------------------------------------------------------------------ resume
def test_interrupted_sweep_goes_on_in_the_next_run(world, tmp_path):
    world.fail_at = {5: [(500, {})] * 3}
    with pytest.raises(SourceUnavailable):
        swept(connector(world, retries=1), tmp_path)
    world.asked.clear()
    world.fail_at.clear()
    rows, findings = swept(connector(world, retries=1), tmp_path)
    assert (ids(rows), findings) == (ALL, ["sweep_resumed"])
    assert [asked["page"] for asked in world.asked] == ["4", "5", "6", "7", "8"]
    assert not list(tmp_path.iterdir())


def test_source_that_moved_is_read_from_the_start(world, tmp_path):
    world.fail_at = {5: [(500, {})]}
    with pytest.raises(SourceUnavailable):
        swept(connector(world, retries=0), tmp_path)
    world.fail_at.clear()
    world.records.insert(0, {"id": "0", "name": "新来的"})
    rows, findings = swept(connector(world, retries=0), tmp_path)
    assert (ids(rows), findings) == (["0", *ALL], [])


def test_old_or_other_sweep_is_not_gone_on_with(world, tmp_path):
    world.fail_at = {5: [(500, {})] * 3}
    with pytest.raises(SourceUnavailable):
        swept(connector(world, retries=0), tmp_path)
    [kept] = tmp_path.iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    world.fail_at.clear()
    assert swept(connector(world, retries=0, params={"town": "1"}), tmp_path)[1] == []
    os.utime(kept, (time.time() - 7200,) * 2)
    assert swept(connector(world, retries=0), tmp_path)[1] == []
    assert not list(tmp_path.iterdir())


def test_killed_sweep_loses_and_doubles_nothing(world, tmp_path):
    world.fail_at = {4: [(429, {"Retry-After": "30"})] * 9}
    script = (
        "import sys; from pathlib import Path; from tests.conformance.test_http_misbehaving import connector, swept;"
        "from types import SimpleNamespace as N; swept(connector(N(url=sys.argv[1])), Path(sys.argv[2]))"
    )
    with subprocess.Popen([sys.executable, "-c", script, world.url, str(tmp_path)]) as child:
        deadline = time.monotonic() + 30
        while len(world.asked) < 4 and time.monotonic() < deadline:
            time.sleep(0.05)
        child.kill()
    [kept] = tmp_path.iterdir()
    with kept.open("ab") as file:
        file.write(b"\x05\0\0\0\xff\0\0\0half")  # what a kill in the middle of a write leaves
    world.fail_at.clear()
    rows, findings = swept(connector(world), tmp_path)
    assert (ids(rows), findings) == (ALL, ["sweep_resumed"])


# ------------------------------------------------------------------------------------------------ proof of identity
def test_basic(world):
    made = connector(world, "/basic", paging="none", auth="basic", user="县", password="${HUB_SECRET_TEST}")
    assert ids(rows_of(made)) == ["1", "2"]
    wrong = connector(world, "/basic", paging="none", auth="basic", user="乡", password="${HUB_SECRET_TEST}")
    assert "密码" in failure(wrong, ConfigError)


def oauth2(world, **changes):
    options = {
        "auth": "oauth2",
        "token_url": f"{world.url}/token",
        "client_id": "tongqu",
        "client_secret": "${HUB_SECRET_TEST}",
    }
    return connector(world, "/guarded", **{**options, **changes})


@pytest.mark.parametrize("where", ["body", "basic"])
def test_oauth2_fetches_one_token_for_all_pages(world, where):
    assert ids(rows_of(oauth2(world, client_auth=where))) == ALL
    assert world.tokens_given == 1


def test_token_taken_back_is_renewed_once(world):
    world.fail_at = {3: True}
    assert ids(rows_of(oauth2(world))) == ALL
    assert world.tokens_given == 2


def test_who_gives_out_tokens_may_be_busy(world):
    world.token_busy = 2
    assert ids(rows_of(oauth2(world))) == ALL
    assert world.tokens_given == 1


def test_wrong_client_is_told(world, monkeypatch):
    monkeypatch.setenv("HUB_SECRET_OTHER", "other-secret")
    told = failure(oauth2(world, client_secret="${HUB_SECRET_OTHER}"), ConfigError)
    assert "client_secret" in told
    assert "invalid_client" in told
    assert "other-secret" not in told


SIGNED = {
    "auth": "signature", "sign_key": "tongqu", "sign_secret": "${HUB_SECRET_TEST}", "sign_method": "hmac-sm3", "sign_encoding": "HEX",
    "sign_time": "milliseconds", "sign_text": "{method}\\n{path}\\n{sorted_query}\\n{timestamp}\\n{nonce}\\n{body_sha256}",
    "sign_headers": {"x-app": "{key}", "x-time": "{timestamp}", "x-nonce": "{nonce}", "x-sign": "{signature}"},
}  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_signed_headers(world, method):
    assert ids(rows_of(connector(world, "/signed", method=method, **SIGNED))) == ALL
    assert len(world.nonces) == 8
    assert "签名" in failure(connector(world, "/signed", **{**SIGNED, "sign_method": "hmac-sha256"}), ConfigError)


def test_signature_in_the_query(world):
    made = connector(
        world, "/signed_query", auth="signature", sign_secret="${HUB_SECRET_TEST}", sign_text="{timestamp}{secret}{timestamp}",
        sign_method="md5", sign_encoding="base64", sign_params={"ts": "{timestamp}", "sig": "{signature}"},
    )  # fmt: skip
    assert ids(rows_of(made)) == ALL


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ({"auth": "basic", "user": "a"}, "password"),
        ({"auth": "oauth2"}, "token_url"),
        ({**SIGNED, "sign_text": "{body_sm4}"}, "body_sm4"),
        ({**SIGNED, "sign_headers": {"x": "{key}"}}, "{signature}"),
        ({"window": "90d", "since_param": "from"}, "until_param"),
        ({"window": "long", "since_param": "a", "until_param": "b", "since_start": "2026-01-01"}, "90d"),
        ({"preset": "open311", "resource": "nothing", "since_start": "2026-01-01"}, "services"),
    ],
)
def test_options_that_do_not_fit_are_refused(source, word):
    from connectors.drivers.http import HTTP

    assert word in HTTP.source_problem(source)


# ------------------------------------------------------------------------------------------------ nested records
def test_lists_stay_json_text_unless_exploded(world):
    rows = rows_of(
        connector(world, "/nested", paging="none", fields={"a": "id", "b": "lines", "c": "tags"}, optional=["tags"])
    )
    assert rows[0]["lines"] == '[{"n":"a","parts":[{"p":1.1},{"p":2}]},{"n":"b","parts":[]}]'
    assert (rows[0]["tags"], rows[2]["tags"]) == ('["急","县"]', None)


def test_lists_explode_by_declaration(world):
    fields = {"a": "id", "b": "lines.n", "c": "lines.#"}
    rows = rows_of(connector(world, "/nested", paging="none", explode="lines", fields=fields))
    assert [tuple(row.values()) for row in rows] == [("1", "a", "1"), ("1", "b", "2"), ("3", "c", "1")]
    rows = rows_of(connector(world, "/nested", paging="none", explode=["lines"], explode_empty="keep", fields=fields))
    assert [tuple(row.values()) for row in rows][2] == ("2", None, None)


def test_lists_inside_lists_explode(world):
    fields = {"a": "id", "b": "lines.n", "c": "lines.parts.p", "d": "lines.parts.#"}
    rows = rows_of(connector(world, "/nested", paging="none", explode=["lines", "lines.parts"], fields=fields))
    assert [tuple(row.values()) for row in rows] == [("1", "a", "1.1", "1"), ("1", "a", "2", "2"), ("3", "c", "3", "1")]
    names = [c.name for c in open_driver(connector(world, "/nested", paging="none", explode="tags")).columns()]
    assert {"id", "tags", "tags.#"} <= set(names)


# ------------------------------------------------------------------------------------------------ Open311
FIELDS = {"ticket_no": "service_request_id", "title": "description", "recorded_at": "requested_datetime"}


def tickets(count, begin, step):
    return [
        {"service_request_id": f"S{n}", "description": f"第{n}件", "requested_datetime": (begin + n * step).isoformat()}
        for n in range(count)
    ]


@pytest.mark.parametrize("style", ["json", "xml"])
def test_open311_requests_over_many_windows(world, style):
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(days=300)
    world.tickets = tickets(290, begin + timedelta(hours=1), timedelta(days=1))
    # One on the very boundary of two windows, which both give.
    world.tickets.append(
        {
            **world.tickets[0],
            "service_request_id": "EDGE",
            "requested_datetime": (begin + timedelta(days=90)).isoformat(),
        }
    )
    made = connector(
        world, "/v2", paging="none", preset="open311", format=style, since_start=begin.isoformat(), fields=FIELDS,
        mode="cursor", cursor="requested_datetime",
    )  # fmt: skip
    [(delivery, rows)] = read(made)
    assert sorted(row["service_request_id"] for row in rows) == sorted(t["service_request_id"] for t in world.tickets)
    assert len(world.asked) == 4
    latest = max(t["requested_datetime"] for t in world.tickets)
    assert datetime.fromisoformat(delivery.position_after()) == datetime.fromisoformat(latest)
    world.asked.clear()
    assert {row["service_request_id"] for row in rows_of(made, delivery.position_after())} == {"S289"}
    assert world.asked[0]["start_date"].endswith("Z")


def test_open311_window_with_too_many_is_halved(world):
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(days=80)
    world.tickets = tickets(2500, begin, timedelta(minutes=40))
    made = connector(world, "/v2", paging="none", preset="open311", since_start=begin.isoformat(), fields=FIELDS)
    found = [row["service_request_id"] for row in rows_of(made)]
    assert (len(found), len(set(found))) == (2500, 2500)
    world.tickets = [{**ticket, "requested_datetime": begin.isoformat()} for ticket in world.tickets]
    assert "给不全" in failure(made, SourceChanged)


def test_open311_backfill_asks_for_its_span_only(world):
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(days=80)
    world.tickets = tickets(70, begin, timedelta(days=1))
    made = connector(
        world, "/v2", paging="none", preset="open311", since_start=begin.isoformat(), fields=FIELDS, mode="cursor",
        cursor="requested_datetime",
    )  # fmt: skip
    driver = open_driver(made)
    driver.backfill(
        (begin + timedelta(days=10, hours=-1)).isoformat(), (begin + timedelta(days=13, hours=-1)).isoformat()
    )
    [delivery] = driver.deliveries(begin.isoformat(), ())
    rows = [row for batch in delivery.batches() for row in batch.to_pylist()]
    assert [row["service_request_id"] for row in rows] == ["S10", "S11", "S12"]
    assert delivery.position_after() is None
    with pytest.raises(ConfigError, match="until_param"):
        open_driver(connector(world, mode="cursor", cursor="id", since_param="since")).backfill("1", "2")


@pytest.mark.parametrize("style", ["json", "xml"])
def test_open311_services(world, style):
    fields = {"code": "service_code", "name": "service_name"}
    made = connector(world, "/v2", paging="none", preset="open311", resource="services", format=style, fields=fields)
    assert rows_of(made) == [{"service_code": "001", "service_name": "道路"}]


def test_open311_with_nothing_to_give(world):
    since = (datetime.now(UTC) - timedelta(days=5)).isoformat()
    for style in ("json", "xml"):
        assert (
            rows_of(
                connector(world, "/v2", paging="none", preset="open311", format=style, since_start=since, fields=FIELDS)
            )
            == []
        )
