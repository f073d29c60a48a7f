"""Data contracts: what a shared record of each dataset is.

One ODCS 3.1 file per dataset in schemas/contracts/; this module reads it into plain objects that the row
path builds its SQL from. Whether a file is valid ODCS is judged by the standard's own JSON schema in
`hub check` and the tests, not at each start.

Source: Open Data Contract Standard 3.1.0 (Bitol).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from schemas.errors import ConfigError, nearest
from schemas.reference import departments

# A site may keep its contracts outside the code.
CONTRACTS = Path(os.environ.get("HUB_CONTRACTS") or Path(__file__).parent / "contracts")

KINDS = frozenset(
    [
        "text",
        "free_text",
        "name",
        "code",
        "uscc",
        "org_code",
        "reg_no",
        "enterprise_code",
        "resident_id",
        "phone",
        "unit_no",
        "project_code",
        "taxpayer_id",
        "date",
        "timestamp",
        "deadline",
        "deadline_precision",
        "deadline_recurrence",
        "integer",
        "decimal",
        "yuan",
        "percent",
        "boolean",
        "code_set",
        "department",
        "mask_name",
        "mask_phone",
        "mask_id",
        "hmac",
        "scrub",
    ]
)
# What other departments may do with a dataset (政务数据共享条例 第十四条).
SHARING = {"unconditional": "无条件共享", "conditional": "有条件共享", "none": "不予共享"}
_DEFAULT_KIND = {
    "string": "text", "integer": "integer", "number": "decimal", "boolean": "boolean", "date": "date",
    "timestamp": "timestamp", "object": "free_text", "array": "free_text",
}  # fmt: skip
_PHYSICAL = re.compile(
    r"^(varchar\(\d+\)|text|smallint|integer|bigint|numeric\(\d+,\s*\d+\)|boolean|date|timestamp|jsonb|bytea)$"
)


@dataclass(frozen=True)
class Rule:
    """One check of a contract. `row` rules pick rows, `batch` rules judge a delivery as a whole."""

    name: str
    severity: str  # error | warning
    description: str  # Chinese reason, completes «<字段名>…»
    spec: dict[str, Any]
    scope: str  # row | batch
    field: str | None = None


@dataclass(frozen=True)
class Field:
    """One property of a dataset, in the order of its table's columns."""

    name: str
    title: str
    logical_type: str
    physical_type: str
    kind: str
    key: int = 0  # position in the primary key, 0 = not part of it
    required: bool = False
    unique: bool = False
    classification: str = "S0"
    code_set: str | None = None
    owner: str | None = None
    group: str | None = None
    references: str | None = None
    derived: str | None = None
    unit: str | None = None
    description: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()

    @property
    def max_length(self) -> int | None:
        """Characters a varchar(n) holds; None for every other type."""
        match = re.match(r"varchar\((\d+)\)", self.physical_type)
        return int(match.group(1)) if match else None


@dataclass(frozen=True)
class Party:
    """Which fields of a dataset name an enterprise: its code, its name, and what may confirm a name match."""

    fields: dict[str, str]  # code|uscc|reg_no|org_code|taxpayer_id|name -> field
    second: tuple[str, ...]


@dataclass(frozen=True)
class Contract:
    """The contract of one dataset; `fields` are the stored ones, `derived` the computed ones."""

    dataset: str
    title: str
    version: str
    domain: str
    owner: str
    purpose: str
    grain: str
    fields: dict[str, Field]
    derived: dict[str, Field]
    rules: tuple[Rule, ...]
    party: Party | None
    valid_from: str | None
    event_field: str | None  # whose day tells what a department's name or a code meant; None: the day of the delivery
    sla: dict[str, tuple[float, str]]
    path: Path
    sharing: str = ""  # a key of SHARING; "" = the contract does not say
    sharing_basis: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """Primary key fields in their declared order."""
        return tuple(f.name for f in sorted((f for f in self.fields.values() if f.key), key=lambda f: f.key))

    def sla_seconds(self, name: str) -> float | None:
        """An SLA property (frequency, latency) in seconds, None when the contract does not set it."""
        if name not in self.sla:
            return None
        value, unit = self.sla[name]
        return value * {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "mo": 2678400, "y": 31622400}[unit]


