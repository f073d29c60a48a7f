"""Tickets rebuilt from the steps they went through, whatever the order the steps arrived in.

A step counts once: by its event number, or, without one, by ticket, moment, step, unit. Steps stand in the order of their
moments, those of one moment in the order of their sequence number, then of the process itself. From them:

    state            what the last step that changes it left behind
    four firsts      first record, dispatch, signing, contact (回访 is no contact), reply
    start            the dispatch that gave it to the unit that has it now: a return ends the clock of the unit that returned
                     it, and a new one starts with the next; given back to the same unit, the first clock runs on
    stop             the last closing, unless a later step opened the ticket again
    extension        units granted by 延期批复 (a number in its note, else the days of deadline_after are taken as the due day)
    pauses           挂起 up to the next 恢复, closing included
"""

from __future__ import annotations

from schemas.clock import AsOf
from schemas.errors import ConfigError
from schemas.reference import code_sets
from views.tickets.mapping import folded
from views.tickets.reading import MOMENTS, NUMBERS, TEXTS, TicketFile

# Step → the state it leaves (None: it changes nothing), in the order of the process.
STEPS: dict[str, str | None] = {
    "记录": "recorded", "受理": "accepted", "预审": None, "派单": "dispatched", "改派": "dispatched", "加派": None, "签收": "signed",
    "联系": None, "退单": "returned", "办理": "handling", "督办": None, "挂起": None, "恢复": None, "延期申请": "extension_requested",
    "延期批复": "extended", "答复": "replied", "审核": None, "回访": "called_back", "重办": "reopened", "结案": "closed", "归档": "archived",
}  # fmt: skip
# What a state in to_status says about the step, for systems that give states only.
_BY_STATE = {
    "recorded": "记录", "accepted": "受理", "dispatched": "派单", "signed": "签收", "returned": "退单", "handling": "办理",
    "extension_requested": "延期申请", "extended": "延期批复", "replied": "答复", "called_back": "回访", "reopened": "重办",
    "closed": "结案", "archived": "归档", "rejected": "不予受理", "answered_directly": "直接答复",
}  # fmt: skip
_MORE = {"联系": ("首次联系", "联系群众", "联系诉求人")}


def make_tickets(file: TicketFile, as_of: AsOf) -> None:
    """Make tables `ticket` and `pause` from the steps in `raw`; steps at or after the horizon are not known yet.

    Raises:
        ConfigError: the file names neither tickets nor moments.
    """
    if not file.has("ticket_no"):
        raise ConfigError("表头", "流转文件里认不出工单编号", "请用 --mapping 写 columns: {ticket_no: 列名}")
    _make_steps(file)
    con = file.con
    event = file.column("event_id")
    con.execute(f"""
CREATE TABLE event AS
WITH read AS (
  SELECT raw.row_no, {file.column("ticket_no")} AS ticket_no, {event} AS event_id, {file.moment("event_at")} AS happened_at,
    TRY_CAST({file.column("seq")} AS INTEGER) AS seq, {file.column("unit")} AS unit,
    coalesce(s.step, t.step) AS step, coalesce(t.state, s.state) AS to_state,
    {_note(file)} AS note, {file.moment("due_at")} AS deadline_after
  FROM raw
  JOIN moment ON moment.row_no = raw.row_no
  LEFT JOIN step_of AS s ON s.said = {file.column("step")} AND s.kind = 'step'
  LEFT JOIN step_of AS t ON t.said = {file.column("to_status")} AND t.kind = 'state'
),
once AS (
  SELECT * FROM read WHERE happened_at IS NOT NULL AND ticket_no IS NOT NULL
  QUALIFY row_number() OVER (PARTITION BY ticket_no, coalesce(event_id, concat_ws('|', happened_at, step, to_state, unit)) ORDER BY row_no) = 1
)
SELECT o.*, coalesce(p.place, 99) AS place, row_number() OVER (PARTITION BY ticket_no ORDER BY happened_at, seq NULLS LAST, coalesce(p.place, 99), o.row_no) AS n
FROM once AS o LEFT JOIN step_place AS p ON p.step = o.step
WHERE o.happened_at < {as_of.horizon_sql}""")
    _say(file)
    # Each dispatch with the unit it went to; a run of dispatches to one unit is one clock.
    con.execute("""
CREATE TABLE dispatch AS
WITH given AS (
  SELECT ticket_no, n, happened_at, unit, lag(unit) OVER (PARTITION BY ticket_no ORDER BY n) AS before FROM event WHERE step IN ('派单', '改派')
)
SELECT ticket_no, max(happened_at) FILTER (before IS NULL OR unit IS DISTINCT FROM before) AS clock_at, min(happened_at) AS first_at,
  arg_max(unit, n) AS unit, count(*) AS dispatches
FROM given GROUP BY ticket_no""")
    moments = {
        "recorded_at": "min(happened_at) FILTER (step = '记录')", "accepted_at": "min(happened_at) FILTER (step = '受理')",
        "signed_at": "min(happened_at) FILTER (step = '签收')", "first_contact_at": "min(happened_at) FILTER (step = '联系')",
        "replied_at": "min(happened_at) FILTER (step = '答复')", "updated_at": "max(happened_at)",
    }  # fmt: skip
    moment_sql = ", ".join(f"{sql} AS {name}" for name, sql in moments.items())
    con.execute(f"""
CREATE TABLE folded_ticket AS
SELECT ticket_no, min(row_no) AS row_no, {moment_sql}, min(happened_at) AS first_at,
  arg_max(to_state, n) FILTER (to_state IS NOT NULL) AS last_state,
  arg_max(unit, n) FILTER (unit IS NOT NULL AND step IN ('签收', '办理', '答复')) AS last_unit,
  max(n) FILTER (step IN ('结案', '直接答复')) AS closed_n, max(n) FILTER (step = '重办') AS reopened_n,
  max(happened_at) FILTER (step IN ('结案', '直接答复')) AS last_closed_at, count(*) FILTER (step = '重办') AS reopened,
  count(*) FILTER (step = '退单') AS returns,
  sum(TRY_CAST(regexp_extract(note, '(?:延期|延长)\\D{{0,6}}(\\d{{1,3}})', 1) AS INTEGER)) FILTER (step = '延期批复') AS extension,
  arg_max(deadline_after, n) FILTER (deadline_after IS NOT NULL) AS due_at
FROM event GROUP BY ticket_no""")
    absent_texts = [c for c in TEXTS if c not in ("ticket_no", "status", "unit")]
    absent_numbers = [c for c in NUMBERS if c not in ("extension", "returns", "redos")]
    nulls = [f"CAST(NULL AS VARCHAR) AS {c}" for c in absent_texts] + [
        f"CAST(NULL AS INTEGER) AS {c}" for c in absent_numbers
    ]
    nulls += [f"CAST(NULL AS VARCHAR) AS {c}_text" for c in ("recorded_at", "due_at", "replied_at", "closed_at")]
    nulls += ["FALSE AS suspended", "FALSE AS excluded", "CAST(NULL AS BOOLEAN) AS reached"]
    con.execute(f"""
CREATE TABLE ticket AS
SELECT f.row_no, f.ticket_no, f.last_state AS status, f.last_state AS told_state, coalesce(d.unit, f.last_unit) AS unit,
  coalesce(f.recorded_at, f.first_at) AS recorded_at, f.accepted_at, d.first_at AS dispatched_at, d.clock_at, f.signed_at, f.first_contact_at,
  f.replied_at, CASE WHEN f.closed_n > coalesce(f.reopened_n, 0) THEN f.last_closed_at END AS closed_at, f.due_at, f.updated_at,
  CAST(f.extension AS INTEGER) AS extension, CAST(f.returns AS INTEGER) AS returns, CAST(f.reopened AS INTEGER) AS redos,
  CAST(f.reopened AS INTEGER) AS reopened, 0 AS duplicates, {", ".join(nulls)}
FROM folded_ticket AS f LEFT JOIN dispatch AS d ON d.ticket_no = f.ticket_no""")
    # A pause ends with the next step that moves the ticket on.
    con.execute("""
CREATE TABLE pause AS
WITH marked AS (
  SELECT ticket_no, n, happened_at, step, min(CASE WHEN step IN ('恢复', '结案', '重办', '改派') THEN happened_at END) OVER (
    PARTITION BY ticket_no ORDER BY n ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS resumed_at
  FROM event
)
SELECT t.row_no AS clock_id, m.happened_at AS paused_at, m.resumed_at FROM marked AS m JOIN ticket AS t ON t.ticket_no = m.ticket_no WHERE m.step = '挂起'""")
    missing = [c for c in MOMENTS if c not in {row[0] for row in con.execute("DESCRIBE ticket").fetchall()}]
    if missing:
        raise RuntimeError(f"table ticket lacks {missing}")


