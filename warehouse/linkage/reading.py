"""Files -> the table `record`: one row per input record, every field as the text that was delivered."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from connectors import tabular
from schemas.errors import ConfigError, SourceChanged, nearest
from schemas.macros.sqltext import quoted
from warehouse.linkage import roles
from warehouse.linkage.config import Config, Source

# Columns that number or label records: never compared unless the config asks for them.
_LABELS = re.compile(
    r"(?:.*_)?(?:id|cluster|group|label|truth)(?:_.*)?|true.*|rec_?id|unique_?id|序号|编号", re.IGNORECASE
)

# The share of names that hold forename and surname from which they are these, put together.
_WHOLE = 0.9


@dataclass(frozen=True)
class Field:
    """One compared field: `column` is its name in `record` (f1, f2 …), `name` the config's word for it."""

    name: str
    column: str
    role: str


def read(con: Any, config: Config) -> tuple[list[Field], list[str]]:
    """Make `record` (rid, source, id, f1 …); returns the fields, and what a person should know of the files.

    Before: a.csv with id,name,tel and b.csv with no,名称. After: one row per line of either, NULL where a file has no such column.

    Raises:
        ConfigError: a column the config names is in no file, or an id is missing or repeated within a source.
        SourceChanged: a file is no text or no table.
    """
    notes: list[str] = []
    heads = [_load(con, source, place, config, notes) for place, source in enumerate(config.sources)]
    names = list(config.fields) or _shared(config, heads)
    fields = [Field(name, f"f{place}", config.fields.get(name, "auto")) for place, name in enumerate(names, 1)]
    parts = []
    found: set[str] = set()
    for place, (source, head) in enumerate(zip(config.sources, heads, strict=True)):
        cells = []
        for each in fields:
            column = _column(head, source.columns.get(each.name, each.name))
            if column:
                found.add(each.name)
            elif each.name in source.columns and source.columns[each.name] != each.name:
                raise ConfigError(
                    f"{config.path.name}：{source.name}",
                    f"没有 '{source.columns[each.name]}' 这一列",
                    nearest(source.columns[each.name], head),
                )
            cells.append(f"{_text(column)} AS {each.column}" if column else f"CAST(NULL AS varchar) AS {each.column}")
        parts.append(
            f"SELECT {place} AS place, {_source_name(source, head, config)} AS source, {_id(source, head, config)} AS id, "
            f"row_no, {', '.join(cells)} FROM raw_{place}"
        )
    for each in fields:
        if each.name not in found:
            known = sorted({column for head in heads for column in head})
            raise ConfigError(
                f"{config.path.name}：fields.{each.name}", "哪个文件里都没有这一列", nearest(each.name, known)
            )
    con.execute(
        "CREATE OR REPLACE TABLE record AS SELECT CAST(row_number() OVER (ORDER BY place, row_no) AS bigint) AS rid, * "
        f"EXCLUDE (row_no) FROM ({' UNION ALL BY NAME '.join(parts)})"
    )
    for place in range(len(heads)):
        con.execute(f"DROP TABLE raw_{place}")
    repeated = con.execute("SELECT source, id FROM record GROUP BY source, id HAVING count(*) > 1 LIMIT 1").fetchone()
    if repeated:
        raise ConfigError(
            f"{config.path.name}：{repeated[0]}",
            f"编号 '{repeated[1]}' 不止一行",
            "id 要写每行不同的一列；没有这样的列就不写 id，按行号算",
        )
    fields = [
        Field(f.name, f.column, roles.infer(con, f.column, f.name) if f.role == "auto" else f.role) for f in fields
    ]
    asked = {name for rule in config.blocking for name in rule}
    whole = [f for f in _wholes(con, fields) if f.name not in asked]
    notes += [f"字段 {f.name} 就是姓和名合起来，不再另比" for f in whole]
    return _on_the_map(con, [f for f in fields if f not in whole]), notes


