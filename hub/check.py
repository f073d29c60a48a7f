"""`hub check`: contracts, connector files, views and schemes, every error on its own line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hub.output import UsageError, result, say
from schemas.errors import ConfigError, ConfigErrors, HubError

Findings = Iterator[HubError]


def run(path: Path | None) -> int:
    """Check one file, one folder, or everything; 1 when anything is wrong."""
    found: list[HubError] = []
    told: list[str] = []
    for what, errors in _all() if path is None else _under(path):
        told.append(what)
        found += errors
    for error in found:
        for one in error.errors if isinstance(error, ConfigErrors) else (error,):
            result(str(one), "fail")
    if found:
        say(f"查了{'、'.join(told)}，有 {len(found)} 处错误", "fail")
        return 1
    say(f"查了{'、'.join(told)}，没有错误", "ok")
    return 0


def _all() -> Iterator[tuple[str, list[HubError]]]:
    from hub.setup import home
    from schemas.contract import CONTRACTS
    from views.catalog import VIEWS
    from views.scoring.scheme import SHIPPED

    yield _reference()
    yield _contracts(sorted(CONTRACTS.glob("*.odcs.yaml")))
    yield _connectors(home().departments)
    yield _views(VIEWS)
    yield _schemes(sorted(SHIPPED.glob("*.yaml")))


def _under(path: Path) -> Iterator[tuple[str, list[HubError]]]:
    if path.is_file():
        kinds: dict[str, Callable[[Path], tuple[str, list[HubError]]]] = {
            ".odcs.yaml": lambda p: _contracts([p]),
            ".yaml": lambda p: _schemes([p]) if _is_scheme(p) else _connector(p),
            ".sql": _view,
        }
        for suffix, check in kinds.items():
            if path.name.endswith(suffix):
                yield check(path.resolve())
                return
        raise UsageError(
            str(path), "不是契约（.odcs.yaml）、连接器或评价方案（.yaml）、视图（.sql）", "请给这几种文件或它们的目录"
        )
    if not path.is_dir():
        raise UsageError(str(path), "找不到", "请检查路径")
    path = path.resolve()
    contracts = sorted(path.rglob("*.odcs.yaml"))
    if contracts:
        yield _contracts(contracts)
    schemes = sorted(p for p in path.rglob("*.yaml") if _is_scheme(p))
    if schemes:
        yield _schemes(schemes)
    connectors = [p for p in path.rglob("*.yaml") if not p.name.endswith(".odcs.yaml") and _is_connector(p)]
    if connectors:
        yield _each("连接器", "个", connectors, _load_connector)
    sql = sorted(path.rglob("*.sql"))
    if sql:
        yield _each("视图", "个", sql, _lint_file)
    if not contracts and not schemes and not connectors and not sql:
        raise UsageError(str(path), "里面没有契约、连接器、评价方案或视图文件", "请检查路径")


def _is_scheme(path: Path) -> bool:
    return any(
        line.startswith("indicators:") for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
    )


def _schemes(paths: list[Path]) -> tuple[str, list[HubError]]:
    from views.scoring.scheme import load

    def check(path: Path) -> Findings:
        try:
            load(str(path))
        except HubError as error:
            yield error

    return _each("评价方案", "套", paths, check)


def _is_connector(path: Path) -> bool:
    if _is_scheme(path):
        return False
    # Other YAML lies beside (code lists, case files); a connector names its dataset at the left margin.
    return any(
        line.startswith(("dataset:", "source:"))
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
    )


def _each(what: str, unit: str, paths: list[Path], check: Callable[[Path], Findings]) -> tuple[str, list[HubError]]:
    return f"{what} {len(paths)} {unit}", [error for path in paths for error in check(path)]


def _reference() -> tuple[str, list[HubError]]:
    """Departments, code sets and deadline rules can be read."""
    from schemas import reference

    try:
        reference.departments(), reference.code_value_rows(), reference.deadline_rule_rows()
    except HubError as error:
        return "基础代码表", [error]
    return "基础代码表", []


def _contracts(paths: list[Path]) -> tuple[str, list[HubError]]:
    return _each("契约", "份", paths, _contract)


def _contract(path: Path) -> Findings:
    """What ODCS's own JSON schema says, then what the row path needs."""
    import yaml

    from schemas.contract import load

    try:
        doc = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError):
        doc = None  # load() tells the line
    if isinstance(doc, dict):
        yield from _against_standard(path, doc)
    try:
        agreed = load(path)
    except HubError as error:
        yield error
        return
    except (KeyError, TypeError, AttributeError) as error:
        yield ConfigError(path.name, f"结构不对（{error}）", "请参照 schemas/contracts/ 下的其他契约")
        return
    if path.name != f"{agreed.dataset}.odcs.yaml":
        yield ConfigError(
            path.name, f"文件名与数据集 '{agreed.dataset}' 不一致", f"请改名为 {agreed.dataset}.odcs.yaml"
        )
    if not any(f.key for f in [*agreed.fields.values(), *agreed.derived.values()]):
        yield ConfigError(path.name, "没有主键", "请给主键字段写 primaryKey: true 和 primaryKeyPosition")
    yield from _names(path.name, agreed)
    yield from _references(path.name, agreed)
    yield from _rules(path.name, agreed)