def _make_steps(file: TicketFile) -> None:
    """Tables step_of (a text of the file → step and state) and step_place (step → its place in the process)."""
    con = file.con
    steps = {folded(s): code for s, code in code_sets()["hotline_step"].spellings().items()}
    steps |= {folded(s): step for step, names in _MORE.items() for s in (step, *names)}
    con.execute("CREATE TABLE step_place (step VARCHAR, place INTEGER)")
    con.executemany("INSERT INTO step_place VALUES (?, ?)", [(step, n) for n, step in enumerate(STEPS)])
    con.execute("CREATE TABLE step_of (kind VARCHAR, said VARCHAR, step VARCHAR, state VARCHAR)")
    rows: list[tuple[str, str, str | None, str | None]] = []
    unknown: list[str] = []
    for text in _distinct(file, "step"):
        # A system that has no names for steps gives the state it moved to.
        state = file.mapping.states.get(folded(text))
        step = steps.get(folded(text)) or _BY_STATE.get(state or "")
        rows.append(("step", text, step, STEPS.get(step or "") or (state if step not in STEPS else None)))
        unknown += [text] if step is None else []
    for text in _distinct(file, "to_status"):
        state = file.mapping.states.get(folded(text))
        rows.append(("state", text, _BY_STATE.get(state or ""), state))
    if rows:
        con.executemany("INSERT INTO step_of VALUES (?, ?, ?, ?)", rows)
    if unknown:
        file.notes.append(f"环节“{'”“'.join(sorted(unknown)[:5])}”不认识，只计时间不改状态")


def _distinct(file: TicketFile, concept: str) -> list[str]:
    if not file.has(concept):
        return []
    column = file.column(concept)
    return [
        row[0] for row in file.con.execute(f"SELECT DISTINCT {column} FROM raw WHERE {column} IS NOT NULL").fetchall()
    ]


def _note(file: TicketFile) -> str:
    return next((file.column(c) for c in ("note", "reply", "content") if file.has(c)), "CAST(NULL AS VARCHAR)")


def _say(file: TicketFile) -> None:
    row = file.con.execute("SELECT (SELECT count(*) FROM raw), (SELECT count(*) FROM event)").fetchone()
    if row and row[0] != row[1]:
        file.notes.append(f"{row[0]} 行流转里 {row[0] - row[1]} 行没有用：重复的、没有时间或编号的、截至日以后的")
