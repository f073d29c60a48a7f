"""The demo county's answer sheet held against the warehouse: what was planted must be found, no more and no less.

The sheet (expected.json, expected_enterprises.csv) is written by the county's generator from what it planted,
without looking at the hub's rules; the figures found are read from the warehouse's own books and views.
"""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import psycopg

_COUNTS = {
    "extracted": "取到",
    "passed": "通过",
    "quarantined": "隔离",
    "repaired": "修整",
    "warned": "提示",
    "superseded": "被后一行取代",
}
# The indicator board's lists: key in the sheet, its title, and the query that finds the same list.
_INDICATOR = (
    ("level1_above_both_averages", "高于全市和全省均值的一级指标", "SELECT indicator FROM board.indicator_overview WHERE above_both"),
    ("level2_partly_below_an_average", "有二级指标低于均值的一级指标", "SELECT indicator FROM board.indicator_overview WHERE level2_below_averages > 0"),
    ("lead_departments_below_70_at_level_1", "一级指标不足 70 分的牵头单位", "SELECT lead_department FROM board.indicator_lead_department WHERE level1_below_70 > 0"),
    ("lead_departments_below_70_at_any_level", "有指标不足 70 分的牵头单位", "SELECT DISTINCT lead_department FROM board.indicator_below_70"),
)  # fmt: skip
# The most tickets of one matter in one town within twenty days, whenever in the year that was.
_CROWDED = """
SELECT category_code, town_code, max(tickets) FROM (
  SELECT category_code, town_code, count(*) OVER (
    PARTITION BY category_code, town_code ORDER BY recorded_at RANGE BETWEEN CURRENT ROW AND INTERVAL '20 days' FOLLOWING
  ) AS tickets FROM shared.hotline_ticket) w
GROUP BY 1, 2
"""


class Item(NamedTuple):
    """One figure of the sheet beside the one found."""

    what: str
    expected: Any
    found: Any

    @property
    def agrees(self) -> bool:
        """Whether they are the same."""
        return bool(self.expected == self.found)


def compare(connection: psycopg.Connection[Any], folder: Path) -> list[Item]:
    """Every figure of the sheet in `folder` that the warehouse can answer."""
    sheet = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    items = [*_counts(connection, sheet["connectors"]), *_rules(connection, sheet["planted"])]
    items += _findings(connection, sheet["file_level"])
    items += _identity(connection, sheet["identity"], folder / "expected_enterprises.csv")
    return [*items, *_figures(connection, sheet["figures"])]


def _counts(connection: psycopg.Connection[Any], expected: dict[str, dict[str, Any]]) -> Iterator[Item]:
    """Rows extracted, passed … of each connector, over its deliveries; whole tables read again and replays count once."""
    sums = ", ".join(f"sum({name}{'_rows' if name == 'superseded' else ''})::bigint" for name in _COUNTS)
    first = "SELECT DISTINCT ON (source_id, CASE WHEN kind = 'full' THEN '' ELSE landed_sha256 END) * FROM hub.batch WHERE status = 'committed' ORDER BY source_id, CASE WHEN kind = 'full' THEN '' ELSE landed_sha256 END, batch_id"
    rows = connection.execute(
        f"SELECT s.connector, {sums} FROM ({first}) b JOIN hub.source s USING (source_id) GROUP BY 1"
    )
    found = {row[0]: dict(zip(_COUNTS, row[1:], strict=True)) for row in rows}
    for connector, counts in sorted(expected.items()):
        for name, title in _COUNTS.items():
            # A source that never reported is told as None, which is not 0 rows.
            yield Item(f"{connector} {title}", counts[name], found.get(connector, {}).get(name))
    for connector in sorted(found.keys() - expected.keys()):
        yield Item(f"{connector} 不在答案里", None, found[connector]["extracted"])


def _rules(connection: psycopg.Connection[Any], planted: Iterable[dict[str, Any]]) -> Iterator[Item]:
    """Rows refused for a rule, each at the very place where the defect was planted: file, sheet and row, or key."""
    rows = connection.execute(
        "SELECT s.connector, q.delivery, q.sheet, q.row_number, q.row_key, q.rules FROM hub.quarantine q JOIN hub.source s USING (source_id)"
    )
    refused: dict[tuple[Any, ...], set[str]] = defaultdict(set)
    for connector, delivery, sheet, row, key, rules in rows:
        refused[connector, delivery, sheet or "", row].update(rules)
        refused[connector, key].update(rules)
    expected: Counter[tuple[str, str]] = Counter()
    found: Counter[tuple[str, str]] = Counter()
    for entry in planted:
        if entry["outcome"] != "quarantined":
            continue
        connector, rule = entry["connector"], entry["rule"]
        file = (connector, entry.get("file"), entry.get("sheet") or "", entry.get("row"))
        place = file if "row" in entry else (connector, "|".join(entry["key"]))
        expected[connector, rule] += 1
        found[connector, rule] += rule in refused.get(place, ())
    for connector, rule in sorted(expected):
        yield Item(f"{connector} 在原位被规则 {rule} 隔离", expected[connector, rule], found[connector, rule])


