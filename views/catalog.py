"""The catalogue of views: one .sql file each, with its Chinese texts in the header and the column comments.

    views/<board>/<file>.sql  ->  View "<board>_<file>", published as table board.<board>_<file>

The header is YAML between `/* ---` and `--- */`; a column's title is the comment behind it. Headers and inputs are
read without sqlglot, whose import alone costs a short job 0.4 s; it is imported when columns are asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from schemas.errors import ConfigError, HubError, nearest

if TYPE_CHECKING:
    from sqlglot import exp

VIEWS = Path(__file__).parent
BOARDS = {"indicator": "营商环境指标", "hotline": "12345 热线", "rectification": "问题整改", "quality": "数据质量"}

_HEADER = re.compile(r"\A/\* ---\n(.*?)\n--- \*/\n", re.DOTALL)
_QUIET = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)
# FROM that introduces no table: EXTRACT(EPOCH FROM x), a IS DISTINCT FROM b.
_OTHER_FROM = re.compile(r"\bEXTRACT\s*\(\s*\w+\s+FROM\b|\bDISTINCT\s+FROM\b", re.IGNORECASE)
_TABLE = re.compile(r"\b(?:FROM|JOIN)\s+([a-z_]\w*)\b(?!\s*[.(])", re.IGNORECASE)
_OWN_NAME = re.compile(r"(?:\bWITH|\bRECURSIVE|,)\s*([a-z_]\w*)\s+AS\s*\(", re.IGNORECASE)
_TEXTS = ("title", "question", "grain", "owner")
_KEYS = {*_TEXTS, "definition", "parameters", "refresh"}


@dataclass(frozen=True)
class Column:
    """One output column; an empty title means the file does not say it (lint refuses that)."""

    name: str
    title: str
    line: int


@dataclass(frozen=True)
class Parameter:
    """A threshold of a view, set in its header: how it is called, its value and who decided it."""

    name: str
    value: int
    title: str
    source: str


@dataclass(frozen=True)
class Refresh:
    """How a view's rows hang on its inputs' rows, so that some can be computed without the others: see views.partial."""

    of: str
    by: dict[str, str]
    near: str | None = None
    join: dict[str, str] = field(default_factory=dict)
    spread: tuple[str, ...] = ()
    sum: str | None = None
    median: tuple[str, ...] = ()


@dataclass(frozen=True)
class View:
    """One view as its file says it; `definitions` tells per rate column what is counted over what."""

    board: str
    name: str
    title: str
    question: str
    grain: str
    owner: str
    definitions: dict[str, str] = field(hash=False)
    parameters: dict[str, Parameter] = field(hash=False)
    path: Path
    sql: str = field(repr=False)
    refresh: Refresh | None = field(default=None, hash=False)

    @property
    def where(self) -> str:
        """The file, as errors name it."""
        return f"views/{self.board}/{self.path.name}"

    @property
    def body(self) -> str:
        """The query without its header, otherwise exactly as written."""
        return _HEADER.sub("", self.sql, count=1).strip()

    @cached_property
    def tree(self) -> exp.Query:
        """The parsed query; line numbers in it are the file's. Do not change it: copy first.

        Raises:
            ConfigError: not one readable SELECT.
        """
        import sqlglot
        from sqlglot import exp
        from sqlglot.errors import SqlglotError

        try:
            statements = sqlglot.parse(self.sql, dialect="postgres")
        except SqlglotError as error:
            line = next((e["line"] for e in getattr(error, "errors", []) if e.get("line")), None)
            where = f"{self.where}：第 {line} 行" if line else self.where
            raise ConfigError(where, "SQL 读不懂", "请检查括号、逗号和关键字") from error
        if len(statements) != 1 or not isinstance(statements[0], exp.Query):
            raise ConfigError(self.where, "视图文件须恰好是一条 SELECT", "请只保留一条查询，不写分号后的其他语句")
        return statements[0]

    @property
    def readable(self) -> bool:
        """Whether the query can be parsed."""
        try:
            return bool(self.tree)
        except ConfigError:
            return False

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Output columns in order."""
        from sqlglot import exp

        found = []
        for projection in self.tree.selects:
            comment = projection.comments[-1].strip() if projection.comments else ""
            named = projection.args.get("alias") or projection.find(exp.Identifier)
            found.append(Column(projection.alias_or_name, comment, named.meta.get("line", 0) if named else 0))
        return tuple(found)

    @cached_property
    def inputs(self) -> frozenset[str]:
        """Tables and views named in FROM and JOIN, the query's own WITH names left out; lint checks it by parsing."""
        text = _OTHER_FROM.sub(" ", _QUIET.sub(" ", self.body))
        return frozenset(_TABLE.findall(text)) - frozenset(_OWN_NAME.findall(text))


