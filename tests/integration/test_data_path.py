"""The data path's promises, on real databases: nothing lost, twice is once, a kill leaves before or after."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.run import run
from schemas.contract import Contract
from schemas.errors import ConfigError
from tests.integration.callbacks import connector, fill, row, send, state, take
from warehouse import inbox, registry
from warehouse.ahead import Ahead
from warehouse.home import Home
from warehouse.load import STAGES, BatchFacts, load, replay

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A delivery of three rows is then written ahead while it is read and checked."""
    for name in ("warehouse.flow.PART_ROWS", "warehouse.arrival.PART_ROWS", "quality.check.PART_ROWS"):
        monkeypatch.setattr(name, 2)
    monkeypatch.setattr("warehouse.flow.FIRST_ROWS", 1)


@pytest.mark.parametrize("since", [180000, 10**6], ids=["old_returned", "older_server"])
def test_first_load_change_and_delete(
    home: Home, source: str, tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch, since: int
) -> None:
    monkeypatch.setattr("warehouse.merge.OLD_RETURNED", since)
    full = connector(tmp_path, "full")
    fill(source, [row(1), row(2), row(3)])
    (first,) = take(full, home)
    assert (first.extracted, first.passed, first.new_rows) == (3, 3, 3)
    fill(source, [row(1), row(2, solved="未解决"), row(4)])
    (second,) = take(full, home)
    assert (second.new_rows, second.changed_rows, second.unchanged_rows, second.closed_rows) == (1, 1, 1, 1)
    seen = state(database)
    assert [r[0] for r in seen["record"]] == ["CB00001", "CB00002", "CB00004"]
    assert [(r[0], r[3], r[5]) for r in seen["history"]] == [
        ("CB00002", "已解决", "changed"),
        ("CB00003", "已解决", "gone"),
    ]


