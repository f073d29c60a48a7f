"""Schemes score as their methods say: the domain's vectors, published World Bank and UNDP figures, Chinese errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from hub.cli import main
from schemas.errors import ConfigError, HubError
from views.scoring import engine
from views.scoring import scheme as schemes


def scored(tmp_path: Path, scheme: object, data: str, name: str = "data.csv") -> dict[tuple[str, str], dict]:
    """Rows by (subject, indicator); the scheme as a tree or the name of a shipped one."""
    if not isinstance(scheme, str):
        (tmp_path / "scheme.yaml").write_text(yaml.safe_dump(scheme, allow_unicode=True), encoding="utf-8")
        scheme = str(tmp_path / "scheme.yaml")
    (tmp_path / name).write_text(data, encoding="utf-8")
    table = engine.score(schemes.load(scheme), tmp_path / name).table
    return {(row[0], row[2]): dict(zip(engine.COLUMNS, row, strict=True)) for row in engine.rows(table)}


def one(tmp_path: Path, scheme: object, data: str, indicator: str = "total") -> float:
    return scored(tmp_path, scheme, data)["A", indicator]["score"]


@pytest.mark.parametrize(
    ("leaf", "value", "expected"),
    [
        ({"best": 0.5, "worst": 10}, "2", 84.21),
        ({"best": 1, "worst": 9}, "3", 75),
        ({"best": 0, "worst": 10}, "0.4", 96),
        ({"best": 10, "worst": 0}, "8", 80),
        ({"min": 0, "max": 10, "direction": "lower"}, "2", 80),
        ({"best": 26.1, "worst": 84, "exponent": 0.8}, "59.2", 50.75),
        ({"best": 26.1, "worst": 84, "exponent": 0.8}, "8", 100),
        ({"best": 75000, "worst": 100, "transform": "log"}, "17504", 78.02),
        ({"full": 5, "standard": 2, "per_unit": 1}, "3.5", 3.5),
        ({"full": 20, "standard": 95, "per_unit": 1, "direction": "higher"}, "89.82", 14.82),
        ({"full": 25, "standard": 98, "per_unit": 0.5, "floor": 12.5, "direction": "higher"}, "50", 12.5),
        ({"grades": {"优秀": 95, "良好": 85}}, "良好", 85),
        ({"formula": "grade"}, "a", 95),
        ({"bands": {3: 100, 5: 80, "其余": 0}}, "5", 80),
        ({"bands": {3: 100, 5: 80, "其余": 0}}, "5.1", 0),
        ({"out_of": 10}, "8.5", 85),
        ({}, " ７２．５ ", 72.5),
        ({}, '"1,072.5"', 1072.5),
        ({}, "72.5%", 72.5),
    ],
)
def test_a_leaf_scores_by_its_formula(tmp_path: Path, leaf: dict, value: str, expected: float) -> None:
    found = one(tmp_path, {"indicators": [{"id": "x", **leaf}]}, f"subject,x\nA,{value}\n", "x")
    assert round(found, 2) == expected


def test_counts_per_answer_and_two_columns_of_a_ratio(tmp_path: Path) -> None:
    scheme = {
        "round": 2,
        "indicators": [
            {"id": "sat", "inputs": {"很满意": 100, "满意": 100, "基本满意": 100, "不满意": 0, "很不满意": 0}},
            {"id": "solve", "numerator": "解决", "denominator": "有效回访"},
        ],
    }
    rows = scored(
        tmp_path, scheme, "对象,很满意,满意,基本满意,不满意,很不满意,解决,有效回访\nA,60,55,25,20,8,131,168\n"
    )
    assert rows["A", "sat"]["score"] == 83.33
    assert rows["A", "solve"]["score"] == 77.98


@pytest.mark.parametrize(("missing", "least", "expected"), [("drop", 0.8, 64.62), ("zero", 0.8, 51.7), ("null", 0.8, None), ("drop", 0.81, None)])  # fmt: skip
def test_missing_leaves_follow_the_rule(tmp_path: Path, missing: str, least: float, expected: float | None) -> None:
    leaves = [{"id": name, "weight": weight} for name, weight in zip("abcd", (30, 30, 20, 20), strict=True)]
    scheme = {"round": 2, "missing": missing, "min_coverage": least, "indicators": leaves}
    row = scored(tmp_path, scheme, "subject,a,b,c,d\nA,72,55,68,\n")["A", "total"]
    assert (row["score"], row["coverage"]) == (expected, 0.8)


def test_below_is_strict_and_on_the_unrounded_score(tmp_path: Path) -> None:
    data = "subject,a,b\nA,69.97,69.97\nB,70,70\nC,69.9,70.1\nD,70.1,70.05\n"
    rows = scored(tmp_path, {"round": 1, "flags": {"low": 70, "under": "mean"}, "indicators": ["a", "b"]}, data)
    assert {s: rows[s, "total"]["flags"] for s in "ABCD"} == {"A": "low;under", "B": "under", "C": "under", "D": ""}
    assert rows["A", "total"]["score"] == 70.0
    # 69.9 and 70.1 make 70 exactly, not 69.99999999999999.
    assert rows["C", "a"]["flags"] == "low;under"


def test_comparison_with_a_row_and_with_a_column(tmp_path: Path) -> None:
    scheme = {"flags": {"below_city": {"subject": "全市均值"}}, "reference": ["全市均值"], "indicators": ["a"]}
    rows = scored(tmp_path, scheme, "地区,a\n甲县,71\n乙县,72\n全市均值,72\n")
    assert [rows[s, "total"]["flags"] for s in ("甲县", "乙县")] == ["below_city", ""]
    assert [rows[s, "total"]["rank"] for s in ("甲县", "乙县", "全市均值")] == [2, 1, None]
    scheme = {"flags": {"below_city": {"column": "全市均值"}}, "indicators": ["a", "b"]}
    rows = scored(tmp_path, scheme, "对象,指标,值,全市均值\n甲县,a,71,72\n甲县,b,70,70\n")
    assert [rows["甲县", i]["flags"] for i in "ab"] == ["below_city", ""]


@pytest.mark.parametrize(
    ("ties", "expected"),
    [("competition", [1, 2, 2, 4]), ("dense", [1, 2, 2, 3]), ("max", [1, 3, 3, 4]), ("average", [1, 2.5, 2.5, 4]), ("ordinal", [1, 2, 3, 4])],
)  # fmt: skip
def test_ranks_with_ties(tmp_path: Path, ties: str, expected: list[float]) -> None:
    rows = scored(tmp_path, {"rank": {"ties": ties}, "indicators": ["a"]}, "s,a\nA,85.1\nB,79.2\nC,79.2\nD,78\n")
    assert [rows[s, "total"]["rank"] for s in "ABCD"] == expected


def test_ranks_and_roll_up_on_rounded_scores_where_the_scheme_says_so(tmp_path: Path) -> None:
    data = "s,a,b\nA,80.04,60\nB,80.0,60\nC,70,60\n"
    scheme = {"round": 1, "rank": {"by": "rounded"}, "indicators": ["a", "b"]}
    assert [scored(tmp_path, scheme, data)[s, "a"]["rank"] for s in "ABC"] == [1, 1, 3]
    assert one(tmp_path, {"round": {"leaf": 0, 0: 2}, "carry": "rounded", "indicators": ["a", "b"]}, "s,a,b\nA,80.4,60.4\n") == 70.0  # fmt: skip


def test_means_of_other_kinds(tmp_path: Path) -> None:
    data = "s,a,b\nA,40,90\nB,50,50\nC,0,80\n"
    expected = {"geometric": (60, 50, 0), "min": (40, 50, 0), "max": (90, 50, 80), "harmonic": (55.38, 50, 0)}
    for combine, scores in expected.items():
        rows = scored(tmp_path, {"round": 2, "combine": combine, "indicators": ["a", "b"]}, data)
        assert tuple(rows[s, "total"]["score"] for s in "ABC") == scores
    rows = scored(tmp_path, {"combine": "mean_rank", "indicators": ["a", "b"]}, data)
    assert [(rows[s, "total"]["score"], rows[s, "total"]["rank"]) for s in "ABC"] == [(1.5, 1), (2, 2), (2.5, 3)]


def test_hdi_as_published(tmp_path: Path) -> None:
    """UNDP's own worked example is near; China 2021: 0.768, Chad 0.394; values past the goalposts are capped."""
    data = (
        "Country,Life expectancy at birth,Expected years of schooling,Mean years of schooling,GNI per capita\n"
        "China,78.2,14.2,7.6,17504\nChad,52.5,8.0,2.6,1364\nTop,90,20,16,90000\nNone,70,10,,5000\n"
    )
    rows = scored(tmp_path, "hdi", data)
    assert [rows[s, "total"]["score"] for s in ("China", "Chad", "Top", "None")] == [0.768, 0.394, 1, None]
    assert rows["China", "education"]["score"] == 0.648


