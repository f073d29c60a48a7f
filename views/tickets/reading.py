"""A ticket file as the typed table `ticket`: one row per ticket, unknown columns NULL, dates read in the file's own order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from connectors import tabular
from schemas import macros
from schemas.dates import COUNTY_OFFSET_MINUTES
from schemas.errors import ConfigError
from views.tickets import mapping as fitting
from views.tickets.mapping import Mapping, folded

if TYPE_CHECKING:
    import duckdb

MOMENTS = (
    "recorded_at", "accepted_at", "dispatched_at", "signed_at", "first_contact_at", "replied_at", "closed_at", "due_at", "updated_at",
)  # fmt: skip
TEXTS = (
    "ticket_no", "status", "unit", "demand_type", "category", "place", "address", "title", "content", "caller", "reply",
    "exclude_reason", "merged_into", "upstream_no", "solved", "satisfaction",
)  # fmt: skip
FLAGS = ("suspended", "excluded", "reached")
NUMBERS = ("extension", "returns", "redos", "likes", "dislikes")
_YES = "('是', '1', 'true', 't', 'y', 'yes', '√', '有', '已接通', '接通')"
_CLOCKS = (" %I:%M:%S %p", " %I:%M %p", " %H:%M:%S", " %H:%M", "")
_US = tuple(f"%m/%d/%Y{clock}" for clock in _CLOCKS)
# What only files of elsewhere hold: months by name, years of two digits.
_NAMED = tuple(
    f"{day}{clock}"
    for day in (
        "%Y %b %d",
        "%d-%b-%Y",
        "%d %b %Y",
        "%d %B %Y",
        "%b %d, %Y",
        "%B %d, %Y",
        "%b %d %Y",
        "%d-%b-%y",
        "%Y-%b-%d",
    )
    for clock in (*_CLOCKS, ", %I:%M %p", " %I.%M.%S.%f %p", " %I:%M:%S.%f %p")
)
_SHORT = {
    order: tuple(f"{day}{clock}" for clock in _CLOCKS) for order, day in (("mdy", "%m/%d/%y"), ("dmy", "%d/%m/%y"))
}


@dataclass
class TicketFile:
    """A file loaded into DuckDB: table `raw` as it stands (with row_no), `mapping` how its columns are meant."""

    con: duckdb.DuckDBPyConnection
    mapping: Mapping
    header: list[str]
    notes: list[str] = field(default_factory=list)

    def has(self, concept: str) -> bool:
        """Whether the file has such a column."""
        return concept in self.mapping.columns

    def column(self, concept: str) -> str:
        """SQL for the raw text of a concept; NULL when the file has none."""
        return f"raw.{quoted(self.mapping.columns[concept])}" if self.has(concept) else "CAST(NULL AS VARCHAR)"

    def moment(self, concept: str) -> str:
        """SQL for a concept's time, where `raw` is joined with `moment`; NULL when the file has no such column."""
        return f"moment.{concept}" if self.has(concept) else "CAST(NULL AS TIMESTAMP)"

    def make_moments(self) -> None:
        """Make table `moment`: row_no and every time of the file; unreadable text and the placeholder years up to 1900 are NULL.

        Common shapes are read in passing; the full reader, dear to plan and to run, sees each odd text once.
        """
        m = self.mapping
        wanted = [c for c in (*MOMENTS, "event_at") if self.has(c)]
        order = f", day_order := '{m.day_order}'" if m.day_order else ""
        us = m.day_order == "mdy" and m.zone_minutes == COUNTY_OFFSET_MINUTES
        shapes = ", ".join(f"'{shape}'" for shape in _US)

        def quick(text: str) -> str:
            if not us:
                return f"timestamp_quick({text}, {m.zone_minutes})"
            read = f"try_strptime({text}, [{shapes}])"  # reads a year of two digits as one of the first century
            return f"CASE WHEN year({read}) > 1900 THEN {read} END"

        county = COUNTY_OFFSET_MINUTES - m.zone_minutes
        elsewhere = ", ".join(f"'{shape}'" for shape in (*_NAMED, *_SHORT.get(m.day_order or "", ())))
        every = " UNION ALL ".join(f"SELECT {self.column(c)} AS said FROM raw" for c in wanted) or "SELECT NULL AS said"
        self.con.execute(f"""
            CREATE TABLE odd_moment AS
            SELECT said, coalesce(
              timestamp_value(said, zone := {m.zone_minutes}, serial := true{order}),
              try_strptime(replace(trim(said), '-', '/'), [{elsewhere.replace("-", "/")}]) + to_minutes({county}),
              make_timestamp(TRY_CAST(CASE WHEN regexp_full_match(said, '1\\d{{12}}') THEN said || '000' WHEN regexp_full_match(said, '1\\d{{9}}')
                THEN said || '000000' END AS BIGINT) + {COUNTY_OFFSET_MINUTES * 60_000_000})) AS at
            FROM (SELECT DISTINCT said FROM ({every}) WHERE said IS NOT NULL AND {quick("said")} IS NULL)""")
        reads = [f"coalesce({quick(self.column(c))}, odd_{c}.at) AS {c}" for c in wanted]
        joins = [f"LEFT JOIN odd_moment AS odd_{c} ON odd_{c}.said = {self.column(c)}" for c in wanted]
        kept = ", ".join(f"CASE WHEN year({c}) > 1900 THEN {c} END AS {c}" for c in wanted)
        self.con.execute(f"""
            CREATE TABLE moment AS
            SELECT row_no{", " + kept if kept else ""} FROM (SELECT {", ".join(["raw.row_no", *reads])} FROM raw {" ".join(joins)})""")


