"""The defects of departments that hand files in: tax, housing, water, power, loans, survey.

A file's own oddities (title rows, merged headers, totals, encodings) belong to its form and are noted in `file_level`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from examples.county import defects
from examples.county.defects import PASSED, QUARANTINED, REPAIRED, WARNED, Source, chinese_yuan
from examples.county.enterprises import COMPANY, INDIVIDUAL, Enterprises
from examples.county.frames import put, texts
from examples.county.planting import by_code_only, codes_as_text, moved, names
from examples.county.registers import foreign_codes


def numbers(source: Source, code: str, *, rate: float) -> None:
    """Codes that Excel keeps as numbers (D9): the writer makes them numeric cells."""
    rows = source.take(
        rate, np.array([v is not None and len(v) == 18 for v in texts(source.table, code)]) & (source.truth >= 0)
    )
    values = defects.as_number(texts(source.table[rows.tolist()], code))
    source.table = put(source.table, code, rows, [f"{v:.0f}" for v in values])
    source.mark("D9", "enterprise_code", QUARANTINED, "numeric_id", rows, "单元格为数值，末位失真")
    source.numeric_cells[code] = rows


def outsiders(source: Source, code: str, name: str, first: int, *, rate: float) -> None:
    """Enterprises registered in another county; the same few come again."""
    rows = source.take(rate, source.truth >= 0)
    few = max(1, len(rows) // 3)
    strangers = foreign_codes(few)
    which = np.arange(len(rows)) % few
    source.table = put(source.table, code, rows, strangers[which].tolist())
    source.table = put(
        source.table, name, rows, [f"邻县{'东西南北中'[i % 5]}联{i + 1}号建设有限公司" for i in which.tolist()]
    )
    source.truth[rows] = first + which
    source.mark("外地企业", "enterprise_code", PASSED, None, rows, "本县登记库里没有的有效代码")


def by_name(source: Source, e: Enterprises, code: str, name: str, *, rate: float, sound: NDArray[Any]) -> None:
    """Rows without a code whose second field (legal representative or phone) agrees with the register.

    Only a strictly equal name links; a looser one, a former one, a mistyped one or a shared one must wait for a person.
    """
    target = np.maximum(source.truth, 0)
    named = (source.truth >= 0) & (source.truth < len(e)) & sound[np.minimum(target, len(e) - 1)]
    kind, former = (
        e.kind[np.minimum(target, len(e) - 1)],
        np.array([f is not None for f in e.former_name])[np.minimum(target, len(e) - 1)],
    )

    def strip(rows: NDArray[Any]) -> list[str]:
        """Take the codes away; returns the names."""
        source.table = put(source.table, code, rows, None)
        return texts(source.table[rows.tolist()], name).tolist()

    rows = source.take(rate, named)
    bare = strip(rows)
    shown = [n[:3] + "　" + n[3:] if i % 2 else n for i, n in enumerate(bare)]
    source.table = put(source.table, name, rows, shown)
    source.mark("无代码", "enterprise_code", PASSED, None, rows, "名称严格相同且第二字段相同，应自动对上")
    rows = source.take(rate / 4, named & (kind == INDIVIDUAL))
    bare = strip(rows)
    source.table = put(source.table, name, rows, [n + "（个体工商户）" for n in bare])
    source.mark("无代码", "enterprise_code", PASSED, None, rows, "名称尾注不影响严格相同，应自动对上")
    rows = source.take(rate / 2, named & (kind == COMPANY))
    bare = strip(rows)
    source.table = put(source.table, name, rows, [_loose(n, i) for i, n in enumerate(bare)])
    source.mark("D20", "enterprise_name", PASSED, None, rows, "名称只在宽松键上相同")
    source.leave_unmatched(rows, "D20")
    rows = source.take(rate / 4, named & former & (target % 2 == 0))
    strip(rows)
    source.table = put(source.table, name, rows, e.former_name[source.truth[rows]].tolist())
    source.mark("D21", "enterprise_name", PASSED, None, rows, "曾用名，没有代码")
    source.leave_unmatched(rows, "D21")
    known = set(e.name.tolist())
    rows = source.take(rate / 4, named & (kind == COMPANY))
    bare = strip(rows)
    source.table = put(source.table, name, rows, [_mistyped(n, known) for n in bare])
    source.mark("D21", "enterprise_name", PASSED, None, rows, "名称错一个字，没有代码")
    source.leave_unmatched(rows, "D21")


def twins(source: Source, e: Enterprises, columns: dict[str, NDArray[Any]], code: str, name: str) -> None:
    """Rows that name a twin (one name, two codes) without a code: nobody can tell which (D18)."""
    pair = np.flatnonzero(e.twin >= 0)
    rows = source.take(0, (source.truth >= 0), least=min(3, len(pair)))
    if not len(rows):
        return
    chosen = pair[np.arange(len(rows)) % len(pair)]
    source.table = put(source.table, code, rows, None)
    source.table = put(source.table, name, rows, e.name[chosen].tolist())
    for column, values in columns.items():
        source.table = put(source.table, column, rows, values[chosen].tolist())
    source.mark("D18", "enterprise_name", PASSED, None, rows, "同名两户，没有代码")
    source.leave_unmatched(rows, "D18")


def _loose(name: str, place: int) -> str:
    """有限责任公司 for 有限公司 (or the other way), or the county's name in brackets in the middle."""
    if place % 2 and name.endswith("有限公司"):
        return f"{name[3:-4]}（示例）有限公司"
    return (
        name.replace("有限责任公司", "有限公司") if "有限责任公司" in name else name.replace("有限公司", "有限责任公司")
    )


