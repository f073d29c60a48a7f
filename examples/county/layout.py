"""Where each row of a file source lies: file, sheet and row number as a person sees it in Excel.

Known before anything is written, so that answers can name the place of every planted defect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from examples.county.defects import Source


@dataclass(frozen=True)
class Form:
    """How a department lays its files out.

    `folder` is under the county's inbox; `file` and `sheet` are fixed names, or None where the table's own `~file`
    or `~sheet` column says them. `lead` lines stand above the header, which has `header` rows. `total` names the
    columns a 合计 row adds up, `merged` the column whose equal neighbours are merged, `dates` those written as real
    dates, `shown` the heading where it differs from the column's name.
    """

    folder: str
    file: str | None
    sheet: str | None
    lead: tuple[str, ...] = ()
    header: int = 1
    total: tuple[str, ...] | None = None
    signature: str | None = None
    merged: str | None = None
    dates: tuple[str, ...] = ()
    shown: tuple[tuple[str, str], ...] = ()
    encoding: str | None = None  # of CSV
    hidden: int = 0  # so many of the first rows are hidden in Excel


FORMS: dict[str, Form] = {
    "tax/tax_filing": Form(
        "tax",
        None,
        "申报明细",
        ("示例县税务局纳税申报明细表", "填表单位：县税务局　金额单位：元"),
        total=("已缴税额",),
        signature="填表人：李芳　　审核人：王建国　　填表日期：",
    ),
    "tax/tax_refund": Form("tax", "退税台账.xlsx", "退税"),
    "housing/construction_permit": Form(
        "housing",
        None,
        "",
        ("示例县住房和城乡建设局施工许可办件导出", "导出系统：工程建设项目审批系统", "说明：时限单位为工作日"),
        encoding="gb18030",
    ),
    "water/utility_connection": Form("water", None, "", encoding="utf-8-sig"),
    "power/utility_connection": Form(
        "power", None, "报装明细", ("供电公司用电报装明细",), shown=(("经办人电话", "联系电话"),)
    ),
    "finance_office/credit_loan": Form(
        "finance_office",
        "企业信贷台账.xlsx",
        "信贷台账",
        ("示例县企业信贷台账", "填报单位：县金融办　　截止日期：2026年9月30日"),
        total=("放款金额（万元）",),
        signature="填表人：张敏　　负责人：陈志强",
        dates=("审批日期",),
        hidden=3,
    ),
    "investment/survey_response": Form(
        "investment", "企业信心问卷_2026Q3.xlsx", None, ("企业信心问卷（2026年第三季度）",)
    ),
    "business_env/rectification_problem": Form(
        "business_env",
        "营商环境整改台账.xlsx",
        "问题清单",
        ("示例县营商环境问题整改台账", "截至2026年9月30日"),
        header=2,
        total=(),
        signature="填表人：刘海燕　　审核人：赵永强　　签字：",
        merged="问题类别",
    ),
    "business_env/rectification_measure": Form(
        "business_env", "营商环境整改任务书.xlsx", "整改措施", ("整改措施任务书",)
    ),
    "business_env/rectification_progress": Form(
        "business_env", "营商环境整改任务书.xlsx", "进展情况", ("整改进展情况月报",)
    ),
    "business_env/rectification_review": Form("business_env", "营商环境整改任务书.xlsx", "销号审核", ("销号审核记录",)),
    "evaluation/indicator_scheme": Form("evaluation", "营商环境评价结果_2019.xlsx", "方案"),
    "evaluation/indicator_definition": Form("evaluation", "营商环境评价结果_2019.xlsx", "指标体系"),
    "evaluation/indicator_score": Form("evaluation", "营商环境评价结果_2019.xlsx", "得分"),
    "evaluation/indicator_benchmark": Form("evaluation", "营商环境评价结果_2019.xlsx", "对标值"),
    "evaluation/indicator_evidence": Form("evaluation", "营商环境评价结果_2019.xlsx", "佐证材料"),
}


def place(source: Source) -> None:
    """Give every row of a file source its `~file`, `~sheet` and `~row`."""
    form = FORMS[source.connector]
    table = source.table
    table = table.with_columns(
        pl.col("~file") if "~file" in table.columns else pl.lit(form.file).alias("~file"),
        pl.col("~sheet") if "~sheet" in table.columns else pl.lit(form.sheet).alias("~sheet"),
    )
    first = len(form.lead) + form.header + 1
    row = table.select(pl.int_range(pl.len()).over("~file", "~sheet").alias("n"))["n"].to_numpy() + first
    source.table = table.with_columns(pl.Series("~row", row.astype(np.int32)))
