"""The answer sheet: what the hub must find in this county, worked out from what was planted.

expected.json               counts by connector, every planted defect with its place, figures of the boards
expected_enterprises.csv    every record that names an enterprise, and which enterprise it means
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from examples.county import indicators
from examples.county.county import County
from examples.county.defects import QUARANTINED, Source
from examples.county.layout import FORMS
from examples.county.workbook import SENT_TWICE, UNFINISHED

DEFINITIONS = {
    "extracted": "驱动交出的数据行；标题行、表头、合计行、签字行不算，内容相同的重复文件只算一次，前置机表每条 I/U/D 各算一行",
    "passed": "extracted - quarantined；含 repaired、warned、superseded",
    "quarantined": "至少违反一条 error 规则的行，含同批主键重复而被拒的行",
    "repaired": "没有别的问题、但有值写法不规范而被改写的行：代码的全角/大小写/空格/撇号/横杠，非 ISO 写法的日期，带单位、千分位、大写或约数的金额，带 % 的百分比，代码表别名。部门名称换成编码、表头声明的单位换算、掩码和脱敏都不算",
    "warned": "没有被改写、只违反 warning 规则的行",
    "superseded": "按来源先后（cursor、exchange）同一主键有更晚一行的行：算 passed，不算 quarantined",
    "by_rule": "规则名（自动规则名或契约里的 name）→ 违反的行数",
    "truth": "E 加七位数字是本县登记库里的主体，X 加数字是外地主体；空值表示必须保持未对上、留待人工",
    "enterprises": "没有被隔离的记录中，至少有一条能对上的主体数；登记行被隔离但别处出现过有效代码的，仍是一户",
    "figures": "以 as_of 当日为准",
}


def key_of(source: Source) -> list[list[str]]:
    """The key of every row, as texts."""
    return [list(map(str, row)) for row in source.table.select(source.key).iter_rows()]


def places(source: Source) -> list[dict[str, Any]]:
    """File, sheet and row of every row of a file source; empty for the others."""
    if "~row" not in source.table.columns:
        return [{}] * len(source)
    columns = source.table.select(
        pl.col("~file").alias("file"), pl.col("~sheet").alias("sheet"), pl.col("~row").alias("row")
    )
    return columns.to_dicts()


def planted(source: Source) -> list[dict[str, Any]]:
    """One entry per spoiled row."""
    keys, where = key_of(source), places(source)
    return [
        {
            "connector": source.connector, "defect": d.number, "field": d.field, "rule": d.rule, "outcome": d.outcome,
            "key": keys[row], **where[row], **({"note": d.note} if d.note else {}),
        }
        for d in source.defects
        for row in d.rows.tolist()
    ]  # fmt: skip


def truth_names(truth: NDArray[Any], county: County) -> pl.Series:
    """E0000001 for the county's own enterprises, X1 for those of elsewhere, null for none."""
    own = len(county.enterprises)
    return pl.Series(
        "truth",
        [None if t < 0 else f"E{t + 1:07d}" if t < own else f"X{t - own + 1}" for t in truth.tolist()],
        dtype=pl.String,
    )


def mentions(county: County) -> pl.DataFrame:
    """Every record in force that names an enterprise and was not quarantined."""
    parts = []
    for source in county.sources.values():
        if source.party is None:
            continue
        code, name = source.party
        table = source.table
        where = (
            [pl.col("~file"), pl.col("~sheet"), pl.col("~row")]
            if "~row" in table.columns
            else [
                pl.lit(None, pl.String).alias("~file"),
                pl.lit(None, pl.String).alias("~sheet"),
                pl.lit(None, pl.Int32).alias("~row"),
            ]
        )
        part = table.select(
            pl.lit(source.connector).alias("connector"), pl.concat_str(source.key, separator="|").alias("key"), *where,
            pl.col(code).alias("code"), pl.col(name).alias("name"), pl.Series("~n", np.arange(len(source))),
        ).with_columns(truth_names(source.truth, county))  # fmt: skip
        why = pl.DataFrame(
            {"~n": list(source.unmatched), "why": list(source.unmatched.values())},
            schema={"~n": pl.Int64, "why": pl.String},
        )
        part = part.join(why, on="~n", how="left", maintain_order="left")
        keep = pl.Series(source.outcome() != QUARANTINED) & (part["code"].is_not_null() | part["name"].is_not_null())
        if "cd_operation" in table.columns:
            last = table.with_row_index("n").select(pl.col("n") == pl.col("n").max().over("slbh")).to_series()
            keep = keep & last & (table["cd_operation"] != "D")
        parts.append(part.filter(keep).drop("~n"))
    return pl.concat(parts).rename({"~file": "file", "~sheet": "sheet", "~row": "row"})


