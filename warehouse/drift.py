"""What a source no longer delivers as agreed, found before anything of it is merged.

Held (landed whole, nothing merged, a person decides): a mapped column is gone or renamed, a column is new, a column's
kind of value or unit changed, a code nobody knows came in number, a whole delivery lost more than a fifth of its rows or is
empty, or the batch rules are not met. Only told: an increment that is small or empty. A delivery that did not come at all is the inbox's own finding
(warehouse.inbox.missing): no report is not zero rows.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from statistics import median
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from connectors.database import Database
from connectors.drivers import open_driver
from connectors.files import FileDriver
from connectors.header import COORDINATES
from connectors.spec import Connector
from quality.arrow import without_extensions
from quality.check import Checked
from schemas import privacy, reference
from schemas.contract import Contract
from schemas.errors import HubError
from warehouse.engines.adbc import Connection

if TYPE_CHECKING:
    from pathlib import Path

    from connectors.drivers.base import Delivery

FEWER = 0.8  # of the median of past deliveries
_PAST = 3  # deliveries before a median says anything
_MANY, _SOUND, _LEAST = 0.5, 0.1, 20  # shares of values that cannot be read, now and before; rows
_CODE_SHARE, _CODE_ROWS = 0.02, 5
_WHOLE = frozenset({"full", "file_full"})
_MEASURED = frozenset({"integer", "decimal", "percent"})
_CLASSES = (("time", ("time", "date")), ("number", ("int", "num", "dec", "float", "double", "real", "serial")), ("flag", ("bool",)))  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One difference. `subject` is the source column, "" for the delivery as a whole."""

    kind: str
    subject: str
    message: str
    holds: bool = True
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass
class Known:
    """What a source was like at its last committed delivery."""

    columns: dict[str, str] = field(default_factory=dict)  # name -> type
    unread: dict[str, float] = field(default_factory=dict)  # contract field -> share that could not be read
    codes: dict[str, list[str]] = field(
        default_factory=dict
    )  # contract field -> prints of spellings already known to be unknown
    newest: str | None = None  # of a whole: the latest moment its rows are valid from
    units: dict[str, str] | None = None  # column -> unit its header says, "*" for the whole sheet; None: not noted yet

    def text(self) -> str:
        """As the database keeps it."""
        return json.dumps(asdict(self), ensure_ascii=False)


@dataclass
class _Reason:
    name: str
    message_zh: str
    field: str | None = None
    success: bool = False
    severity: str = "error"
    observed: str = ""


@dataclass
class Held:
    """The verdict on a delivery that is held for a change, in the shape of the batch judge's."""

    results: list[_Reason]
    passed: bool = False
    blocked: bool = True
    docs_path: str | None = None

    @property
    def reasons(self) -> list[str]:
        """Why it is held, in words."""
        return [result.message_zh for result in self.results]


def verdict(findings: Iterable[Finding]) -> Held:
    """The findings that hold a delivery, as its verdict."""
    return Held([_Reason(f.kind, f.message, f.subject or None) for f in findings if f.holds])


def judged(verdict: Any) -> Finding:
    """A delivery that the batch rules hold, as a finding for the inbox."""
    return Finding("judged", "", "；".join(str(text) for text in getattr(verdict, "reasons", ())) or "整批规则没有通过")


def known(warehouse: Connection, source_id: int) -> Known | None:
    """What is known of a source; None before its first committed delivery."""
    kept = warehouse.scalar(f"SELECT columns::text FROM hub.source_layout WHERE source_id = {source_id}")
    warehouse.commit()
    return None if kept is None else Known(**{k: v for k, v in json.loads(kept).items() if k in Known.__annotations__})


def remember(warehouse: Connection, source_id: int, now: Known) -> None:
    """Keep what a source is like now; part of the transaction that commits its delivery."""
    warehouse.execute(
        f"INSERT INTO hub.source_layout (source_id, columns) VALUES ({source_id}, $1::text::json) "
        "ON CONFLICT (source_id) DO UPDATE SET columns = EXCLUDED.columns",
        now.text(),
    )


ANSWERED = "INSERT INTO hub.source_answer (source_id, answered_on) SELECT source_id, '{day}' FROM hub.source WHERE {which} ON CONFLICT DO NOTHING"


