"""Connector files: which system a dataset comes from, and which of its columns is which contract field.

One YAML per source under connectors/departments/<dept>/; its id is `<dept>/<name>`. Reading them touches no
network and no heavy library, so two hundred load in about a second. A wrong file is set aside with every
problem it has, and the others live on.
"""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from connectors import references
from connectors.cursor import lookback_problem
from connectors.drivers import driver_class
from connectors.drivers.base import Option
from schemas.errors import ConfigError, ConfigErrors, HubError, nearest

DEPARTMENTS = Path(__file__).parent / "departments"

_KEYS: dict[str, Any] = {
    "title": str, "dataset": str, "source": dict, "load": dict, "schedule": (str, type(None)), "pool": str,
    "timezone": str, "fields": dict, "constants": dict, "codes": dict, "description": str, "enabled": bool, "owner": str,
}  # fmt: skip
_LOAD_KEYS = ("mode", "cursor", "lookback")
# Options that say which rows a source gives; addresses, secrets and limits do not.
_READ = (
    "driver",
    "table",
    "query",
    "where",
    "preset",
    "resource",
    "path",
    "records",
    "params",
    "explode",
    "explode_empty",
    "id",
)
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_CRON_FIELD = re.compile(r"[\d*/,\-A-Za-z]+\Z")

FieldsOf = Callable[[str], Mapping[str, Any]]


@dataclass(frozen=True)
class Connector:
    """One connector file, read and judged; references in `source` are still references."""

    id: str
    dept: str
    title: str
    dataset: str
    source: dict[str, Any]
    mode: str  # cursor | full | file | file_full | exchange
    cursor: str | None  # source column
    lookback: str
    schedule: str | None
    pool: str
    timezone: str
    fields: dict[str, str]  # contract field -> source column
    constants: dict[str, Any]  # contract field -> fixed value
    path: Path
    description: str = ""
    enabled: bool = True
    codes: dict[str, dict[str, str]] = field(default_factory=dict)  # contract field -> the source's spelling -> code
    document: dict[str, Any] = field(default_factory=dict, repr=False)  # as it was written

    @property
    def driver(self) -> str:
        """The name of the driver that reads it."""
        return str(self.source["driver"])

    @property
    def source_columns(self) -> list[str]:
        """The source columns it needs, each once, in the order of its fields; the cursor is among them."""
        wanted = dict.fromkeys(self.fields.values())
        if self.cursor:
            wanted[self.cursor] = None
        return list(wanted)

    @property
    def reading(self) -> str:
        """What a bookmark of it stands for; one of another reading, of another cursor or filter, would leave rows unread.

        A field more counts too, as the rows taken in before lack it. An exchange table's old records are not read again
        for that: they would put old values over new ones where later records are gone.
        """
        told = {"mode": self.mode, "cursor": self.cursor, **{k: self.source[k] for k in _READ if k in self.source}}
        fields = {} if self.mode == "exchange" else {"fields": sorted(self.fields)}
        return json.dumps(told | fields, ensure_ascii=False, sort_keys=True)


@dataclass
class Registry:
    """All connectors found; `broken` holds what is wrong with the files that could not be used."""

    connectors: dict[str, Connector] = field(default_factory=dict)
    broken: dict[str, HubError] = field(default_factory=dict)

    def get(self, connector_id: str) -> Connector:
        """One connector by id.

        Raises:
            ConfigError: its file is broken, or there is none; the nearest id is given.
        """
        if connector_id in self.connectors:
            return self.connectors[connector_id]
        if connector_id in self.broken:
            raise self.broken[connector_id]
        raise ConfigError(
            f"连接器 '{connector_id}'", "没有登记", nearest(connector_id, {*self.connectors, *self.broken})
        )

    def __iter__(self) -> Iterator[Connector]:
        return iter(self.connectors.values())


def is_name(text: str) -> bool:
    """Whether a text can be a part of a connector's id."""
    return bool(_NAME.match(text))


def contract_fields(dataset: str) -> Mapping[str, Any]:
    """The stored fields of a dataset's contract, read from that one file."""
    from schemas.contract import contract

    return contract(dataset).fields