def _mistyped(name: str, known: set[str]) -> str:
    for letter in "园圆元原缘源":
        other = name[:4] + letter + name[5:]
        if other != name and other not in known:
            return other
    raise ValueError(name)


def tax_filings(source: Source, e: Enterprises, sound: NDArray[Any], stranger: int) -> None:
    """Twelve monthly .xls files."""
    code, name = "纳税人识别号", "纳税人名称"
    numbers(source, code, rate=0.003)
    codes_as_text(source, code, rate=0.001)
    source.spoil("D10", code, "enterprise_code", defects.apostrophe, REPAIRED, rate=0.002, where=_uscc(source, code))
    by_code_only(source, e, code, rate=0.01, sound=sound)
    rows = source.take(0.004, _uscc(source, code))
    old_tax = ["510999" + c for c in e.org_code[source.truth[rows]].tolist()] if len(rows) else []
    source.table = put(source.table, code, rows, old_tax)
    source.mark("D16", "enterprise_code", PASSED, None, rows, "旧税号")
    names(source, e, code, name, rate=0.003, sound=sound)
    outsiders(source, code, name, stranger, rate=0.002)
    source.spoil("D22", "申报日期", "filed_at", defects.date_forms, REPAIRED, rate=0.01)
    source.spoil(
        "D23",
        "缴款日期",
        "paid_at",
        defects.impossible,
        QUARANTINED,
        "unparsed",
        rate=0.0015,
        where=source.table["缴款日期"].is_not_null().to_numpy(),
    )
    big = np.array([float(v) >= 1000 for v in texts(source.table, "计税依据")])
    source.spoil("D28", "计税依据", "taxable", defects.thousands, REPAIRED, rate=0.008, where=big)
    source.spoil("D27", "计税依据", "taxable", lambda old: [f"{v}元" for v in old], REPAIRED, rate=0.003)
    source.spoil("D28", "应纳税额", "payable", lambda old: ["面议"] * len(old), QUARANTINED, "unparsed", rate=0.0008)
    source.spoil(
        "代码",
        "申报方式",
        "channel",
        lambda old: ["电子税务局"] * len(old),
        REPAIRED,
        rate=0.01,
        where=(source.table["申报方式"] == "网报").to_numpy(),
    )
    source.spoil(
        "代码", "申报方式", "channel", lambda old: ["其他方式"] * len(old), QUARANTINED, "code_set", rate=0.001
    )
    rows = source.take(0.001)
    start = np.array(texts(source.table[rows.tolist()], "所属期止"), dtype="datetime64[D]") + 1
    source.table = put(source.table, "所属期起", rows, np.datetime_as_string(start).tolist())
    source.mark("D25", "period_end", QUARANTINED, "period_in_order", rows)
    # The same filing twice in one file: the second is refused; two that contradict each other are both refused.
    rows = source.take(0.0015)
    again = source.append(source.table[rows.tolist()], source.truth[rows])
    source.mark("重复", "filing_no", QUARANTINED, "duplicate_key", again, "与前一行完全相同")
    rows = source.take(0.0007)
    again = source.append(
        source.table[rows.tolist()].with_columns(pl.lit("1").alias("办税耗时（分钟）")), source.truth[rows]
    )
    source.mark("重复", "filing_no", QUARANTINED, "duplicate_key", np.concatenate([rows, again]), "主键相同，内容矛盾")
    source.keep(rows)