def visit(
    warehouse: Connection, source_id: int, day: date, *, problem: str | None = None, delivered: bool = False
) -> None:
    """Note that a source was asked on that day of the hub's, and whether it answered: what tells a silent source from one with nothing new."""
    if problem is None:
        warehouse.execute(ANSWERED.format(day=day, which=f"source_id = {source_id}"))
    answered = "NULL" if problem else "clock_timestamp()"
    warehouse.execute(
        f"INSERT INTO hub.source_layout (source_id, asked_at, answered_at, delivered_at, problem, failures) VALUES ({source_id}, clock_timestamp(), "
        f"{answered}, {'clock_timestamp()' if delivered else 'NULL'}, $1::text, {1 if problem else 0}) ON CONFLICT (source_id) DO UPDATE SET "
        f"failures = {'hub.source_layout.failures + 1' if problem else 0}, "
        "asked_at = EXCLUDED.asked_at, answered_at = coalesce(EXCLUDED.answered_at, hub.source_layout.answered_at), "
        "delivered_at = coalesce(EXCLUDED.delivered_at, hub.source_layout.delivered_at), problem = EXCLUDED.problem",
        problem,
    )
    warehouse.commit()


# ------------------------------------------------------------------------------------------------ columns
def catalogue(connector: Connector) -> dict[str, str] | None:
    """A database's columns and types now; None for sources that tell them with each delivery."""
    driver = open_driver(connector)
    if not isinstance(driver, Database):
        return None
    with suppress(HubError):
        return told({column.name: column.type for column in driver.columns()})
    return None


def landed_columns(landed: Path) -> dict[str, str]:
    """The columns of a landed delivery, the coordinates left out."""
    schema = pq.read_schema(landed)
    return told({f.name: str(f.type) for f in schema if f.name not in COORDINATES})


def told(columns: dict[str, str]) -> dict[str, str]:
    """Columns under the names that may be kept: in a file without a heading the first row's numbers of persons are names."""
    return {privacy.scrub(name) or name: kind for name, kind in columns.items()}


def of_columns(connector: Connector, agreed: Contract, before: Known, now: dict[str, str]) -> list[Finding]:
    """Columns gone, renamed and new, and mapped ones whose type is of another class."""
    needed = connector.source_columns
    gone = [name for name in needed if name not in now]
    added = [name for name in now if name not in before.columns and name not in needed]
    found, renamed = [], _renames(connector, agreed, gone, added)
    for name in gone:
        fields = [
            agreed.fields[f].title for f, column in connector.fields.items() if column == name and f in agreed.fields
        ]
        told = f"（{'、'.join(fields)}）" if fields else ""
        if name in renamed:
            new, certainty, reason = renamed[name]
            found.append(
                Finding("column_renamed", name, f"列“{name}”{told}不见了，像是改名为“{new}”（{reason}，把握 {certainty:.0%}）",
                        detail={"to": new, "certainty": certainty, "reason": reason, "fields": _of(connector, name)})
            )  # fmt: skip
        else:
            found.append(Finding("column_gone", name, f"列“{name}”{told}不见了", detail={"fields": _of(connector, name)}))  # fmt: skip
    taken = {new for new, _, _ in renamed.values()}
    found += [
        Finding("column_added", name, f"多了一列“{name}”", detail={"may_be": _may_be(connector, agreed, name)})
        for name in added
        if name not in taken
    ]
    for name in needed:
        was, is_ = before.columns.get(name), now.get(name)
        if was and is_ and _class(was) != _class(is_):
            found.append(
                Finding("type_changed", name, f"列“{name}”的类型由 {was} 变为 {is_}", detail={"from": was, "to": is_, "fields": _of(connector, name)})
            )  # fmt: skip
    return found


def of_units(connector: Connector, agreed: Contract, before: Known, units: dict[str, str]) -> list[Finding]:
    """Mapped columns of plain numbers whose unit is another; amounts of money are converted. One no longer or newly said is only told."""
    found = []
    for name in connector.source_columns if before.units is not None else ():
        kinds = {agreed.fields[f].kind for f in _of(connector, name) if f in agreed.fields}
        whole = "*" if "decimal" in kinds else ""  # counts of people stand under 单位：万元 too
        was, is_ = ((said or {}).get(name, (said or {}).get(whole)) for said in (before.units, units))
        if was != is_ and kinds & _MEASURED:
            told = f"列“{name}”的单位由{was or '没有写'}变为{is_ or '没有写'}"
            detail = {"from": was, "to": is_, "fields": _of(connector, name)}
            found.append(Finding("type_changed", name, told, bool(was and is_), detail))
    return found


def _of(connector: Connector, column: str) -> list[str]:
    return [name for name, mapped in connector.fields.items() if mapped == column]


def _class(type_name: str) -> str:
    lowered = type_name.lower()
    return next((name for name, words in _CLASSES if any(word in lowered for word in words)), "text")