@dataclass(frozen=True)
class Catalog:
    """All views, each after the views it reads; `broken` holds the files whose header could not be read."""

    views: dict[str, View]
    broken: dict[str, HubError]

    def upstream(self, name: str) -> list[View]:
        """The views this one reads, directly or through others, in the order to compute them; itself last."""
        needed = {name}
        for other in reversed(self.views.values()):
            if other.name in needed:
                needed |= other.inputs & self.views.keys()
        return [view for view in self.views.values() if view.name in needed]

    def datasets(self, name: str) -> frozenset[str]:
        """Datasets and reference tables a view rests on, through other views too."""
        return frozenset().union(*(view.inputs for view in self.upstream(name))) - self.views.keys()


def load(path: Path) -> View:
    """The view in one file.

    Raises:
        ConfigError: no header, or the header is not readable or not complete.
    """
    board, where = path.parent.name, f"views/{path.parent.name}/{path.name}"
    sql = path.read_text(encoding="utf-8")
    match = _HEADER.match(sql)
    if match is None:
        raise ConfigError(where, "开头没有 /* --- … --- */ 说明", f"请在第一行起写明 {'、'.join(_TEXTS)}")
    try:
        header = yaml.load(match.group(1), Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}：第 {mark.line + 2} 行" if mark else where
        raise ConfigError(place, "说明不是有效的 YAML", "请检查缩进和冒号；含冒号的文字请加引号") from error
    if not isinstance(header, dict):
        raise ConfigError(where, "说明不是 名称: 内容 的形式", f"请写明 {'、'.join(_TEXTS)}")
    for key in header:
        if key not in _KEYS:
            raise ConfigError(where, f"说明里没有 '{key}' 这一项", nearest(str(key), _KEYS))
    for key in _TEXTS:
        if not isinstance(header.get(key), str) or not header[key].strip():
            raise ConfigError(where, f"说明缺少 {key}", f"请补上 {key}: …")
    definitions = header.get("definition") or {}
    if not isinstance(definitions, dict):
        raise ConfigError(where, "definition 须逐列写明口径", "请写成 列名: 分子与分母各是什么")
    return View(
        board=board,
        name=f"{board}_{path.stem}",
        **{key: header[key].strip() for key in _TEXTS},
        definitions={str(name): str(text).strip() for name, text in definitions.items()},
        parameters=_parameters(header.get("parameters") or {}, where),
        path=path,
        sql=sql,
        refresh=_refresh(header["refresh"], where) if "refresh" in header else None,
    )


def load_catalog(root: Path = VIEWS) -> Catalog:
    """Every view under root/<board>/*.sql; one bad header never hides the others, and lint judges the queries."""
    found: dict[str, View] = {}
    broken: dict[str, HubError] = {}
    for path in sorted(root.glob("*/*.sql")):
        try:
            view = load(path)
            if view.board not in BOARDS:
                raise ConfigError(view.where, f"没有 '{view.board}' 这个专题", nearest(view.board, BOARDS))
        except HubError as error:
            broken[f"{path.parent.name}_{path.stem}"] = error
        else:
            found[view.name] = view
    return Catalog(_ordered(found, broken), broken)


def _refresh(node: Any, where: str) -> Refresh:
    known = {"of", "by", "near", "join", "spread", "sum", "median"}
    if not isinstance(node, dict) or not {"of", "by"} <= node.keys() <= known or not isinstance(node["by"], dict):
        raise ConfigError(
            f"{where}：refresh",
            "须写明 of（输入表）和 by（分组列: 用输入表的列怎么算）",
            "另可写 near、join、spread、sum、median，写法见 views/partial.py",
        )
    return Refresh(
        str(node["of"]), {str(k): str(v) for k, v in node["by"].items()}, node.get("near"),
        {str(k): str(v) for k, v in (node.get("join") or {}).items()}, tuple(node.get("spread") or ()), node.get("sum"),
        tuple(node.get("median") or ()),
    )  # fmt: skip


def _parameters(node: Any, where: str) -> dict[str, Parameter]:
    parameters = {}
    for name, item in node.items() if isinstance(node, dict) else [("parameters", node)]:
        texts = isinstance(item, dict) and {"value", "title", "source"} == item.keys()
        if not texts or type(item["value"]) is not int:
            raise ConfigError(
                f"{where}：parameters.{name}",
                "须写明 value（整数）、title、source",
                "例如 {value: 7, title: 黄灯提前天数, source: 县整改办约定}",
            )
        parameters[name] = Parameter(name, item["value"], str(item["title"]), str(item["source"]))
    return parameters


def _ordered(views: dict[str, View], broken: dict[str, HubError]) -> dict[str, View]:
    """Each view after its inputs; views that read each other in a circle go to `broken`."""
    done: dict[str, View] = {}
    waiting = dict(views)
    while waiting:
        ready = [view for view in waiting.values() if not view.inputs & waiting.keys()]
        if not ready:
            break
        for view in ready:
            done[view.name] = waiting.pop(view.name)
    circle = "、".join(sorted(waiting))
    for view in waiting.values():
        broken[view.name] = ConfigError(view.where, f"视图相互引用成环（涉及 {circle}）", "请去掉其中一个方向的引用")
    return done
