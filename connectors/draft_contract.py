"""A draft data contract (ODCS 3.1) of a source whose dataset has none yet: fields, types, key and levels from its data.

A draft, for a person to put right: what 1,000 rows show is not what a department agreed to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from itertools import islice
from typing import Any

import yaml

from connectors import header
from connectors.proposal import NUMBERED, pinyin
from connectors.sample import Sample
from schemas import amounts, dates, identifiers, privacy, reference
from schemas.errors import ConfigError, nearest

_LONGEST_NAME = 40
_PERSON = re.compile(r"姓名|法定代表人|法人|联系人|经办人|负责人|来电人|户主|名字$")
_PHONE = re.compile(r"电话|手机|联系方式|phone|mobile", re.IGNORECASE)
_SERIAL = re.compile(r"\s*[序行]\s*号\s*\Z")  # begins anew in every file: next month's 1 is another record
_CODE = re.compile(r"编号|编码|代码|号$|邮编|zip|id$|_no$|key$|code$|phone", re.IGNORECASE)
_BIRTH = re.compile(r"出生|生日|birth", re.IGNORECASE)
_MEASURE = re.compile(
    r"金额|资金|价|费$|额$|率$|比重|占比|面积|收入|支出|产值|增速|得分|分数|经度|纬度|长度|宽度|重量|amount|price|rate$|score|area$|latitude|longitude", re.IGNORECASE
)  # fmt: skip
_DAY = re.compile(r"日期$|(?<!工作)日$|date$", re.IGNORECASE)
_MOMENT = re.compile(r"时间$|时刻$|time$|_at$", re.IGNORECASE)
_COUNTED = frozenset(
    ["人", "人次", "户", "家", "个", "件", "项", "宗", "套", "次", "份", "天", "日", "工作日", "个工作日", "年", "月"]
)
_TYPED = frozenset(
    {"postgresql", "mysql", "kingbase", "oracle", "dm"}
)  # SQLite's bind no value, a timestamp of SQL Server is no time
_FRACTIONS = re.compile(r"numeric|decimal|money|real|double|(?:fixed )?float|binary_|number\((?!\d+,0\))")
_LONGEST_CODE = 400  # characters
_LONGEST_KEY = 100  # characters
_LONGEST_INTEGER = 18  # digits: longer ones are numbers of something, and no database integer holds them
ALL = "*"
_WORDED = 30  # characters from which on a column is taken for sentences, in which anything may stand
_RESERVED = frozenset(
    {"source_system", "source_pk", "provider_dept_code", "batch_id", "extracted_at", "valid_from", "valid_to", "is_current", "row_hash",
     "quality_status", "quality_notes", "source_sheet", "source_row", "enterprise_id"}
)  # fmt: skip


def draft(
    dataset: str, title: str, sample: Sample, *, owner: str = "", keys: Sequence[str] = ()
) -> tuple[str, dict[str, str]]:
    """The contract as ODCS text, and contract field -> source column.

    `keys` are the columns a person names as the key, `*` all that are always filled: the row itself is then its
    identity. Without them it is the table's own, else what tells the sample's rows apart; when nothing does there is none,
    and such a contract cannot be submitted.

    Raises:
        ConfigError: a column named as the key is not there.
    """
    fields: dict[str, str] = {}
    properties: list[dict[str, Any]] = []
    wholes = {column.name.rpartition(".")[0] for column in sample.columns}
    for column in sample.columns:
        if _BIRTH.search(column.name):
            continue  # no birth dates in the warehouse; a person who has the right to one adds it
        if column.name in wholes:
            continue  # an object is taken by its parts: as one text it would carry names past their masks
        values = sample.values(column.name)
        name = _unused(field_name(column.name), fields)
        fields[name] = column.name
        kind = column.type.lower() if sample.source.get("driver") in _TYPED else ""
        properties.append(_property(name, column.name, values, values or _alike(column.name, sample), kind))
    declared = keys or (sample.keys if {*sample.keys} <= {*fields.values()} else ())
    chosen = _declared(declared, sample, fields) if declared else _keys(sample, fields)
    for place, name in enumerate(chosen, 1):
        property_ = next(p for p in properties if p["name"] == name)
        property_ |= {"primaryKey": True, "primaryKeyPosition": place, "required": True}
    document = {
        "apiVersion": "v3.1.0", "kind": "DataContract", "id": dataset, "name": title, "version": "0.1.0", "status": "draft",
        "domain": "other",
        "description": {
            "purpose": f"{title}（按登记时的前 {len(sample.rows)} 行数据草拟，待数源部门确认）",
            "limitations": "类型、主键和分级由样本推断，没有代码表",
        },
        "schema": [
            {
                "name": dataset, "businessName": title, "logicalType": "object", "physicalType": "table",
                "dataGranularityDescription": f"每行一条{title}", "properties": properties,
            }
        ],
    }  # fmt: skip
    if owner:
        document["team"] = {"name": owner, "members": []}
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=120), fields


def field_name(column: str) -> str:
    """A column as an English or pinyin name: a spelling the alias dictionary knows gives its field's, else pinyin."""
    base = header.split_unit(header.squeezed(column))[0]
    known = _by_spelling().get(header.key(base))
    if known:
        return known
    if base.isascii():
        words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", column.strip())
    else:
        from pypinyin import lazy_pinyin

        words = "_".join(lazy_pinyin(base))
        if len(words) > _LONGEST_NAME:
            words = pinyin(base)[0]
    name = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[:_LONGEST_NAME].strip("_")
    return name if name and name[0].isalpha() else f"c_{name or 'column'}"