def load_registry(
    *roots: Path, fields_of: FieldsOf = contract_fields, departments: Collection[str] | None = None
) -> Registry:
    """The connectors under the given folders (default: the ones that come with the hub).

    A file of a later folder replaces one of the same id. `departments`, when given, are the codes a
    department folder may have.
    """
    registry = Registry()
    for root in roots or (DEPARTMENTS,):
        for path in sorted(root.glob("*/*.yaml")):
            connector_id = f"{path.parent.name}/{path.stem}"
            registry.connectors.pop(connector_id, None)
            registry.broken.pop(connector_id, None)
            try:
                registry.connectors[connector_id] = load(path, fields_of=fields_of, departments=departments)
            except HubError as error:
                registry.broken[connector_id] = error
    return registry


def load(path: Path, *, fields_of: FieldsOf = contract_fields, departments: Collection[str] | None = None) -> Connector:
    """The connector in one file.

    Raises:
        ConfigError: everything that is wrong with it, told together.
    """
    where = f"{path.parent.name}/{path.name}"
    return read(
        _document(path, where), f"{path.parent.name}/{path.stem}", where, path, fields_of=fields_of, departments=departments
    )  # fmt: skip


def read(
    doc: dict[str, Any], connector_id: str, where: str, path: Path | None = None, *, fields_of: FieldsOf = contract_fields,
    departments: Collection[str] | None = None,
) -> Connector:  # fmt: skip
    """The connector a document describes, whether it stood in a file or was registered; `where` begins its messages.

    Raises:
        ConfigError: everything that is wrong with it, told together.
    """
    dept, _, stem = connector_id.partition("/")
    problems: list[ConfigError] = []

    def wrong(place: str, what: str, cure: str = "") -> None:
        problems.append(ConfigError(f"{where}：{place}" if place else where, what, cure))

    if departments is not None and dept not in departments:
        wrong("", f"文件夹 '{dept}' 不是已登记的部门", nearest(dept, departments))
    if not _NAME.match(stem):
        wrong("", f"文件名 '{stem}' 只能用小写字母、数字和下划线", "请改名，它是连接器编号的一部分")
    _check_keys(doc, wrong)
    given = doc
    # From here on only well-shaped values are looked at; the misshapen ones have been told.
    doc = {key: value for key, value in doc.items() if key in _KEYS and isinstance(value, _KEYS[key])}
    source, load_block, fields = doc.get("source", {}), doc.get("load", {}), _texts(doc, "fields", wrong)
    mode, cursor, lookback = _load_mode(source, load_block, wrong)
    _check_source(source, wrong)
    _check_fields(doc, fields, fields_of, wrong)
    _check_codes(doc, fields, wrong)
    _check_clock(doc, wrong)
    if problems:
        raise problems[0] if len(problems) == 1 else ConfigErrors(problems)
    return Connector(
        id=connector_id, dept=dept, title=doc["title"], dataset=doc["dataset"], source=source, mode=mode,
        cursor=cursor, lookback=lookback, schedule=doc.get("schedule"), pool=doc.get("pool", dept),
        timezone=doc.get("timezone", "Asia/Shanghai"), fields=fields, constants=doc.get("constants", {}),
        path=path or Path(f"{connector_id}.yaml"), description=doc.get("description", ""), enabled=doc.get("enabled", True),
        codes=doc.get("codes", {}), document=given,
    )  # fmt: skip


Wrong = Callable[..., None]


@lru_cache(maxsize=1024)
def _parsed(path: Path, changed_ns: int, size: int) -> bytes:
    """The file's content, packed: a page of the portal reads all of them, and unpacking costs a tenth of parsing."""
    return pickle.dumps(yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader))


def _document(path: Path, where: str) -> dict[str, Any]:
    try:
        about = path.stat()
        doc = pickle.loads(_parsed(path, about.st_mtime_ns, about.st_size))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{where}：第 {mark.line + 1} 行" if mark else where
        raise ConfigError(place, "不是有效的 YAML", "请检查缩进、冒号后的空格和引号") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(where, "不是 UTF-8 编码的 YAML 文本", "请另存为 UTF-8") from error
    except OSError as error:
        raise ConfigError(where, f"读不了（{error.strerror}）", "请检查文件权限") from error
    if not isinstance(doc, dict):
        raise ConfigError(where, "应当是“键: 值”的写法", "请参照其他连接器文件")
    return {str(key): value for key, value in doc.items()}


