"""Connectors registered through the hub: drafts, their approval by a second person, versions, pause and retirement.

    draft --submit--> submitted --approve--> a new version, live at once      (never by who made or submitted it)
                                └─reject───> rejected; the draft can be taken up again

The registry of a hub is its connector files joined with what was registered here; where both name a connector, the
registered version counts. One bad entry is told and never stops the others.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

from connectors import spec
from connectors.spec import Connector, Registry
from schemas import contract as contracts
from schemas.errors import ConfigError, HubError, WarehouseUnavailable
from schemas.identifiers import county_today
from schemas.reference import departments
from schemas.text import person
from warehouse.home import Home

if TYPE_CHECKING:
    from warehouse.engines.adbc import Connection

# The day from which the first version of a connector counts: deliveries landed before it was kept are read by it.
ALWAYS = date(1900, 1, 1)
_OPEN = ("draft", "rejected")


@dataclass(frozen=True)
class Registration:
    """One draft on its way to a connector; `seen` keeps what the wizard found (probe, proposal, impact)."""

    registration_id: int
    connector: str
    state: str  # draft | submitted | approved | rejected | withdrawn
    document: dict[str, Any]
    contract: str | None  # ODCS text of a dataset that has none yet
    seen: dict[str, Any]
    created_by: str
    created_at: datetime
    updated_at: datetime
    submitted_by: str | None
    submitted_at: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None


@dataclass(frozen=True)
class Version:
    """One version of a connector; approved_by is None for a file's and for a decision of the drift inbox."""

    connector: str
    version: int
    document: dict[str, Any]
    contract: str | None
    effective_on: date
    made_by: str
    made_at: datetime
    approved_by: str | None
    note: str


