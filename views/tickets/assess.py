"""Every ticket of a file judged: state, deadline with its rule, verdict with its reason, first times, elapsed.

The deadline is the one written on the ticket, or the rule's end by the clock engine (schemas.clock); what is judged is
the first of the mapping's `stop` times. Nothing after the as-of moment is known.

    on_time, late, open_not_due, open_overdue, suspended   see schemas.clock
    undeterminable   a time that is needed is missing or cannot be read; `reason` says which
    not_assessed     merged into another ticket, counted under the same upstream number, rejected, or recorded later
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from schemas.calendar import Override, build, to_arrow
from schemas.clock import VERDICTS, AsOf, clock_sql
from schemas.reference import code_sets
from views.tickets import events, rules
from views.tickets.reading import TicketFile, make_tickets, open_file, quoted

VERDICT_TEXTS = {**VERDICTS, "not_assessed": "不考核"}
COLUMNS = (
    "ticket_no", "unit", "state", "state_text", "start_at", "stop_at", "due_at", "due_from", "rule_id", "rule", "provisional",
    "verdict", "verdict_text", "reason", "overdue_minutes", "elapsed_minutes", "elapsed_workdays", "used_pct", "dispatch_minutes",
    "sign_minutes", "contact_minutes", "reply_minutes", "returns", "redos", "reopened", "extension", "excluded", "note",
)  # fmt: skip
# 5 个工作日, 24小时内, 请在三天内回复, 一周: a span as tickets write it; a bare 30日 is a span here, minutes are only so.
_BARE = "^\\s*(\\d{1,4})\\s*(分钟|日)\\s*$"
_SPAN = "^after[|]([0-9]+)[|]([wdhW])$"


def assess(
    path: Path,
    as_of: AsOf,
    *,
    given: Path | None = None,
    preset: str | None = None,
    rule_file: Path | None = None,
    sheet: str | None = None,
    overrides: Sequence[Override] = (),
    announced: Sequence[int] = (),
) -> TicketFile:
    """Judge a file; afterwards its connection has table `assessed` with COLUMNS, one row per ticket in the file's order.

    Raises:
        ConfigError: the file, the mapping or a rule cannot be used as it is.
    """
    file = open_file(path, given, preset, sheet)
    if file.mapping.is_events:
        events.make_tickets(file, as_of)
    else:
        make_tickets(file)
        file.con.execute("ALTER TABLE ticket ADD COLUMN reopened INTEGER")
        file.con.execute("ALTER TABLE ticket ADD COLUMN clock_at TIMESTAMP")
        file.con.execute("CREATE TABLE pause (clock_id BIGINT, paused_at TIMESTAMP, resumed_at TIMESTAMP)")
    _calendar(file, as_of, overrides, announced)
    _clocks(file, as_of, rule_file)
    _judge(file, as_of)
    return file


def _calendar(file: TicketFile, as_of: AsOf, overrides: Sequence[Override], announced: Sequence[int]) -> None:
    """Table work_calendar over all years the tickets touch, and two more."""
    moments = (
        "least(recorded_at, accepted_at, dispatched_at)",
        "greatest(recorded_at, dispatched_at, closed_at, replied_at)",
    )
    row = file.con.execute(f"SELECT min(year({moments[0]})), max(year({moments[1]})) FROM ticket").fetchone()
    first, last = row if row and row[0] else (as_of.now.year, as_of.now.year)
    first, last = min(first, as_of.now.year), max(last or first, as_of.now.year)
    rows = to_arrow(build(max(first, 1949), min(last + 2, 2100), overrides, announced))
    file.con.register("calendar_rows", rows)
    file.con.execute("CREATE TABLE work_calendar AS SELECT * FROM calendar_rows")
    file.con.unregister("calendar_rows")


def _clocks(file: TicketFile, as_of: AsOf, rule_file: Path | None) -> None:
    """Table `judged`: the tickets with start, stop and the end by their rule."""
    m = file.mapping
    applied: list[rules.Rule] = []
    if m.deadline != "column" or rule_file:
        applied = rules.load(rule_file) if rule_file else rules.county_rules(m.rule)
    names = {name: f"raw.{quoted(name)}" for name in file.header}
    names |= {concept: f"raw.{quoted(column)}" for concept, column in m.columns.items()}
    ordered, position = rules.choice(applied, "t.started_at", names)
    file.con.execute(
        "CREATE TABLE rule (position INTEGER, rule_id VARCHAR, rule_text VARCHAR, clock_unit VARCHAR, days INTEGER, most INTEGER)"
    )
    if ordered:
        rows = [(n, r.rule_id, r.text, r.clock_unit, r.days, r.extension_days) for n, r in enumerate(ordered)]
        file.con.executemany("INSERT INTO rule VALUES (?, ?, ?, ?, ?, ?)", rows)
    start, stop = (", ".join(f"t.{c}" for c in chosen) for chosen in (m.start, m.stop))
    # A limit may be written as a span, 3 个工作日, instead of a day: that ticket's own rule.
    file.con.execute(f"""
        CREATE TABLE span AS
        SELECT said, CASE unit WHEN 'w' THEN 'workday' WHEN 'h' THEN 'hour' WHEN '分钟' THEN 'minute' ELSE 'day' END AS clock_unit,
          CAST(many AS INTEGER) * CASE unit WHEN 'W' THEN 7 ELSE 1 END AS days
        FROM (SELECT said, coalesce(nullif(regexp_extract(spec, '{_SPAN}', 1), ''), regexp_extract(said, '{_BARE}', 1)) AS many,
            coalesce(nullif(regexp_extract(spec, '{_SPAN}', 2), ''), regexp_extract(said, '{_BARE}', 2)) AS unit
          FROM (SELECT said, limit_spec(said) AS spec FROM (SELECT DISTINCT due_at_text AS said FROM ticket WHERE due_at IS NULL)))
        WHERE many <> ''""")
    own = "t.due_at IS NULL AND span.said IS NOT NULL" if m.deadline != "rule" else "FALSE"
    # A reopened ticket runs on: what it was closed with belongs to the round before.
    file.con.execute(f"""
        CREATE TABLE asked AS
        SELECT t.* EXCLUDE (due_at), t.due_at AS told_due, t.row_no AS clock_id,
          CASE WHEN {own} THEN '工单写明' ELSE r.rule_id END AS rule_id,
          CASE WHEN {own} THEN '工单写明 ' || t.due_at_text ELSE r.rule_text END AS rule_text,
          CASE WHEN {own} THEN span.clock_unit ELSE r.clock_unit END AS clock_unit,
          CASE WHEN {own} THEN span.days ELSE r.days END AS days, CASE WHEN NOT ({own}) THEN r.most END AS most
        FROM (SELECT t.*, coalesce(t.clock_at, {start}) AS started_at,
            CASE WHEN t.told_state IS DISTINCT FROM 'reopened' THEN coalesce({stop}) END AS stopped_at FROM ticket AS t) AS t
        LEFT JOIN raw ON raw.row_no = t.row_no
        LEFT JOIN span ON span.said = t.due_at_text
        LEFT JOIN rule AS r ON r.position = {position}""")
    # A million tickets are gigabytes in each of these tables: what has served goes.
    _drop(file, "raw", "moment", "ticket", "span")
    sql = clock_sql("asked", as_of, "pause" if file.mapping.is_events else None)
    file.con.execute(f"CREATE TABLE judged AS {sql}")
    _drop(file, "asked")


def _judge(file: TicketFile, as_of: AsOf) -> None:
    names = {code.code: code.name for code in code_sets()["hotline_status"].codes}
    file.con.execute("CREATE TABLE state_name (state VARCHAR, state_text VARCHAR)")
    file.con.executemany("INSERT INTO state_name VALUES (?, ?)", list(names.items()))
    horizon, now = as_of.horizon_sql, as_of.now_sql
    written = "told_due" if file.mapping.deadline != "rule" else "CAST(NULL AS TIMESTAMP)"
    known = {
        c: f"CASE WHEN {c} < {horizon} THEN {c} END"
        for c in ("closed_at", "replied_at", "signed_at", "dispatched_at", "first_contact_at")
    }
    told = "FALSE" if file.mapping.deadline == "rule" else "TRUE"
    later = f"closed_at >= {horizon} OR stopped_at >= {horizon}"
    missing_due = "没有写明时限" if file.mapping.deadline == "column" else "没有写明时限，也没有适用的规则"
    verdict_texts = " ".join(f"WHEN '{v}' THEN '{text}'" for v, text in VERDICT_TEXTS.items())
    file.con.execute(f"""