def _check_keys(doc: dict[str, Any], wrong: Wrong) -> None:
    for key, value in doc.items():
        if key not in _KEYS:
            wrong(key, "没有这个键", nearest(key, _KEYS))
        elif not isinstance(value, _KEYS[key]):
            shape = "“键: 值”的一组" if _KEYS[key] is dict else "true 或 false" if _KEYS[key] is bool else "一段文字"
            wrong(key, f"应当是{shape}", "文字里有冒号、井号或以 * 开头时请加引号")
    for key in ("title", "dataset", "source", "fields"):
        if doc.get(key) in (None, "", {}):
            wrong(key, "缺少这一项", "请补上")


def _texts(doc: dict[str, Any], key: str, wrong: Wrong) -> dict[str, str]:
    given = doc.get(key) or {}
    for name, value in given.items():
        if isinstance(value, (dict, list)) or value is None or isinstance(value, bool):
            wrong(f"{key}.{name}", "应当是源系统的列名", "一个契约字段对应一个列名")
    return {str(name): str(value) for name, value in given.items()}


def _load_mode(source: dict[str, Any], block: dict[str, Any], wrong: Wrong) -> tuple[str, str | None, str]:
    for key in block:
        if key not in _LOAD_KEYS:
            wrong(f"load.{key}", "没有这个键", nearest(str(key), _LOAD_KEYS))
    cursor, lookback = block.get("cursor"), str(block.get("lookback", "0s"))
    mode = block.get("mode")
    try:
        modes = driver_class(str(source.get("driver"))).modes
    except ConfigError:
        return str(mode or "full"), cursor, lookback  # the driver itself is told by _check_source
    if mode is None:
        mode = "cursor" if cursor and "cursor" in modes else next(m for m in modes if m != "cursor")
    if mode not in modes:
        wrong("load.mode", f"驱动 {source['driver']} 不支持 '{mode}'", nearest(str(mode), modes))
    if mode == "cursor" and not isinstance(cursor, str):
        wrong(
            "load.cursor",
            "按游标增量时须写明源系统的更新时间（或递增编号）列",
            "例如 load: {mode: cursor, cursor: updated_at}",
        )
    if mode != "cursor" and cursor is not None:
        wrong("load.cursor", f"方式 {mode} 用不到游标", "请删去，或改为 mode: cursor")
    problem = lookback_problem(lookback)
    if problem:
        wrong("load.lookback", problem, "例如 0s、30m、2h、3d；整数游标写一个整数")
    return str(mode), cursor if isinstance(cursor, str) else None, lookback


def check_source(source: dict[str, Any], where: str) -> None:
    """Nothing when a source's options are as its driver wants them.

    Raises:
        ConfigError: everything that is wrong with them, told together.
    """
    problems: list[ConfigError] = []

    def wrong(place: str, what: str, cure: str = "") -> None:
        problems.append(ConfigError(f"{where}：{place}", what, cure))

    _check_source(source, wrong)
    if problems:
        raise problems[0] if len(problems) == 1 else ConfigErrors(problems)


def _check_source(source: dict[str, Any], wrong: Wrong) -> None:
    for name in references.misspelt(source):
        wrong(
            "source",
            f"引用 ${{{name}}} 不合规",
            "引用的名字以 HUB_SOURCE_、HUB_SECRET_ 等 HUB_ 开头，只用大写字母、数字和下划线",
        )
    for key in [*references.plain_secrets(source), *references.nested_secrets(source)]:
        wrong(f"source.{key}", "密码或令牌不得写进文件", "请写成 ${HUB_SECRET_…}，把值放进 var/hub.env")
    try:
        options = driver_class(str(source.get("driver", ""))).options
    except ConfigError as error:
        wrong("source.driver", error.what, error.cure)
        return
    for key, value in source.items():
        if key == "driver":
            continue
        if key not in options:
            wrong(f"source.{key}", f"驱动 {source['driver']} 没有这个选项", nearest(str(key), options))
        elif problem := _option_problem(options[key], value):
            wrong(f"source.{key}", f"{options[key].title}：{problem}")
    for key, option in options.items():
        if option.required and source.get(key) in (None, ""):
            wrong(f"source.{key}", f"缺少这个选项（{option.title}）", "请补上")
    problem = driver_class(source["driver"]).source_problem(source)
    if problem:
        wrong("source", problem)