def _uscc(source: Source, code: str) -> NDArray[Any]:
    return np.array([v is not None and len(v) == 18 and v.isascii() for v in texts(source.table, code)]) & (
        source.truth >= 0
    )


def permits(source: Source, e: Enterprises, sound: NDArray[Any], stranger: int) -> None:
    """The housing bureau's GB18030 export."""
    code, name = "统一社会信用代码/组织机构代码", "建设单位"
    codes_as_text(source, code, rate=0.004)
    by_code_only(source, e, code, rate=0.06, sound=sound)
    rows = source.take(0.01, _uscc(source, code))
    source.table = put(source.table, code, rows, [f"{c[:8]}-{c[8]}" for c in e.org_code[source.truth[rows]].tolist()])
    source.mark("D15", "enterprise_code", REPAIRED, None, rows, "带横杠的组织机构代码")
    names(source, e, code, name, rate=0.006, sound=sound)
    outsiders(source, code, name, stranger, rate=0.02)
    source.spoil(
        "项目代码",
        "项目代码",
        "project_code",
        lambda old: [v.replace("-", "") for v in old],
        QUARANTINED,
        "project_code",
        rate=0.004,
    )
    source.spoil("D22", "申请日期", "applied_at", defects.date_forms, REPAIRED, rate=0.03)
    source.spoil("D23", "决定日期", "finished_at", defects.impossible, QUARANTINED, "unparsed", rate=0.003)
    source.spoil(
        "D30",
        name,
        "enterprise_name",
        lambda old: ["示例县" + v[3:5] + "\ufffd?" + v[6:] for v in old],
        QUARANTINED,
        "replacement_char",
        rate=0.004,
    )
    source.spoil(
        "D31",
        "项目负责人",
        "applicant_name_masked",
        lambda old: ["王" + "䶮𠮷㛃㐂"[i % 4] for i in range(len(old))],
        PASSED,
        rate=0.006,
        note="生僻字，GB18030 才存得下",
    )
    later = np.array(texts(source.table, "决定日期"))
    rows = source.take(0.004, np.array([d[5:10] != "02-30" for d in later]))
    beyond = np.array(texts(source.table[rows.tolist()], "决定日期"), dtype="datetime64[D]") + 3
    source.table = put(source.table, "受理日期", rows, np.datetime_as_string(beyond).tolist())
    source.mark("D25", "finished_at", QUARANTINED, "finished_after_accepted", rows)


def connections(source: Source, e: Enterprises, sound: NDArray[Any], *, power: bool) -> None:
    """Water (CSV) and power (xlsx); a clerk's phone second to the enterprise's own."""
    code, name = "信用代码", "用户名称"
    codes_as_text(source, code, rate=0.002)
    if power:
        numbers(source, code, rate=0.004)
    words = ["无", "暂无", "111111111111111111"]
    rows = source.take(0.006, _uscc(source, code) & sound[np.maximum(source.truth, 0)])
    source.table = put(source.table, code, rows, [words[i % 3] for i in range(len(rows))])
    source.mark("D14", "enterprise_code", WARNED, "placeholder", rows, "占位符，按未填处理；名称与电话相同，应自动对上")
    by_name(source, e, code, name, rate=0.01, sound=sound)
    by_code_only(source, e, code, rate=0.03, sound=sound)
    names(source, e, code, name, rate=0.004, sound=sound)
    twins(source, e, {"联系电话": e.phone}, code, name)
    source.spoil("D22", "申请时间", "applied_at", defects.date_forms, REPAIRED, rate=0.01)
    source.spoil(
        "D28",
        "费用",
        "fee",
        lambda old: [f"约{v}元" for v in old],
        REPAIRED,
        rate=0.01,
        where=(source.table["费用"] != "0").to_numpy(),
    )
    source.spoil(
        "代码", "状态", "status", lambda old: ["已通电" if power else "已通水"] * len(old), REPAIRED, rate=0.01
    )
    source.spoil("负数", "费用", "fee", lambda old: ["-100"] * len(old), QUARANTINED, "range", rate=0.002)
    moved(
        source,
        "D25",
        "方案时间",
        "通达时间",
        30,
        "supplied_at",
        QUARANTINED,
        "supplied_after_plan",
        rate=0.003,
        where=np.ones(len(source), dtype=bool),
    )
    if not power:
        _bare_commas(source, "用水用电地址")


def _bare_commas(source: Source, column: str) -> None:
    """A comma in an address that the export put in no quotes: the row has a cell too many (D32)."""
    rows = source.spoil(
        "D32", column, "", lambda old: [f"{v},院内" for v in old], QUARANTINED, "row_shape", rate=0.002, note="内容里的逗号没有加引号"
    )  # fmt: skip
    source.bare_cells[column] = rows


