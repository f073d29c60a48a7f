"""A source on its way to a connector, as the wizard keeps it between its seven steps.

The draft is warehouse.registry's; rows of the source are never kept in it, only looked at again.
"""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors import draft_contract, references
from connectors.drivers import open_driver
from connectors.drivers.base import Step
from connectors.files import FileDriver
from connectors.sample import Sample, unmapped
from portal import reachable
from portal.accounts import Account
from portal.kinds import kind_of
from portal.site import Site
from schemas import contract as contracts
from schemas import privacy
from schemas.errors import ConfigError, HubError
from schemas.reference import departments
from warehouse import registry, wizard
from warehouse.precheck import safe_file
from warehouse.registry import Registration

if TYPE_CHECKING:
    import psycopg

STEPS = {
    "type": "类型", "source": "连接和测试", "preview": "预览", "mapping": "字段对应", "schedule": "频率", "sharing": "共享级别", "submit": "提交",
}  # fmt: skip
STEP_TITLES = {"resolve": "找到地址", "connect": "连通", "login": "登录", "read": "读取", "list": "列出字段"}
OPEN = ("draft", "rejected")
_KEPT, _KEPT_SECONDS = 16, 900


def new(connection: psycopg.Connection[Any], site: Site, user: Account, *, dept: str, title: str, name: str, driver: str) -> Registration:  # fmt: skip
    """A draft with its first step done.

    Raises:
        ConfigError: the name is taken, or the department is none.
    """
    if dept not in departments():
        raise ConfigError("部门", f"'{dept}' 不是已登记的部门", "请从列表里选")
    stem = name or draft_contract.field_name(title)
    connector = f"{dept}/{stem}"
    known = site.registry()
    taken = {*known.connectors, *known.broken}
    if connector in taken:
        raise ConfigError(f"编号 {connector}", "已经登记过", "要改它，请到它的页面点“修改登记”；另一个来源请换一个编号")
    # Two drafts of one connector would share its folder.
    for one in registry.registrations(connection):
        if one.connector == connector:
            raise ConfigError(
                f"编号 {connector}",
                f"{one.created_by} 已有一份登记 {one.registration_id} 没办完",
                "请接着办那一份，或换一个编号",
            )
    document = {"title": title, "dataset": "", "source": {"driver": driver}, "fields": {}}
    return registry.save(connection, connector, document, by=user.name, seen={"step": "source"})


def change(connection: psycopg.Connection[Any], site: Site, user: Account, connector: str) -> Registration:
    """A draft that begins as a connector stands now; one of the user's own that is open already is gone on with."""
    for one in registry.registrations(connection, OPEN):
        if one.connector == connector and one.created_by == user.name:
            return one
    now = site.registry().get(connector)
    seen = {"step": "source", "changes": True, "mapped": True, "kept": sorted(references.names(now.source))}
    return registry.save(connection, connector, dict(now.document), by=user.name, seen=seen)


def department(found: Registration) -> str:
    """Whose source it is."""
    return found.connector.partition("/")[0]


def editable(found: Registration, user: Account) -> bool:
    """Drafts are changed by whoever began them."""
    return found.state in OPEN and found.created_by == user.name