def _option_problem(option: Option, value: Any) -> str | None:
    if isinstance(value, str) and references.REFERENCE.search(value):
        return None
    match option.kind:
        case "number" if isinstance(value, bool) or not isinstance(value, (int, float)):
            return "应当是一个数"
        case "flag" if not isinstance(value, bool):
            return "应当是 true 或 false"
        case "mapping" if not isinstance(value, dict):
            return "应当是“键: 值”的一组"
        case "choice" if value not in option.choices:
            return f"'{value}' 不在可选范围内（{'、'.join(option.choices)}）"
        case "text" if isinstance(value, (dict, list, bool)):
            return "应当是一段文字"
    return None


def _check_fields(doc: dict[str, Any], fields: dict[str, str], fields_of: FieldsOf, wrong: Wrong) -> None:
    dataset, constants = doc.get("dataset"), doc.get("constants", {})
    if not dataset:
        return
    try:
        known = fields_of(dataset)
    except HubError as error:
        wrong("dataset", f"{error.where}：{error.what}" if dataset not in error.where else error.what, error.cure)
        return
    for place, given in (("fields", fields), ("constants", constants)):
        for name in given:
            if name not in known:
                wrong(f"{place}.{name}", f"数据集 '{dataset}' 没有这个字段", nearest(str(name), known))
    for name, value in constants.items():
        if name in known and (problem := _constant_problem(getattr(known[name], "physical_type", ""), value)):
            wrong(f"constants.{name}", f"'{value}' {problem}")
    columns: dict[str, str] = {}
    for column in fields.values():
        if columns.setdefault(column.casefold(), column) != column:
            wrong(
                "fields",
                f"列 '{columns[column.casefold()]}' 和 '{column}' 只差大小写，分不清",
                "请只采集一列，或请部门在视图里改名",
            )
    for name in fields:
        if name in constants:
            wrong(f"constants.{name}", "fields 里已经对应了列", "请只留一处")
    for name, rule in known.items():
        if getattr(rule, "required", False) and name not in fields and name not in constants:
            title = getattr(rule, "title", "")
            wrong(
                "fields",
                f"缺少必填字段 '{name}'{f'（{title}）' if title else ''}",
                "请写上它在源系统的列名，或在 constants 里给定值",
            )


def _check_codes(doc: dict[str, Any], fields: dict[str, str], wrong: Wrong) -> None:
    for name, spellings in (doc.get("codes") or {}).items():
        if name not in fields:
            wrong(f"codes.{name}", "fields 里没有对应这个字段", nearest(str(name), fields))
        if not isinstance(spellings, dict) or any(isinstance(code, (dict, list)) for code in spellings.values()):
            wrong(f"codes.{name}", "应当是“来源的写法: 代码”的一组", '例如 codes: {status: {在营: "1"}}')


def _constant_problem(physical_type: str, value: Any) -> str | None:
    kind = physical_type.partition("(")[0]
    if kind == "boolean":
        return None if isinstance(value, bool) else "应当是 true 或 false"
    if kind in ("smallint", "integer", "bigint"):
        return None if isinstance(value, int) and not isinstance(value, bool) else "应当是整数"
    try:
        if kind in ("numeric", "double precision"):
            Decimal(str(value))
        elif kind in ("date", "timestamp"):
            datetime.fromisoformat(str(value))
    except (ArithmeticError, ValueError):
        return "应当是一个数" if kind in ("numeric", "double precision") else "应当是时间，如 2026-03-01"
    return None


def _check_clock(doc: dict[str, Any], wrong: Wrong) -> None:
    zone = doc.get("timezone")
    if zone:
        try:
            ZoneInfo(zone)
        except (KeyError, OSError, ValueError):
            wrong("timezone", f"没有时区 '{zone}'", "例如 Asia/Shanghai、UTC")
    schedule = doc.get("schedule")
    if schedule:
        parts = schedule.split()
        if len(parts) != 5 or not all(_CRON_FIELD.match(part) for part in parts):
            wrong(
                "schedule",
                f"'{schedule}' 不是五段的定时写法",
                '例如 "*/10 * * * *"（每十分钟）、"30 2 * * *"（每天 2:30）',
            )
