"""Step 4 of the wizard: which column is which field, as a person sees it and as they answer.

proposal (connectors.proposal) -> lines, one per source column, those that need a person first
form                           -> fields, constants, codes of the connector, or properties of a draft contract
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from connectors import proposal
from connectors.proposal import Proposal
from connectors.sample import Sample
from schemas.contract import Contract, Field
from schemas.errors import ConfigError
from schemas.reference import code_sets, departments
from warehouse.registry import Registration

_SHOWN, _PREVIEW = 3, 5
_KIND_WORDS = {
    "date": "按日期读", "deadline": "按时限读（12月底前、十个工作日内）", "deadline_precision": "时限写到多细", "deadline_recurrence": "时限多久一次", "timestamp": "按时间读", "yuan": "按金额读，统一成元", "percent": "按百分比读", "boolean": "按是否读", "code_set": "对照代码表",
    "department": "对照部门名录", "mask_name": "只存脱敏姓名", "mask_phone": "只存脱敏号码", "mask_id": "只存脱敏证件号", "hmac": "只存指纹，不存原值",
    "scrub": "去掉文中的个人信息", "uscc": "校验信用代码", "enterprise_code": "校验企业代码", "resident_id": "校验身份证号", "phone": "校验电话",
    "integer": "按整数读", "decimal": "按数读",
}  # fmt: skip
TYPES = {
    "text": ("文字", "string", "text"), "integer": ("整数", "integer", "bigint"), "number": ("小数", "number", "numeric(38,6)"),
    "date": ("日期", "date", "date"), "timestamp": ("日期时间", "timestamp", "timestamp"), "boolean": ("是否", "boolean", "boolean"),
}  # fmt: skip
LEVELS = {"S0": "S0 可公开", "S1": "S1 内部", "S2": "S2 敏感，脱敏后可见", "S3": "S3 高敏感，不可见"}


@dataclass
class Line:
    """One source column: `fields` are what it is mapped to, `state` sure | unsure | left."""

    at: int
    column: str
    type: str
    samples: list[str]
    fields: list[str]
    certainty: float | None
    reason: str
    state: str
    level: str | None
    how: str = ""

    @property
    def dots(self) -> str:
        """The certainty as three dots."""
        if self.certainty is None:
            return ""
        full = 3 if self.certainty >= 0.9 else 2 if self.certainty >= 0.7 else 1
        return "●" * full + "○" * (3 - full)


@dataclass
class Sheet:
    """All of the step: lines, what is missing, codes nobody knows, the preview of the mapped rows."""

    lines: list[Line]
    missing: list[Field]
    codes: dict[str, dict[str, int]]
    preview: list[list[dict[str, Any]]] = field(default_factory=list)
    heads: list[Field] = field(default_factory=list)

    @property
    def told(self) -> str:
        """The columns in one sentence."""
        count = {s: sum(line.state == s for line in self.lines) for s in ("sure", "unsure", "left")}
        return f"{len(self.lines)} 列 · {count['sure']} 已对应 · {count['unsure']} 待确认 · {count['left']} 不采集"


def veiled(value: str | None) -> str:
    """A personal value as the page shows it."""
    return "" if not value else value[0] + "＊" * min(max(len(value) - 1, 1), 6)


def sheet(found: Registration, agreed: Contract, seen: Sample) -> Sheet:
    """The step as it stands: a person's own answers once there are some, else the proposal."""
    made = proposal.propose(agreed, seen)
    own = bool(found.seen.get("mapped")) and found.document.get("dataset") == agreed.dataset
    given: dict[str, str] = found.document.get("fields", {}) if own else {n: s.column for n, s in made.fields.items()}
    constants: dict[str, Any] = found.document.get("constants", {}) if own else {}
    lines = [_line(at, c.name, c.type, given, made, agreed, seen, own) for at, c in enumerate(seen.columns)]
    lines.sort(key=lambda line: ({"unsure": 0, "sure": 1, "left": 2}[line.state], line.at))
    missing = [f for f in agreed.fields.values() if f.required and f.name not in given and f.name not in constants]
    codes = {name: c for name, c in made.codes.items() if given.get(name) == made.fields[name].column}
    heads = [agreed.fields[n] for n in agreed.fields if n in given]
    preview = [[_cell(f, row.get(given[f.name])) for f in heads] for row in seen.rows[:_PREVIEW]]
    return Sheet(lines, missing, codes, preview, heads)


