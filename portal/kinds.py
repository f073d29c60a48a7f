"""The kinds of source as the wizard asks about them: a form in words, and the driver's options it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from connectors import references
from connectors.drivers import driver_class, usable
from connectors.drivers.base import Option
from connectors.network import PLAIN_HOST
from schemas.errors import ConfigError, nearest


@dataclass(frozen=True)
class Question:
    """One field of the form."""

    name: str
    title: str
    hint: str = ""
    required: bool = False
    kind: str = "text"  # text | number | secret | choice
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Kind:
    """One kind of source; `way` is how it is described: by a file, a database, an interface, or options alone."""

    driver: str
    title: str
    told: str
    group: str
    way: str
    scheme: str = ""
    questions: tuple[Question, ...] = field(default=())


_DATABASE = (
    Question("host", "服务器地址", "主机名或 IP", True),
    Question("port", "端口", "不写用默认端口", kind="number"),
    Question("database", "库名", "", True),
    Question("user", "用户名", "只读账号", True),
    Question("password", "口令", "存进枢纽的口令库，草稿和版本里只有引用", kind="secret"),
    Question("table", "表或视图", "可写 模式.表；不知道叫什么，先填别的，用下面的“找表”"),
    Question("where", "只取一部分", "SQL 条件，例如 status <> '测试'"),
)
_HTTP = (
    Question("url", "接口地址", "https://主机:端口/路径", True),
    Question("auth", "怎样出示身份", "", kind="choice", choices=(("", "不用"), ("token", "令牌"), ("basic", "用户名和口令"))),
    Question("token", "令牌", "存进口令库", kind="secret"),
    Question("user", "用户名"),
    Question("password", "口令", "存进口令库", kind="secret"),
    Question("records", "记录列表的位置", "返回 JSON 里的路径，例如 data.list；不写时自动找"),
    Question("paging", "翻页方式", "", kind="choice",
             choices=(("none", "不翻页"), ("page", "页号"), ("offset", "偏移"), ("cursor", "游标"), ("link", "下一页链接"))),
    Question("page_size", "每页条数", "", kind="number"),
    Question("since_param", "增量参数", "“更新时间不早于”的参数名；没有就每次全取"),
)  # fmt: skip
_KNOWN = (
    Kind("excel", "Excel 工作簿", "台账、报表；上传一份样本就能登记，以后在“报送”页交", "文件", "file"),
    Kind("csv", "CSV 文本", "系统导出的文本文件，编码自动识别", "文件", "file"),
    Kind("file", "其他文件", "JSON、XML、Parquet", "文件", "file"),
    Kind("postgresql", "PostgreSQL", "直接从业务库取数，只读", "数据库", "database", "postgresql", _DATABASE),
    Kind("mysql", "MySQL、MariaDB", "直接从业务库取数，只读", "数据库", "database", "mysql", _DATABASE),
    Kind("oracle", "Oracle", "库名处写服务名", "数据库", "database", "oracle", _DATABASE),
    Kind("sqlserver", "SQL Server", "直接从业务库取数，只读", "数据库", "database", "mssql", _DATABASE),
    Kind("dm", "达梦", "直接从业务库取数，只读", "数据库", "database", "dm", _DATABASE),
    Kind("kingbase", "人大金仓", "直接从业务库取数，只读", "数据库", "database", "postgresql", _DATABASE),
    Kind("exchange", "前置机交换表", "前置库里带操作列的交换表", "数据库", "database", "postgresql",
         (Question("scheme", "前置库", "", kind="choice", choices=(("postgresql", "PostgreSQL"), ("mysql", "MySQL"))), *_DATABASE)),
    Kind("http", "数据接口", "HTTP 接口，返回 JSON 或 XML", "接口", "http", "", _HTTP),
)  # fmt: skip
_OTHERS = {
    "sqlite": ("SQLite 文件", "一个库文件，写路径或 sqlite:/// 地址")
}  # an outside driver has the words of its docstring
MORE = Question("more", "其他选项", "一行一项，写成 选项=值")


def kinds(*, engineer: bool) -> list[Kind]:
    """The kinds this user may register; drivers known by their options alone are the engineers'."""
    there = usable()
    known = [k for k in _KNOWN if k.driver in there]
    if not engineer:
        return known
    others = [d for d in there if d not in {k.driver for k in _KNOWN}]
    words = {d: _OTHERS.get(d, (d, (driver_class(d).__doc__ or "").partition("\n")[0])) for d in others}
    return [*known, *(Kind(d, *words[d], "其他", "options") for d in others)]


def kind_of(driver: str) -> Kind:
    """The kind behind a driver's name."""
    title, told = _OTHERS.get(driver, (driver, ""))
    return next((k for k in _KNOWN if k.driver == driver), Kind(driver, title, told, "其他", "options"))