def open_file(
    path: Path, given: Path | None = None, preset: str | None = None, sheet: str | None = None, *,
    columns: dict[str, str] | None = None, timed: bool = True,
) -> TicketFile:  # fmt: skip
    """Read a file and recognise its columns; `columns` beat all, `timed` says that a time of recording is needed.

    Raises:
        ConfigError: no such file, or the mapping does not fit.
        SourceChanged: the file is not a table.
    """
    import duckdb

    chosen: list[Mapping] = []
    header: list[str] = []

    def keep(names: list[str]) -> list[str]:
        header.extend(names)
        chosen.append(fitting.fit(names, given, preset, columns=columns or {}, timed=timed))
        return list(names)

    found = tabular.read(path, fitting.score, keep, sheet)
    con = duckdb.connect()
    con.execute("SET TimeZone = 'Asia/Shanghai'")
    macros.install(con)
    con.register("file_rows", found.table)
    con.execute("CREATE TABLE raw AS SELECT row_number() OVER () AS row_no, * FROM file_rows")
    con.unregister("file_rows")
    # A line drawn under the header is no ticket.
    lines = " AND ".join(
        f"regexp_full_match(coalesce({quoted(name)}, '-'), '[-=_ ]+')" for name in found.table.column_names
    )
    con.execute(f"DELETE FROM raw WHERE {lines}")
    opened = TicketFile(con, chosen[0], header, list(found.notes))
    if opened.mapping.day_order is None:
        opened.mapping = replace(opened.mapping, day_order=_day_order(opened))
    opened.make_moments()
    return opened


def _day_order(file: TicketFile) -> str | None:
    """What the dates with the year last tell about their order: a first number over 12 is a day, a second one too."""
    columns = [file.column(c) for c in (*MOMENTS, "event_at") if file.has(c)]
    if not columns:
        return None
    parts = " UNION ALL ".join(f"SELECT {c} AS v FROM raw" for c in columns)
    shape = r"^\s*(\d{1,2})[/.-](\d{1,2})[/.-](?:\d{4}|\d{2})\b"
    row = file.con.execute(
        f"""SELECT max(TRY_CAST(regexp_extract(v, '{shape}', 1) AS INTEGER)), max(TRY_CAST(regexp_extract(v, '{shape}', 2) AS INTEGER)),
          bool_or(regexp_matches(v, '[AP]M\\s*$')) FROM ({parts}) WHERE regexp_matches(v, '{shape}')"""
    ).fetchone()
    first, second, half_days = row if row else (None, None, None)
    if first is None or second is None:
        return None
    if first > 12 and second > 12:
        raise ConfigError("日期", "有的月在前、有的日在前", "请先在来源统一写法，或改用年月日的次序")
    if first > 12 or second > 12:
        return "dmy" if first > 12 else "mdy"
    if half_days:
        file.notes.append("日期的月日次序看不出来，带 AM/PM，按月在前读；不对请在 --mapping 里写 day_order: dmy")
        return "mdy"
    file.notes.append("日期的月日次序看不出来，没有读；请在 --mapping 里写 day_order: mdy（月在前）或 dmy")
    return None