def _line(
    at: int, column: str, type_name: str, given: Mapping[str, str], made: Proposal, agreed: Contract, seen: Sample, own: bool
) -> Line:  # fmt: skip
    fields = [n for n, c in given.items() if c == column and n in agreed.fields]
    suggested = next((s for s in made.fields.values() if s.column == column), None)
    level = made.sensitivity.get(column)
    if fields:
        level = max([agreed.fields[n].classification for n in fields] + ([level] if level else []))
    samples = list(dict.fromkeys(seen.values(column)))[:_SHOWN]
    if level in {"S2", "S3"}:
        samples = [veiled(v) for v in samples]
    sure = bool(fields) and (own or (suggested is not None and suggested.certainty >= proposal.SURE))
    same = suggested is not None and suggested.field in fields
    return Line(
        at, column, type_name, samples, fields, suggested.certainty if same and suggested else None,
        suggested.reason if same and suggested else "自己指定" if fields else "没有像的字段" if suggested is None else f"曾建议 {suggested.field}",
        "sure" if sure else "unsure" if fields else "left", level, "；".join(dict.fromkeys(w for n in fields if (w := how(agreed.fields[n])))),
    )  # fmt: skip


def how(f: Field) -> str:
    """What is done to a value on its way into a field."""
    word = _KIND_WORDS.get(f.kind, "")
    return f"{word}（{code_sets()[f.code_set].title}）" if f.kind == "code_set" and f.code_set in code_sets() else word


def _cell(f: Field, value: str | None) -> dict[str, Any]:
    """One cell of the preview; `wrong` says what is bad about it."""
    wrong = ""
    if value in {None, ""}:
        wrong = "必填，不能空" if f.required else ""
    elif (judged := proposal.share(f, [str(value)])) is not None and judged[1] < 1:
        wrong = _refused(judged[0])
    shown = veiled(value) if f.classification in {"S2", "S3"} else value
    return {"value": shown or "", "wrong": wrong}


# ------------------------------------------------------------------------------------------------ the answers
def answered(agreed: Contract, seen: Sample, form: Mapping[str, str]) -> dict[str, Any]:
    """fields, constants and codes of the connector as the form has them.

    Raises:
        ConfigError: two columns are given for one field, or a code is none of its list.
    """
    fields: dict[str, str] = {}
    for at, column in enumerate(seen.columns):
        for name in dict.fromkeys((form.get(f"c{at}", ""), form.get(f"d{at}", ""))):
            if not name:
                continue
            if name not in agreed.fields:
                raise ConfigError(f"列“{column.name}”", f"数据集没有字段 '{name}'", "请从列表里选")
            if name in fields:
                raise ConfigError(
                    f"字段“{agreed.fields[name].title}”", f"有两列对应它：{fields[name]}、{column.name}", "请只留一列"
                )
            fields[name] = column.name
    constants: dict[str, Any] = {}
    for f in agreed.fields.values():
        chosen, value = form.get(f"m:{f.name}", ""), form.get(f"k:{f.name}", "").strip()
        if chosen in {c.name for c in seen.columns} and f.name not in fields:
            fields[f.name] = chosen
        elif value and f.name not in fields:
            constants[f.name] = _typed(f, value)
    codes = _codes(agreed, fields, form)
    found: dict[str, Any] = {"fields": {n: fields[n] for n in agreed.fields if n in fields}}
    return found | ({"constants": constants} if constants else {}) | ({"codes": codes} if codes else {})


def _typed(f: Field, value: str) -> Any:
    if f.physical_type == "boolean":
        if value not in {"是", "否"}:
            raise ConfigError(f"固定值“{f.title}”", f"'{value}' 不是是否", "写 是 或 否")
        return value == "是"
    if f.physical_type in {"smallint", "integer", "bigint"}:
        if not value.lstrip("-").isdigit():
            raise ConfigError(f"固定值“{f.title}”", f"'{value}' 不是整数", "例如 1")
        return int(value)
    return value


def _codes(agreed: Contract, fields: Mapping[str, str], form: Mapping[str, str]) -> dict[str, dict[str, str]]:
    codes: dict[str, dict[str, str]] = {}
    for key, code in form.items():
        if not key.startswith("code:") or not code:
            continue
        _, name, spelling = key.split(":", 2)
        if name in fields and name in agreed.fields:
            known = {c.code for c in code_sets()[agreed.fields[name].code_set or ""].codes}
            if code not in known:
                raise ConfigError(f"写法“{spelling}”", f"代码表里没有 '{code}'", "请从列表里选")
            codes.setdefault(name, {})[spelling] = code
    return codes