def test_whole_delivery_compared_in_shares_ends_alike(
    home: Home, source: str, tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = connector(tmp_path, "full")
    fill(source, [row(n) for n in range(1, 41)])
    take(full, home)
    monkeypatch.setattr("warehouse.merge.SHARES", (7,))
    fill(source, [row(n, solved="未解决" if n % 4 == 0 else "已解决") for n in range(6, 46)])
    (second,) = take(full, home)
    assert (second.new_rows, second.changed_rows, second.unchanged_rows, second.closed_rows) == (5, 9, 26, 5)
    assert [r[0] for r in state(database)["record"]] == [f"CB{n:05d}" for n in range(6, 46)]


def test_refused_row_never_closes_good_data_and_settles_itself(
    home: Home, source: str, tmp_path: Path, database: str
) -> None:
    full = connector(tmp_path, "full")
    fill(source, [row(1), row(2)])
    take(full, home)
    fill(source, [row(1, method="飞鸽"), row(2), row(3, ticket=False)])
    (bad,) = take(full, home)
    assert (bad.extracted, bad.passed, bad.quarantined, bad.closed_rows) == (3, 1, 2, 0)
    assert bad.by_rule == {"code_set": 1, "required": 1}
    assert [r[0] for r in state(database)["record"]] == ["CB00001", "CB00002"]
    take(full, home)  # the same bad rows once more are the same quarantine rows
    assert len(state(database)["quarantine"]) == 2
    fill(source, [row(1, method="短信"), row(2)])
    take(full, home)
    assert sorted(r[4] for r in state(database)["quarantine"]) == ["corrected", "withdrawn"]


def test_quarantine_tells_field_rule_value_and_raw_row(home: Home, source: str, tmp_path: Path, database: str) -> None:
    fill(source, [row(1, method="飞鸽", ticket=False)])
    take(connector(tmp_path, "full"), home)
    with psycopg.connect(database) as connection:
        reasons, raw, key = connection.execute("SELECT reasons, raw, row_key FROM hub.quarantine").fetchone()
    assert {(r["field"], r["rule"], r["value"]) for r in reasons} == {
        ("method", "code_set", "飞鸽"),
        ("ticket_no", "required", None),
    }
    assert raw["method"] == "飞鸽"
    assert key == "CB00001"


def test_contradicting_twins_are_refused_and_equal_ones_kept_once(home: Home, source: str, tmp_path: Path) -> None:
    fill(source, [row(1), row(1), row(2), row(2, solved="未解决"), row(3)])
    (result,) = take(connector(tmp_path, "full"), home)
    assert (result.passed, result.quarantined, result.by_rule) == (2, 3, {"duplicate_key": 3})


@pytest.mark.parametrize("mode", ["full", "cursor"])
def test_second_run_changes_nothing(home: Home, source: str, tmp_path: Path, database: str, mode: str) -> None:
    fill(source, [row(n, minute=n) for n in range(20)])
    one = connector(tmp_path, mode)
    take(one, home)
    before = state(database)
    for result in take(one, home):
        assert not result.touched
    after = state(database)
    assert {k: v for k, v in after.items() if k != "batches"} == {k: v for k, v in before.items() if k != "batches"}


def test_cursor_keeps_ties_and_stays_when_nothing_is_new(
    home: Home, source: str, tmp_path: Path, database: str
) -> None:
    one = connector(tmp_path, "cursor")
    fill(source, [row(1), row(29)])  # two rows of one instant
    take(one, home)
    position = state(database)["cursor"]
    take(one, home)
    assert state(database)["cursor"] == position
    fill(source, [row(1), row(29), row(57)])  # a late third one of that instant
    take(one, home)
    assert len(state(database)["record"]) == 3


def test_backfill_mends_a_span_and_moves_no_bookmark(home: Home, source: str, tmp_path: Path, database: str) -> None:
    by_cursor = connector(tmp_path, "cursor")
    fill(source, [row(1), row(2), row(3)])
    take(by_cursor, home)
    bookmark = state(database)["cursor"]
    with psycopg.connect(source) as connection:  # mended at the source by hand: its time of change was not touched
        connection.execute("UPDATE callback SET solved = '未解决' WHERE callback_id = 'CB00001'")
    assert take(by_cursor, home)[0].status == "skipped"
    (filled,) = load(by_cursor, home, backfill=("2000-01-01", "2100-01-01"))
    assert (filled.status, filled.changed_rows, filled.unchanged_rows) == ("committed", 1, 2)
    assert state(database)["cursor"] == bookmark
    (again,) = load(by_cursor, home, backfill=("2000-01-01", "2100-01-01"))
    assert (again.changed_rows, again.unchanged_rows) == (0, 3)


def test_exchange_applies_operations_in_order(home: Home, source: str, tmp_path: Path, database: str) -> None:
    one = connector(tmp_path, "exchange")
    send(source, [(1, "I", row(1)), (2, "I", row(2)), (3, "U", row(1, solved="未解决")), (4, "D", row(2))])
    (first,) = take(one, home)
    assert (first.extracted, first.passed, first.superseded_rows) == (4, 4, 2)
    assert [(r[0], r[5]) for r in state(database)["record"]] == [("CB00001", "未解决")]
    send(source, [(5, "D", row(1)), (6, "I", row(3))])
    take(one, home)
    assert [r[0] for r in state(database)["record"]] == ["CB00003"]


def test_replay_from_landing_changes_nothing_and_moves_no_bookmark(
    home: Home, source: str, tmp_path: Path, database: str
) -> None:
    one = connector(tmp_path, "cursor")
    fill(source, [row(1), row(2, method="飞鸽")])
    take(one, home)
    before = state(database)
    fill(source, [row(9)])  # the source itself is not asked
    replay(one, home)
    after = state(database)
    assert (after["record"], after["cursor"]) == (before["record"], before["cursor"])


def test_held_delivery_touches_nothing_until_a_person_lets_it_in(
    home: Home, source: str, tmp_path: Path, database: str
) -> None:
    full = connector(tmp_path, "full")
    fill(source, [row(n) for n in range(10)])
    load(full, home, judge=_drop_blocks)
    before = state(database)
    fill(source, [row(1)])
    (held,) = load(full, home, judge=_drop_blocks)
    assert held.status == "held"
    after = state(database)
    assert [after[k] for k in ("record", "history", "quarantine")] == [
        before[k] for k in ("record", "history", "quarantine")
    ]
    (let_in,) = replay(full, home, [held.batch_id], judge=_drop_blocks)
    assert (let_in.status, let_in.closed_rows) == ("committed", 9)
    assert [r[0] for r in state(database)["record"]] == ["CB00001"]
    assert replay(full, home, [held.batch_id]) == []  # let in once
    with registry.connect(home) as control:
        (told,) = inbox.items(control, tuple(inbox.STATES))
    assert (told.kind, told.batch_id, told.state, told.reason) == ("judged", held.batch_id, "closed", "按批次放行")


def test_what_the_batch_rules_hold_is_let_in_from_the_inbox_with_a_reason(
    home: Home, source: str, tmp_path: Path, database: str
) -> None:
    full = connector(tmp_path, "full")
    fill(source, [row(n) for n in range(10)])
    load(full, home, judge=_drop_blocks)
    fill(source, [row(1)])
    load(full, home, judge=_drop_blocks)
    (held,) = load(full, home, judge=_drop_blocks)  # read again: the newer reading is the one that waits
    with registry.connect(home) as control:
        (one,) = inbox.items(control)
        assert (one.kind, one.holds, one.batch_id, one.message) == ("judged", True, held.batch_id, "整批规则没有通过")
        with pytest.raises(ConfigError, match="谁核实"):
            inbox.accept(control, home, one.drift_id, by="李强", connector=full, reason=" ")
        done = inbox.accept(control, home, one.drift_id, by="李强", connector=full, reason="王芳确认")
        assert done.replay == (held.batch_id,)
        (let_in,) = replay(full, home, done.replay, judge=_drop_blocks)
        assert (let_in.status, let_in.closed_rows) == ("committed", 9)
        states = control.execute("SELECT status FROM hub.batch ORDER BY batch_id").fetchall()
        assert [s["status"] for s in states] == ["committed", "skipped", "released", "committed"]
        assert inbox.item(control, one.drift_id).reason == "王芳确认"


def test_what_the_batch_rules_hold_can_be_refused(home: Home, source: str, tmp_path: Path, database: str) -> None:
    full = connector(tmp_path, "full")
    fill(source, [row(1)])
    (held,) = load(full, home, judge=lambda *_: SimpleNamespace(blocked=True))
    with registry.connect(home) as control:
        (one,) = inbox.items(control)
        inbox.reject(control, one.drift_id, by="王芳", reason="少导了一个镇")
        status = control.execute("SELECT status FROM hub.batch WHERE batch_id = %s", [held.batch_id]).fetchone()
    assert status == {"status": "rejected"}
    assert replay(full, home, [held.batch_id]) == []


@pytest.mark.usefixtures("small_parts")
def test_what_was_written_ahead_of_the_check_ends_as_if_it_had_waited(
    home: Home, source: str, tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = connector(tmp_path, "full")
    fill(source, [*(row(n) for n in range(7)), row(3, solved="未解决"), row(8, solved="不知道")])
    (held,) = load(full, home, judge=lambda *_: SimpleNamespace(blocked=True))
    assert (held.status, state(database)["record"]) == ("held", [])
    with monkeypatch.context() as patch:  # the second part fails when the first is on its way
        parts: list[Path] = []
        add = Ahead.add
        patch.setattr(Ahead, "add", lambda self, *part: _fail_at(2, parts, part) or add(self, *part))
        with pytest.raises(RuntimeError, match="part 2"):
            load(full, home)
    assert state(database)["record"] == []
    (first,) = load(full, home)  # 3 contradicts itself, 8 breaks a rule: both versions of 3 are refused
    assert (first.extracted, first.passed, first.quarantined, first.new_rows) == (9, 6, 3, 6)
    assert [r[0] for r in state(database)["record"]] == [f"CB0000{n}" for n in (0, 1, 2, 4, 5, 6)]
    assert load(full, home)[0].touched is False


def _fail_at(number: int, parts: list, part: object) -> None:
    parts.append(part)
    if len(parts) == number:
        raise RuntimeError(f"part {number}")


def _drop_blocks(agreed: Contract, parquet: Path, facts: BatchFacts, docs: Path) -> SimpleNamespace:
    """A judge that holds a whole load of less than half the rows of the last one."""
    return SimpleNamespace(blocked=bool(facts.past_rows) and _rows(parquet) * 2 < facts.past_rows[0])


def _rows(parquet: Path) -> int:
    return sum(pq.read_metadata(part).num_rows for part in parquet.parent.glob(parquet.name))


@pytest.mark.parametrize("mode", ["full", "cursor", "exchange"])
@pytest.mark.parametrize("stage", STAGES)
def test_kill_at_any_stage_then_rerun(
    home: Home, source: str, tmp_path: Path, database: str, mode: str, stage: str
) -> None:
    """SIGKILL a real process at each stage boundary of a second load; the rerun ends where an unbroken run ends."""
    one = connector(tmp_path, mode)
    start, then = (
        [row(n) for n in range(6)],
        [row(1, solved="未解决", minute=3), row(2, method="飞鸽", minute=1), row(7, minute=2), *map(row, range(3, 6))],
    )
    if mode == "exchange":
        send(source, [(n, "I", r) for n, r in enumerate(start, 1)])
    else:
        fill(source, start)
    take(one, home)
    before = state(database)
    if mode == "exchange":
        send(source, [(7, "U", then[0]), (8, "U", then[1]), (9, "I", then[2]), (10, "D", row(0))])
    else:
        fill(source, then)
    killed = subprocess.run(
        [sys.executable, "-m", "tests.integration.callbacks", str(one.path), stage],
        cwd=ROOT,
        env=os.environ,
        check=False,
        timeout=120,
    )
    assert killed.returncode == -signal.SIGKILL
    between = state(database)
    if stage != "committed":
        assert between == before
    take(one, home)
    final = state(database)
    if (stage, mode) == ("committed", "full"):  # the rerun's own books: it read everything again and changed nothing
        assert final["batches"].pop()[3:] == (0, 0, 5, 0)
    assert len(final["quarantine"]) == 1
    assert len(final["batches"]) == 2
    keys = {r[0]: r[5] for r in final["record"]}
    assert keys["CB00001"] == "未解决"
    assert "CB00007" in keys
    assert ("CB00000" in keys) is (mode == "cursor")
    assert {r[0] for r in final["history"]} == {"CB00001"} | (set() if mode == "cursor" else {"CB00000"})


def test_failure_in_the_merge_moves_neither_rows_nor_cursor(
    home: Home, source: str, tmp_path: Path, database: str
) -> None:
    one = connector(tmp_path, "cursor")
    fill(source, [row(1)])
    take(one, home)
    before = state(database)
    fill(source, [row(1), row(2, minute=5)])
    with psycopg.connect(database) as connection:
        connection.execute("ALTER TABLE hub.cursor ADD CONSTRAINT jam CHECK (batch_id < 2)")
    with pytest.raises(Exception, match="jam"):
        take(one, home)
    assert state(database) == before


def test_one_failing_source_never_stops_another(
    home: Home, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(source, [row(1)])
    dead, alive = connector(tmp_path, "exchange"), connector(tmp_path, "full")
    report = run([dead, alive], home)
    assert set(report.failures) == {dead.id}
    assert [r.new_rows for r in report.results] == [1]


_ROWS = st.lists(
    st.builds(
        row,
        st.integers(0, 8),
        solved=st.sampled_from(["已解决", "未解决", "部分", "不详", None]),
        method=st.sampled_from(["电话", "短信", "飞鸽", " 人工 "]),
        ticket=st.booleans(),
    ),
    max_size=12,
)


@pytest.mark.usefixtures("small_parts")
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries=st.lists(_ROWS, min_size=1, max_size=3))
def test_nothing_is_lost_and_twice_is_once(
    home: Home, source: str, tmp_path: Path, database: str, deliveries: list[list[tuple]]
) -> None:
    """Whatever comes, held or not: passed + quarantined = extracted, the books agree with the tables, a rerun changes nothing."""
    full = connector(tmp_path, "full")
    for rows in deliveries:
        fill(source, rows)
        for result in take(full, home):
            assert result.extracted == len(rows)
            assert result.passed + result.quarantined == result.extracted
            if result.status == "committed":
                assert result.new_rows + result.changed_rows + result.unchanged_rows == result.passed
        before = state(database)
        if result.status == "committed":  # a held one, empty or of codes nobody knows, touches nothing
            assert sum(1 for r in before["quarantine"] if r[4] is None) == result.quarantined
        take(full, home)
        after = state(database)
        assert {k: after[k] for k in ("record", "history", "quarantine")} == {
            k: before[k] for k in ("record", "history", "quarantine")
        }