def _custom(node: dict[str, Any]) -> dict[str, Any]:
    return {item["property"]: item["value"] for item in node.get("customProperties") or []}


def _rules(node: dict[str, Any], field_name: str | None) -> tuple[Rule, ...]:
    rules = []
    for item in node.get("quality") or []:
        kind = item.get("type", "library")
        own = kind == "custom" and item.get("engine") == "tongqu"
        implementation = item.get("implementation")
        spec = dict(implementation) if own and isinstance(implementation, dict) else dict(item)
        if own and isinstance(implementation, str):
            spec = {"rule": implementation}
        if own and field_name and "field" not in spec:
            spec["field"] = field_name
        rules.append(
            Rule(
                name=item.get("name") or spec.get("rule") or spec.get("metric") or "rule",
                severity=item.get("severity", "error"),
                description=item.get("description", ""),
                spec=spec,
                scope="row" if own else "batch",
                field=field_name,
            )
        )
    return tuple(rules)


def _field(node: dict[str, Any], where: str) -> Field:
    custom = _custom(node)
    told = [item["property"] for item in node.get("customProperties") or []]
    if twice := sorted({name for name in told if told.count(name) > 1}):
        raise ConfigError(f"{where}.{node['name']}", f"customProperties 里 {twice[0]} 写了两遍", "请只留一个")
    logical = node.get("logicalType", "string")
    physical = str(node.get("physicalType", "text")).lower().replace(" ", "")
    if physical in {"timestampwithouttimezone", "timestamptz"}:
        physical = "timestamp"
    if not _PHYSICAL.match(physical):
        raise ConfigError(
            f"{where}.{node['name']}",
            f"physicalType '{physical}' 不是支持的类型",
            "请用 varchar(n)、text、integer、numeric(p,s)、date、timestamp、boolean 等",
        )
    kind = custom.get("standardise") or ("code_set" if custom.get("codeSet") else _DEFAULT_KIND[logical])
    if kind not in KINDS:
        raise ConfigError(f"{where}.{node['name']}.standardise", f"没有规整方式 '{kind}'", nearest(kind, KINDS))
    return Field(
        name=node["name"],
        title=node.get("businessName", node["name"]),
        logical_type=logical,
        physical_type=physical,
        kind=kind,
        key=node.get("primaryKeyPosition", 1) if node.get("primaryKey") else 0,
        required=bool(node.get("required") or node.get("primaryKey")),
        unique=bool(node.get("unique")),
        classification=node.get("classification", "S0"),
        code_set=custom.get("codeSet"),
        owner=custom.get("owner"),
        group=custom.get("group"),
        references=custom.get("references"),
        derived=custom.get("derived"),
        unit=custom.get("sourceUnit"),
        description=node.get("description", ""),
        options={
            **(node.get("logicalTypeOptions") or {}),
            **{w: custom[w] for w in ("scale", "countFrom", "sameColumnAs") if w in custom},
        },
        rules=_rules(node, node["name"]),
    )


def _one_owner(fields: Iterable[Field], where: str) -> None:
    """Refuse a field group that two departments own (一数一源), and an owner nobody knows."""
    first: dict[str, Field] = {}
    for f in fields:
        if f.owner is None:
            continue
        if f.owner not in departments():
            cure = nearest(f.owner, departments())
            raise ConfigError(f"{where}.{f.name}.owner", f"没有部门 '{f.owner}'", cure)
        other = first.setdefault(f.group or f.name, f)
        if other.owner != f.owner:
            told = f"与 {other.name} 同属 {f.group} 组，数源部门却写着 {other.owner} 和 {f.owner} 两个"
            raise ConfigError(
                f"{where}.{f.name}.owner", told, "一数一源：一组字段只能有一个数源部门，请改成一个，或另分一组"
            )


