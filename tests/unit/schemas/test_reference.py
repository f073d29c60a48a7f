"""Departments, code sets, deadlines and header spellings: what the files say, and how a mistake in them is told."""

from datetime import date
from pathlib import Path

import pytest

from schemas import departments, identifiers, reference
from schemas.errors import ConfigError

MAIN = [
    "market_supervision",
    "service_center",
    "hotline_office",
    "tax",
    "real_estate",
    "housing",
    "water",
    "power",
    "finance_office",
    "investment",
    "business_env",
    "evaluation",
    "natural_resources",
]


def columns_of_one_length(rows: reference.Rows) -> int:
    lengths = {len(column) for column in rows.values()}
    assert len(lengths) == 1
    return lengths.pop()


# ---------------------------------------------------------------- departments
def test_the_county_has_its_departments_and_towns():
    found = reference.departments()
    assert set(MAIN) <= found.keys()
    towns = [d for d in found.values() if d.dept_type == "town"]
    assert len(towns) == 12
    assert len(found) - len(towns) >= 40
    assert {d.region_code for d in towns} == {c.code for c in reference.code_sets()["town"].codes}
    assert {d.region_code for d in found.values() if d.dept_type != "town"} == {"510999"}


def test_every_department_code_is_a_valid_credit_code_of_the_county():
    codes = [d.dept_code for d in reference.departments().values()]
    assert len(codes) == len(set(codes))
    assert [c for c in codes if not identifiers.uscc_valid(c)] == []
    assert {c[2:8] for c in codes} == {"510999"}


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("县市场监管局", "market_supervision"),
        ("县市监局", "market_supervision"),
        ("县工商局", "market_supervision"),
        ("示例县工商行政管理局", "market_supervision"),
        ("示例县市场监督管理局", "market_supervision"),
        ("　县税务局 ", "tax"),
        ("县国税局", "tax"),
        ("县12345热线办", "hotline_office"),
        ("金融办", "finance_office"),
        ("县金融工作局", "finance_office"),
        ("县城市管理局", "urban_management"),
        ("县国土局", "natural_resources"),
        ("供水公司", "water"),
        ("示例县太和镇政府", "town_taihe"),
        ("natural_resources", "natural_resources"),
    ],
)
def test_a_department_is_known_by_its_names(written, code):
    assert reference.department_of(written).code == code
    assert reference.department_of(reference.departments()[code].dept_code).code == code


@pytest.mark.parametrize("written", ["", "县外星人管理局", "示例县", "县"])
def test_an_unknown_name_is_nobody(written):
    assert reference.department_of(written) is None


def test_a_former_name_is_understood_after_its_end():
    assert reference.department_of("县工商局", date(2018, 5, 1)).code == "market_supervision"
    assert reference.department_of("县工商局", date(2025, 5, 1)).code == "market_supervision"


TWO = """
county: 示例县
departments:
  - {code: a, dept_code: A1, name: 示例县甲局, short_name: 县甲局, dept_type: county_dept, region_code: "510999", aliases: [%s]}
  - {code: b, dept_code: B1, name: 示例县乙局, short_name: 县乙局, dept_type: county_dept, region_code: "510999", aliases: [%s]}
"""


def two(tmp_path: Path, first: str, second: str) -> Path:
    path = tmp_path / "departments.yaml"
    path.write_text(TWO % (first, second), encoding="utf-8")
    return path


def test_a_day_no_one_bore_a_name_is_read_as_the_nearest_before_or_the_first(tmp_path):
    path = two(tmp_path, "{name: 县规划办, from: 2010-01-01, to: 2014-01-01}", "{name: 县规划办, from: 2019-03-01}")
    assert reference.department_of("县规划办", date(2005, 1, 1), path).code == "a"
    assert reference.department_of("县规划办", date(2016, 1, 1), path).code == "a"
    assert reference.department_spans(path)["县规划办"] == (
        ("A1", None, date(2019, 3, 1)),
        ("B1", date(2019, 3, 1), None),
    )


