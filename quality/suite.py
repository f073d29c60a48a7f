"""Which expectations a contract puts on a delivery as a whole.

Row rules have already refused the bad rows; what is asked here is whether the *batch* is what was agreed: enough
rows, columns filled, keys not repeated, values inside their sets and ranges, news not stale. Rules come from two
places: the contract's own batch rules (`type: library`), with the severity written there, and a few that follow
from its fields. A rule that only follows from the fields warns; it blocks in one case, a whole ledger of which
more than half is refused or nothing came, because what is missing from a whole ledger is closed.

Nothing here imports Great Expectations: a spec names the expectation class and its arguments.

Source: Open Data Contract Standard 3.1.0, quality metrics rowCount, nullValues, duplicateValues, invalidValues.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from schemas.contract import Contract, Field, Rule
from schemas.errors import ConfigError, nearest

WHOLE = frozenset({"full", "file_full"})  # deliveries in which a missing row means a closed one
_INCREMENTAL = frozenset({"cursor", "exchange"})  # may be of any size, and may hold one key twice

_SMALL = 20  # rows; below, one bad row is more than 5 % and a share says nothing
_FILLED, _SOUND = 0.95, 0.99  # shares asked for by the rules that follow from the fields
_SOURCE_CLOCK_SLIP = timedelta(days=1)
_LEAST_AGE = timedelta(days=1)  # a quiet night is not a stale source; minutes are the scheduler's to watch

# Hours in which offices sleep: UTC taken for county time puts half a working day there, a hotline at most a tenth.
_NIGHT, _AWAKE = (1, 6), 0.75
_MANY = 1000  # rows; fewer may be one night's

REFUSED = "_refused"


@dataclass(frozen=True)
class BatchFacts:
    """What the judge of a batch must know besides its rows.

    `extracted_at` is county wall-clock time, with or without zone; `past_rows` the extracted rows of past committed
    deliveries of the same kind; `refused` SQL that is true where a row of the checked file was refused.
    """

    connector: str
    dataset: str
    delivery: str
    kind: str  # cursor | full | file | file_full | exchange
    extracted_at: datetime
    past_rows: Collection[int] = ()
    refused: str = "false"


@dataclass(frozen=True)
class Spec:
    """One expectation: `kind` is the Great Expectations class, `name` is ASCII and unique in its suite."""

    name: str
    field: str | None
    title: str  # Chinese name of the field, or of the dataset
    kind: str
    arguments: dict[str, Any]
    severity: str  # error | warning
    description: str
    computed: dict[str, str] = dataclasses.field(default_factory=dict)  # column the expectation reads -> its SQL

    @property
    def subject(self) -> tuple[str, ...]:
        """What is asked of which columns; two specs of one subject differ only in their limits."""
        columns = self.arguments.get("column_list") or [self.arguments.get("column", "")]
        return self.kind, *columns


def suite(
    contract: Contract, facts: BatchFacts, columns: Collection[str], rows: int, sets: dict[str, list[str]]
) -> list[Spec]:
    """The expectations on one delivery, the contract's own first; names are made unique.

    `columns` are those of the checked file, `rows` its rows, `sets` the codes of each code set.

    Raises:
        ConfigError: a batch rule of the contract asks for what cannot be judged.
    """
    have = [f for f in contract.fields.values() if f.name in columns]
    own = [
        spec for rule in contract.rules if rule.scope == "batch" for spec in _own(contract, rule, facts, columns, rows)
    ]
    asked = {spec.subject for spec in own}
    implied = [spec for spec in _implied(contract, have, facts, rows, sets) if spec.subject not in asked]
    return list({spec.name: spec for spec in [*implied, *own]}.values())


def shared_suite(contract: Contract) -> list[Spec]:
    """The contract's rules that read the shared library across datasets (`type: sql`): each a number and its limits.

    Raises:
        ConfigError: a rule has no limits.
    """
    specs = []
    for rule in contract.rules:
        if rule.scope == "batch" and rule.spec.get("type") == "sql":
            limits = {"column": rule.name, **_limits(*_bounds(rule, f"{contract.path.name}：quality.{rule.name}"))}
            computed = {rule.name: str(rule.spec["query"])}
            specs.append(
                Spec(
                    rule.name,
                    None,
                    contract.title,
                    "ExpectColumnMaxToBeBetween",
                    limits,
                    rule.severity,
                    rule.description,
                    computed,
                )
            )
    return specs


def _implied(
    contract: Contract, have: list[Field], facts: BatchFacts, rows: int, sets: dict[str, list[str]]
) -> Iterator[Spec]:
    if facts.kind in WHOLE:
        yield Spec(
            "row_count",
            None,
            contract.title,
            "ExpectTableRowCountToBeBetween",
            {"min_value": 1},
            "error",
            "全量交付至少要有一行。",
        )
    if rows < _SMALL:
        return
    whole = facts.kind in WHOLE
    yield Spec(
        "accepted_rows", None, contract.title, "ExpectColumnValuesToBeInSet", {"column": REFUSED, "value_set": [False], "mostly": 0.5},
        "error" if whole else "warning", "逐行质检被隔离的行不得过半。" + ("过半时整批暂停，以免把未送到的行当作注销。" if whole else ""),
        {REFUSED: facts.refused},
    )  # fmt: skip
    for f in have:
        yield from _implied_by_field(f, sets)
    if contract.key and facts.kind not in _INCREMENTAL and {f.name for f in have} >= set(contract.key):
        yield _unique("key_unique", contract, contract.key, _SOUND, "warning", "同一批里主键重复的应少于 1%。")
    if rows >= _MANY:
        happened = _happened(contract)
        yield from (_daylight(f) for f in have if f.name in happened and f.physical_type == "timestamp")
    stamp = contract.fields.get(contract.valid_from or "")
    latency = contract.sla_seconds("latency")
    if stamp in have and stamp is not None and latency is not None:
        now = facts.extracted_at.replace(tzinfo=None)
        oldest = now - max(timedelta(seconds=latency), _LEAST_AGE)
        yield Spec(
            "fresh", stamp.name, stamp.title, "ExpectColumnMaxToBeBetween",
            {"column": stamp.name, "min_value": _day_or_instant(stamp, oldest), "max_value": _day_or_instant(stamp, now + _SOURCE_CLOCK_SLIP)},
            "warning", "最新一行不应早于约定时效，也不应晚于采集时间。",
        )  # fmt: skip


def _happened(contract: Contract) -> set[str]:
    """Fields that tell when somebody did something: those that may not lie in the future."""
    return {str(r.spec.get("field") or r.field) for r in contract.rules if r.spec.get("rule") == "not_future"}


def _daylight(f: Field) -> Spec:
    """Whether an instant is told in county time; midnight is a date without a time (D26)."""
    first, last = _NIGHT
    hour = f'hour("{f.name}")'
    night = f"CASE WHEN \"{f.name}\"::TIME <> TIME '00:00:00' THEN {hour} >= {first} AND {hour} < {last} END"
    return Spec(
        f"daylight_{f.name}", f.name, f.title, "ExpectColumnValuesToBeInSet",
        {"column": f"_night_{f.name}", "value_set": [False], "mostly": _AWAKE}, "warning",
        f"凌晨 {first} 至 {last} 点的应少于四分之一；否则像是把世界时（UTC）当成了北京时间，请核对来源的时钟，或在连接器里写 timezone: UTC。",
        {f"_night_{f.name}": night},
    )  # fmt: skip


def _implied_by_field(f: Field, sets: dict[str, list[str]]) -> Iterator[Spec]:
    if f.required:
        arguments: dict[str, Any] = {"column": f.name, "mostly": _FILLED}
        yield Spec(
            f"filled_{f.name}",
            f.name,
            f.title,
            "ExpectColumnValuesToNotBeNull",
            arguments,
            "warning",
            "必填，空值应少于 5%。",
        )
    if f.code_set in sets:
        arguments = {"column": f.name, "value_set": sets[str(f.code_set)], "mostly": _SOUND}
        yield Spec(
            f"in_set_{f.name}",
            f.name,
            f.title,
            "ExpectColumnValuesToBeInSet",
            arguments,
            "warning",
            "不在代码表内的应少于 1%。",
        )
    bounds = {
        word: f.options[option]
        for word, option in (("min_value", "minimum"), ("max_value", "maximum"))
        if isinstance(f.options.get(option), int | float)
    }
    if bounds and f.logical_type in {"integer", "number"}:
        arguments = {"column": f.name, "mostly": _SOUND, **bounds}
        yield Spec(
            f"in_range_{f.name}",
            f.name,
            f.title,
            "ExpectColumnValuesToBeBetween",
            arguments,
            "warning",
            "超出允许范围的应少于 1%。",
        )


def _own(contract: Contract, rule: Rule, facts: BatchFacts, columns: Collection[str], rows: int) -> Iterator[Spec]:
    """A rule written in the contract, as the expectation it stands for; none where it does not apply."""
    where = f"{contract.path.name}：quality.{rule.name}"
    arguments = rule.spec.get("arguments") or {}
    if rule.spec.get("type") == "sql" or facts.kind not in arguments.get("loads", [facts.kind]):
        return
    metric = rule.spec.get("metric")
    if metric == "rowCount":
        yield from _row_count(contract, rule, facts, where)
        return
    wanted = arguments.get("properties") or [rule.field]
    if rows < _SMALL or not set(wanted) <= set(columns):
        return
    names = [contract.fields[name] for name in wanted]
    mostly = _mostly(rule, rows, where)
    target: dict[str, Any] = {"column": wanted[0], "mostly": mostly}
    name = f"{rule.name}_{rule.field}" if rule.field else rule.name
    title = "、".join(f.title for f in names)
    match metric:
        case "nullValues" | "missingValues":
            yield Spec(name, wanted[0], title, "ExpectColumnValuesToNotBeNull", target, rule.severity, rule.description)
        case "duplicateValues" if facts.kind != "exchange":
            yield _unique(name, contract, tuple(wanted), mostly, rule.severity, rule.description)
        case "duplicateValues":
            return
        case "invalidValues" if "validValues" in arguments:
            target["value_set"] = list(arguments["validValues"])
            yield Spec(name, wanted[0], title, "ExpectColumnValuesToBeInSet", target, rule.severity, rule.description)
        case "invalidValues" if "pattern" in arguments:
            # Great Expectations has no regular expressions for DuckDB: the match is a computed column.
            pattern = str(arguments["pattern"]).replace("'", "''")
            told = {"column": f"_{name}", "value_set": [True], "mostly": mostly}
            computed = {f"_{name}": f"regexp_full_match(\"{wanted[0]}\"::VARCHAR, '{pattern}')"}
            yield Spec(
                name, wanted[0], title, "ExpectColumnValuesToBeInSet", told, rule.severity, rule.description, computed
            )
        case "invalidValues":
            raise ConfigError(where, "invalidValues 没有写明什么是有效值", "请在 arguments 里写 validValues 或 pattern")
        case _:
            raise ConfigError(
                where,
                f"没有批次指标 '{metric}'",
                nearest(str(metric), ["rowCount", "nullValues", "missingValues", "duplicateValues", "invalidValues"]),
            )


def _row_count(contract: Contract, rule: Rule, facts: BatchFacts, where: str) -> Iterator[Spec]:
    if facts.kind in _INCREMENTAL:
        return
    low, high, strict_low, strict_high = _bounds(rule, where)
    if rule.spec.get("unit") == "percent":  # of the median of past deliveries
        if not facts.past_rows:
            return
        usual = median(facts.past_rows) / 100
        # Row counts are whole: a bound between two of them means the one inside.
        low = None if low is None else math.ceil(low * usual) if not strict_low else math.floor(low * usual)
        high = None if high is None else math.floor(high * usual) if not strict_high else math.ceil(high * usual)
    limits = _limits(low, high, strict_low, strict_high)
    yield Spec(
        rule.name, None, contract.title, "ExpectTableRowCountToBeBetween", limits, rule.severity, rule.description
    )


def _unique(
    name: str, contract: Contract, fields: tuple[str, ...], mostly: float, severity: str, description: str
) -> Spec:
    title = "、".join(contract.fields[f].title for f in fields)
    if len(fields) == 1:
        return Spec(
            name,
            fields[0],
            title,
            "ExpectColumnValuesToBeUnique",
            {"column": fields[0], "mostly": mostly},
            severity,
            description,
        )
    arguments = {"column_list": list(fields), "mostly": mostly, "ignore_row_if": "any_value_is_missing"}
    return Spec(name, None, title, "ExpectCompoundColumnsToBeUnique", arguments, severity, description)


def _bounds(rule: Rule, where: str) -> tuple[float | None, float | None, bool, bool]:
    """(least, most, least itself excluded, most itself excluded)."""
    spec = rule.spec
    if "mustBe" in spec:
        return spec["mustBe"], spec["mustBe"], False, False
    if "mustBeBetween" in spec:
        return spec["mustBeBetween"][0], spec["mustBeBetween"][1], False, False
    low = spec.get("mustBeGreaterThan", spec.get("mustBeGreaterOrEqualTo"))
    high = spec.get("mustBeLessThan", spec.get("mustBeLessOrEqualTo"))
    if low is None and high is None:
        raise ConfigError(where, "没有写明要求", "请写 mustBe、mustBeGreaterThan、mustBeLessThan、mustBeBetween 之一")
    return low, high, "mustBeGreaterThan" in spec, "mustBeLessThan" in spec


def _limits(low: float | None, high: float | None, strict_low: bool, strict_high: bool) -> dict[str, Any]:
    limits = {"min_value": low, "max_value": high, "strict_min": strict_low, "strict_max": strict_high}
    return {key: value for key, value in limits.items() if value is not None and value is not False}


def _mostly(rule: Rule, rows: int, where: str) -> float:
    """The share of good rows that satisfies a limit on bad ones."""
    low, high, _, strict = _bounds(rule, where)
    if low not in (None, 0, high) or high is None:
        raise ConfigError(where, "这个指标只能限定上限", "请写 mustBeLessThan、mustBeLessOrEqualTo 或 mustBe: 0")
    share = 1 - high / (100 if rule.spec.get("unit") == "percent" else rows)
    return min(1.0, max(0.0, math.nextafter(share, 1) if strict else share))


def _day_or_instant(f: Field, instant: datetime) -> Any:
    return instant.date() if f.logical_type == "date" else instant.replace(microsecond=0)