def load(path: Path) -> Contract:
    """The contract in one file.

    Raises:
        ConfigError: the file is not readable YAML, or lacks what the row path needs.
    """
    return parse(path.read_text(encoding="utf-8"), path.name, path)


def parse(text: str, where: str, path: Path | None = None) -> Contract:
    """The contract a text holds; `where` begins its messages.

    Raises:
        ConfigError: it is not readable YAML, or lacks what the row path needs.
    """
    try:
        doc = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}：第 {mark.line + 1} 行" if mark else where
        raise ConfigError(place, "不是有效的 YAML", "请检查缩进、冒号和引号") from error
    try:
        table = doc["schema"][0]
        properties = table["properties"]
    except (KeyError, IndexError, TypeError) as error:
        raise ConfigError(where, "缺少 schema/properties", "请参照 schemas/contracts/ 下的其他契约") from error
    custom = _custom(table)
    fields = [_field(node, where) for node in properties]
    _one_owner(fields, where)
    party = custom.get("party")
    team = doc.get("team") or {}
    description = doc.get("description") or {}
    return Contract(
        dataset=table["name"],
        title=table.get("businessName", doc.get("name", table["name"])),
        version=str(doc.get("version", "1.0.0")),
        domain=doc.get("domain", ""),
        owner=(team.get("name") if isinstance(team, dict) else "") or "",
        purpose=description.get("purpose", "") if isinstance(description, dict) else str(description),
        grain=table.get("dataGranularityDescription", ""),
        fields={f.name: f for f in fields if not f.derived},
        derived={f.name: f for f in fields if f.derived},
        rules=tuple(rule for f in fields if not f.derived for rule in f.rules) + _rules(table, None),
        party=Party({k: v for k, v in party.items() if k != "second"}, tuple(party.get("second", ())))
        if party
        else None,
        valid_from=custom.get("validFromField"),
        event_field=custom.get("eventDateField") or custom.get("validFromField"),
        sla={item["property"]: (item["value"], item.get("unit", "d")) for item in doc.get("slaProperties") or []},
        path=path or Path(f"{table['name']}.odcs.yaml"),
        sharing=str(custom.get("sharing", "")),
        sharing_basis=str(custom.get("sharingBasis", "")),
    )


# Folders besides the given one: contracts that came with a registration lie under the hub home.
_FURTHER: list[Path] = []


def include(folder: Path | None) -> None:
    """Read contracts from this folder too, or from none; the main folder's go before one of the same dataset here."""
    folders = [] if folder is None else [folder]
    if folders != _FURTHER:
        _FURTHER[:] = folders
        forget()


def forget() -> None:
    """Read contract files anew from now on."""
    contracts.cache_clear()
    contract.cache_clear()


@cache
def contracts(root: Path = CONTRACTS) -> dict[str, Contract]:
    """All contracts by dataset name."""
    folders = (*_FURTHER, root) if root == CONTRACTS else (root,)
    return {c.dataset: c for folder in folders for c in (load(path) for path in sorted(folder.glob("*.odcs.yaml")))}


@cache
def contract(dataset: str, root: Path = CONTRACTS) -> Contract:
    """The contract of one dataset, read from its own file only (a short job reads one, not thirty).

    Raises:
        ConfigError: no such dataset; the nearest name is given.
    """
    folders = (root, *_FURTHER) if root == CONTRACTS else (root,)
    path = next((p for folder in folders if (p := folder / f"{dataset}.odcs.yaml").exists()), None)
    if path is None:
        known = [p.name.removesuffix(".odcs.yaml") for folder in folders for p in folder.glob("*.odcs.yaml")]
        raise ConfigError(f"数据集 '{dataset}'", "没有这个数据集的契约", nearest(dataset, known))
    return load(path)
