"""The limit: PostgreSQL's own COPY and MERGE and nothing else: no rules, no landing, no history, no provenance."""

from __future__ import annotations

import shlex

from benchmarks.ticket.contender import Contender, Task
from benchmarks.ticket.content import COLUMNS
from benchmarks.ticket.source import TABLE
from warehouse.engines.postgresql import binaries

_LIST = ", ".join(COLUMNS)
_INCOMING = ", ".join(f"s.{column}" for column in COLUMNS)
_MERGE = f"""MERGE INTO ticket t USING s ON t.ticket_id = s.ticket_id
WHEN MATCHED AND ({", ".join(f"t.{column}" for column in COLUMNS)}) IS DISTINCT FROM ({_INCOMING})
  THEN UPDATE SET {", ".join(f"{column} = s.{column}" for column in COLUMNS[1:])}
WHEN NOT MATCHED THEN INSERT ({_LIST}) VALUES ({_INCOMING})"""
_KEY = "ALTER TABLE ticket ADD PRIMARY KEY (ticket_id)"


def _psql(url: str, *statements: str) -> str:
    words = [str(binaries() / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", url]
    return shlex.join([*words, *(word for statement in statements for word in ("-c", statement))])


def _script(task: Task) -> str:
    """The step as shell text: a pipe from one psql to another."""
    if task.step == "w2_csv":
        read = f"iconv -f GB18030 -t UTF-8 {shlex.quote(str(task.csv))}"
        return (
            f"{read} | {_psql(task.target_url, TABLE, f'COPY ticket ({_LIST}) FROM STDIN (FORMAT csv, HEADER)', _KEY)}"
        )
    if task.step == "a_initial":
        read = _psql(task.source_url, f"COPY ticket ({_LIST}) TO STDOUT (FORMAT binary)")
        return f"{read} | {_psql(task.target_url, TABLE, f'COPY ticket ({_LIST}) FROM STDIN (FORMAT binary)', _KEY)}"
    since, newer = "", ""
    if task.step == "b_cursor":
        since = f"since=$({_psql(task.target_url, 'SELECT max(updated_at) FROM ticket')})\n"
        newer = " WHERE updated_at > '$since'"
    read = f'{_psql(task.source_url)} -c "COPY (SELECT {_LIST} FROM ticket{newer}) TO STDOUT (FORMAT binary)"'
    write = _psql(
        task.target_url, TABLE.replace("TABLE ticket", "TEMP TABLE s"), f"COPY s ({_LIST}) FROM STDIN (FORMAT binary)", "ANALYZE s", _MERGE
    )  # fmt: skip
    return f"{since}{read} | {write}"


LIMIT = Contender(
    name="limit",
    title="极限（COPY、MERGE）",
    table="ticket",
    command=lambda task: ["bash", "-o", "pipefail", "-ec", _script(task)],
)
