"""The YAML of `hub resolve`: files, columns with their roles, and how careful to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from schemas.errors import ConfigError, ConfigErrors, nearest
from warehouse.linkage.roles import ALIASES, ROLES

REVIEW = 0.5
MODES = ("auto", "link", "dedupe", "both")
_KEYS = {
    "sources", "files", "id", "source_column", "fields", "columns", "mode", "unique", "threshold", "review",
    "blocking", "model", "regions",
}  # fmt: skip
_SOURCE_KEYS = {"file", "name", "id", "source_column", "columns", "unique"}


@dataclass(frozen=True)
class Source:
    """One file; `columns` renames its columns to the fields' names; `unique` says that it lists nothing twice."""

    file: Path
    name: str
    id: str | None
    source_column: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    unique: bool | None = None


@dataclass(frozen=True)
class Config:
    """What to resolve. `fields` maps a field to its role, empty when roles are to be told from the data; so is `threshold`, when None."""

    path: Path
    sources: tuple[Source, ...]
    fields: Mapping[str, str]
    mode: str = "auto"
    threshold: float | None = None
    review: float = REVIEW
    blocking: tuple[tuple[str, ...], ...] = ()
    model: Path | None = None
    regions: tuple[str, ...] = ()


def load(path: Path) -> Config:
    """The config at `path`; file names in it are relative to its folder.

    Raises:
        ConfigErrors: everything that is wrong with it, in one go.
    """
    where = path.name
    try:
        doc = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(str(path), "找不到或读不了这个文件", "请检查路径") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(
            where, f"不是有效的 YAML（UTF-8）：{str(error).splitlines()[0]}", "请检查缩进和引号"
        ) from error
    if not isinstance(doc, dict):
        raise ConfigError(where, "内容应是“键: 值”", "至少要有 sources，见数据工程师指南")
    wrong: list[ConfigError] = []

    def problem(key: str, what: str, cure: str = "") -> None:
        wrong.append(ConfigError(f"{where}：{key}", what, cure))

    for key in doc.keys() - _KEYS:
        problem(str(key), "没有这个设置", nearest(str(key), _KEYS))
    fields = _fields(doc.get("fields") or doc.get("columns") or {}, problem)
    sources = _sources(doc, path, problem)
    mode = str(doc.get("mode", "auto"))
    if mode not in MODES:
        problem("mode", f"没有 '{mode}' 这种做法", nearest(mode, MODES))
    levels: dict[str, float | None] = {"threshold": None, "review": REVIEW}
    for key in levels.keys() & doc.keys():
        if isinstance(doc[key], bool) or not isinstance(doc[key], (int, float)) or not 0 < doc[key] <= 1:
            problem(key, f"{doc[key]!r} 不是 0 到 1 之间的概率", "例如 0.9；可以不写")
        else:
            levels[key] = float(doc[key])
    blocking = tuple(
        tuple(item.split("+")) if isinstance(item, str) else tuple(item) for item in doc.get("blocking") or ()
    )
    for rule in blocking:
        for name in rule:
            if fields and name not in fields:
                problem("blocking", f"没有 '{name}' 这个字段", nearest(name, fields))
    if wrong:
        raise ConfigErrors(wrong)
    model = path.parent / doc["model"] if doc.get("model") else None
    return Config(
        path, tuple(sources), fields, mode, levels["threshold"], levels["review"] or REVIEW, blocking, model,
        tuple(map(str, doc.get("regions") or ())),
    )  # fmt: skip


def _fields(given: Any, problem: Any) -> dict[str, str]:
    if isinstance(given, list):
        given = dict.fromkeys(given)
    if not isinstance(given, dict):
        problem("fields", "应是“字段: 角色”")
        return {}
    fields = {}
    for name, told in given.items():
        role = told.get("role") if isinstance(told, dict) else told
        role = str(role or "auto").strip().lower()
        role = ALIASES.get(role, role)
        if role != "auto" and role not in ROLES:
            problem(f"fields.{name}", f"没有 '{role}' 这个角色", nearest(role, ROLES))
        fields[str(name)] = role
    return fields


def _sources(doc: dict[str, Any], path: Path, problem: Any) -> list[Source]:
    given = doc.get("sources") or doc.get("files")
    if isinstance(given, dict):
        given = [{"name": name, **(told if isinstance(told, dict) else {"file": told})} for name, told in given.items()]
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, list) or not given:
        problem("sources", "没有写要比对的文件", "例如 sources: [{file: a.csv, id: 编号}]")
        return []
    # A field may name its column once for every file: fields: {name: {role: organisation, column: 名称}}.
    fields: Any = doc.get("fields") or doc.get("columns")
    shared = {
        str(name): str(told["column"])
        for name, told in (fields.items() if isinstance(fields, dict) else ())
        if isinstance(told, dict) and told.get("column")
    }
    sources = []
    for place, item in enumerate(given, 1):
        told: Any = {"file": item} if isinstance(item, str) else item
        if not isinstance(told, dict) or not told.get("file", told.get("path")):
            problem(f"sources 第 {place} 项", "没有写 file")
            continue
        told = dict(told)
        told.setdefault("file", told.pop("path", None))
        for key in told.keys() - _SOURCE_KEYS:
            problem(f"sources 第 {place} 项", f"没有 '{key}' 这个设置", nearest(str(key), _SOURCE_KEYS))
        file = path.parent / str(told["file"])
        if not file.is_file():
            problem(f"sources 第 {place} 项", f"找不到文件 '{told['file']}'", "路径从配置文件所在的目录算起")
        identity = told.get("id", doc.get("id"))
        columns = {**shared, **{str(k): str(v) for k, v in (told.get("columns") or {}).items()}}
        sources.append(
            Source(
                file,
                str(told.get("name") or file.stem),
                None if identity is None else str(identity),
                told.get("source_column", doc.get("source_column")),
                columns,
                told.get("unique", doc.get("unique")),
            )
        )
    names = [source.name for source in sources]
    for name in {name for name in names if names.count(name) > 1}:
        problem("sources", f"有两个来源都叫 '{name}'", "请各写一个 name")
    return sources