def test_doing_business_as_published(tmp_path: Path) -> None:
    """China in Doing Business 2020: topic scores published to one decimal, from the published raw values."""
    data = (
        "Economy,legal_rights,credit_information,disclosure,director_liability,shareholder_suits,shareholder_rights,"
        "ownership_control,corporate_transparency,tax_payments,tax_time,total_tax_rate,Postfiling index (0-100),"
        "contract_time,contract_cost,judicial_quality,electricity_procedures,electricity_time,electricity_cost,"
        "electricity_reliability,Starting a business\n"
        "China,4,8,10,4,5,5,6,6,7,138,59.2,50,496,16.2,16.5,2,32,0,7,94.1\n"
    )
    rows = scored(tmp_path, "doing_business", data)
    published = {
        "getting_credit": 60.0, "minority_investors": 72.0, "paying_taxes": 70.1, "enforcing_contracts": 80.9,
        "electricity": 95.4, "starting_business": 94.1,
    }  # fmt: skip
    for topic, value in published.items():
        assert rows["China", topic]["score"] == pytest.approx(value, abs=0.1)
    assert rows["China", "getting_credit"]["flags"] == "below_70"


def test_the_domains_vectors(tmp_path: Path) -> None:
    """登记财产 of the domain notes: four leaves, 67.2 in all."""
    weights = {"time": 40, "steps": 20, "fee": 20, "quality": 20}
    scheme = {"round": 2, "indicators": [{"id": i, "weight": w} for i, w in weights.items()]}
    assert one(tmp_path, scheme, "s,time,steps,fee,quality\nA,70,80,66,50\n") == 67.2


