"""What the commands print: data on stdout, messages on stderr.

Exit codes: 0 done, 1 the work failed or a check found problems, 2 the command was called wrongly.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TextIO

from schemas.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa
    from rich.console import Console

# Excel reads a CSV in the system's code page unless it starts with this.
BOM = "\ufeff"
_ROWS_AT_ONCE = 5000
_MARKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red"), "note": ("·", "cyan")}


class UsageError(ConfigError):
    """The command was called with something that cannot be; exit code 2."""


def messages() -> Console:
    """The console for messages: stderr, no colour when NO_COLOR is set or it is no terminal."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str, mark: str | None = None) -> None:
    """One message on stderr, with a mark (ok, warn, fail, note) before it."""
    from rich.text import Text

    line = Text()
    if mark:
        symbol, colour = _MARKS[mark]
        line.append(symbol + " ", style=colour)
    messages().print(line.append(text))


def result(text: str, mark: str | None = None) -> None:
    """One line of data on stdout."""
    line = f"{_MARKS[mark][0]} {text}" if mark else text
    if mark and sys.stdout.isatty():
        from rich.console import Console
        from rich.text import Text

        Console(highlight=False, soft_wrap=True).print(Text(_MARKS[mark][0] + " ", style=_MARKS[mark][1]).append(text))
        return
    sys.stdout.write(line + "\n")


def table(
    columns: Sequence[str], rows: Iterable[Iterable[Any]], *, right: Iterable[str] = (), target: Any = None
) -> None:
    """A table on stdout or in a file. Outside a terminal cells are never cut, so that a pipe sees whole values."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    right = set(right)
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for column in columns:
        drawn.add_column(Text(column), justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(shown(value)) for value in row))
    target = target or sys.stdout
    console = Console(highlight=False, width=None if target.isatty() else 10_000)
    with console.capture() as drawing:
        console.print(drawn)
    target.write("".join(line.rstrip() + "\n" for line in drawing.get().splitlines()))


def shown(value: Any) -> str:
    """A value as people read it; NULL is an empty cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def plain(value: Any) -> Any:
    """A value as JSON holds it: dates in ISO form, exact numbers as numbers while a double can carry them."""
    if isinstance(value, Decimal):
        if len(value.as_tuple().digits) > 15:
            return str(value)
        return int(value) if value == value.to_integral_value() and value.as_tuple().exponent == 0 else float(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if value is None or isinstance(value, (str, int, float, bool, list, dict)):
        return value
    return str(value)


def write_json(rows: Iterable[dict[str, Any]], target: Any = None) -> int:
    """An array of objects, written row by row; returns how many."""
    target = target or sys.stdout
    count = 0
    target.write("[")
    for row in rows:
        target.write((",\n " if count else "\n ") + json.dumps(row, ensure_ascii=False, default=plain))
        count += 1
    target.write("\n]\n" if count else "]\n")
    return count


def write_json_lines(rows: Iterable[dict[str, Any]]) -> None:
    """One object a line."""
    for row in rows:
        sys.stdout.write(json.dumps(row, ensure_ascii=False, default=plain) + "\n")


def write_csv(columns: Sequence[str], rows: Iterable[Iterable[Any]], target: Any = None) -> int:
    """Comma-separated text with a header; returns how many rows."""
    writer = csv.writer(target or sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    count = 0
    for row in rows:
        writer.writerow("" if value is None else shown_exactly(value) for value in row)
        count += 1
    return count


def write_csv_batches(columns: Sequence[str], batches: Iterable[pa.RecordBatch], target: TextIO) -> None:
    """The same of Arrow batches whose columns are texts and whole numbers, column by column: millions of rows in seconds."""
    import pyarrow as pa
    import pyarrow.compute as pc

    csv.writer(target, lineterminator="\n").writerow(columns)
    for whole in batches:
        for start in range(0, whole.num_rows, _ROWS_AT_ONCE):
            batch = whole.slice(start, _ROWS_AT_ONCE)
            cells = [_csv_cells(batch.column(name)) for name in columns]
            if len(cells) == 1:  # an empty line is no row
                cells = [pc.if_else(pc.equal(cells[0], ""), pa.scalar('""', pa.large_string()), cells[0])]
            lines = pc.binary_join_element_wise(*cells, pa.scalar(",", pa.large_string()))
            target.write("\n".join(lines.to_pylist()) + "\n")


def _csv_cells(column: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pc.fill_null(pc.cast(column, pa.large_string()), "")
    special = pc.match_substring_regex(text, '[",\r\n]')
    if not pc.any(special).as_py():
        return text
    mark = pa.scalar('"', pa.large_string())
    quoted = pc.binary_join_element_wise(
        mark, pc.replace_substring(text, '"', '""'), mark, pa.scalar("", pa.large_string())
    )
    return pc.if_else(special, quoted, text)


def shown_exactly(value: Any) -> str:
    """A value as machines read it back: booleans as true and false."""
    return str(value).lower() if isinstance(value, bool) else shown(value)


@contextmanager
def progress(total: int | None, what: str) -> Iterator[Any]:
    """A function advance(text) that moves a bar on stderr; nothing is drawn outside a terminal."""
    console = messages()
    if not console.is_terminal:
        yield lambda text="", steps=1: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda text="", steps=1: bar.update(task, advance=steps, description=f"{what} {text}")


def thousands(number: int) -> str:
    """12,345."""
    return f"{number:,}"


def one_of(option: str, value: str, allowed: Sequence[str]) -> str:
    """The value, when it is allowed.

    Raises:
        UsageError: it is not.
    """
    if value not in allowed:
        raise UsageError(option, f"没有 '{value}' 这个选择", f"可用的有 {'、'.join(allowed)}")
    return value