def _names(where: str, agreed: Any) -> Findings:
    """No field takes the name of a column every dataset view has."""
    from views.inputs import PROVENANCE

    for name in agreed.fields:
        if name in PROVENANCE or name == "enterprise_id" or name.startswith("_"):
            yield ConfigError(f"{where}：{name}", "这个名称留给来源和批次信息用", "请给字段换个名称")


def _references(where: str, agreed: Any) -> Findings:
    """Names a contract uses exist: code sets, fields of the key, of valid time and of the party."""
    from schemas import reference
    from schemas.errors import nearest

    known = {**agreed.fields, **agreed.derived}
    for f in agreed.fields.values():
        if f.code_set and f.code_set not in reference.code_sets():
            yield ConfigError(
                f"{where}：{f.name}", f"没有代码表 '{f.code_set}'", nearest(f.code_set, reference.code_sets())
            )
    for word, name in (("validFromField", agreed.valid_from), ("eventDateField", agreed.event_field)):
        if name and name not in known:
            yield ConfigError(f"{where}：{word}", f"没有字段 '{name}'", nearest(name, known))
    if agreed.party:
        for name in [*agreed.party.fields.values(), *agreed.party.second]:
            if name not in known:
                yield ConfigError(f"{where}：party", f"没有字段 '{name}'", nearest(name, known))


def _rules(where: str, agreed: Any) -> Findings:
    """Row rules exist and have the words they need."""
    from quality.rules import condition

    for rule in agreed.rules:
        if rule.scope == "row":
            try:
                condition(rule.spec, f"{where}：{rule.name}")
            except HubError as error:
                yield error


@cache
def _standard() -> Any:
    """The validator of ODCS 3.1; None where neither package is installed (they are development packages)."""
    if find_spec("open_data_contract_standard") is None or find_spec("jsonschema") is None:
        return None
    from jsonschema.validators import validator_for  # type: ignore[import-untyped]

    schema = json.loads(files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8"))
    return validator_for(schema)(schema)


def _against_standard(path: Path, doc: dict[str, Any]) -> Findings:
    validator = _standard()
    if validator is None:
        return
    from jsonschema.exceptions import best_match  # type: ignore[import-untyped]

    for error in sorted(validator.iter_errors(_json(doc)), key=lambda e: list(map(str, e.absolute_path))):
        deepest = best_match([error]) or error
        at = ".".join(str(part) for part in deepest.absolute_path)
        yield ConfigError(
            f"{path.name}：{at}" if at else path.name,
            f"不合 ODCS 标准（{deepest.message[:160]}）",
            "请对照 ODCS 3.1 或其他契约修改",
        )


def _json(doc: Any) -> Any:
    # YAML knows dates, JSON does not.
    return json.loads(json.dumps(doc, default=str))


def _connectors(root: Path) -> tuple[str, list[HubError]]:
    from connectors.spec import load_registry
    from schemas.reference import departments

    registry = load_registry(root, departments=departments())
    return f"连接器 {len(registry.connectors) + len(registry.broken)} 个", list(registry.broken.values())


def _connector(path: Path) -> tuple[str, list[HubError]]:
    return _each("连接器", "个", [path], _load_connector)


def _load_connector(path: Path) -> Findings:
    from connectors.spec import load
    from schemas.reference import departments

    try:
        load(path, departments=departments())
    except HubError as error:
        yield error


def _views(root: Path) -> tuple[str, list[HubError]]:
    from views.catalog import load_catalog
    from views.lint import lint_catalog

    catalog = load_catalog(root)
    return f"视图 {len(catalog.views) + len(catalog.broken)} 个", lint_catalog(catalog)


def _view(path: Path) -> tuple[str, list[HubError]]:
    return _each("视图", "个", [path], _lint_file)


def _lint_file(path: Path) -> Findings:
    """One view file, judged as a part of the whole catalogue: it may read other views."""
    from views.catalog import VIEWS, Catalog, load, load_catalog
    from views.lineage import schemas
    from views.lint import lint

    try:
        view = load(path)
        rest = load_catalog(VIEWS)
        yield from lint(view, schemas(Catalog(rest.views | {view.name: view}, {})))
    except HubError as error:
        yield error