@pytest.mark.parametrize("name", schemes.shipped())
def test_shipped_schemes_load_and_full_marks_add_up(name: str) -> None:
    scheme = schemes.load(name)
    assert scheme.source
    assert scheme.nodes[0].full == scheme.scale


def test_long_wide_and_year_columns_say_the_same(tmp_path: Path) -> None:
    scheme = {"indicators": [{"id": "a", "title": "甲指标"}, "b"]}
    wide = scored(tmp_path, scheme, "年度,对象,甲指标,b\n2019,A,60,80\n")
    long = scored(tmp_path, scheme, "对象,指标,值,年度\nA,甲指标,60,2019\nA,b,80,2019\n")
    years = scored(tmp_path, scheme, "Country Name,Indicator Name,2019,2020\nA,甲指标,60,\nA,b,80,\n")
    assert wide == long == years
    assert wide["A", "total"]["period"] == "2019"


def test_money_of_another_base_year(tmp_path: Path) -> None:
    scheme = {"indicators": [{"id": "a", "title": "GNI (2017 PPP $)"}, {"id": "b", "title": "Time (days)"}]}
    rows = scored(tmp_path, scheme, "Country,GNI (2011 PPP $),Time (hours)\nA,60,5\n")
    assert rows["A", "a"]["score"] == 60
    assert rows["A", "b"]["score"] is None


def test_other_files(tmp_path: Path) -> None:
    import duckdb
    import xlsxwriter

    with xlsxwriter.Workbook(tmp_path / "book.xlsx") as book:
        sheet = book.add_worksheet()
        for row, cells in enumerate([["某市评价原始值"], ["对象", "a", "b"], ["甲县", 60, 80], ["乙县", "", 70]]):
            sheet.write_row(row, 0, cells)
    duckdb.sql("SELECT '甲县' AS 对象, 60 AS a, 80.0 AS b").write_parquet(str(tmp_path / "t.parquet"))
    (tmp_path / "s.yaml").write_text("- a\n- b\n")
    (tmp_path / "t.csv").write_bytes("对象;a;b\n甲县;60;80\n".encode("gb18030"))
    agreed = schemes.load(str(tmp_path / "s.yaml"))
    (tmp_path / "t.json").write_text('{"data": [{"对象": "甲县", "a": 60, "b": 80.0}]}')
    for name in ("book.xlsx", "t.parquet", "t.csv", "t.json"):
        first = next(engine.rows(engine.score(agreed, tmp_path / name).table))
        assert first[:5] == ("甲县", None, "total", None, 70)