def make_tickets(file: TicketFile) -> None:
    """Make table `ticket` from `raw`: columns by MOMENTS, TEXTS, FLAGS, NUMBERS, state, and what could not be read.

    A ticket number that stands on several rows keeps the row updated last; `duplicates` counts the others.
    """
    con = file.con
    closed = file.moment("closed_at")
    columns = [f"{file.moment(c)} AS {c}" for c in MOMENTS if c != "closed_at"]
    columns += [f"{file.column(c)} AS {c}" for c in TEXTS]
    columns += [f"lower({file.column(c)}) IN {_YES} AS {c}" for c in FLAGS]
    columns += [f"TRY_CAST(TRY_CAST({file.column(c)} AS DOUBLE) AS INTEGER) AS {c}" for c in NUMBERS]
    columns += [f"{file.column(c)} AS {c}_text" for c in ("recorded_at", "due_at", "replied_at", "closed_at")]
    number = f"coalesce({file.column('ticket_no')}, CAST(raw.row_no AS VARCHAR))"
    con.execute(f"""
        CREATE TABLE typed AS SELECT raw.row_no, {number} AS number, {closed} AS closed_at, {", ".join(columns)}
        FROM raw JOIN moment ON moment.row_no = raw.row_no""")
    _make_states(file)
    closes = "updated_at" if file.mapping.closed_is_updated and not file.has("closed_at") else "closed_at"
    con.execute(f"""
        CREATE TABLE ticket AS
        SELECT t.* EXCLUDE (ticket_no, number, status, closed_at), t.number AS ticket_no, t.status, s.state AS told_state,
          CASE WHEN '{closes}' = 'closed_at' OR s.state IN ('closed', 'archived') THEN t.{closes} END AS closed_at,
          count(*) OVER (PARTITION BY number) - 1 AS duplicates
        FROM typed AS t LEFT JOIN state_of AS s ON s.status = t.status
        QUALIFY row_number() OVER (PARTITION BY number ORDER BY updated_at DESC NULLS LAST, row_no DESC) = 1""")
    con.execute("DROP TABLE typed")
    _midnights(file)


def _make_states(file: TicketFile) -> None:
    """Table state_of: every status text of the file and the state it means (NULL: not known)."""
    said = [row[0] for row in file.con.execute("SELECT DISTINCT status FROM typed WHERE status IS NOT NULL").fetchall()]
    file.con.execute("CREATE TABLE state_of (status VARCHAR, state VARCHAR)")
    pairs = [(text, file.mapping.states.get(folded(text))) for text in said]
    if pairs:
        file.con.executemany("INSERT INTO state_of VALUES (?, ?)", pairs)
    unknown = sorted(text for text, state in pairs if state is None)
    if unknown:
        file.notes.append(f"状态“{'”“'.join(unknown[:5])}”不认识，按时间推断；可在 --mapping 的 states 里写明")


def _midnights(file: TicketFile) -> None:
    """A due day without a clock ends at 24:00; in a file whose every due time is midnight, none of them is a clock."""
    clocked = file.con.execute("SELECT count(*) FROM ticket WHERE due_at <> date_trunc('day', due_at)").fetchone() or (
        0,
    )
    bare = "due_at = date_trunc('day', due_at)"
    if clocked[0]:
        bare += " AND NOT regexp_matches(due_at_text, '[:时点]')"
    file.con.execute(f"UPDATE ticket SET due_at = due_at + INTERVAL 1 DAY - INTERVAL 1 SECOND WHERE {bare}")


def quoted(name: str) -> str:
    """A column name in SQL."""
    return '"' + name.replace('"', '""') + '"'