def test_a_name_that_moved_is_read_as_of_the_event(tmp_path):
    path = two(tmp_path, "{name: 县规划办, to: 2019-03-01}", "{name: 县规划办, from: 2019-03-01}")
    assert reference.department_of("县规划办", date(2019, 2, 28), path).code == "a"
    assert reference.department_of("县规划办", date(2019, 3, 1), path).code == "b"
    assert reference.department_of("县规划办", None, path).code == "b"
    assert reference.department_of("规划办", date(2019, 2, 28), path).code == "a"
    assert reference.department_spellings(path)["县规划办"] == "B1"
    moved = date(2019, 3, 1)
    assert reference.department_spans(path)["规划办"] == (("A1", None, moved), ("B1", moved, None))
    rows = departments.department_alias_rows(path)
    assert [
        (code, start)
        for name, code, start in zip(rows["alias"], rows["dept_code"], rows["valid_from"], strict=True)
        if name == "县规划办"
    ] == [
        ("A1", None),
        ("B1", date(2019, 3, 1)),
    ]


def test_a_name_taken_up_by_another_is_not_the_successors(tmp_path):
    """县规划办 was the first's; the second took the first over, and is not called so: its own name of today is."""
    path = two(tmp_path, "县规划办], to: 2020-01-01, successor: b, extra: [", "").read_text(encoding="utf-8")
    third = '  - {code: c, dept_code: C1, name: 示例县丙局, short_name: 县规划办, dept_type: county_dept, region_code: "510999", from: 2020-01-01}\n'
    (tmp_path / "three.yaml").write_text(path.replace(", extra: []", "") + third, encoding="utf-8")
    three = tmp_path / "three.yaml"
    assert [reference.department_of("县规划办", day, three).code for day in (date(2019, 1, 1), None)] == ["a", "c"]
    assert [reference.department_of("县甲局", day, three).code for day in (date(2019, 1, 1), None)] == ["a", "b"]


def test_forms_with_and_without_the_county_only_where_nobody_else_bears_them(tmp_path):
    path = two(tmp_path, "县规划办", "规划办")
    assert reference.department_of("县规划办", None, path).code == "a"
    assert reference.department_of("规划办", None, path).code == "b"
    assert reference.department_of("示例县规划办", None, path) is None


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ("县规划办", "县规划办", "'县规划办' 同时指 '县甲局' 和 '县乙局'"),
        ("{name: 县规划办, to: 2020-01-01}", "{name: 县规划办, from: 2019-01-01}", "同时指"),
        ("{name: 县规划办, until: 2020-01-01}", "", "aliases.until：没有这一项"),
        ("{name: 县规划办, from: 2020-01-01, to: 2019-01-01}", "", "起 2020-01-01 不早于止 2019-01-01"),
        ("{name: 县规划办, to: 去年}", "", "'去年' 不是日期"),
        ("12", "", "'12' 不是名称"),
        ("{name: 示例县丙局, short_name: 县丙局}", "", "曾用名 '示例县丙局' 没有写到哪一天为止"),
        ("], successor: b, extra: [", "", "没有这一项"),
        ("], successor: b, aliases: [", "", "没有写到哪一天为止"),
        ("], to: 2020-01-01, successor: c, aliases: [", "", "没有部门 'c'"),
        ("], to: 2020-01-01, successor: b, aliases: [", "], to: 2019-01-01, aliases: [", "'b' 在 'a' 撤并时已不在"),
        (
            "], to: 2020-01-01, successor: b, aliases: [",
            "], to: 2021-01-01, successor: a, aliases: [",
            "'a' 在 'b' 撤并时已不在",
        ),
    ],
)
def test_a_mistake_in_the_departments_is_told(tmp_path, first, second, told):
    path = two(tmp_path, first, second)
    with pytest.raises(ConfigError) as error:
        reference.departments(path)
    assert told in str(error.value)
    assert "departments.yaml" in str(error.value)


def test_department_rows_are_plain_columns():
    rows = departments.department_rows()
    assert list(rows) == ["dept_code", "dept_id", "dept_name", "short_name", "dept_type", "region_code"]
    assert columns_of_one_length(rows) == len(reference.departments())
    assert columns_of_one_length(departments.department_alias_rows()) >= len(reference.department_spellings())