def keep(connection: psycopg.Connection[Any], found: Registration, document: dict[str, Any], *, contract: str | None, seen: dict[str, Any]) -> Registration:  # fmt: skip
    """Save a step; whatever was known of the impact holds no longer."""
    stale = {} if "impact" in seen else {"impact": None}
    return registry.save(
        connection, found.connector, document, by=found.created_by, contract=contract, seen=stale | seen, number=found.registration_id
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------ reaching
def guarded(site: Site, user: Account, found: Registration, source: dict[str, Any], own_port: int | None) -> dict[str, Any]:  # fmt: skip
    """The options with their secrets put away, if they may be reached.

    Raises:
        ConfigError: the source may not be reached, or an option is wrong.
    """
    from urllib.parse import urlsplit

    kept = set(found.seen.get("kept", ()))
    stored = wizard.keep_secrets(site.home, f"{found.connector}_r{found.registration_id}", source)
    mine = kept | (references.names(stored) - references.names(source))
    ports = {own_port, site.dagster_port, urlsplit(site.home.database_url).port or 5432} - {None}
    scope = None if user.department is None else department(found)
    reachable.check(site.home, stored, allowed=mine, own_ports=ports, department=scope)  # type: ignore[arg-type]
    return stored


def kept_names(found: Registration, source: Mapping[str, Any]) -> list[str]:
    """The references a draft may hold, with those of this source."""
    return sorted({*found.seen.get("kept", ()), *references.names(source)})


def folder(site: Site, found: Registration) -> Path:
    """Where the files of a registered file source come in."""
    return site.home.inbox / found.connector


def take_sample(site: Site, found: Registration, name: str, content: Any) -> dict[str, Any]:
    """Put an uploaded file where the source will be read from; returns its `source` options.

    Raises:
        ConfigError: it is not a file of this kind, has macros or is a bomb.
    """
    driver, plain = str(found.document["source"]["driver"]), Path(name).name
    place = folder(site, found)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    ending = Path(plain).suffix.lower()
    part = place / f".sample{ending[:8]}.part"
    with part.open("wb") as target:
        shutil.copyfileobj(content, target)
    try:
        safe_file(driver, plain, part)
    except ConfigError:
        part.unlink()
        raise
    before = found.seen.get("sample")
    if before and not found.seen.get("changes"):
        (place / before).unlink(missing_ok=True)
    part.replace(place / sample_name(name))
    pattern = {"excel": "*.xls*", "csv": f"*{ending}"}.get(driver, f"*{ending}")
    return {"driver": driver, "path": f"${{HUB_INBOX}}/{found.connector}/{pattern}"}


def sample_name(name: str) -> str:
    """What an uploaded file is called here: its own name, unless that hides it or names a person's number."""
    plain = Path(name.rpartition("\\")[2]).name
    return (
        plain
        if not plain.startswith((".", "~")) and privacy.scrub(plain) == plain
        else f"样本{Path(plain).suffix.lower()}"
    )


def forget_sample(site: Site, found: Registration) -> None:
    """Take the sample away with the draft that brought it."""
    if found.seen.get("sample") and not found.seen.get("changes"):
        shutil.rmtree(folder(site, found), ignore_errors=True)


def test(site: Site, found: Registration) -> Iterator[Step]:
    """The steps of reaching the draft's source, one after another; what came of them is kept at the end."""
    steps: list[Step] = []
    try:
        for step in wizard.reach(found.connector, dict(found.document["source"])):
            # Where the hub keeps its files is nobody's business.
            told = step.message.replace(str(site.home.inbox), "收件目录").removeprefix(f"{found.connector}：")
            steps.append(replace(step, message=told))
            yield steps[-1]
    except HubError as error:
        steps.append(Step("read", False, f"{error.where}：{error.what}", error.cure))
        yield steps[-1]
    with site.database.control() as connection:
        keep(
            connection, found, found.document, contract=found.contract,
            seen={"steps": [vars(s) for s in steps], "tested": fingerprint(found.document["source"], found.seen)},
        )  # fmt: skip


def fingerprint(source: Mapping[str, Any], seen: Mapping[str, Any]) -> str:
    """What was tested: the source's options, and which file."""
    return json.dumps([source, seen.get("sample_id")], sort_keys=True, ensure_ascii=False, default=str)


def reached(found: Registration) -> bool:
    """Whether the source as it is described now passed its test."""
    steps = found.seen.get("steps") or []
    place = ("driver", "path", "url", "table", "query")
    tested = json.loads(found.seen["tested"])[0] if found.seen.get("tested") else {}
    same = all(tested.get(key) == found.document["source"].get(key) for key in place)
    return bool(steps) and all(s["ok"] for s in steps) and same


# ------------------------------------------------------------------------------------------------ looking
_samples: OrderedDict[str, tuple[float, Sample]] = OrderedDict()
_lock = threading.Lock()


def look(found: Registration) -> Sample:
    """Columns and first rows, read again when a quarter of an hour old or described otherwise; kept in memory only.

    Raises:
        HubError: the source cannot be read.
    """
    key = f"{found.registration_id} {fingerprint(found.document['source'], found.seen)}"
    with _lock:
        at, seen = _samples.get(key, (0.0, None))
    if seen is not None and time.monotonic() - at < _KEPT_SECONDS:
        return seen
    seen = wizard.look(found.connector, dict(found.document["source"]))
    with _lock:
        _samples[key] = time.monotonic(), seen
        while len(_samples) > _KEPT:
            _samples.popitem(last=False)
    return seen


def sheets(found: Registration) -> list[str]:
    """The sheets of the workbook; none for any other source."""
    source = found.document["source"]
    if source.get("driver") not in {"excel", "file"}:
        return []
    from python_calamine import CalamineWorkbook

    driver = open_driver(unmapped(found.connector, dict(source)))
    paths = driver.paths() if isinstance(driver, FileDriver) else []
    if not paths or paths[-1].suffix.lower() not in {".xls", ".xlsx"}:
        return []
    with CalamineWorkbook.from_path(paths[-1]) as book:
        return list(book.sheet_names)


def agreed_of(found: Registration) -> contracts.Contract | None:
    """The contract of the draft's dataset: its own, or the county's; None while none is chosen."""
    if found.contract:
        return contracts.parse(found.contract, "契约草案")
    dataset = found.document.get("dataset")
    return contracts.contract(dataset) if dataset else None


def way(found: Registration) -> str:
    """How the source is described: file, database, http or options."""
    return kind_of(str(found.document["source"].get("driver"))).way


def problems(found: Registration) -> list[str]:
    """All that still stands against submitting it, in words."""
    told = [] if reached(found) else ["连接还没有测试通过（第 2 步）"]
    if not found.document.get("dataset"):
        return [*told, "还没有选数据集、对应字段（第 4 步）"]
    if not found.seen.get("mapped"):
        told.append("字段对应还没有确认（第 4 步）")
    if not found.seen.get("sharing"):
        told.append("共享级别还没有确认（第 6 步）")
    try:
        registry.checked(found)
    except HubError as error:
        told += [str(e) for e in getattr(error, "errors", (error,))]
    return told