CREATE TABLE assessed AS
WITH known AS (
  SELECT *, {written} AS written_due,
    CASE WHEN stopped_at < {horizon} THEN stopped_at END AS stop_at,
    first_value(ticket_no) OVER (PARTITION BY upstream_no ORDER BY recorded_at NULLS LAST, row_no) AS first_of_upstream,
    CASE WHEN told_state IS NOT NULL AND NOT coalesce({later}, FALSE) THEN told_state
      WHEN {known["closed_at"]} IS NOT NULL THEN 'closed' WHEN {known["replied_at"]} IS NOT NULL THEN 'replied'
      WHEN {known["signed_at"]} IS NOT NULL THEN 'signed' WHEN {known["dispatched_at"]} IS NOT NULL THEN 'dispatched'
      ELSE 'recorded' END AS state
  FROM judged
),
due AS (
  SELECT *, coalesce(written_due, due_at) AS due,
    CASE WHEN written_due IS NOT NULL THEN 'ticket' WHEN due_at IS NOT NULL THEN 'rule' END AS due_from
  FROM known
),
reasoned AS (
  SELECT *,
    CASE
      WHEN recorded_at >= {horizon} THEN 'not:截至日之后才受理'
      WHEN merged_into IS NOT NULL AND merged_into <> ticket_no THEN 'not:已并入主单 ' || merged_into
      WHEN upstream_no IS NOT NULL AND first_of_upstream <> ticket_no THEN 'not:与 ' || first_of_upstream || ' 是同一张上级工单，只算一张'
      WHEN state = 'rejected' THEN 'not:不予受理或已取消'
      WHEN stop_at IS NULL AND stopped_at IS NULL AND coalesce(closed_at_text, replied_at_text) IS NOT NULL AND state <> 'reopened'
        AND closed_at IS NULL AND replied_at IS NULL THEN 'bad:办结或答复时间读不懂'
      WHEN stop_at IS NULL AND stopped_at IS NULL AND state IN ('closed', 'archived') THEN 'bad:状态为已办结，但没有办结时间'
      WHEN stop_at IS NULL AND stopped_at IS NULL AND state IN ('replied', 'called_back') THEN 'bad:状态为已答复，但没有答复时间'
      WHEN stop_at IS NULL AND stopped_at IS NULL AND reply IS NOT NULL AND '{file.mapping.stop[0]}' = 'replied_at'
        THEN 'bad:有答复内容，但没有答复时间'
      WHEN written_due IS NULL AND regexp_matches(due_at_text, '[0-9]') AND rule_id IS DISTINCT FROM '工单写明' AND {told} THEN 'bad:办理时限读不懂'
      WHEN due IS NULL AND started_at IS NULL AND recorded_at_text IS NOT NULL THEN 'bad:起算时间读不懂'
      WHEN due IS NULL AND started_at IS NULL THEN 'bad:没有起算时间'
      WHEN due IS NULL AND rule_id IS NULL THEN 'bad:{missing_due}'
      WHEN due IS NULL THEN 'bad:时限超出了工作日历'
      WHEN due_from = 'rule' AND CAST(stop_at AS DATE) < CAST(started_at AS DATE) THEN 'bad:办结或答复早于受理'
    END AS trouble
  FROM due
),
settled AS (
  SELECT *,
    CASE
      WHEN trouble LIKE 'not:%' THEN 'not_assessed'
      WHEN trouble IS NOT NULL THEN 'undeterminable'
      WHEN stop_at IS NOT NULL THEN CASE WHEN date_trunc('second', stop_at) <= due THEN 'on_time' ELSE 'late' END
      WHEN is_paused OR suspended THEN 'suspended'
      WHEN due < {now} THEN 'open_overdue'
      ELSE 'open_not_due' END AS settled_verdict
  FROM reasoned
)
SELECT s.row_no, s.ticket_no, s.unit, s.state, n.state_text, s.started_at AS start_at, s.stop_at, s.due AS due_at, s.due_from,
  CASE WHEN s.due_from = 'rule' THEN s.rule_id END AS rule_id,
  CASE WHEN s.due_from = 'ticket' THEN '工单写明的时限' ELSE s.rule_text || CASE WHEN s.extension > 0 THEN '；延期 ' || s.extension ELSE '' END
    || CASE WHEN s.paused > 0 THEN '；暂停顺延' ELSE '' END END AS rule,
  CASE WHEN s.due_from = 'rule' THEN s.provisional WHEN s.due IS NOT NULL THEN FALSE END AS provisional,
  s.settled_verdict AS verdict, CASE s.settled_verdict {verdict_texts} END AS verdict_text, substr(s.trouble, 5) AS reason,
  CASE WHEN s.settled_verdict IN ('late', 'open_overdue')
    THEN CAST(floor(epoch(coalesce(s.stop_at, {now})) / 60) - floor(epoch(s.due) / 60) AS BIGINT) END AS overdue_minutes,
  {_minutes("s.started_at", f"coalesce(s.stop_at, {now})")} AS elapsed_minutes,
  CASE WHEN s.started_at <= coalesce(s.stop_at, {now}) THEN b.workday_no - a.workday_no END AS elapsed_workdays,
  CASE WHEN s.due_from = 'rule' THEN s.used_pct
    WHEN s.due > s.started_at THEN greatest(0, round(100.0 * (epoch(coalesce(s.stop_at, {now})) - epoch(s.started_at)) / nullif(epoch(s.due) - epoch(s.started_at), 0), 1))
    END AS used_pct,
  {_minutes("s.recorded_at", "CASE WHEN s.dispatched_at < " + horizon + " THEN s.dispatched_at END")} AS dispatch_minutes,
  {_minutes("s.dispatched_at", "CASE WHEN s.signed_at < " + horizon + " THEN s.signed_at END")} AS sign_minutes,
  {_minutes("coalesce(s.dispatched_at, s.recorded_at)", "CASE WHEN s.first_contact_at < " + horizon + " THEN s.first_contact_at END")} AS contact_minutes,
  {_minutes("coalesce(s.dispatched_at, s.recorded_at)", "CASE WHEN s.replied_at < " + horizon + " THEN s.replied_at END")} AS reply_minutes,
  s.returns, s.redos, s.reopened, s.extension, coalesce(s.excluded, FALSE) AS excluded,
  nullif(concat_ws('；',
    CASE WHEN s.excluded THEN '剔除考核' || coalesce('：' || s.exclude_reason, '') END,
    CASE WHEN s.duplicates > 0 THEN '文件里有 ' || (s.duplicates + 1) || ' 行同号，取最新的' END,
    CASE WHEN s.stop_at < s.started_at AND s.due_from = 'ticket' THEN '办结早于受理' END,
    CASE WHEN s.stop_at IS NOT NULL AND s.told_state IN ('recorded', 'accepted', 'dispatched', 'signed', 'handling') THEN '状态还是“' || s.status || '”，但已有办结或答复时间' END,
    CASE WHEN s.extension > s.most AND s.due_from = 'rule' THEN '延期超过规则允许的 ' || s.most END), '') AS note,
  s.recorded_at, s.category, s.place, s.demand_type, s.reached, s.solved, s.satisfaction, s.first_contact_at, s.dispatched_at
FROM settled AS s
LEFT JOIN state_name AS n ON n.state = s.state
LEFT JOIN work_calendar AS a ON a.day = CAST(s.started_at AS DATE)
LEFT JOIN work_calendar AS b ON b.day = CAST(coalesce(s.stop_at, {now}) AS DATE)
ORDER BY s.row_no""")
    _drop(file, "judged")


def _drop(file: TicketFile, *tables: str) -> None:
    for table in tables:
        file.con.execute(f"DROP TABLE {table}")


def _minutes(start: str, end: str) -> str:
    return f"CASE WHEN {end} >= {start} THEN CAST(floor((epoch({end}) - epoch({start})) / 60) AS BIGINT) END"