# ---------------------------------------------------------------- code sets
@pytest.mark.parametrize(
    ("code_set", "codes"),
    [
        ("entity_kind", "company branch individual coop rural_collective institution social_org other"),
        ("enterprise_status", "存续 在业 吊销 注销 迁出 停业 歇业"),
        ("size_class", "大 中 小 微"),
        ("industry_section", "A B C D E F G H I J K L M N O P Q R S T"),
        ("person_role", "法定代表人 负责人 股东 联络员 经办人"),
        ("id_type", "身份证 护照 港澳 台胞 其他"),
        ("match_rule", "uscc reg_no org_code name+rep manual"),
        ("item_type", "许可 确认 备案 给付 公共服务 其他"),
        ("service_channel", "窗口 网办 自助 代办"),
        ("case_result", "准予 不予 撤回 退件 转报"),
        ("case_event_type", "收件 受理 补正告知 补正 审查 特别程序开始 特别程序结束 决定 制证 送达"),
        ("tax_channel", "网报 自助 大厅 批扣"),
        ("property_reg_type", "首次 转移 变更 抵押 注销 更正 查封 预告"),
        ("loan_result", "通过 拒绝 撤回 处理中"),
        ("guarantee", "信用 抵押 质押 保证 政府增信"),
        ("loan_channel", "平台 柜面"),
        ("utility", "water power gas heat broadband"),
        ("utility_category", "低压 高压 小微 其他"),
        ("utility_status", "受理 勘查 方案 施工 已通 终止"),
        ("hotline_channel", "电话 网站 APP 微信 信箱 省转 市转 互联网+督查 领导留言板"),
        ("demand_type", "咨询 求助 投诉 举报 建议 表扬"),
        (
            "hotline_step",
            "记录 受理 预审 派单 签收 退单 改派 加派 办理 延期申请 延期批复 答复 审核 回访 重办 督办 挂起 恢复 结案 归档",
        ),
        ("demand_true", "是 否 部分"),
        ("solved", "已解决 部分 未解决"),
        ("assignment_role", "主办 协办"),
        ("callback_method", "电话 短信 人工 自动"),
        ("satisfaction", "非常满意 满意 基本满意 不满意 非常不满意 未评价"),
        ("problem_source", "自查 热线 督查 评估 暗访 电视问政 审计 企业反映"),
        ("problem_category", "不诚信 不规范 不担当"),
        ("review_result", "通过 退回"),
        ("region_level", "国 省 市 县"),
        ("scoring_method", "dtf standard weighted grade"),
        ("direction", "higher lower"),
        ("score_source", "published simulated"),
        ("score_status", "complete incomplete"),
        ("benchmark_kind", "province_avg city_avg best worst national_avg target"),
        ("evidence_status", "缺项 已报 复核 补正 通过"),
    ],
)
def test_the_agreed_values(code_set, codes):
    assert [c.code for c in reference.code_sets()[code_set].codes] == codes.split()


def test_ticket_and_problem_states_of_the_procedure_exist():
    ticket = {c.code for c in reference.code_sets()["hotline_status"].codes}
    assert ticket >= {
        "recorded",
        "accepted",
        "rejected",
        "answered_directly",
        "dispatched",
        "signed",
        "returned",
        "handling",
        "extension_requested",
        "extended",
        "replied",
        "called_back",
        "closed",
        "archived",
    }
    problem = {c.code for c in reference.code_sets()["problem_status"].codes}
    assert problem == {
        "registered",
        "confirmed",
        "rectifying",
        "closure_applied",
        "returned",
        "accepted",
        "closed",
        "long_term",
        "extended",
        "reopened",
    }


def test_a_code_stands_in_one_line(tmp_path):
    path = tmp_path / "codes.yaml"
    path.write_text('code_sets: {x: {title: 甲, codes: [{code: "1", to: 2020-01-01}, {code: "1", name: 乙, from: 2020-01-01}]}}', encoding="utf-8")  # fmt: skip
    with pytest.raises(ConfigError, match="这个代码写了两行"):
        reference.code_sets(path)


def test_hotline_categories_have_two_levels():
    codes = reference.code_sets()["hotline_category"].codes
    assert all((c.parent is None) == (len(c.code) == 2) for c in codes)
    assert all(c.code.startswith(c.parent) for c in codes if c.parent)
    assert len([c for c in codes if c.parent]) >= 40


@pytest.mark.parametrize(
    ("code_set", "written", "code"),
    [
        ("entity_kind", "有限责任公司（自然人独资）", "company"),
        ("enterprise_status", "开业", "存续"),
        ("hotline_channel", "１２３４５", "电话"),
        ("hotline_status", "已办结", "closed"),
        ("hotline_category", "噪音扰民", "0102"),
        ("tax_type", "企业所得税", "10104"),
        ("town", "示例县太和镇", "510999100"),
        ("problem_status", "已完成", "closed"),
    ],
)
def test_spellings_lead_to_the_stored_code(code_set, written, code):
    assert reference.code_sets()[code_set].spellings()[reference.spelled(written)] == code


