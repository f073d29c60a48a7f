"""Row rules: each turns its declaration in a contract into a DuckDB condition that is true where a row is bad.

A rule function takes the declaration's words and returns SQL over the standardised field names; NULL counts
as not bad. Its reason completes the sentence «<字段名>…» that county staff read in the quarantine. A new rule is
one function here and one row in tests/unit/quality/test_rules.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schemas.errors import ConfigError, nearest

Words = dict[str, Any]
Condition = Callable[[Words], str]
RULES: dict[str, tuple[str, Condition]] = {}


def rule(reason: str) -> Callable[[Condition], Condition]:
    """Register a rule under its function's name, so that a contract can ask for it."""

    def register(condition: Condition) -> Condition:
        RULES[condition.__name__] = reason, condition
        return condition

    return register


def condition(words: Words, where: str) -> tuple[str, str]:
    """The default reason and the SQL of one declared rule.

    Raises:
        ConfigError: no such rule, or a word it needs is missing.
    """
    name = str(words.get("rule", ""))
    if name not in RULES:
        raise ConfigError(where, f"没有规则 '{name}'", nearest(name, RULES))
    reason, build = RULES[name]
    try:
        return reason, build(words)
    except KeyError as error:
        raise ConfigError(
            where, f"规则 '{name}' 缺少 {error.args[0]}", "请参照 docs/guide-zh 的规则一览补上"
        ) from error


def _q(name: str) -> str:
    return '"' + str(name).replace('"', '""') + '"'


def _value(value: object) -> str:
    return str(value) if isinstance(value, (int, float)) else "'" + str(value).replace("'", "''") + "'"


@rule("早于它之前的环节。")
def not_before(words: Words) -> str:
    """`field` lies before `other` (both dates or timestamps).

    With `same_day: warning` two instants of one day in the wrong order are a slip of the clock and only warned of (D25).
    """
    late = f"{_q(words['field'])} < {_q(words['other'])}"
    if words.get("same_day") not in {"warning", "only"}:
        return late
    same = "=" if words["same_day"] == "only" else "<>"
    return f"{late} AND {_q(words['field'])}::DATE {same} {_q(words['other'])}::DATE"


@rule("晚于当前时间。")
def not_future(words: Words) -> str:
    """`field` lies after the extraction, ten minutes of clock skew allowed (D26)."""
    return f"{_q(words['field'])} > _extracted_at + INTERVAL 10 MINUTE"


@rule("在这种情况下必须填写。")
def required_if(words: Words) -> str:
    """`field` is missing although `when` holds."""
    return f"{_q(words['field'])} IS NULL AND ({words['when']})"


@rule("不在允许的取值内。")
def one_of(words: Words) -> str:
    """`field` has none of the listed `values`."""
    return f"{_q(words['field'])} NOT IN ({', '.join(_value(v) for v in words['values'])})"


@rule("不符合业务规则。")
def expression(words: Words) -> str:
    """The SQL condition `bad` holds."""
    return str(words["bad"])


@rule("必须大于规定的数。")
def greater_than(words: Words) -> str:
    """`field` is not greater than `value`."""
    return f"{_q(words['field'])} <= {_value(words['value'])}"


@rule("必须与另一字段不同。")
def different(words: Words) -> str:
    """`field` equals `other`."""
    return f"{_q(words['field'])} = {_q(words['other'])}"


@rule("不是有效的统一社会信用代码（GB 32100-2015）。")
def uscc(words: Words) -> str:
    """Wrong length, symbol or check digit. Source: GB 32100-2015."""
    return f"NOT uscc_valid({_q(words['field'])})"


@rule("不是有效的组织机构代码（GB 11714）。")
def org_code(words: Words) -> str:
    """Wrong check digit. Source: GB 11714."""
    return f"NOT org_code_valid({_q(words['field'])})"


@rule("不是有效的 15 位工商注册号（GS15）。")
def reg_no(words: Words) -> str:
    """Wrong check digit. Source: GS15-2006, ISO 7064 MOD 11,10."""
    return f"NOT reg_no_valid({_q(words['field'])})"


@rule("不是信用代码、组织机构代码、注册号或旧税号中的任何一种。")
def enterprise_code(words: Words) -> str:
    """No kind of enterprise code whose check passes."""
    return f"enterprise_code_kind({_q(words['field'])}) IS NULL"


@rule("不是有效的纳税人识别号。")
def taxpayer_id(words: Words) -> str:
    """Not of any taxpayer id form."""
    return f"NOT taxpayer_id_valid({_q(words['field'])})"


@rule("不是有效的居民身份证号（GB 11643）。")
def resident_id(words: Words) -> str:
    """Wrong length, birth date or check digit. Source: GB 11643."""
    return f"NOT resident_id_valid({_q(words['field'])})"


@rule("不是有效的电话号码。")
def phone(words: Words) -> str:
    """Neither a mobile, a landline nor a service number."""
    return f"NOT phone_valid({_q(words['field'])})"


@rule("不是有效的 28 位不动产单元号。")
def unit_no(words: Words) -> str:
    """Not of the layout 6+3+3+2+5+1+8."""
    return f"NOT unit_no_valid({_q(words['field'])})"


@rule("不是有效的投资项目代码。")
def project_code(words: Words) -> str:
    """Not of the layout 4-6-2-2-6."""
    return f"NOT project_code_valid({_q(words['field'])})"