def _renames(
    connector: Connector, agreed: Contract, gone: Sequence[str], added: Sequence[str]
) -> dict[str, tuple[str, float, str]]:
    """Old column -> (new column, certainty, reason): each new one at most once, the surest pairs first."""
    from connectors import proposal

    pairs = []
    for old in gone:
        for new in added:
            scores = [proposal.named(old, old, (), new)]
            for name in _of(connector, old):
                if f := agreed.fields.get(name):
                    aliases = reference.column_aliases(agreed.dataset).get(name, ())
                    scores.append(proposal.named(f.name, f.title, aliases, new))
            certainty, reason = max(scores)
            if certainty >= proposal.LEAST:
                pairs.append((certainty, old, new, reason))
    found: dict[str, tuple[str, float, str]] = {}
    for certainty, old, new, reason in sorted(pairs, reverse=True):
        if old not in found and new not in {pair[0] for pair in found.values()}:
            found[old] = new, certainty, reason
    if len(gone) == len(added) == 1 and gone[0] not in found:
        found[gone[0]] = added[0], 0.5, "少了一列、多了一列"
    return found


def _may_be(connector: Connector, agreed: Contract, column: str) -> list[dict[str, Any]]:
    """The contract's unmapped fields that a new column may be, likest first."""
    from connectors import proposal

    aliases = reference.column_aliases(agreed.dataset)
    scored = [
        (f.name, *proposal.named(f.name, f.title, aliases.get(f.name, ()), column))
        for f in agreed.fields.values()
        if f.name not in connector.fields and f.name not in connector.constants
    ]
    likely = sorted((s for s in scored if s[1] >= proposal.LEAST), key=lambda s: -s[1])[:3]
    return [{"field": name, "certainty": certainty, "reason": reason} for name, certainty, reason in likely]


def readable(connector: Connector, delivery: Delivery) -> tuple[Delivery, dict[str, str] | None] | None:
    """The same delivery as far as it can be read, when gone columns or no rows at all stopped it; else None.

    A database says its columns, which are given back too. A file is tried with one mapped column after another, on its
    first rows only.
    """
    driver = open_driver(connector)
    wanted = connector.source_columns
    columns: dict[str, str] | None = None
    extra: list[str] = []
    if isinstance(driver, FileDriver):
        # An empty sheet has its columns all the same.
        connector = replace(connector, source={**connector.source, "allow_empty": True})
        there = [name for name in wanted if _opens(_only(connector, [name]), delivery)]
        if len(there) == len(wanted):
            again = _same(connector, delivery) if delivery.kind == "file_full" else None
            return None if again is None or any(batch.num_rows for batch in again.batches()) else (again, None)
    else:
        try:
            columns = {column.name: column.type for column in driver.columns()}
        except HubError:
            return None
        there = [name for name in wanted if name in columns]
        extra = [name for name in columns if name not in wanted]  # one of them may be a gone column's new name
    if not there or len(there) == len(wanted):
        return None
    again = _same(_only(connector, there, extra), delivery)
    return None if again is None else (again, columns)


def _only(connector: Connector, columns: Sequence[str], extra: Sequence[str] = ()) -> Connector:
    fields = {name: column for name, column in connector.fields.items() if column in columns}
    fields |= {f"+{column}": column for column in extra}
    cursor = connector.cursor if connector.cursor in columns else None
    mode = connector.mode if cursor or connector.mode != "cursor" else "full"
    return replace(connector, fields=fields or {columns[0]: columns[0]}, cursor=cursor, mode=mode)


def _same(connector: Connector, delivery: Delivery) -> Delivery | None:
    """The delivery as another reading of its source gives it."""
    found = deque(
        (d for d in open_driver(connector).deliveries(delivery.position, ())
         if d.name == delivery.name and d.content_sha256 == delivery.content_sha256), maxlen=1,
    )  # fmt: skip
    return found.pop() if found else None


def _opens(connector: Connector, delivery: Delivery) -> bool:
    again = _same(connector, delivery)
    if again is None:
        return False
    try:
        next(iter(again.batches()))
    except HubError:
        return False
    return True