@cache
def _by_spelling() -> dict[str, str]:
    found: dict[str, str] = {}
    for name, spellings in reference.column_aliases().items():
        for spelling in spellings:
            if not name.endswith(("_hash", "_masked")):
                found.setdefault(header.key(spelling), name)
    return found


def _unused(name: str, taken: dict[str, str]) -> str:
    name = f"{name}_value" if name in _RESERVED else name
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def _alike(column: str, sample: Sample) -> list[str]:
    """What stands in the columns that are called as one without a value is but for their numbers: 2024年 beside 2025年."""
    pattern = re.sub(r"\d+", "9", column)
    alike = [other.name for other in sample.columns if pattern != column and re.sub(r"\d+", "9", other.name) == pattern]
    return [value for name in alike for value in sample.values(name)]


def _told(kind: str, values: list[str]) -> tuple[str, str, str | None, str] | None:
    """The type of a column by the database's own, which holds for rows not yet seen; None where the values say more."""
    if kind.startswith("bool"):
        return "boolean", "boolean", None, "S0"
    if kind.startswith(("timestamp", "datetime")) or (kind == "date" and any(":" in value for value in values)):
        return "timestamp", "timestamp", None, "S0"
    return ("date", "date", None, "S0") if kind == "date" else None


def _property(name: str, column: str, values: list[str], alike: list[str], source_type: str) -> dict[str, Any]:
    """One field; unless the database's own type says it, its type is told by `alike`, the column's values when it has any."""
    base, unit = header.split_unit(header.squeezed(column))
    told = _told(source_type, values)
    made: dict[str, Any] = {"name": name, "businessName": base}
    measured = bool(_MEASURE.search(base) or _FRACTIONS.match(source_type)) or (
        unit is not None and unit not in _COUNTED
    )
    logical, physical, kind, level = told or _type(base, alike, measured=measured)
    made |= {"logicalType": logical, "physicalType": physical, "classification": level}
    said = [f"单位：{unit}" if unit else "", "" if values or told else "样本里没有值，类型按列名定，请核对"]
    if any(said):
        made["description"] = "；".join(filter(None, said))
    if kind:
        made["customProperties"] = [{"property": "standardise", "value": kind}]
    return made


