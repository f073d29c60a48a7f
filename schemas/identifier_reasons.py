"""Why an identifier was refused, or what was repaired in it, in words for the clerk who sent it."""

import re
from collections.abc import Callable
from datetime import date

from schemas import identifiers, text


def repairs(raw: str, code: str) -> str:
    """What cleaning changed, in words."""
    if len(code) == 18 and re.fullmatch("[0-9]{15}", raw.translate(identifiers.ID_TABLE)):
        return "由 15 位升为 18 位"
    done = []
    if any(symbol in text.FULL_WIDTH for symbol in raw):
        done.append("全角转半角")
    if any(symbol in identifiers.UNSEEN for symbol in raw):
        done.append("去除空格或不可见字符")
    if any(symbol in text.APOSTROPHES for symbol in raw):
        done.append("去除单引号")
    if any(symbol in text.DASHES for symbol in raw) and sum(raw.count(dash) for dash in text.DASHES) != code.count("-"):
        done.append("去除连字符")
    if any("a" <= symbol <= "z" or "ａ" <= symbol <= "ｚ" for symbol in raw):
        done.append("小写转大写")
    return "已规范：" + ("、".join(done) or "统一写法")


def _length(code: str, *lengths: int) -> list[str]:
    wanted = "或 ".join(str(length) for length in lengths)
    return [] if len(code) in lengths else [f"长度 {len(code)} 位，应为 {wanted} 位"]


def _symbols(code: str, allowed: str) -> list[str]:
    odd = sorted({symbol for symbol in code if symbol not in allowed})
    confused = [letter for letter in "OI" if letter in odd]
    reasons = []
    if confused:
        pairs = "、".join({"O": "字母 O（疑为数字 0）", "I": "字母 I（疑为数字 1）"}[letter] for letter in confused)
        reasons.append(f"含{pairs}，不自动更正，请与登记机关核对")
    if len(odd) > len(confused):
        reasons.append("含不允许的字符 " + "".join(symbol for symbol in odd if symbol not in confused)[:10])
    return reasons


def _wrong_check(code: str) -> list[str]:
    hint = "；若来自 Excel 数值单元格，末几位已失真，请以文本格式重报" if len(code) == 18 and code.isdigit() else ""
    return [f"校验位不正确{hint}"]


def _explain_uscc(code: str, _today: date) -> list[str]:
    reasons = _length(code, 18) + _symbols(code, identifiers.USCC_ALPHABET)
    if reasons:
        return reasons
    if code[0] not in "123456789ANY":
        reasons.append(f"登记管理部门代码 {code[0]} 不存在")
    if code[1] not in "123456789":
        reasons.append(f"机构类别代码 {code[1]} 不存在")
    if not code[2:8].isdigit():
        reasons.append("第 3–8 位行政区划码应为数字")
    return reasons or _wrong_check(code)


def _explain_org_code(code: str, _today: date) -> list[str]:
    reasons = _length(code, 9) + _symbols(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return reasons or _wrong_check(code)


def _explain_reg_no(code: str, _today: date) -> list[str]:
    return _length(code, 15) + _symbols(code, "0123456789") or _wrong_check(code)


def _explain_resident_id(code: str, today: date) -> list[str]:
    reasons = _length(code, 15, 18) + _symbols(code[:17], "0123456789") + _symbols(code[17:], "0123456789X")
    if reasons:
        return reasons
    birth = identifiers.birth_date(code[6:14] if len(code) == 18 else "19" + code[6:12])
    if birth is None:
        return ["出生日期不存在"]
    if birth > today:
        return ["出生日期晚于今天"]
    if birth < identifiers.EARLIEST_BIRTH:
        return ["出生日期过早"]
    return ["行政区划码不能以 0 开头"] if code[0] == "0" else _wrong_check(code)


def _explain_phone(number: str, _today: date) -> list[str]:
    digits = sum(symbol.isdigit() for symbol in number)
    return [f"不是电话号码（{digits} 位数字）：应为 11 位手机号、带区号的固定电话、400、95 或 12345 短号"]


def _explain_unit_no(code: str, _today: date) -> list[str]:
    return _length(code, 28) or ["结构不符：应为 12 位数字、2 位特征码字母、5 位宗地号、1 位定着物字母、8 位单元号"]


def _explain_project_code(code: str, _today: date) -> list[str]:
    return _length(code, 24) or ["结构不符：应为 4-6-2-2-6 位数字，以短横线分隔"]


def _explain_taxpayer_id(code: str, today: date) -> list[str]:
    if len(code) == 18:
        return (
            _explain_resident_id(code, today)
            if re.fullmatch(identifiers.RESIDENT_ID_SHAPE, code) and identifiers.birth_date(code[6:14])
            else _explain_uscc(code, today)
        )
    return _length(code, 15, 17, 18, 20) or ["不是税号：区划加机构代码、身份证号都不成立"]


def _explain_enterprise_code(code: str, today: date) -> list[str]:
    by_length = {18: _explain_uscc, 15: _explain_reg_no, 9: _explain_org_code}
    explain = by_length.get(len(code))
    return explain(code, today) if explain else _length(code, 9, 15, 18)


_EXPLAIN: dict[str, Callable[[str, date], list[str]]] = {
    "uscc": _explain_uscc,
    "org_code": _explain_org_code,
    "reg_no": _explain_reg_no,
    "resident_id": _explain_resident_id,
    "phone": _explain_phone,
    "unit_no": _explain_unit_no,
    "project_code": _explain_project_code,
    "taxpayer_id": _explain_taxpayer_id,
    "enterprise_code": _explain_enterprise_code,
}


def why_invalid(kind: str, code: str, today: date) -> str:
    """The reasons a cleaned code is not valid as `kind`, joined into one sentence without its full stop."""
    parts = [part for part in re.split("[/,;|、]", code) if part]
    if len(parts) > 1:
        return "一格内有多个号码，请拆开填报"
    return "；".join(_EXPLAIN[kind](code, today))