# ------------------------------------------------------------------------------------------------ rows and values
def of_rows(kind: str, rows: int, past: Sequence[int]) -> list[Finding]:
    """A delivery that is empty, or has lost more than a fifth of the usual rows."""
    if kind not in _WHOLE and kind != "file":
        return []  # an increment may be of any size
    whole = kind in _WHOLE
    if rows == 0:
        return [Finding("empty", "", "本次交付一行数据也没有", whole, {"past": list(past)})] if any(past) else []
    # Of a whole, what is not there is closed: one delivery before it is enough to ask a person first.
    if len(past) >= (1 if whole else _PAST) and median(past) >= _LEAST and rows < FEWER * median(past):
        usual = round(median(past))
        told = f"本次只有 {rows:,} 行，往常约 {usual:,} 行，少了 {1 - rows / usual:.0%}"
        return [Finding("rows_dropped", "", told, whole, {"rows": rows, "usual": usual, "past": list(past)})]
    return []


def newest(con: Any, agreed: Contract, checked: Checked) -> str | None:
    """The latest moment from which a row that passed is valid; None where the source does not tell."""
    if agreed.valid_from not in checked.source_columns:
        return None
    moment = f"max({_q(str(agreed.valid_from))})::TIMESTAMP::VARCHAR"
    found = con.execute(f"SELECT {moment} FROM read_parquet('{checked.parquet}') WHERE NOT ({checked.bad})").fetchone()
    return found[0]  # type: ignore[no-any-return]


def aged(before: Known, now: Known) -> bool:
    """Whether a whole is of an earlier moment than the one before it."""
    return bool(before.newest and now.newest and now.newest < before.newest)


def of_age(
    con: Any, warehouse: Connection, agreed: Contract, checked: Checked, source_id: int, earlier: dict[str, Any] | None
) -> list[Finding]:  # fmt: skip
    """A whole that is older than what is here: the bytes of an `earlier` batch, or rows that all go back in time.

    It may be an old file sent by mistake, and may be put back on purpose: a person is asked where it takes many rows back,
    and told where it is a few. `warehouse` is a session of its own: what of this delivery is on its way is not seen.
    """
    moment = _q(str(agreed.valid_from)) if agreed.valid_from in checked.source_columns else "NULL"
    keys = ", ".join(_q(k) for k in agreed.key)
    statement, reader = warehouse.stream(
        f"SELECT {keys}, _row_hash AS hash, {moment}::timestamp AS moment FROM record.{_q(agreed.dataset)} WHERE _source_id = {source_id}"
    )
    con.register("arrow_here", without_extensions(reader, keep="arrow.uuid").__arrow_c_stream__())
    same = " AND ".join(f"a.{_q(k)} = h.{_q(k)}" for k in agreed.key)
    back, on, other = con.execute(
        f"""SELECT count(*) FILTER (WHERE a.moment < h.moment), count(*) FILTER (WHERE a.moment > h.moment),
          count(*) FILTER (WHERE a._row_hash IS DISTINCT FROM h.hash)
        FROM (SELECT {keys}, _row_hash, {moment}::TIMESTAMP AS moment FROM read_parquet('{checked.parquet}') WHERE NOT ({checked.bad})) a
        FULL JOIN arrow_here h ON {same}"""
    ).fetchone()
    con.unregister("arrow_here")
    statement.close()
    if earlier and other:
        told = f"与第 {earlier['batch_id']} 批（{earlier['delivery']}，{earlier['day']}）一字不差，而其后来过别的：{other:,} 行要回到那时的样子"
    elif back and not on:
        told, other = (
            f"像是旧的一份：{back:,} 行的{agreed.fields[str(agreed.valid_from)].title}比已入库的早，没有一行晚",
            back,
        )
    else:
        return []
    return [Finding("judged", "older", told, other >= _LEAST, {"rows": other})]


def of_values(con: Any, landed: Path, checked: Checked, before: Known | None) -> tuple[list[Finding], Known]:
    """Fields most of whose values can be read no longer, and codes nobody knows; and what to remember of these."""
    asked = [r for r in checked.rules if r.field and r.name in {"unparsed", "code_set"} and r.severity == "error"]
    now = Known(landed_columns(landed))
    if not asked or not checked.extracted:
        return [], now
    flags = ", ".join(f"count(*) FILTER (WHERE {r.flag})" for r in asked)
    bad = con.execute(f"SELECT {flags} FROM read_parquet('{checked.parquet}')").fetchone()
    fills = ", ".join(f"count({_q(checked.source_columns[str(r.field)])})" for r in asked)
    filled = con.execute(f"SELECT {fills} FROM read_parquet('{landed}')").fetchone()
    found: list[Finding] = []
    for r, wrong, given in zip(asked, bad, filled, strict=True):
        name, column = str(r.field), checked.source_columns[str(r.field)]
        part = wrong / given if given else 0.0
        if r.name == "unparsed":
            now.unread[name] = round(part, 4)
            was = before.unread.get(name, 1.0) if before else 1.0
            if part >= _MANY and was <= _SOUND and given >= _LEAST:
                found.append(
                    Finding("type_changed", column, f"列“{column}”（{r.title}）有 {part:.0%} 的值读不懂，以前只有 {was:.0%}，像是换了格式",
                            detail={"fields": [name], "unread": part, "before": was})
                )  # fmt: skip
        elif wrong:
            told = _spellings(con, landed, checked, r, column)
            now.codes[name] = [_print(spelling) for spelling, _ in told]
            seen = set(before.codes.get(name, ())) if before else set(now.codes[name])
            found += [
                Finding("code_added", f"{column}={spelling}", f"列“{column}”（{r.title}）出现代码表里没有的“{spelling}”，{rows:,} 行",
                        detail={"field": name, "column": column, "spelling": spelling, "rows": rows})
                for spelling, rows in told
                if not seen & {spelling, _print(spelling)} and rows >= max(_CODE_ROWS, _CODE_SHARE * given)
            ]  # fmt: skip
    return found, now