def _findings(connection: psycopg.Connection[Any], oddities: Iterable[dict[str, Any]]) -> Iterator[Item]:
    """What has to be said of whole files: once at least in a delivery of the connector."""
    told = set(
        connection.execute(
            "SELECT DISTINCT s.connector, f ->> 'code' FROM hub.batch b JOIN hub.source s USING (source_id), jsonb_array_elements(b.findings) f"
        ).fetchall()
    )
    for entry in oddities:
        if code := entry.get("finding"):
            connector = entry["connector"]
            yield Item(f"{connector} {entry['what']}", code, code if (connector, code) in told else None)


def _identity(connection: psycopg.Connection[Any], expected: dict[str, Any], answers: Path) -> Iterator[Item]:
    """Which records mean the same enterprise: none joined that differ, none apart that are one."""
    found = _links(connection)
    with answers.open(encoding="utf-8", newline="") as file:
        truth = {(row["connector"], row["key"]): row["truth"] or None for row in csv.DictReader(file)}
    meant: dict[str, set[str]] = defaultdict(set)  # enterprise in truth -> ids given to it
    given: dict[str, set[str]] = defaultdict(set)  # id given -> enterprises it stands for
    astray = missing = 0
    for key, enterprise in truth.items():
        identity = found.get(key)
        astray += enterprise is None and identity is not None
        missing += enterprise is not None and identity is None
        if enterprise is not None and identity is not None:
            meant[enterprise].add(identity)
            given[identity].add(enterprise)
    yield Item("记录里的主体：应有记录没有找到的", 0, len(truth.keys() - found.keys()))
    yield Item("记录里的主体：对上的主体数", expected["enterprises"], len(meant))
    yield Item("记录里的主体：对上的记录数", expected["resolved"], sum(found.get(key) is not None for key in truth))
    yield Item("记录里的主体：该对上而没有的", 0, missing)
    yield Item("记录里的主体：该留待人工而对上的", 0, astray)
    yield Item("记录里的主体：一户认成几户的", 0, sum(len(ids) > 1 for ids in meant.values()))
    yield Item("记录里的主体：几户认成一户的", 0, sum(len(enterprises) > 1 for enterprises in given.values()))


def _links(connection: psycopg.Connection[Any]) -> dict[tuple[str, str], str | None]:
    """(connector, key of the record) -> enterprise_id, for every record that names an enterprise."""
    from schemas.contract import contracts

    found: dict[tuple[str, str], str | None] = {}
    for dataset, agreed in contracts().items():
        if agreed.party is None:
            continue
        table = "enterprise_record" if dataset == "enterprise" else dataset
        for connector, key, identity in connection.execute(
            f'SELECT source_system, source_pk, enterprise_id FROM shared."{table}"'
        ):
            found[connector, key] = identity
    return found


def _figures(connection: psycopg.Connection[Any], expected: dict[str, Any]) -> Iterator[Item]:
    """The boards' figures."""
    indicator = expected["indicator"]
    rows = connection.execute("SELECT indicator, score FROM board.indicator_overview").fetchall()
    yield Item("指标：一级指标得分", indicator["level1_scores"], {name: float(score) for name, score in rows})
    for key, title, sql in _INDICATOR:
        yield Item(f"指标：{title}", sorted(indicator[key]), sorted(row[0] for row in connection.execute(sql)))
    ledger = expected["rectification"]
    total = _one(connection, "SELECT * FROM board.rectification_overview WHERE category = '合计'")
    pairs = {
        "总数": ("total", "problems"),
        "已销号": ("closed", "closed"),
        "完成率（%）": ("completion_pct", "completion_pct"),
        "按期率（%）": ("on_time_pct", "on_time_pct"),
    }
    for title, (key, column) in pairs.items():
        yield Item(
            f"整改：{title}", float(ledger[key]), float(total[column]) if total.get(column) is not None else None
        )
    lights = {light: total.get(light) for light in ledger["lights"]}
    yield Item("整改：各色灯", ledger["lights"], lights)
    crowded = {(category, town): tickets for category, town, tickets in connection.execute(_CROWDED)}
    for cluster in expected["hotline"]["hot_clusters"]:
        category, town, least = cluster["category_code"], cluster["town_code"], cluster["tickets_at_least"]
        what = f"热线：{town} 的 {category} 类问题 20 天内不少于 {least} 件"
        yield Item(what, True, crowded.get((category, town), 0) >= least)


def _one(connection: psycopg.Connection[Any], sql: str) -> dict[str, Any]:
    cursor = connection.execute(sql)
    row = cursor.fetchone()
    return dict(zip([c.name for c in cursor.description or ()], row, strict=True)) if row else {}