def loans(source: Source, e: Enterprises, sound: NDArray[Any], stranger: int) -> None:
    """The finance office's ledger."""
    code, name = "统一社会信用代码", "企业名称"
    numbers(source, code, rate=0.003)
    codes_as_text(source, code, rate=0.002)
    by_name(source, e, code, name, rate=0.015, sound=sound)
    by_code_only(source, e, code, rate=0.01, sound=sound)
    names(source, e, code, name, rate=0.006, sound=sound)
    outsiders(source, code, name, stranger, rate=0.003)
    twins(source, e, {"法定代表人": e.rep.name}, code, name)
    agreed = (source.table["审批结果"] == "通过").to_numpy()
    wan = source.table["申请金额（万元）"].cast(pl.Int64).to_numpy()
    asked = "申请金额（万元）"
    source.spoil("D22", "申请日期", "applied_on", defects.date_forms, REPAIRED, rate=0.02)
    source.spoil(
        "D23",
        "放款日期",
        "granted_on",
        lambda old: ["1900-01-00"] * len(old),
        WARNED,
        "placeholder",
        rate=0.004,
        where=~agreed,
        note="零日期，按未填处理",
    )
    source.spoil("D23", "审批日期", "approved_on", defects.impossible, QUARANTINED, "unparsed", rate=0.002)
    source.spoil("D27", asked, "amount_applied", lambda old: [f"{v}0000元" for v in old], REPAIRED, rate=0.006)
    source.spoil("D27", asked, "amount_applied", lambda old: [f"{v}万元" for v in old], REPAIRED, rate=0.01)
    source.spoil(
        "D28", asked, "amount_applied", lambda old: [chinese_yuan(int(v) * 10_000) for v in old], REPAIRED, rate=0.006
    )
    source.spoil("D28", asked, "amount_applied", lambda old: [f"约{v}万" for v in old], REPAIRED, rate=0.004)
    source.spoil("D28", asked, "amount_applied", lambda old: ["若干"] * len(old), QUARANTINED, "unparsed", rate=0.0015)
    source.spoil(
        "D29", "年利率（%）", "annual_rate", lambda old: [f"{v}%" for v in old], REPAIRED, rate=0.02, where=agreed
    )
    source.spoil(
        "范围",
        "年利率（%）",
        "annual_rate",
        lambda old: ["48.00"] * len(old),
        QUARANTINED,
        "range",
        rate=0.002,
        where=agreed,
    )
    source.spoil(
        "必填",
        "拒绝原因",
        "refuse_reason",
        lambda old: [None] * len(old),
        QUARANTINED,
        "refusal_reasoned",
        rate=0.002,
        where=(source.table["审批结果"] == "拒绝").to_numpy(),
    )
    given = source.take(0.003, agreed & (wan >= 20))
    source.table = put(
        source.table, "放款金额（万元）", given, [str(int(v) + 10) for v in texts(source.table[given.tolist()], asked)]
    )
    source.mark("超额", "amount_granted", WARNED, "granted_within_applied", given)
    rows = source.take(0.002, agreed)
    beyond = np.array(texts(source.table[rows.tolist()], "放款日期"), dtype="datetime64[D]") + 3
    source.table = put(source.table, "审批日期", rows, np.datetime_as_string(beyond).tolist())
    source.mark("D25", "granted_on", QUARANTINED, "granted_after_approved", rows)


def survey(source: Source, e: Enterprises, sound: NDArray[Any]) -> None:
    """The confidence survey, one sheet per town."""
    source.spoil("范围", "答案（1-5）", "answer", lambda old: ["7"] * len(old), QUARANTINED, "range", rate=0.003)
    source.spoil("D22", "填答时间", "answered_at", defects.date_forms, REPAIRED, rate=0.01)
    codes_as_text(source, "统一社会信用代码", rate=0.002)
    by_name(source, e, "统一社会信用代码", "企业名称", rate=0.01, sound=sound)


def refunds(source: Source, e: Enterprises, sound: NDArray[Any]) -> None:
    """Tax refunds."""
    codes_as_text(source, "纳税人识别号", rate=0.005)
    source.spoil(
        "负数", "退税金额（元）", "amount", lambda old: ["0"] * len(old), QUARANTINED, "amount_positive", rate=0.005
    )
    names(source, e, "纳税人识别号", "纳税人名称", rate=0.01, sound=sound)