def compose(kind: Kind, given: Mapping[str, str], before: Mapping[str, Any]) -> dict[str, Any]:
    """The driver's options that the form comes to; secrets left empty stay those of `before`.

    Raises:
        ConfigError: something needed is missing or is not of its kind.
    """
    told = {q.name: given.get(q.name, "").strip() for q in kind.questions}
    for q in kind.questions:
        if q.required and not told[q.name]:
            raise ConfigError(q.title, "没有填", q.hint or "请补上")
        if "${" in told[q.name]:
            raise ConfigError(q.title, "不能写引用", "请直接填写值，口令会存进口令库")
    source: dict[str, Any] = {"driver": kind.driver}
    if kind.way == "database":
        source |= _database(kind, told, before)
    elif kind.way == "http":
        source |= _interface(told, before)
    source |= _more(kind, given.get("more", ""), before)
    return source


def _database(kind: Kind, told: Mapping[str, str], before: Mapping[str, Any]) -> dict[str, Any]:
    port, password = told["port"], told["password"] or _password(before.get("url"))
    if port and not (port.isdigit() and 0 < int(port) < 65536):
        raise ConfigError("端口", f"'{port}' 不是端口号", "写 1 到 65535 的数字，或空着")
    host = told["host"].removeprefix("[").removesuffix("]")
    if not PLAIN_HOST.fullmatch(host):
        raise ConfigError("服务器地址", f"'{told['host']}' 不是主机名或 IP", "例如 10.1.2.3；端口和库名另填")
    host = f"[{host}]" if ":" in host else host
    who = quote(told["user"], safe="") + (f":{quote(password, safe='')}" if password else "")
    url = f"{told.get('scheme') or kind.scheme}://{who}@{host}{f':{port}' if port else ''}/{quote(told['database'], safe='')}"
    return {"url": url} | {name: told[name] for name in ("table", "where") if told[name]}


def _interface(told: Mapping[str, str], before: Mapping[str, Any]) -> dict[str, Any]:
    source: dict[str, Any] = {"url": told["url"]}
    if told["auth"]:
        source["auth"] = told["auth"]
    for name in {"token": ("token",), "basic": ("user", "password")}.get(told["auth"], ()):
        if value := told[name] or before.get(name):
            source[name] = value
    if told["paging"] not in {"", "none"}:
        source["paging"] = told["paging"]
        if told["page_size"]:
            if not told["page_size"].isdigit():
                raise ConfigError("每页条数", f"'{told['page_size']}' 不是数", "例如 500")
            source["page_size"] = int(told["page_size"])
    return source | {name: told[name] for name in ("records", "since_param") if told[name]}


def _more(kind: Kind, text: str, before: Mapping[str, Any]) -> dict[str, Any]:
    import yaml

    options, source = driver_class(kind.driver).options, {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, separator, value = (part.strip() for part in line.partition("="))
        if not separator or name not in options:
            raise ConfigError(f"其他选项 {name}", "没有这个选项", nearest(name, options))
        if "${" in value and value != before.get(name):
            raise ConfigError(f"其他选项 {name}", "不能写引用", "请直接填写值，口令会存进口令库")
        source[name] = value if options[name].kind == "text" else yaml.safe_load(value)
    return source


def _password(url: Any) -> str:
    return unquote(urlsplit(_resolved(url)).password or "") if isinstance(url, str) else ""


def _resolved(value: str) -> str:
    try:
        return str(references.resolve(value, "source"))
    except ConfigError:
        return ""


def filled(kind: Kind, source: Mapping[str, Any]) -> dict[str, str]:
    """What the form shows of a draft's options; secrets never."""
    shown: dict[str, str] = {}
    if kind.way == "database" and isinstance(source.get("url"), str):
        parts = urlsplit(_resolved(source["url"]))
        shown = {
            "scheme": parts.scheme, "host": parts.hostname or "", "port": str(parts.port or ""), "database": unquote(parts.path.lstrip("/")),
            "user": unquote(parts.username or ""),
        }  # fmt: skip
    asked = {q.name: q for q in kind.questions}
    for name, value in source.items():
        if name in asked and asked[name].kind != "secret":
            shown.setdefault(name, str(value))
    kept = {"driver", *asked, *(("url",) if kind.way == "database" else ())}
    if kind.way == "file":
        kept |= set(FILE_OPTIONS) | {"path"}
    shown["more"] = "\n".join(f"{k}={_line(v)}" for k, v in source.items() if k not in kept)
    return shown


def _line(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# What the preview asks about a file: how it is read, not where it is.
FILE_OPTIONS = ("encoding", "delimiter", "sheet", "header_row", "header_rows", "footer_rows", "records")


def file_options(driver: str, given: Mapping[str, str], sheets: list[str]) -> dict[str, Any]:
    """The reading options of a file as the preview's form gives them; those left empty are found by the reader.

    Raises:
        ConfigError: a line number is none.
    """
    options: Mapping[str, Option] = driver_class(driver).options
    found: dict[str, Any] = {}
    for name in FILE_OPTIONS:
        value = given.get(name, "").strip()
        if name not in options or not value or value == "auto":
            continue
        if options[name].kind == "number":
            if not value.isdigit():
                raise ConfigError(options[name].title, f"'{value}' 不是数", "例如 2")
            found[name] = int(value)
        elif name == "sheet" and value not in sheets and value.isdigit():
            found[name] = int(value)
        else:
            found[name] = {"\\t": "\t"}.get(value, value)
    return found