def _spellings(con: Any, landed: Path, checked: Checked, rule: Any, column: str) -> list[tuple[str, int]]:
    """Unknown spellings of one coded field with their rows, most frequent first.

    Numbers of persons are masked: rows whose columns have shifted bring them into any column.
    """
    rows = con.execute(
        f"""SELECT left(scrub(l.{_q(column)}::VARCHAR), 40) AS spelling, count(*) AS n FROM read_parquet('{checked.parquet}') c
        JOIN (SELECT {_q(column)}, file_row_number AS _ln FROM read_parquet('{landed}', file_row_number=true)) l ON l._ln = c._n
        WHERE {rule.flag.replace("(_w", "(c._w")} AND l.{_q(column)} IS NOT NULL GROUP BY 1 ORDER BY n DESC, 1 LIMIT 50"""
    ).fetchall()
    return [(str(spelling), int(n)) for spelling, n in rows]


def _print(spelling: str) -> str:
    return hashlib.sha256(spelling.encode()).hexdigest()[:16]


def _q(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


# ------------------------------------------------------------------------------------------------ the inbox's rows
def record(
    warehouse: Connection, source_id: int, findings: Iterable[Finding], *, delivery: str, content: str | None, batch_id: int | None
) -> None:  # fmt: skip
    """Put findings into the inbox, in the transaction of their batch; one still open for the same thing is brought up to date."""
    findings = list(findings)
    if not findings:
        return
    # A newer reading of a table takes the place of the one that was waiting.
    warehouse.execute(
        f"UPDATE hub.batch SET status = 'skipped' WHERE status = 'held' AND content_sha256 IS NULL AND batch_id IN "
        f"(SELECT batch_id FROM hub.drift WHERE source_id = {source_id} AND delivery = $1 AND state = 'open')",
        delivery,
    )
    for finding in findings:
        warehouse.execute(
            "INSERT INTO hub.drift (source_id, kind, subject, message, detail, holds, delivery, content_sha256, batch_id) "
            f"VALUES ({source_id}, $1, $2, $3, $4::text::json, {str(finding.holds).lower()}, $5, $6::text, {batch_id or 'NULL'}) "
            "ON CONFLICT (source_id, kind, subject, delivery) WHERE state = 'open' DO UPDATE SET message = EXCLUDED.message, "
            "detail = EXCLUDED.detail, holds = EXCLUDED.holds, batch_id = coalesce(EXCLUDED.batch_id, hub.drift.batch_id), "
            "content_sha256 = EXCLUDED.content_sha256, found_at = clock_timestamp()",
            finding.kind, finding.subject, finding.message, json.dumps(finding.detail, ensure_ascii=False, default=str), delivery, content,
        )  # fmt: skip


def settle(warehouse: Connection, source_id: int, delivery: str, reason: str) -> bool:
    """Close what was open about a delivery that has now come in right, and about a source that reports again; whether it had been held."""
    held = warehouse.execute(
        f"UPDATE hub.batch SET status = 'skipped' WHERE status = 'held' AND batch_id IN (SELECT batch_id FROM hub.drift "
        f"WHERE source_id = {source_id} AND delivery = $1 AND state = 'open' AND holds)",
        delivery,
    )
    warehouse.execute(
        f"UPDATE hub.drift SET state = 'closed', decided_at = clock_timestamp(), reason = $2 WHERE source_id = {source_id} "
        "AND state = 'open' AND (kind = 'missing' OR (delivery = $1 AND holds))",
        delivery,
        reason,
    )
    return held > 0
