"""Return to source: refused rows become orders with a clock, and an order closes itself when its rows come in right."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from portal import watch
from schemas.calendar import WorkCalendar
from schemas.errors import ConfigError
from tests.integration.callbacks import connector, fill, row, state, take
from warehouse import correction
from warehouse.correction import Mended
from warehouse.home import Home
from warehouse.load import replay, resubmit


@pytest.fixture
def desk(database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database) as connection:
        yield connection


def _mend(item: dict[str, Any], **values: str | None) -> Mended:
    return Mended(item["quarantine_id"], item["raw"] | values)


def test_batch_that_refuses_opens_one_order_due_in_working_days(
    home: Home, source: str, tmp_path: Path, desk: psycopg.Connection[Any]
) -> None:
    full = connector(tmp_path, "full")
    fill(source, [row(1), row(2, solved="不知道"), row(3, method="托梦")])
    take(full, home)
    (order,) = correction.orders(desk, date.today())
    assert (order["rows"], order["open_rows"], order["closed_at"]) == (2, 2, None)
    assert order["due_on"] == WorkCalendar().add(order["opened_on"], 10).date
    assert "政务数据共享条例" in order["legal_basis"]
    take(full, home)  # the same wrong rows again open nothing new
    assert len(correction.orders(desk, date.today())) == 1
    fill(source, [row(1), row(2), row(3)])
    take(full, home)
    assert correction.orders(desk, date.today()) == []
    (closed,) = correction.orders(desk, date.today(), all=True)
    assert closed["closed_at"] is not None


def test_mended_row_passes_bounces_and_outlives_its_wrong_original(
    home: Home, source: str, tmp_path: Path, database: str, desk: psycopg.Connection[Any]
) -> None:
    full = connector(tmp_path, "full")
    wrong = [row(1), row(2, solved="不知道"), row(3, ticket=False)]
    fill(source, wrong)
    take(full, home)
    (order,) = correction.orders(desk, date.today())
    two, three = correction.rows(desk, order=order["order_id"])

    def send(*mended: Mended) -> tuple[int, int]:
        desk.rollback()
        result = resubmit(full, home, order["order_id"], mended, by="王芳", reason="笔误")
        assert result.passed + result.quarantined == result.extracted == len(mended)
        return result.passed, result.quarantined

    assert send(_mend(two, solved="大概"), _mend(three, ticket_no="T00003")) == (1, 1)
    found = {r["quarantine_id"]: r for r in correction.rows(desk, order=order["order_id"])}
    assert found[three["quarantine_id"]]["resolution"] == "resubmitted"
    assert (found[two["quarantine_id"]]["resolution"], found[two["quarantine_id"]]["bounced"]) == (None, 1)
    assert correction.events(desk, two["quarantine_id"])[-1]["detail"][0]["value"] == "大概"
    assert len(state(database)["quarantine"]) == 2  # what bounced is no new refused row
    assert send(_mend(two, solved="未解决")) == (1, 0)
    assert correction.orders(desk, date.today()) == []
    assert [r[0] for r in state(database)["record"]] == ["CB00001", "CB00002", "CB00003"]
    # The source goes on sending what it had: the mended rows stay and the order stays closed.
    before = state(database)
    take(full, home)
    after = state(database)
    assert [after[k] for k in ("record", "history")] == [before[k] for k in ("record", "history")]
    desk.rollback()
    assert correction.orders(desk, date.today()) == []
    # From the landing area, everything in its order, all comes out as it is.
    replay(full, home)
    assert state(database)["record"] == before["record"]
    # The source takes its rows back: then they are gone here as well.
    fill(source, [row(1)])
    take(full, home)
    assert [r[0] for r in state(database)["record"]] == ["CB00001"]


def test_row_without_a_key_gets_one_and_is_not_closed_as_gone(
    home: Home, source: str, tmp_path: Path, database: str, desk: psycopg.Connection[Any]
) -> None:
    full = connector(tmp_path, "full")
    fill(source, [row(1), (None, *row(2)[1:])])
    take(full, home)
    (order,) = correction.orders(desk, date.today())
    (lost,) = correction.rows(desk, order=order["order_id"])
    desk.rollback()
    resubmit(full, home, order["order_id"], [_mend(lost, callback_id="CB00002")], by="王芳", reason="补编号")
    take(full, home)
    assert [r[0] for r in state(database)["record"]] == ["CB00001", "CB00002"]


def test_contest_is_decided_by_another_person(
    home: Home, source: str, tmp_path: Path, desk: psycopg.Connection[Any]
) -> None:
    full = connector(tmp_path, "full")
    fill(source, [row(1), row(2, method="托梦")])
    take(full, home)
    (order,) = correction.orders(desk, date.today())
    (item,) = correction.rows(desk, order=order["order_id"])
    number = item["quarantine_id"]
    with pytest.raises(ConfigError, match="没有待裁定"):
        correction.decide(desk, number, by="李强", upheld=True, reason="x")
    correction.contest(desk, number, by="王芳", reason="确有此法", evidence="文号 1")
    with pytest.raises(ConfigError, match="已经申诉过"):
        correction.contest(desk, number, by="王芳", reason="再说一遍")
    with pytest.raises(ConfigError, match="另一个人"):
        correction.decide(desk, number, by="王芳", upheld=True, reason="自己说了算")
    correction.decide(desk, number, by="李强", upheld=False, reason="依据不足")
    assert correction.orders(desk, date.today())[0]["open_rows"] == 1
    correction.contest(desk, number, by="王芳", reason="补充文件", evidence="文号 2")
    correction.decide(desk, number, by="李强", upheld=True, reason="属实")
    desk.commit()
    assert correction.orders(desk, date.today()) == []
    take(full, home)  # upheld stays upheld while the same row comes again
    assert correction.orders(desk, date.today()) == []
    assert [e["kind"] for e in correction.events(desk, number)] == ["contested", "rejected", "contested", "upheld"]


def test_clock_counts_working_days_and_reaches_each_step(
    home: Home, source: str, tmp_path: Path, desk: psycopg.Connection[Any]
) -> None:
    full = connector(tmp_path, "full")
    fill(source, [row(1), row(2, method="托梦")])
    take(full, home)
    (order,) = correction.orders(desk, date.today())

    def reached(workdays: int) -> str:
        day = WorkCalendar().add(order["opened_on"], workdays).date if workdays else order["opened_on"]
        return (watch._step(correction.orders(desk, day)[0]) or ("", ""))[0]

    reach = [reached(n) for n in (0, 4, 5, 6, 8, 9, 10, 11, 12)]
    assert reach == ["", "", "50", "50", "80", "80", "100", watch.LATE, watch.LATE]
    late = WorkCalendar().add(order["due_on"], 2).date
    assert correction.orders(desk, late)[0]["days_left"] == -2