def file_level(county: County) -> list[dict[str, str]]:
    """Oddities of whole files, all of them to be read without losing or adding a row; `finding` is what has to be said of one."""
    found = []
    for connector, form in FORMS.items():

        def note(defect: str, what: str, connector: str = connector, **finding: str) -> None:
            found.append({"connector": connector, "defect": defect, "what": what, **finding})

        if form.lead:
            note("D1", f"表头上方有 {len(form.lead)} 行标题或说明：{'；'.join(form.lead)}")
        if form.header == 2:
            note("D2", "两行表头，分组合并（责任/牵头单位 等）")
        if form.merged:
            note("D3", f"{form.merged} 一列按类别纵向合并")
        if form.total is not None:
            note("D4", "末尾有合计行")
        if form.signature:
            note("D4", "末尾有填表人、审核人签字行")
        if form.hidden:
            note("D5", f"前 {form.hidden} 行在 Excel 里隐藏，应读入并提示", finding="hidden_rows")
        if form.shown:
            note("D7", f"表头重名：{form.shown[0][1]}")
        if form.encoding == "gb18030":
            note("D30", "GB18030 编码")
        if form.encoding == "utf-8-sig":
            note("D11", "UTF-8 带 BOM")
    found.append({"connector": "investment/survey_response", "defect": "D6", "what": "一乡镇一张表，另有一张说明表"})
    found.append(
        {"connector": "business_env/rectification_measure", "defect": "D8", "what": "措施单元格内有换行和编号"}
    )
    found.append({"connector": "business_env/rectification_problem", "defect": "D38", "what": "牵头单位写简称"})
    found.append(
        {"connector": "hotline_office/hotline_ticket", "defect": "D38", "what": "2026 年 1 月 1 日前的工单写部门旧名"}
    )
    found.append(
        {
            "connector": "real_estate/property_registration",
            "defect": "D26",
            "what": "前置机的时间是世界时，应换算成北京时间",
        }
    )
    found.append({"connector": SENT_TWICE, "defect": "D34", "what": "最新一份文件以另一文件名重复送达，内容相同，跳过"})
    found.append(
        {"connector": UNFINISHED, "defect": "D33", "what": "还有一个文件没传完（.filepart，只有一半），应等它传完"}
    )
    months = [
        f for f in county.sources["tax/tax_filing"].table["~file"].unique().to_list() if f == "纳税申报_202601.xls"
    ]
    found += [
        {
            "connector": "tax/tax_filing",
            "defect": "D4",
            "what": f"{m} 的合计与明细之和相差 100，应提示",
            "finding": "total_mismatch",
        }
        for m in months
    ]
    return found


def rectification_figures(county: County) -> dict[str, Any]:
    """Counts of the ledger as of the county's day, from the rows themselves."""
    p = county.sources["business_env/rectification_problem"].table
    as_of = pl.lit(county.as_of.item())
    closed, status = pl.col("~status") == "closed", pl.col("~status")
    on_time = closed & (pl.col("~closed") <= pl.col("~due"))
    due = pl.col("~due") < as_of
    overdue = (status == "rectifying") & due
    applied_in_time = (status == "closure_applied") & due & (pl.col("~applied") <= pl.col("~due"))
    row = p.select(
        total=pl.len(), closed=closed.sum(), on_time=on_time.sum(), on_time_and_due=(on_time & due).sum(), late=(closed & ~on_time).sum(),
        closure_applied=(status == "closure_applied").sum(), closure_applied_in_time_and_due=applied_in_time.sum(), rectifying=(status == "rectifying").sum(),
        overdue=overdue.sum(), due_within_7_days=((status == "rectifying") & ~due & ((pl.col("~due") - as_of).dt.total_days() <= 7)).sum(),
        long_term=(status == "long_term").sum(), mean_overdue_days=(as_of - pl.col("~due")).filter(overdue).dt.total_days().mean(),
    ).row(0, named=True)  # fmt: skip
    in_time = row["on_time_and_due"] + row["closure_applied_in_time_and_due"]
    owed = in_time + row["late"] + row["overdue"]
    lights = {
        "red": row["overdue"],
        "yellow": row["due_within_7_days"],
        "grey": row["closed"],
        "blue": row["long_term"],
    }
    return {
        **row,
        "completion_pct": round(100 * row["closed"] / row["total"], 2),
        "on_time_pct": round(100 * in_time / owed, 2),
        "by_category": dict(sorted(p["问题类别"].value_counts().iter_rows())),
        "lights": {**lights, "green": row["total"] - sum(lights.values())},
    }


def sheet(county: County) -> dict[str, Any]:
    """All of expected.json."""
    named = mentions(county)
    resolved = named.filter(pl.col("truth").is_not_null())
    connectors = {c: s.counts() for c, s in county.sources.items()}
    for connector in FORMS:
        connectors[connector]["files"] = dict(
            sorted(county.sources[connector].table["~file"].value_counts().iter_rows())
        )
    twins = county.enterprises.twin
    keys = ("extracted", "passed", "quarantined", "repaired", "warned", "superseded")
    return {
        "seed": county.seed,
        "scale": county.scale,
        "as_of": str(county.as_of),
        "definitions": DEFINITIONS,
        "totals": {k: sum(c[k] for c in connectors.values()) for k in keys},
        "connectors": connectors,
        "identity": {
            "enterprises": resolved["truth"].n_unique(),
            "mentions": len(named),
            "resolved": len(resolved),
            "unmatched": len(named) - len(resolved),
            "unmatched_by_reason": dict(
                sorted(named.filter(pl.col("truth").is_null())["why"].fill_null("只有名称").value_counts().iter_rows())
            ),
            "same_name_two_codes": [
                {
                    "name": str(county.enterprises.name[i]),
                    "codes": [str(county.enterprises.uscc[i]), str(county.enterprises.uscc[twins[i]])],
                }
                for i in np.flatnonzero(twins > np.arange(len(twins))).tolist()
            ],
        },
        "figures": {
            "indicator": indicators.figures(),
            "rectification": rectification_figures(county),
            "hotline": {"tickets": len(county.sources["hotline_office/hotline_ticket"]), "hot_clusters": county.hot},
        },
        "file_level": file_level(county),
        "planted": [entry for source in county.sources.values() for entry in planted(source)],
    }


def write(county: County, folder: Path) -> Path:
    """Write both answer files; returns the path of expected.json."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "expected.json"
    target.write_text(json.dumps(sheet(county), ensure_ascii=False, indent=1, default=str), encoding="utf-8")
    mentions(county).write_csv(folder / "expected_enterprises.csv")
    return target