@pytest.mark.parametrize("kind", ["xlsx", "xls"])
def test_a_percentage_in_a_workbook_is_the_one_shown(tmp_path: Path, kind: str) -> None:
    """85% is 85 in a workbook as in a text file; 0.85 beside it, not shown as per cent, is 0.85; and just below 70% is below."""
    cells = [("甲", 0.7, True), ("乙", 0.69995, True), ("丙", 0.7, False), ("丁", 71.5, False)]
    path = tmp_path / f"t.{kind}"
    if kind == "xlsx":
        import xlsxwriter

        with xlsxwriter.Workbook(path) as book:
            shown = book.add_format({"num_format": "0%"})
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, ["对象", "a"])
            for row, (name, value, percent) in enumerate(cells, 1):
                sheet.write(row, 0, name)
                sheet.write(row, 1, value, shown if percent else None)
    else:
        import xlwt

        old = xlwt.Workbook()
        sheet = old.add_sheet("表")
        for row, (name, value, percent) in enumerate([("对象", "a", False), *cells]):
            style = xlwt.XFStyle()
            style.num_format_str = "0%" if percent else "General"
            sheet.write(row, 0, name)
            sheet.write(row, 1, value, style)
        old.save(str(path))
    (tmp_path / "s.yaml").write_text("flags: {below_70: 70}\nindicators: [{id: a}]\n")
    found = engine.rows(engine.score(schemes.load(str(tmp_path / "s.yaml")), path).table)
    rows = {row[0]: dict(zip(engine.COLUMNS, row, strict=True)) for row in found if row[2] == "a"}
    assert {name: (row["score"], row["flags"]) for name, row in rows.items()} == {
        "甲": (70, ""), "乙": (69.995, "below_70"), "丙": (0.7, "below_70"), "丁": (71.5, ""),
    }  # fmt: skip


def test_weight_0_is_scored_but_has_no_part(tmp_path: Path) -> None:
    """B-READY: each topic the mean of its pillars, each pillar the mean of its topics, from the same cells."""
    rows = scored(
        tmp_path,
        "b_ready",
        "Economy,Labor - Pillar I,Labor - Pillar II,Labor - Pillar III,Taxation - Regulatory Framework\nA,60,70,80,40\n",
    )
    assert rows["A", "labor"]["score"] == 70
    assert (rows["A", "regulatory_framework"]["score"], rows["A", "regulatory_framework"]["coverage"]) == (None, 0.2)
    plain = {"indicators": [{"id": "a"}, {"id": "b", "weight": 0}]}
    assert one(tmp_path, plain, "s,a,b\nA,60,80\n") == 60


def test_a_row_per_indicator(tmp_path: Path) -> None:
    """Whom the table is about stands in the header; 201.4 and 19.99 down the page are no years."""
    scheme = {"indicators": [{"id": "time", "title": "时间"}, {"id": "cost", "title": "费用"}]}
    for head in ("指标", "项目"):
        rows = scored(tmp_path, scheme, f"{head},甲县,乙县,丙县\n时间,60,19,20.14\n费用,80,19,19.99\n别的,1,2,3\n")
        assert [rows[who, "total"]["score"] for who in ("甲县", "乙县", "丙县")] == [70, 19, 20.065]


def test_grades_of_many(tmp_path: Path) -> None:
    """Grade words stand in the same table as the limits of bands, and are never read as one."""
    leaves = [
        f"{a}_{d}"
        for a in ("governance", "rule_of_law", "factors", "innovation")
        for d in ("policy", "reform", "service", "efficiency")
    ]
    satisfied = [f"{a}_satisfaction" for a in ("governance", "rule_of_law", "factors", "innovation")]
    head = ",".join(["区县", *leaves, *satisfied])
    lines = [",".join([f"县{n}", *["优秀" if n % 2 else "一般"] * 16, *["90"] * 4]) for n in range(30)]
    rows = scored(tmp_path, "sichuan_grade", "\n".join([head, *lines]))
    assert {rows[f"县{n}", "total"]["score"] for n in range(30)} == {0.6 * 95 + 0.4 * 90, 0.6 * 70 + 0.4 * 90}