# ------------------------------------------------------------------------------------------------ a new dataset
def drafted(text: str) -> list[dict[str, Any]]:
    """The properties of a draft contract, as the form shows them."""
    return list(yaml.safe_load(text)["schema"][0]["properties"])


def astray(agreed: Contract, columns: Mapping[str, str], seen: Sample) -> dict[str, str]:
    """What of the sample a draft contract would send back, by field, in words; a field whose values all pass is absent."""
    told: dict[str, str] = {}
    for name, column in columns.items():
        f, values = agreed.fields.get(name), seen.values(column)
        if f is None:
            continue
        words = []
        judged = proposal.share(f, values)
        if judged is not None and (wrong := round((1 - judged[1]) * len(values))):
            words.append(f"{wrong} 个值{_refused(judged[0])}")
        if f.required and len(values) < len(seen.rows):
            words.append(f"{len(seen.rows) - len(values)} 行没有值")
        if agreed.key == (name,) and (again := len(values) - len(set(values))):
            words.append(f"{again} 行重复")
        if words:
            told[name] = "、".join(words)
    return told


def _refused(asked: str) -> str:
    return f"不{asked}" if asked.startswith(("是", "在", "能")) else f"没有{asked}"


def redrafted(text: str, mapped: Mapping[str, str], form: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The contract and the mapping with a person's answers in them: titles, types, key, levels, columns left out.

    Raises:
        ConfigError: no column is left, or none tells the rows apart.
    """
    document = yaml.safe_load(text)
    table = document["schema"][0]
    title = form.get("title", "").strip()
    if title:
        document["name"] = table["businessName"] = title
    table["dataGranularityDescription"] = form.get("grain", "").strip() or table["dataGranularityDescription"]
    kept = [p for p in table["properties"] if form.get(f"use:{p['name']}")]
    keys = [p["name"] for p in kept if form.get(f"key:{p['name']}")]
    if not kept:
        raise ConfigError("字段", "一列也没有采集", "请至少勾选一列")
    if not keys:
        raise ConfigError("主键", "没有选主键", "请勾选能分辨每一行的列，例如编号；一列不够就勾几列")
    for p in kept:
        name = p["name"]
        p["businessName"] = form.get(f"title:{name}", "").strip() or p["businessName"]
        chosen = form.get(f"type:{name}", "")
        if chosen in TYPES and TYPES[chosen][1] != p["logicalType"]:
            _, p["logicalType"], p["physicalType"] = TYPES[chosen]
            p.pop("customProperties", None)
        p["classification"] = level if (level := form.get(f"level:{name}", "")) in LEVELS else p["classification"]
        for mark in ("primaryKey", "primaryKeyPosition", "required"):
            p.pop(mark, None)
        if name in keys:
            p |= {"primaryKey": True, "primaryKeyPosition": keys.index(name) + 1, "required": True}
        elif form.get(f"required:{name}"):
            p["required"] = True
    table["properties"] = kept
    made = yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=120)
    return made, {p["name"]: mapped[p["name"]] for p in kept if p["name"] in mapped}


def shared(text: str, level: str, basis: str, levels: Mapping[str, str], sla: tuple[float, str] | None) -> str:
    """The contract with its share level and basis, the fields' levels, and how often it is to come."""
    document = yaml.safe_load(text)
    table = document["schema"][0]
    custom = [c for c in table.get("customProperties", []) if c["property"] not in {"sharing", "sharingBasis"}]
    table["customProperties"] = [*custom, {"property": "sharing", "value": level}] + (
        [{"property": "sharingBasis", "value": basis}] if basis else []
    )
    for p in table["properties"]:
        if levels.get(p["name"]) in LEVELS:
            p["classification"] = levels[p["name"]]
    if sla is not None:
        value, unit = sla
        document["slaProperties"] = [
            {"property": "frequency", "value": value, "unit": unit}, {"property": "latency", "value": value * 2, "unit": unit},
        ]  # fmt: skip
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=120)


def owners() -> dict[str, str]:
    """Department -> its short name."""
    return {code: d.short_name or d.name for code, d in departments().items()}