def connect(home: Home) -> psycopg.Connection[dict[str, Any]]:
    """A connection to the control tables; rows come as dictionaries.

    Raises:
        WarehouseUnavailable: the database does not answer.
    """
    try:
        return psycopg.connect(home.database_url, row_factory=dict_row, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise WarehouseUnavailable("共享库", "连接不上", "请运行 hub doctor 检查") from error


# ------------------------------------------------------------------------------------------------ the registry
def load(home: Home) -> Registry:
    """The connectors of this hub: its files, then what was registered; nothing that is retired."""
    found = files(home)
    if home.embedded and not (home.path / "pg").exists():
        return found
    with closing(connect(home)) as connection:
        return join(found, connection, home)


def files(home: Home) -> Registry:
    """The connectors of this hub that are files.

    Their addresses and secrets are read anew as well, so that a process that runs for days sees those changed meanwhile.
    """
    home.load_env()
    # What the home itself brings replaces the files of the same name: the demo's stand-ins, a site's own changes.
    return spec.load_registry(home.departments, home.path / "connectors")


def join(registry: Registry, connection: psycopg.Connection[dict[str, Any]], home: Home) -> Registry:
    """The same registry with the newest registered versions in it and the standing of every connector applied."""
    if _absent(connection):
        return registry
    newest = connection.execute(
        "SELECT DISTINCT ON (connector) connector, version, document, contract FROM hub.connector_version ORDER BY connector, version DESC"
    ).fetchall()
    write_contracts(home, connection)
    for row in newest:
        registry.connectors.pop(row["connector"], None)
        registry.broken.pop(row["connector"], None)
        try:
            registry.connectors[row["connector"]] = read(row["connector"], row["document"], row["version"])
        except HubError as error:
            registry.broken[row["connector"]] = error
    for row in connection.execute("SELECT connector, state FROM hub.connector_standing WHERE state <> 'active'"):
        if row["state"] == "retired":
            registry.connectors.pop(row["connector"], None)
            registry.broken.pop(row["connector"], None)
        elif row["connector"] in registry.connectors:
            registry.connectors[row["connector"]] = replace(registry.connectors[row["connector"]], enabled=False)
    return registry


def _absent(connection: psycopg.Connection[dict[str, Any]]) -> bool:
    row = connection.execute("SELECT to_regclass('hub.connector_version') IS NULL AS absent").fetchone()
    return bool(row and row["absent"])


def read(connector: str, document: dict[str, Any], version: int | None = None) -> Connector:
    """A registered document as a connector.

    Raises:
        ConfigError: everything that is wrong with it.
    """
    where = f"{connector}（登记第 {version} 版）" if version else connector
    return spec.read(document, connector, where, departments=departments())


def write_contracts(home: Home, connection: psycopg.Connection[dict[str, Any]]) -> None:
    """Put the approved contracts of datasets that came with a registration where contracts are read from."""
    rows = connection.execute(
        "SELECT DISTINCT ON (document->>'dataset') document->>'dataset' AS dataset, contract FROM hub.connector_version "
        "WHERE contract IS NOT NULL ORDER BY document->>'dataset', made_at DESC"
    ).fetchall()
    contracts.include(home.contracts)  # another home may have been opened in this process since
    for row in rows:
        path = home.contracts / f"{row['dataset']}.odcs.yaml"
        if not path.exists() or path.read_text(encoding="utf-8") != row["contract"]:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_text(row["contract"], encoding="utf-8")
            part.rename(path)
            contracts.forget()


# ------------------------------------------------------------------------------------------------ registrations
def save(
    connection: psycopg.Connection[dict[str, Any]], connector: str, document: dict[str, Any], *, by: str,
    contract: str | None = None, seen: dict[str, Any] | None = None, number: int | None = None,
) -> Registration:  # fmt: skip
    """Keep a draft, however unfinished; `number` goes on with one. What `seen` holds is added to what is kept there.

    Raises:
        ConfigError: the id is none, or the draft was submitted already.
    """
    if "/" not in connector or not all(spec.is_name(part) for part in connector.split("/", 1)):
        raise ConfigError(
            connector, "不是 部门/名称 的形式", "只用小写字母、数字和下划线，例如 hotline_office/callback"
        )
    if number is None:
        row = connection.execute(
            "INSERT INTO hub.registration (connector, document, contract, seen, created_by) VALUES (%s, %s, %s, %s, %s) RETURNING registration_id",
            [connector, _json(document), contract, _json(seen or {}), person(by)],
        ).fetchone()
        assert row is not None
        number = int(row["registration_id"])
    else:
        old = registration(connection, number)
        if old.state not in _OPEN:
            raise ConfigError(f"登记 {number}", f"已经{STATES[old.state]}，不能再改", "要修改请先退回或另起一份")
        others = {*old.seen.get("editors", ()), person(by)} - {old.created_by}
        known = old.seen | (seen or {}) | ({"editors": sorted(others)} if others else {})
        connection.execute(
            "UPDATE hub.registration SET connector = %s, document = %s, contract = %s, seen = %s, state = 'draft', decided_by = NULL, "
            "decided_at = NULL, updated_at = clock_timestamp() WHERE registration_id = %s",
            [connector, _json(document), contract, _json(known), number],
        )
    connection.commit()
    return registration(connection, number)


STATES = {"draft": "草稿", "submitted": "待审批", "approved": "已批准", "rejected": "已退回", "withdrawn": "已撤回"}


def registration(connection: psycopg.Connection[dict[str, Any]], number: int) -> Registration:
    """One registration.

    Raises:
        ConfigError: there is none of that number.
    """
    row = connection.execute("SELECT * FROM hub.registration WHERE registration_id = %s", [number]).fetchone()
    if row is None:
        raise ConfigError(f"登记 {number}", "没有这份登记", "用 hub connector drafts 查看")
    return Registration(**row)


def registrations(
    connection: psycopg.Connection[dict[str, Any]], states: Sequence[str] = ("draft", "submitted", "rejected")
) -> list[Registration]:
    """Registrations in these states, newest first."""
    rows = connection.execute(
        "SELECT * FROM hub.registration WHERE state = ANY(%s) ORDER BY registration_id DESC", [list(states)]
    ).fetchall()
    return [Registration(**row) for row in rows]


def submit(connection: psycopg.Connection[dict[str, Any]], number: int, *, by: str) -> Registration:
    """Ask for approval; the document has to be right by now.

    Raises:
        ConfigError: everything that is wrong with the document, its contract included.
    """
    found = registration(connection, number)
    if found.state not in _OPEN:
        raise ConfigError(f"登记 {number}", f"已经{STATES[found.state]}", "用 hub connector drafts 查看")
    checked(found)
    connection.execute(
        "UPDATE hub.registration SET state = 'submitted', submitted_by = %s, submitted_at = clock_timestamp(), "
        "decided_by = NULL, decided_at = NULL, reason = NULL WHERE registration_id = %s",
        [person(by), number],
    )
    _told(connection, found.connector, by, "submitted", f"登记 {number}")
    connection.commit()
    return registration(connection, number)


def checked(found: Registration) -> Connector:
    """The connector a registration would make, judged against its own contract when it brings one.

    Raises:
        ConfigError: everything that is wrong with it.
    """
    if found.contract is None:
        return read(found.connector, found.document)
    agreed = contracts.parse(found.contract, f"登记 {found.registration_id} 的契约")
    if agreed.dataset != found.document.get("dataset"):
        raise ConfigError(f"登记 {found.registration_id}", f"契约是 '{agreed.dataset}' 的", "请与 dataset 写成一样")
    if not agreed.key:
        raise ConfigError(
            f"登记 {found.registration_id}：主键", "没有主键：样本里没有哪几列能分辨每一行，程序不能替你定",
            "用 hub connector new --draft 登记号 --key 列[,列] 指定；整行内容即标识的写 --key '*'；内容相同的行也都要留时，请部门加一列编号",
        )  # fmt: skip
    return spec.read(
        found.document, found.connector, found.connector, fields_of=lambda dataset: agreed.fields, departments=departments()
    )  # fmt: skip


def approve(connection: psycopg.Connection[dict[str, Any]], number: int, *, by: str, reason: str = "") -> Version:
    """Make a submitted registration the newest version of its connector, in one transaction; it is live from now on.

    Raises:
        ConfigError: it is not submitted, or `by` made, changed or submitted it (the database itself refuses the first and last).
    """
    found = _waiting(connection, number)
    checked(found)
    _decide(connection, number, "approved", by, reason)
    previous = versions(connection, found.connector)
    version = _add(
        connection, found.connector, found.document, contract=found.contract, by=found.submitted_by or found.created_by, approved_by=person(by),
        effective_on=ALWAYS if not previous else county_today(), registration=number, note=reason,
    )  # fmt: skip
    connection.execute(
        "INSERT INTO hub.connector_standing VALUES (%s, 'active') ON CONFLICT (connector) DO UPDATE SET state = 'active'",
        [found.connector],
    )
    _told(connection, found.connector, by, "approved", f"登记 {number}，第 {version.version} 版" + (f"：{reason}" if reason else ""))  # fmt: skip
    connection.commit()
    return version


def reject(connection: psycopg.Connection[dict[str, Any]], number: int, *, by: str, reason: str) -> Registration:
    """Send a submitted registration back with a reason.

    Raises:
        ConfigError: it is not submitted, there is no reason, or `by` made or submitted it.
    """
    found = _waiting(connection, number)
    if not reason.strip():
        raise ConfigError(f"登记 {number}", "退回要写明原因", "例如：信用代码列对应错了")
    _decide(connection, number, "rejected", by, reason)
    _told(connection, found.connector, by, "rejected", reason)
    connection.commit()
    return registration(connection, number)


def withdraw(connection: psycopg.Connection[dict[str, Any]], number: int, *, by: str) -> Registration:
    """Give a draft or submitted registration up.

    Raises:
        ConfigError: it was decided already.
    """
    found = registration(connection, number)
    if found.state not in {"draft", "submitted", "rejected"}:
        raise ConfigError(f"登记 {number}", f"已经{STATES[found.state]}", "用 hub connector drafts 查看")
    connection.execute(
        "UPDATE hub.registration SET state = 'withdrawn', decided_by = NULL, decided_at = NULL WHERE registration_id = %s",
        [number],
    )
    _told(connection, found.connector, by, "withdrawn", f"登记 {number}")
    connection.commit()
    return registration(connection, number)


def _people(connection: psycopg.Connection[dict[str, Any]], names: Sequence[str]) -> set[str]:
    """Who stands behind these names: one person may have two accounts, and is called by name at the command line."""
    told = [person(name) for name in names]
    accounts = connection.execute("SELECT person FROM hub.account WHERE name = ANY(%s)", [told]).fetchall()
    return {name.casefold() for name in [*told, *(person(account["person"]) for account in accounts)]}


def _waiting(connection: psycopg.Connection[dict[str, Any]], number: int) -> Registration:
    found = registration(connection, number)
    if found.state != "submitted":
        raise ConfigError(f"登记 {number}", f"现在是{STATES[found.state]}，不在待审批", "先 hub connector submit")
    return found


def _decide(connection: psycopg.Connection[dict[str, Any]], number: int, state: str, by: str, reason: str) -> None:
    same = ConfigError(f"登记 {number}", f"'{by}' 是登记人、提交人或改过它的人", "请由另一个人审批")
    found = registration(connection, number)
    made = [found.created_by, *([found.submitted_by] if found.submitted_by else []), *found.seen.get("editors", ())]
    if _people(connection, [by]) & _people(connection, made):
        raise same
    try:
        connection.execute(
            "UPDATE hub.registration SET state = %s, decided_by = %s, decided_at = clock_timestamp(), reason = %s WHERE registration_id = %s",
            [state, person(by), reason, number],
        )
    except psycopg.errors.CheckViolation as error:
        connection.rollback()
        if error.diag.constraint_name == "registration_two_people":
            raise same from None
        raise


# ------------------------------------------------------------------------------------------------ versions
def versions(connection: psycopg.Connection[dict[str, Any]], connector: str) -> list[Version]:
    """All versions of a connector, oldest first; none for one that only ever stood in a file."""
    rows = connection.execute(
        "SELECT connector, version, document, contract, effective_on, made_by, made_at, approved_by, note "
        "FROM hub.connector_version WHERE connector = %s ORDER BY version",
        [connector],
    ).fetchall()
    return [Version(**row) for row in rows]


def revise(
    connection: psycopg.Connection[dict[str, Any]], connector: Connector, document: dict[str, Any], *, by: str, effective_on: date, note: str
) -> Version:  # fmt: skip
    """Add a version that a decision of the drift inbox makes; the caller commits.

    A connector that so far only stood in a file gets that as its first version, so that old deliveries keep their layout.
    """
    if not versions(connection, connector.id):
        _add(connection, connector.id, connector.document, contract=None, by="连接器文件", approved_by=None, effective_on=ALWAYS, registration=None, note=str(connector.path))  # fmt: skip
    made = _add(connection, connector.id, document, contract=None, by=by, approved_by=None, effective_on=effective_on, registration=None, note=note)  # fmt: skip
    _told(connection, connector.id, by, "revised", f"第 {made.version} 版：{note}")
    return made


def _add(
    connection: psycopg.Connection[dict[str, Any]], connector: str, document: dict[str, Any], *, contract: str | None, by: str,
    approved_by: str | None, effective_on: date, registration: int | None, note: str,
) -> Version:  # fmt: skip
    connection.execute("SELECT pg_advisory_xact_lock(20253, hashtext(%s))", [connector])
    connection.execute(
        "INSERT INTO hub.connector_version (connector, version, document, contract, effective_on, made_by, approved_by, registration_id, note) "
        "SELECT %s, coalesce(max(version), 0) + 1, %s, %s, %s, %s, %s, %s, %s FROM hub.connector_version WHERE connector = %s",
        [connector, _json(document), contract, effective_on, by, approved_by, registration, note, connector],
    )
    return versions(connection, connector)[-1]


def layouts(warehouse: Connection, connector: str) -> list[Version]:
    """All versions of a connector, oldest first, read through the connection of a load."""
    rows = warehouse.rows(
        "SELECT connector, version, document::text AS document, contract, effective_on, made_by, made_at, approved_by, note "
        "FROM hub.connector_version WHERE connector = $1 ORDER BY version",
        connector,
    )
    warehouse.commit()
    return [Version(**(row | {"document": json.loads(row["document"])})) for row in rows]


def as_of(found: Sequence[Version], connector: Connector, day: date, columns: Collection[str] = ()) -> Connector:
    """The connector as its layout stood on a day; the one given when no version was kept.

    A day can have had two layouts: with `columns`, those of a delivery, the newest one that fits them is taken.
    """
    due = [version for version in found if version.effective_on <= day]
    if not due:
        return connector
    due.sort(key=lambda version: (version.effective_on, version.version), reverse=True)
    made = [replace(read(v.connector, v.document, v.version), enabled=connector.enabled) for v in due]
    return next((c for c in made if set(c.source_columns) <= set(columns)), made[0]) if columns else made[0]


# ------------------------------------------------------------------------------------------------ standing
def stand(connection: psycopg.Connection[dict[str, Any]], connector: str, state: str, *, by: str, reason: str) -> None:
    """Pause, resume or retire a connector; what it has delivered stays.

    Raises:
        ConfigError: no reason is given for a pause or a retirement.
    """
    if state != "active" and not reason.strip():
        raise ConfigError(connector, "停用或撤销要写明原因", "例如：部门系统升级")
    connection.execute(
        "INSERT INTO hub.connector_standing VALUES (%s, %s) ON CONFLICT (connector) DO UPDATE SET state = EXCLUDED.state",
        [connector, state],
    )
    _told(connection, connector, by, {"active": "resumed"}.get(state, state), reason)
    connection.commit()


def events(connection: psycopg.Connection[dict[str, Any]], connector: str) -> list[dict[str, Any]]:
    """What people did with a connector, oldest first: at, actor, kind, reason."""
    return connection.execute(
        "SELECT at, actor, kind, reason FROM hub.connector_event WHERE connector = %s ORDER BY event_id", [connector]
    ).fetchall()


def _told(connection: psycopg.Connection[dict[str, Any]], connector: str, by: str, kind: str, reason: str) -> None:
    connection.execute(
        "INSERT INTO hub.connector_event (connector, actor, kind, reason) VALUES (%s, %s, %s, %s)",
        [connector, person(by), kind, reason],
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