_OTHER_SHAPES = {
    "cut lines": ("Country,a,b\nA,60,80,\nB,50,,,\n来源：某报告\nNote: see a, b\n", "utf-8"),
    "Western letters": ("Country,a,b\nA,60,80\nCôte d’Ivoire,50,\nCuraçao,1,2\n", "cp1252"),
    "decimal commas": ("Country;a;b\nA;60,0;80,00 %\nB;1.050,5;\n", "utf-8"),
    "headings over columns": ("Economy,Taxes,,Credit,\n,a,rank,b,rank\nA,60,1,80,2\n", "utf-8"),
    "headings in the row above": ("Table 1,,,,\n,Taxes,,Credit,\nEconomy,a,rank,b,rank\nA,60,1,80,2\n", "utf-8"),
    "units below": ("Economy,a,b\n,(days),(%)\nA,60,80\n", "utf-8"),
    "a column per year": ("iso3,Country,a_2020,a_2021,b_2020,b_2021\nAAA,A,..,60,..,80\n", "utf-8"),
    "years without values": ("Country Name,Series Name,2019 [YR2019],2020 [YR2020]\nA,a,..,60\nA,b,..,80\n\n,\nLast Updated: 1\n", "utf-8"),
}  # fmt: skip


@pytest.mark.parametrize("shape", _OTHER_SHAPES)
def test_shapes_tables_come_in(tmp_path: Path, shape: str) -> None:
    text, codec = _OTHER_SHAPES[shape]
    (tmp_path / "t.csv").write_bytes(text.encode(codec))
    columns = {"a": ["Taxes - a"], "b": ["Credit - b"]}
    scheme = {"min_coverage": 0.5, "indicators": [{"id": i, "columns": c} for i, c in columns.items()]}
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(scheme))
    found = engine.rows(engine.score(schemes.load(str(tmp_path / "s.yaml")), tmp_path / "t.csv").table)
    totals = {(row[0], row[1]): row[4] for row in found if row[2] == "total"}
    years = {"a column per year": "2021", "years without values": "2020"}
    assert totals.pop(("A", years.get(shape))) == 70
    assert {name for name, _ in totals} <= {"B", "Côte d’Ivoire", "Curaçao"}