def test_code_rows_are_plain_columns():
    total = sum(len(s.codes) for s in reference.code_sets().values())
    assert columns_of_one_length(reference.code_value_rows()) == total
    aliases = reference.code_alias_rows()
    assert columns_of_one_length(aliases) > total
    assert len(set(zip(aliases["code_set"], aliases["alias"], strict=True))) == len(aliases["alias"])


@pytest.mark.parametrize(
    ("codes", "told"),
    [
        ("[{code: 01, name: 一}]", "'1' 不是文字。数字样的代码要加引号"),
        ("[{code: 是, aliases: [对]}, {code: 否, aliases: [对]}]", "'对' 同时指 '是' 和 '否'"),
        ('[{code: "0101", name: 子, parent: "01"}]', "没有上级代码 '01'"),
        ("[{code: 是, alias: [对]}]", "是否想写 'aliases'"),
    ],
)
def test_a_mistake_in_the_codes_is_told(tmp_path, codes, told):
    path = tmp_path / "code_sets.yaml"
    path.write_text(f"code_sets: {{yes_no: {{title: 是否, codes: {codes}}}}}", encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        reference.code_sets(path)
    assert told in str(error.value)
    assert str(error.value).startswith("code_sets.yaml：yes_no")


# ---------------------------------------------------------------- deadlines
@pytest.mark.parametrize(
    ("rule_id", "limit"),
    [
        ("hotline.reply", ("workday", 5, 10)),
        ("hotline.return", ("workday", 2, 0)),
        ("registration.at_once", ("workday", 3, 3)),
        ("licence.decide", ("workday", 20, 10)),
        ("licence.joint", ("workday", 45, 15)),
        ("property.register", ("workday", 30, 0)),
        ("payment.sme", ("day", 30, 30)),
        ("petition.handle", ("day", 60, 30)),
        ("sharing.reply.unconditional", ("workday", 1, 0)),
        ("sharing.reply.conditional", ("workday", 10, 10)),
        ("sharing.provide", ("workday", 20, 0)),
        ("sharing.catalogue_change", ("workday", 10, 5)),
        ("sharing.correction", ("workday", 10, 0)),
        ("rectification.at_once", ("day", 7, 0)),
    ],
)
def test_the_limits_the_law_gives(rule_id, limit):
    rule = {r.rule_id: r for r in reference.deadline_rules()}[rule_id]
    assert (rule.clock_unit, rule.days, rule.extension_days) == limit
    assert rule.legal_basis


def test_one_rule_a_matter_and_region_at_a_time():
    keys = [(r.domain, r.item, r.region) for r in reference.deadline_rules() if r.region]
    assert len(keys) == len(set(keys))
    assert columns_of_one_length(reference.deadline_rule_rows()) == len(reference.deadline_rules())


def test_what_the_county_made_up_is_marked():
    assert {r.source for r in reference.deadline_rules() if r.region == "510999"} == {"I"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"clock_unit": "workdays"}, "是否想写 'workday'"),
        ({"days": "五"}, "'五' 不是天数"),
        ({"source": "X"}, "没有 'X'"),
        ({"region": "510999"}, "不是文字"),
    ],
)
def test_a_mistake_in_the_limits_is_told(tmp_path, change, told):
    words = {
        "rule_id": "a", "domain": "hotline", "item": "答复", "clock_unit": "workday", "days": 5, "legal_basis": "某法",
        "effective_from": "2020-01-01", "region": "null", "source": "S",
    } | change  # fmt: skip
    path = tmp_path / "deadline_rules.yaml"
    path.write_text(f"deadline_rules:\n  - {{{', '.join(f'{k}: {v}' for k, v in words.items())}}}", encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        reference.deadline_rules(path)
    assert told in str(error.value)


# ---------------------------------------------------------------- headers, files
def test_header_spellings_of_one_dataset_come_first():
    assert reference.column_aliases("hotline_ticket")["main_dept_code"][0] == "承办单位"
    assert "工商执政号" in reference.column_aliases()["enterprise_code"]
    general = reference.column_aliases()["legal_rep_masked"]
    assert general == reference.column_aliases()["legal_rep_hash"]
    assert len(general) >= 18


@pytest.mark.parametrize(
    ("text", "told"), [("departments: [", "不是有效的 YAML"), ("", "内容是空的"), ("a: 1", "缺少 departments")]
)
def test_an_unreadable_file_is_told(tmp_path, text, told):
    path = tmp_path / "departments.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=told):
        reference.departments(path)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ConfigError, match="找不到这个文件"):
        reference.code_sets(tmp_path / "code_sets.yaml")