def _wholes(con: Any, fields: list[Field]) -> list[Field]:
    """Full names that only put forename and surname together: compared beside these, one likeness would count twice."""
    parts = [next((f.column for f in fields if f.role == role), None) for role in ("forename", "surname")]
    if None in parts:
        return []
    held = " AND ".join(f"contains(lower({{0}}), lower({part}))" for part in parts)
    return [
        f
        for f in fields
        if f.role == "person"
        and (con.execute(f"SELECT avg(CAST({held.format(f.column)} AS int)) FROM record").fetchone()[0] or 0) >= _WHOLE
    ]


def _on_the_map(con: Any, fields: list[Field]) -> list[Field]:
    """The fields with latitude and longitude put together as one position; either alone tells no place and is left out."""
    north = next((f for f in fields if f.role == "latitude"), None)
    east = next((f for f in fields if f.role == "longitude"), None)
    rest = [f for f in fields if f.role not in ("latitude", "longitude")]
    if north is None or east is None:
        return rest
    con.execute(f"UPDATE record SET {north.column} = {north.column} || ' ' || {east.column}")
    return [*rest, Field(f"{north.name} {east.name}", north.column, "position")]


def _load(con: Any, source: Source, place: int, config: Config, notes: list[str]) -> list[str]:
    """Make `raw_<place>` with the file's columns and row_no; returns the columns."""
    asked = [source.id, source.source_column, *source.columns.values(), *config.fields]
    known = {_plain(name) for name in asked if name}

    def score(cells: Sequence[str]) -> int:
        return sum(_plain(cell) in known for cell in cells)

    found = tabular.read(source.file, score)
    if found.left_out and source.id is None:
        raise SourceChanged(
            source.file.name,
            f"{found.left_out} 行的列数与表头不同或引号没有成对，行号对不上",
            "请改正这些行，或用 id 写明编号列",
        )
    notes += [f"{source.file.name}：{note}" for note in found.notes]
    con.register("file_rows", found.table)
    con.execute(f"CREATE OR REPLACE TABLE raw_{place} AS SELECT row_number() OVER () AS row_no, * FROM file_rows")
    con.unregister("file_rows")
    return list(found.table.column_names)


def _shared(config: Config, heads: list[list[str]]) -> list[str]:
    """Names that every file has, in the first one's order, without ids and labels."""
    own = {_column(heads[0], s) for source in config.sources for s in (source.id, source.source_column) if s}
    renamed = [set(source.columns) | set(head) for source, head in zip(config.sources, heads, strict=True)]
    names: Iterable[str] = dict.fromkeys([*config.sources[0].columns, *heads[0]])
    kept = [
        name for name in names
        if name not in own and not _LABELS.fullmatch(name) and all(_column(sorted(have), name) for have in renamed)
    ]  # fmt: skip
    if not kept:
        raise ConfigError(config.path.name, "各文件没有同名的列可比", "请写 fields，并用 columns 把列名对应起来")
    return kept


def _column(head: list[str], name: str) -> str | None:
    if name in head:
        return name
    return next((column for column in head if _plain(column) == _plain(name)), None)


def _plain(name: str) -> str:
    """A column's name without blanks, width and case: 单位 名称 is 单位名称."""
    return "".join(unicodedata.normalize("NFKC", name).split()).lower()


def _text(column: str) -> str:
    return f"nullif(trim(CAST({_quote(column)} AS varchar)), '')"


def _quote(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _needed(head: list[str], name: str, key: str, config: Config) -> str:
    column = _column(head, name)
    if column is None:
        raise ConfigError(f"{config.path.name}：{key}", f"没有 '{name}' 这一列", nearest(name, head))
    return _quote(column)


def _source_name(source: Source, head: list[str], config: Config) -> str:
    if source.source_column:
        return f"coalesce(nullif(trim(CAST({_needed(head, source.source_column, 'source_column', config)} AS varchar)), ''), {quoted(source.name)})"
    return quoted(source.name)


def _id(source: Source, head: list[str], config: Config) -> str:
    if source.id is None:
        return "CAST(row_no AS varchar)"
    return f"CAST({_needed(head, source.id, 'id', config)} AS varchar)"
