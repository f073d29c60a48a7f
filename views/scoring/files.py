"""A file of scores as one text table, whatever kind of file: the rows are the file reader's, the header is told here.

Every column is text under its header's name, beside `_row`, the row as a person counts it in the file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import ConfigError, ConfigErrors
from views.scoring.keys import squeezed

if TYPE_CHECKING:
    import pyarrow as pa

    from connectors.tabular import Grid

YEAR = re.compile(r"(?:yr)?(?:19|20)\d\d(?:yr(?:19|20)\d\d)?")
_HEAD = 40
_WIDTH = re.compile(r"有 (\d+) 格，表头有 (\d+) 列")  # as the reader says what is wrong with a row

# How well a header cell is known: 0 not at all, 1 an indicator or a usual column, 2 what the rows are about.
Known = Callable[[str], int]


@dataclass
class Text:
    """The table, whether commas may be decimal points in it, and what a person should know of the file."""

    table: pa.Table
    commas: bool = False
    notes: list[str] = field(default_factory=list)


def read(path: Path, known: Known) -> Text:
    """The file as text; of a workbook the sheet whose header is known best.

    Raises:
        HubError: it cannot be read, or rows have more or fewer cells than the header.
    """
    from connectors import tabular

    best: tuple[int, int, list[list[str]], Grid] | None = None
    for grid in tabular.grids(path):
        grid.table = _percent(grid)
        names = [name for name in grid.table.column_names if not name.startswith("_")]
        rows = [names] if grid.named else _rows(grid.table.select(names).slice(0, _HEAD))
        at, hits = _header(rows, known)
        if rows and (best is None or hits > best[0]):
            best = hits, at, rows, grid
    if best is None:
        raise ConfigError(path.name, "没有可见的、有内容的工作表", "请检查文件")
    _, at, rows, grid = best
    names = _names(rows[: at + 2], at)
    body = grid.table if grid.named else grid.table.slice(at + 1)
    sound = _sound(path.name, body)
    columns = [name for name in sound.column_names if name not in ("_row", "_flaw")]
    return Text(
        sound.select([*columns, "_row"]).rename_columns([*names, "_row"]),
        commas=grid.delimiter not in (None, ","),
        notes=grid.notes,
    )


def _percent(grid: Grid) -> pa.Table:
    """The cells as the workbook shows them: 0.85 shown as per cent is 85%, as a text file would say."""
    table = grid.table
    lines = table["_row"].to_pylist() if grid.percent else []
    for column, rows in grid.percent.items():
        if column < table.num_columns:
            cells = [
                f"{(Decimal(cell) * 100).normalize():f}%" if line in rows and cell else cell
                for line, cell in zip(lines, table.column(column).to_pylist(), strict=True)
            ]
            table = table.set_column(column, table.field(column), [cells])
    return table


def _rows(table: pa.Table) -> list[list[str]]:
    columns = [[cell or "" for cell in column.to_pylist()] for column in table.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def _sound(file: str, body: pa.Table) -> pa.Table:
    """The rows below the header without notes: one cell, or words below the last row.

    Raises:
        ConfigErrors: any other row of another width: a comma or a quote is wrong in it.
    """
    import pyarrow.compute as pc

    from connectors import between

    if "_flaw" not in body.column_names:
        return body
    flawed = pc.is_valid(body["_flaw"])
    if not pc.any(flawed, min_count=0).as_py():
        return body
    sound = body.filter(pc.invert(flawed))
    last = pc.max(sound["_row"]).as_py() or 0
    torn = []
    for row in body.filter(flawed).to_pylist():
        number, flaw = row.pop("_row"), row.pop("_flaw")
        cells = [cell for cell in row.values() if cell]
        note = number > last and not any(_number(cell.strip()) for cell in cells[1:])
        width = _WIDTH.search(flaw)
        narrow = width and int(width[1]) < int(width[2]) and (len(cells) <= 1 or note)
        if flaw != between.LONE and not narrow:
            torn.append(ConfigError(file, f"第 {number} 行：{flaw}", "请检查这一行多余的逗号或引号"))
    if torn:
        raise ConfigErrors(torn[:5])
    return sound


def _header(rows: Sequence[Sequence[str]], known: Known) -> tuple[int, int]:
    """Which row is the header: among those with two known names and more the one that names what the rows are about,
    then the one with most of them; otherwise the first row.
    """
    hits = []
    for at, row in enumerate(rows):
        levels = (
            # 201.4 and 19 - 19 are no years, though without their signs they look like one.
            [
                known(cell) or bool(YEAR.fullmatch(squeezed(cell)) and re.search(r"(?:19|20)\d\d", cell))
                for cell in _names(rows[: at + 2], at)
            ]
            if row
            else []
        )
        plain = [known(cell) for cell in row]
        hits.append((sum(map(bool, levels)), 2 in levels or 2 in plain))
    enough = [(about, count, -at) for at, (count, about) in enumerate(hits) if count >= 2]
    if not enough:
        return 0, max((count for count, _ in hits), default=0)
    about, count, at = max(enough)
    return -at, count + about


def _names(rows: Sequence[Sequence[str]], at: int) -> list[str]:
    """The header in row `at` as names, each once; a heading over several columns goes before theirs.

    Starting a business |       | Paying taxes |             Economy | Score | Rank | Score | Rank
    Score               | Rank  | Score        | Rank   or   with the headings in the row above
    """
    header = [_clean(cell) for cell in rows[at]]
    if at > 0 and len([cell for cell in rows[at - 1] if cell.strip()]) > 1:
        twice = Counter(map(squeezed, header))
        above = _filled([*map(_clean, rows[at - 1]), *[""] * len(header)])[: len(header)]
        header = [f"{over} - {cell}" if cell and over and twice[squeezed(cell)] > 1 else cell for over, cell in zip(above, header, strict=True)]  # fmt: skip
    if at + 1 < len(rows) and any(not cell for cell in header[:-1]):
        below = [*map(_clean, rows[at + 1]), *[""] * len(header)][: len(header)]
        over = _filled(header)
        # Units below single columns are no names; words below a blank cell are, and so is what stands beside them.
        shared = {name for name, cell, sub in zip(over, header, below, strict=True) if not cell and sub and name and not _number(sub)}  # fmt: skip
        if shared and not below[0]:
            header = [f"{name} - {sub}" if name in shared and sub else cell for name, cell, sub in zip(over, header, below, strict=True)]  # fmt: skip
    return _distinct(header)


def _clean(cell: str) -> str:
    return re.sub(r"\s+", " ", cell.replace("\ufeff", "")).strip()


def _number(cell: str) -> bool:
    return bool(re.fullmatch(r"[-+]?[\d.,]+%?", cell))


def _filled(cells: Sequence[str]) -> list[str]:
    """Blanks take what stands to their left."""
    filled, last = [], ""
    for cell in cells:
        last = cell or last
        filled.append(last)
    return filled


def _distinct(header: Sequence[str]) -> list[str]:
    """Header cells as names: blanks numbered, later ones of the same name (in any case of letters) too."""
    names: list[str] = []
    seen = {"_row"}
    for number, cell in enumerate(header, 1):
        name = cell or f"第{number}列"
        while name.lower() in seen:
            name += f"#{number}"
        seen.add(name.lower())
        names.append(name)
    return names