@pytest.mark.parametrize(
    ("scheme", "told"),
    [
        ({"indicators": [{"id": "a", "bset": 1}]}, "指标 a.bset：没有 'bset' 这一项。是否想写 'best'"),
        ({"indicators": [{"id": "a", "best": 1, "worst": 1}]}, "最优值和最差值不能相同"),
        ({"indicators": ["a", "a"]}, "id 'a' 用了两次"),
        ({"indicators": [{"id": "a", "weight": -1}]}, "指标 a.weight：-1 太小"),
        ({"indicators": [{"id": "a", "standard": 1}]}, "standard 缺少 per_unit"),
        ({"indicators": [{"id": "a", "formula": "dft", "best": 1}]}, "是否想写 'dtf'"),
        ({"indicators": [{"id": "a", "best": 0, "worst": 9, "transform": "log"}]}, "要大于 0"),
        ({"indicators": [{"id": "a", "best": 1, "children": ["b"]}]}, "有下级的指标不写取分办法"),
        ({}, "没有指标"),
    ],
)
def test_errors_of_the_scheme(tmp_path: Path, scheme: dict, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        scored(tmp_path, scheme, "s,a\nA,1\n")
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("s,a,b\nA,1,2\nB,约三,2\n", "data.csv：第 3 行：a：'B' 的值 '约三' 不是数"),
        ("s,a,b\nA,1,2\nA,1,2\n", "第 2、3 行：a：'A' 的 'a' 给了 2 次"),
        ("s,x\nA,1\n", "没有一列是方案里的指标"),
        ("s,a,b\nA,1,2,3\n", "第 2 行：这一行有 4 格，表头有 3 列"),
        ('标题,,\ns,a,b\nA,1,"2,5"\n', "第 3 行：b：'A' 的值 '2,5' 不是数"),
        ("", "文件是空的"),
    ],
)
def test_errors_of_the_data(tmp_path: Path, data: str, told: str) -> None:
    with pytest.raises(HubError) as error:
        scored(tmp_path, {"indicators": ["a", "b"]}, data)
    assert told in str(error.value)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "d.csv"
    data.write_text("subject,life_expectancy,expected_years,mean_years,gni_per_capita\nA,85,18,15,75000\n")
    call = ["indicator", "score", "--scheme", "hdi", "--data", str(data)]
    assert main([*call, "-o", "csv"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "subject,period,indicator,raw,score,weight,coverage,rank,flags,title,level"
    assert out[1] == "A,,total,,1.0,1.0,1.0,1,,人类发展指数,0"
    assert main([*call, "-o", "json", "--wide", "--round", "1"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["total"] == 1.0
    assert main(["indicator", "score", "--scheme", "hdii", "--data", str(data)]) == 1
    assert "是否想写 'hdi'" in capsys.readouterr().err
    assert main(["indicator", "schemes", "-o", "csv"]) == 0
    assert "doing_business" in capsys.readouterr().out
    assert main(["indicator", "schemes", "hdi"]) == 0
    assert "transform: log" in capsys.readouterr().out


def test_coverage_is_exact_through_levels(tmp_path: Path) -> None:
    scheme = {"min_coverage": 0.66, "indicators": [{"id": "x", "children": ["a", "b", "c"]}, "y"]}
    rows = scored(tmp_path, scheme, "对象,a,b,c,y\nA,60,80,,70\n")
    assert (rows["A", "x"]["coverage"], rows["A", "total"]["coverage"]) == (0.6667, 0.8333)
    assert (rows["A", "x"]["score"], rows["A", "total"]["score"]) == (70, 70)
    assert scored(tmp_path, {**scheme, "min_coverage": 0.67}, "对象,a,b,c,y\nA,60,80,,70\n")["A", "x"]["score"] is None


def test_ranks_and_scores_of_many_agree_with_a_plain_reckoning(tmp_path: Path) -> None:
    """190 subjects, four leaves in two topics, blanks and ties, against pandas."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(2020)
    raw = pd.DataFrame({c: rng.integers(0, 40, 190) / 2 for c in "abcd"}).mask(rng.random((190, 4)) < 0.03)
    raw.insert(0, "Economy", [f"E{n}" for n in range(190)])
    scheme = {
        "min_coverage": 0,
        "indicators": [
            {"id": "p", "children": [{"id": "a", "best": 0, "worst": 20}, {"id": "b", "best": 2, "worst": 15}]},
            {"id": "q", "children": [{"id": "c", "best": 20, "worst": 0}, {"id": "d", "best": 0, "worst": 10, "exponent": 0.8}]},
        ],
    }  # fmt: skip
    found = scored(tmp_path, scheme, raw.to_csv(index=False))
    leaf = pd.DataFrame({
        "a": (20 - raw.a) / 20, "b": (15 - raw.b) / 13, "c": raw.c / 20, "d": ((10 - raw.d) / 10).clip(0, 1) ** 0.8,
    }).clip(0, 1) * 100  # fmt: skip
    topics = pd.DataFrame({"p": leaf[["a", "b"]].mean(axis=1), "q": leaf[["c", "d"]].mean(axis=1)})
    total = topics.mean(axis=1).round(10)
    ranks = total.rank(ascending=False, method="min")
    for row, (name, score) in enumerate(zip(raw.Economy, total, strict=True)):
        assert found[name, "total"]["score"] == pytest.approx(score, abs=1e-6)
        assert found[name, "total"]["rank"] == ranks[row]
        assert ("below_70" in found[name, "total"]["flags"]) == (score < 70)


def test_subjects_across_may_have_commas_in_their_names(tmp_path: Path) -> None:
    scheme = {"indicators": [{"id": "a"}, {"id": "b"}]}
    rows = scored(tmp_path, scheme, '指标,"Gambia, The","Korea, Rep."\na,70,80\nb,90,"60"\n')
    assert [rows[name, "total"]["score"] for name in ("Gambia, The", "Korea, Rep.")] == [80, 70]
