"""Programs: the REST interface by personal token, its description, and the Python client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import httpx2
import openpyxl  # type: ignore[import-untyped]
import pandas as pd
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page

from hub_client import (
    Hub,
    HubClientError,
    NotAllowed,
    NotFound,
    QueryTimeout,
    Refused,
    SqlError,
    Truncated,
    Unavailable,
)
from portal import accounts, catalogue, sessions, tokens
from portal.site import Site
from tests.portal.conftest import PEOPLE
from tests.portal.test_boards import axe
from warehouse import access


@pytest.fixture
def token(site: Site) -> str:
    with site.database.owner() as connection:
        account = accounts.find(connection, PEOPLE["analyst"][0])
        assert account is not None
        sessions.ready_role(site.database, connection, account)
        return tokens.make(connection, account, "测试", 1)


@pytest.fixture
def hub(address: str, token: str) -> Iterator[Hub]:
    with Hub(address, token=token) as made:
        yield made


def test_client_hands_out_rows_as_they_are(hub: Hub) -> None:
    frame = hub.query("SELECT problem_no, light FROM rectification_ledger WHERE light = :l ORDER BY 1", l="red")
    assert list(frame.columns) == ["problem_no", "light"]
    assert set(frame["light"]) == {"red"}
    table = hub.query(
        "SELECT '007' AS code, 12345678901234567.89::numeric AS amount, DATE '2026-01-02' AS d", as_="arrow"
    )
    assert table.to_pylist()[0]["code"] == "007"
    assert table.to_pylist()[0]["amount"] == Decimal("12345678901234567.89")
    assert hub.query("SELECT 1 AS a", as_="polars").shape == (1, 1)
    assert "hotline_ticket" in [d["name"] for d in hub.search("诉求")]
    dataset = hub.dataset("rectification_ledger")
    assert "整改时限" in list(dataset.schema()["title"])
    assert len(dataset.read(["problem_no"], where="light = :l", l="red")) == len(frame)
    assert hub.me()["role"] == "analyst"


def test_client_tells_errors_apart(hub: Hub, address: str) -> None:
    with pytest.raises(SqlError, match="rectification_ledger") as wrong_table:
        hub.query("SELECT problem_no\n  FROM rectification_ledgr")
    assert (wrong_table.value.line, wrong_table.value.column) == (2, 8)
    with pytest.raises(SqlError) as wrong_column:
        hub.query("SELECT nothing FROM rectification_ledger")
    assert (wrong_column.value.line, wrong_column.value.column) == (1, 8)
    with pytest.raises(NotAllowed, match="没有权限"):
        hub.query("SELECT * FROM shared.hotline_ticket")
    with pytest.raises(NotFound):
        hub.dataset("nothing_here")
    with pytest.raises(Truncated):
        hub.query("SELECT * FROM generate_series(1, 200001) n")
    assert len(hub.query("SELECT * FROM generate_series(1, 200001) n", limit=10)) == 10
    with Hub(address, token="hub_wrong") as wrong, pytest.raises(NotAllowed):
        wrong.me()
    with Hub("http://127.0.0.1:1", token="x") as nobody, pytest.raises(Unavailable):
        nobody.me()
    with pytest.raises(HubClientError, match="令牌"):
        Hub(address)


def test_long_answers_come_while_they_are_computed(hub: Hub, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.arrow.PIECE", 10)
    pieces = hub.query_iter("SELECT n, CASE WHEN n > 10 THEN n / 3.0 ELSE 0.5 END AS q, CASE WHEN n > 10 THEN (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 3000) i) END AS late FROM generate_series(1, 25) n", batch=10, as_="arrow")  # fmt: skip
    first = next(pieces)
    rest = list(pieces)
    assert [len(first), *map(len, rest)] == [10, 10, 5]
    assert str(rest[0]["q"].to_pylist()[0]).startswith("3.66666666666666")
    sql = "SELECT n, CASE WHEN n > 10 THEN round(n / 3.0, 3) ELSE 0.50 END AS q, 1.20::numeric(9, 4) AS r, CASE WHEN n > 20 THEN 1.5 END AS s FROM generate_series(1, 25) n"
    # Of a computed number the line has room for twenty decimals; people see those it has.
    shown = [[*map(str, (piece["q"].iloc[0], piece["r"].iloc[0]))] for piece in hub.query_iter(sql, batch=10)]
    assert shown == [["0.50", "1.2000"], ["3.667", "1.2000"], ["7.000", "1.2000"]]
    assert {str(type(v)) for v in hub.query(sql, as_="polars")["s"].to_list()} == {
        "<class 'NoneType'>",
        "<class 'decimal.Decimal'>",
    }
    assert [str(v) for v in hub.query(sql, as_="arrow")["q"].to_pylist()[9:11]] == ["0.500", "3.667"]
    assert [len(text) for text in rest[1]["late"].to_pylist()] == [
        96_000
    ] * 5  # more than comes in one piece of the line
    with pytest.raises(SqlError, match="除数为 0"):
        list(hub.query_iter("SELECT 1 / (20 - n) FROM generate_series(1, 25) n", batch=5))
    gone = hub.query_iter("SELECT n, repeat('x', 1000) FROM generate_series(1, 150000) n", batch=10)
    next(gone)
    gone.close()  # whoever asked goes away
    for _ in range(50):  # the server notes a query when its last byte has gone out
        with site.database.owner() as connection:
            newest = connection.execute("SELECT error, row_count FROM hub.query_history ORDER BY query_id DESC LIMIT 3").fetchall()  # fmt: skip
        given = sorted(r["row_count"] for r in newest if r["error"] is None)
        # The refused one and the one left alone may be noted in either order.
        if len(given) == 2 and 25 in given:
            given.remove(25)
            assert 0 < given[0] < 150_000
            return
        time.sleep(0.1)
    raise AssertionError(newest)


def test_too_slow_is_told_apart(hub: Hub, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    role = f"portal_{PEOPLE['analyst'][0]}"
    monkeypatch.setattr(access, "SECONDS", 1)
    with site.database.owner() as connection:
        connection.execute(f"ALTER ROLE {role} SET statement_timeout = '200ms'")
    try:
        with pytest.raises(QueryTimeout, match="还没有算完"):
            hub.query("SELECT pg_sleep(20)")
    finally:
        with site.database.owner() as connection:
            connection.execute(f"ALTER ROLE {role} SET statement_timeout = '60s'")


def test_client_exports_traces_and_asks(hub: Hub, site: Site, tmp_path: Path) -> None:
    query = "SELECT '510101199003070014' AS id, '=1+1' AS formula, 1.5::numeric AS n"
    sheet = openpyxl.load_workbook(hub.export(query, tmp_path / "a.xlsx")).active
    assert [(c.value, c.data_type) for c in sheet[2]][:2] == [("510101199003070014", "s"), ("=1+1", "s")]
    assert hub.export(query, tmp_path / "a.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert pq.read_table(hub.export(query, tmp_path / "a.parquet")).column("id").to_pylist() == ["510101199003070014"]
    with pytest.raises(ValueError, match=r"\.doc"):
        hub.export(query, tmp_path / "a.doc")
    assert [len(piece) for piece in hub.query_iter("SELECT * FROM generate_series(1, 25) n", batch=10)] == [10, 10, 5]
    assert hub.query("SELECT count(*) AS n FROM hotline_ticket", as_of="2020-01-01")["n"].tolist() == [0]
    catalogue.warm()  # as the portal does when it starts
    edges = hub.dataset("hotline_ticket").lineage("due_at")
    assert "hotline_overdue_open" in set(edges["place"])
    assert list(hub.dataset("hotline_callback").quality()["waiting"]) == [1, 1]
    until = date.today() + timedelta(days=30)
    assert hub.request_access("tax_filing", purpose="核对", until=until) > 0
    with pytest.raises(Refused):
        hub.request_access("tax_filing", purpose="核对", until="2099-01-01")
    with site.database.owner() as connection:
        account = accounts.find(connection, PEOPLE["analyst"][0])
        assert account is not None
        access.grant_login(connection, account.db_role or "", site.database.password(account))
    with pytest.raises(NotAllowed, match="口令"):
        hub.engine()
    engine = hub.engine(password=site.database.password(account))
    assert len(pd.read_sql("SELECT * FROM rectification_ledger", engine)) == 12
    engine.dispose()


def test_interface_is_described_and_answers_as_described(
    address: str, token: str, signed_in: Callable[[str], httpx2.Client], window: Callable[..., Page]
) -> None:
    described = signed_in("analyst").get("/api/openapi.json").json()
    assert set(described["paths"]) == {
        "/api/v1/me", "/api/v1/datasets", "/api/v1/datasets/{name}", "/api/v1/datasets/{name}/quality", "/api/v1/datasets/{name}/lineage", "/api/v1/query",
        "/api/v1/requests", "/api/v1/connection",
    }  # fmt: skip
    assert described["openapi"].startswith("3.1")
    page = window("analyst")
    page.goto("/api/docs")
    assert axe(page) == []
    with httpx2.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, trust_env=False) as client:
        answer = client.post("/api/v1/query", json={"sql": "SELECT 1.50::numeric AS a, NULL AS b"}).json()
        assert (answer["columns"], answer["rows"], answer["truncated"]) == (["a", "b"], [["1.50", None]], False)
        for body in (
            {},
            {"sql": ""},
            {"sql": "SELECT 1", "limit": 0},
            {"sql": "SELECT 1", "parameters": [1]},
            {"sql": 5},
        ):
            told = client.post("/api/v1/query", json=body)
            assert told.status_code == 422
            assert told.json()["error"]["message"]
        assert (
            client.post("/api/v1/query", content=b"{", headers={"Content-Type": "application/json"}).status_code == 422
        )
    # A page of another site cannot use the visitor's session here.
    visitor = signed_in("analyst")
    assert (
        visitor.post("/api/v1/query", json={"sql": "SELECT 1"}, headers={"Origin": "http://evil.example"}).status_code
        == 403
    )


def test_revoked_token_and_closed_account_open_nothing(site: Site, address: str) -> None:
    with site.database.owner() as connection:
        accounts.add(
            connection,
            name="ling_pai",
            person="令牌",
            role="analyst",
            department=None,
            by="root@console",
            approved=True,
        )
        account = accounts.find(connection, "ling_pai")
        assert account is not None
        first, second = tokens.make(connection, account, "一", 1), tokens.make(connection, account, "二", 1)
        assert tokens.revoke(connection, account, tokens.listed(connection, account)[-1]["token_id"])
    with Hub(address, token=first) as gone, pytest.raises(NotAllowed):
        gone.me()
    with Hub(address, token=second) as still:
        assert still.me()["name"] == "ling_pai"
        with site.database.owner() as connection:
            accounts.disable(connection, "ling_pai")
        with pytest.raises(NotAllowed):
            still.me()