def _type(column: str, values: list[str], *, measured: bool) -> tuple[str, str, str | None, str]:
    """Logical type, physical type, way to standardise and level of a column, from its values.

    A type is never narrower than what later rows may honestly bring: text has no length but where a standard gives it
    one, whole numbers are the widest there are, and what is `measured` may have decimals though no row here has any.
    """

    def all_(test: Callable[[str], bool]) -> bool:
        # A few may be wrong: they will be quarantined, and the type holds. One more, and nothing else is asked.
        wrong = (value for value in values if not test(value))
        return len(values) > 0 and next(islice(wrong, _strays(len(values)), None), None) is None

    longest = max((len(v) for v in values), default=0)
    for kind, stored, length, level in (
        ("resident_id", "mask_id", 40, "S2"), ("uscc", "uscc", 18, "S1"), ("enterprise_code", "enterprise_code", 20, "S1"),
        ("phone", "mask_phone", 40, "S2"),
    ):  # fmt: skip
        if all_(lambda v, kind=kind: identifiers.check(kind, v).valid):  # type: ignore[misc]
            return "string", f"varchar({length})", stored, level
    if _PERSON.search(column):
        return "string", "varchar(40)", "mask_name", "S2"
    if _PHONE.search(column):
        return "string", "varchar(40)", "mask_phone", "S2"  # whatever was typed into it, it is somebody's number
    if not values:
        return _by_name(column, measured=measured)
    coded = bool(_CODE.search(column)) or any(len(v) > 1 and v[0] == "0" and v.isdigit() for v in values)
    if not coded:
        if all_(lambda v: v.lstrip("-").isdigit()):
            if longest > _LONGEST_INTEGER:
                return "string", "text", "code", "S0"
            if not measured:
                return "integer", "bigint", None, "S0"
        if all_(lambda v: amounts.number_value(v) is not None):
            return "number", f"numeric(38,{_places(values)})", None, "S0"
    if all_(lambda v: len(v) >= 6 and dates.parse(v).precision not in {"unparsed", "invalid", "null"}):
        timed = any(":" in v for v in values)
        return ("timestamp", "timestamp", None, "S0") if timed else ("date", "date", None, "S0")
    if coded and longest <= _LONGEST_CODE:
        return "string", "text", "code", "S0"
    worded = longest >= _WORDED or any(privacy.scrub(v) != v for v in values)
    return "string", "text", "free_text" if worded else None, "S0"


def _by_name(column: str, *, measured: bool) -> tuple[str, str, str | None, str]:
    """The type of a column without any value in the sample: what its name says, else text, which takes all."""
    if _DAY.search(column):
        return "date", "date", None, "S0"
    if _MOMENT.search(column):
        return "timestamp", "timestamp", None, "S0"
    return ("number", "numeric(38,6)", None, "S0") if measured else ("string", "text", None, "S0")


def _strays(count: int) -> int:
    """How many of so many values may be slips of the pen: one in twenty, and one in a sheet of ten rows or more."""
    return max(count // 20, 1 if count >= 10 else 0)


def _places(values: list[str]) -> int:
    """Decimal places no value of the column goes beyond, with some to spare: a digit cut off would be a wrong load."""
    longest = max(len(v.partition(".")[2]) for v in values)
    return min(18, max(2, longest + 2))


def _keys(sample: Sample, fields: dict[str, str]) -> list[str]:
    """The fields that tell rows apart: one column if any does, else the fewest columns that do, at most four; else none.

    A column named as a number (编号, 流水号) is the key though a few of its values are missing or stand twice: those
    rows are the department's to correct.
    """
    total = len(sample.rows)
    filled = {n: c for n, c in fields.items() if total and len(sample.values(c)) == total}

    def tells(columns: list[str]) -> bool:
        return len({tuple(row[c] for c in columns) for row in sample.rows}) == total

    def fit(column: str) -> bool:
        # Amounts and sentences differ from row to row by chance; tomorrow two are alike.
        values = sample.values(column)
        return max(map(len, values)) <= _LONGEST_KEY and not all(
            "." in v and amounts.number_value(v) is not None for v in values
        )

    filled = {n: c for n, c in filled.items() if fit(c)}
    single = [n for n, c in filled.items() if tells([c])]
    named = [n for n in single if NUMBERED.search(fields[n]) and not _SERIAL.match(fields[n])]
    nearly = [
        n for n, c in fields.items()
        if NUMBERED.search(c) and not _SERIAL.match(c) and total - len(set(sample.values(c))) <= _strays(total) and total > _strays(total)
    ]  # fmt: skip
    if named or nearly or single:
        return (named or nearly or single)[:1]
    chosen: list[str] = []
    for name in sorted(filled, key=lambda n: -len({row[fields[n]] for row in sample.rows})):
        chosen.append(name)
        if tells([fields[n] for n in chosen]):
            return [n for n in fields if n in chosen]
        if len(chosen) == 4:
            break
    return []


def _declared(keys: Sequence[str], sample: Sample, fields: dict[str, str]) -> list[str]:
    if list(keys) == [ALL]:
        return [n for n, c in fields.items() if len(sample.values(c)) == len(sample.rows)]
    named = {column: name for name, column in fields.items()}
    for column in keys:
        if column not in named:
            raise ConfigError("主键", f"来源没有 '{column}' 这一列", nearest(column, named))
    return [named[column] for column in keys]
