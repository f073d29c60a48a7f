"""JSON interfaces, on a server of the session's own."""

import json

import pytest

from connectors.drivers import open_driver
from schemas.errors import ConfigError, SourceChanged, SourceUnavailable
from tests.conformance.interface import serving
from tests.conformance.suite import COLUMNS, ROWS, SECRET, CursorConformance, Source, failure, read, rows_of


class HTTPSource(Source):
    modes = ("full", "cursor")

    def __init__(self, interface):
        self.interface = interface

    def options(self):
        return {
            "driver": "http", "url": "${HUB_SOURCE_TEST}", "token": "${HUB_SECRET_TEST}", "paging": "page", "page_size": 2,
            "since_param": "updated_since", "retries": 1, "timeout": 5,
        }  # fmt: skip

    def put(self, rows, columns=COLUMNS):
        self.interface.records = [dict(zip(columns, row, strict=True)) for row in rows]


@pytest.fixture(scope="module")
def running():
    with serving() as interface:
        yield interface


@pytest.fixture
def source(running, monkeypatch):
    fresh = type(running)()
    running.__dict__.update({**fresh.__dict__, "port": running.port})
    made = HTTPSource(running)
    made.put(ROWS)
    running.token = SECRET
    monkeypatch.setenv("HUB_SOURCE_TEST", running.url)
    monkeypatch.setenv("HUB_SECRET_TEST", SECRET)
    return made


class TestHTTP(CursorConformance):
    """One interface."""

    @pytest.mark.parametrize("paging", ["page", "offset", "cursor", "link", "none"])
    def test_every_page_is_read_once(self, source, paging):
        source.put([(f"T{n:03}", *ROWS[0][1:]) for n in range(17)])
        rows = rows_of(source.connector(paging=paging, page_size=4 if paging != "none" else 500, records="data.list"))
        assert [row["编号"] for row in rows] == [f"T{n:03}" for n in range(17)]

    def test_server_that_gives_smaller_pages_loses_nothing(self, source):
        source.put([(f"T{n:03}", *ROWS[0][1:]) for n in range(17)])
        source.interface.largest_page = 3
        assert len(rows_of(source.connector(page_size=10))) == 17

    def test_values_keep_their_exact_text(self, source):
        raw = b'[{"a": 1.10, "b": 12345678901234567890.123456789, "c": true, "d": null, "e": {"x": 1.50, "y": [1, "\xe5\x8e\xbf"]}, "f": "", "g": "a\\u0000b", "h": -0, "i": 1e3}]'
        source.interface.troubles = [(200, {}, raw)]
        names = ["a", "b", "c", "d", "e", "e.x", "e.y", "f", "g", "h", "i"]
        [row] = rows_of(source.connector(paging="none", fields={n.replace(".", "_"): n for n in names}))
        assert row == {
            "a": "1.10", "b": "12345678901234567890.123456789", "c": "true", "d": None, "e": '{"x":1.50,"y":[1,"县"]}', "e.x": "1.50",
            "e.y": '[1,"县"]', "f": "", "g": "a\ufffdb", "h": "-0", "i": "1e3",
        }  # fmt: skip

    def test_gb18030_answer_is_understood(self, source):
        source.interface.troubles = [(200, {}, json.dumps([{"编号": "㼆"}], ensure_ascii=False).encode("gb18030"))]
        assert rows_of(source.connector(paging="none", fields={"no": "编号"})) == [{"编号": "㼆"}]

    def test_only_changes_are_asked_for(self, source):
        read(source.connector("cursor", "更新时间", lookback="1h"), "2026-03-02 00:00:00")
        assert {asked["updated_since"] for asked in source.interface.asked} == {"2026-03-01 23:00:00"}

    def test_number_cursor(self, source):
        source.interface.envelope = lambda records, more: records
        [(delivery, _)] = read(source.connector("cursor", "数量", since_param="since_id"), "1")
        assert delivery.position_after() == "2"
        assert source.interface.asked[0]["since_id"] == "1"

    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
    def test_trouble_that_passes_is_waited_for(self, source, status):
        source.interface.troubles = [(status, {"Retry-After": "0"}, b"busy")]
        assert len(rows_of(source.connector())) == len(ROWS)

    @pytest.mark.parametrize(
        ("trouble", "kind", "word"),
        [
            ((401, {}, b""), ConfigError, "令牌"),
            ((403, {}, b""), ConfigError, "令牌"),
            ((404, {}, b""), ConfigError, "没有这个接口"),
            ((400, {}, b"bad page"), ConfigError, "bad page"),
            ((429, {"Retry-After": "3600"}, b""), SourceUnavailable, "频繁"),
            ((200, {}, b"<html>login</html>"), SourceChanged, "登录页"),
            ((200, {}, b'{"data": [{"a": 1}'), SourceUnavailable, "不完整"),
            ((200, {}, b'{"hello": 1}'), SourceChanged, "hello"),
            ((200, {}, b'{"code": 40101, "message": "token expired", "data": []}'), SourceUnavailable, "token expired"),
        ],
    )
    def test_each_way_to_fail_is_told_truly(self, source, trouble, kind, word):
        source.interface.troubles = [trouble]
        assert word in failure(source.connector(ok="code", retries=0), kind)

    def test_wrong_token_is_told_by_the_probe(self, source, monkeypatch):
        monkeypatch.setenv("HUB_SECRET_TEST", "wrong-token")
        last = list(open_driver(source.connector()).probe())[-1]
        assert (last.name, last.ok) == ("login", False)
        assert "令牌" in last.message
        assert "wrong-token" not in last.message + last.cure

    def test_paging_in_a_circle_is_noticed(self, source):
        source.interface.ignores_paging = True
        assert "打转" in failure(source.connector(), SourceChanged)

    def test_next_link_to_another_host_gets_no_token(self, source):
        source.interface.envelope = lambda records, more: {"data": records, "next": "http://example.invalid/tickets"}
        assert "example.invalid" in failure(source.connector(paging="link"), SourceChanged)

    def test_fewer_records_than_promised_is_told(self, source):
        source.interface.envelope = lambda records, more: {"data": records, "total": 9}
        assert "9" in failure(source.connector(total="total"), SourceUnavailable)

    def test_key_that_may_be_absent(self, source):
        for record in source.interface.records:
            del record["备注"]
        assert "备注" in failure(source.connector(), SourceChanged)
        assert {row["备注"] for row in rows_of(source.connector(optional=["备注"]))} == {None}

    def test_nothing_there_is_no_error(self, source):
        source.put([])
        assert rows_of(source.connector()) == []

    @pytest.mark.parametrize(
        ("url", "word"), [("http://127.0.0.1:9/x", "拒绝连接"), ("http://no-such-host.invalid/x", "找不到主机")]
    )
    def test_dead_host_is_told(self, source, monkeypatch, url, word):
        monkeypatch.setenv("HUB_SOURCE_TEST", url)
        assert word in failure(source.connector(retries=0), SourceUnavailable)

    def test_address_of_another_kind_is_told(self, source, monkeypatch):
        monkeypatch.setenv("HUB_SOURCE_TEST", "ftp://127.0.0.1/x")
        failure(source.connector(), ConfigError)
