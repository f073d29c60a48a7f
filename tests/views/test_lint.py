"""The lint passes the repository's views and refuses each construct that breaks or differs between the engines."""

from pathlib import Path

import pytest

from views.catalog import Catalog, load_catalog
from views.lint import lint_catalog

HEADER = "/* ---\ntitle: 试\nquestion: 试？\ngrain: 每行一张\nowner: 县热线办\n--- */\n"  # the query starts on line 7


def catalog_of(root: Path, sql: str, header: str = HEADER, name: str = "trial") -> Catalog:
    folder = root / "hotline"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.sql").write_text(header + sql, encoding="utf-8")
    return load_catalog(root)


def findings(root: Path, sql: str, header: str = HEADER) -> list[str]:
    return [str(error) for error in lint_catalog(catalog_of(root, sql, header))]


def test_the_views_keep_to_it() -> None:
    assert lint_catalog() == []


BAD = [
    # (query, line in the file, words of the message)
    ("SELECT\n  ticket_no\nFROM hotline_ticket", 8, ["列 ticket_no 没有中文名", "-- 中文名"]),
    ("SELECT\n  UPPER(title) -- 标题\nFROM hotline_ticket", 8, ["没有名称", "AS"]),
    ("SELECT\n  title AS a, -- 一\n  status AS a -- 二\nFROM hotline_ticket", 9, ["列 a 出现两次"]),
    ("SELECT * FROM hotline_ticket", 7, ["SELECT *", "请逐列写出"]),
    ("SELECT\n  t.ticket_no -- 编号\nFROM (SELECT * FROM hotline_ticket) AS t", 9, ["SELECT *"]),
    ("SELECT\n  * EXCLUDE (title)\nFROM hotline_ticket", 8, ["SELECT *"]),
    ("SELECT\n  100.0 AS late_pct -- 超期率\nFROM hotline_ticket", 8, ["late_pct 没有写口径", "definition"]),
    ("SELECT\n  ticket_no -- 编号\nFROM hotline_tickets", 9, ["没有 'hotline_tickets'", "是否想写 'hotline_ticket'？"]),
    ("SELECT\n  ticket_no -- 编号\nFROM shared.hotline_ticket", 9, ["带了模式名"]),
    ("SELECT\n  t.ticketno AS a -- 编号\nFROM hotline_ticket AS t", 8, ["'t' 没有字段 'ticketno'", "是否想写 'ticket_no'？"]),
    ("SELECT\n  dueat AS a -- 时限\nFROM hotline_ticket", 8, ["没有字段 'dueat'", "是否想写 'due_at'？"]),
    ("SELECT\n  x.due_at -- 时限\nFROM hotline_ticket AS t", 8, ["没有 'x' 这个表或别名"]),
    ("SELECT\n  ticket_no -- 编号\nFROM hotline_ticket\nWHERE recorded_at < :as_off", 10, ["没有参数 ':as_off'", "parameters"]),
    ("SELECT\n  a.ticket_no -- 编号\nFROM hotline_callback AS c, hotline_ticket AS a", 9, ["没有认出来源表 'hotline_ticket'", "JOIN"]),
    ("SELECT\n  DATE_DIFF('day', recorded_at, due_at) AS a -- 天\nFROM hotline_ticket", 8, ["EXTRACT(EPOCH"]),
    ("SELECT\n  AGE(due_at, recorded_at) AS a -- 天\nFROM hotline_ticket", 8, ["AGE", "EXTRACT(EPOCH"]),
    ("SELECT\n  CAST(due_at AS DATE) - CAST(recorded_at AS DATE) AS a -- 天\nFROM hotline_ticket", 8, ["不能直接相减"]),
    ("SELECT\n  due_at - recorded_at AS a -- 时长\nFROM hotline_ticket", 8, ["不能直接相减"]),
    ("SELECT\n  due_at + INTERVAL (extension_days) DAY AS a -- 时限\nFROM hotline_ticket", 8, ["INTERVAL 里不能放列"]),
    ("SELECT\n  100.0 * return_count / redo_count AS a -- 比\nFROM hotline_ticket", 8, ["除数可能为 0", "NULLIF"]),
    ("SELECT\n  return_count % redo_count AS a -- 余\nFROM hotline_ticket", 8, ["除数可能为 0"]),
    ("SELECT\n  return_count / 2 AS a -- 半\nFROM hotline_ticket", 8, ["整数除以整数", "100.0 * a"]),
    ("SELECT\n  REGEXP_EXTRACT(title, '停水') AS a -- 词\nFROM hotline_ticket", 8, ["REGEXP_EXTRACT", "数据契约"]),
    ("SELECT\n  content ->> 'x' AS a -- 词\nFROM hotline_ticket", 8, ["JSON", "数据契约"]),
    ("SELECT\n  STRING_AGG(ticket_no, ',') AS a -- 编号\nFROM hotline_ticket", 8, ["次序"]),
    ("SELECT\n  TRY_CAST(title AS INTEGER) AS a -- 数\nFROM hotline_ticket", 8, ["TRY_CAST"]),
    ("SELECT\n  QUANTILE_CONT(lon, 0.5) AS a -- 中位\nFROM hotline_ticket", 8, ["PERCENTILE_CONT"]),
    ("SELECT\n  MEDIAN(lon) AS a -- 中位\nFROM hotline_ticket", 8, ["PERCENTILE_CONT"]),
    ("SELECT\n  ARG_MAX(title, recorded_at) AS a -- 最新\nFROM hotline_ticket", 8, ["ROW_NUMBER"]),
    ("SELECT\n  EXTRACT(ISODOW FROM due_at) AS a -- 星期\nFROM hotline_ticket", 8, ["work_calendar"]),
    ("SELECT\n  DATE_PART('dow', due_at) AS a -- 星期\nFROM hotline_ticket", 8, ["work_calendar"]),
    ("SELECT\n  status, -- 状态\n  COUNT(*) AS n -- 件\nFROM hotline_ticket\nGROUP BY ALL", 8, ["GROUP BY ALL"]),
    ("SELECT\n  ticket_no -- 编号\nFROM hotline_ticket\nQUALIFY ROW_NUMBER() OVER (ORDER BY ticket_no) = 1", 10, ["QUALIFY", "WITH"]),
    ("WITH RECURSIVE a AS (SELECT ticket_no FROM hotline_ticket)\nSELECT\n  ticket_no -- 编号\nFROM a", 7, ["WITH RECURSIVE"]),
    ("SELECT DISTINCT ON (status)\n  status -- 状态\nFROM hotline_ticket", 7, ["DISTINCT ON"]),
    ("SELECT\n  ticket_no -- 编号\nFROM (\n  SELECT ticket_no FROM hotline_ticket\n)", 10, ["子查询没有别名"]),
    ("SELECT\n  UNNEST(duty_depts) AS a -- 单位\nFROM rectification_problem", 8, ["存成一行"]),
    ("SELECT\n  a.n -- 数\nFROM GENERATE_SERIES(1, 3) AS a(n)", 9, ["GENERATE_SERIES"]),
    ("SELECT\n  LIST_SORT(title) AS a -- 列表\nFROM hotline_ticket", 8, ["LIST_SORT"]),
    ("SELECT\n  ticket_no -- 编号\nFROM hotline_ticket\nWHERE due_at < NOW()", 10, [":as_of"]),
    ("SELECT\n  CURRENT_DATE AS a -- 今天\nFROM hotline_ticket", 8, [":as_of"]),
    ("SELECT\n  RANDOM() AS a -- 数\nFROM hotline_ticket", 8, ["同样的结果"]),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "line", "words"), BAD, ids=[words[0] + str(n) for n, (_, _, words) in enumerate(BAD)])
def test_refused_with_file_line_and_cure(tmp_path: Path, sql: str, line: int, words: list[str]) -> None:
    found = [text for text in findings(tmp_path, sql) if all(word in text for word in words)]
    assert found, findings(tmp_path, sql)
    assert found[0].startswith(f"views/hotline/trial.sql：第 {line} 行：")


GOOD = [
    "SELECT\n  a.ticket_no -- 编号\nFROM hotline_ticket AS a\nWHERE EXISTS (SELECT 1 FROM hotline_callback AS c WHERE c.ticket_no = a.ticket_no)",
    "SELECT\n  status, -- 状态\n  COUNT(*) AS n -- 件\nFROM hotline_ticket\nGROUP BY status\nHAVING COUNT(*) > 1\nORDER BY n DESC",
    "SELECT\n  x.d -- 日\nFROM (SELECT CAST(due_at AS DATE) AS d FROM hotline_ticket) AS x\nWHERE x.d < :as_of",
    "SELECT\n  due_at + INTERVAL '1' DAY AS a, -- 次日\n  return_count / 2.0 AS b, -- 半\n  MOD(return_count, 2) AS c -- 余\nFROM hotline_ticket",
    "SELECT\n  '12:30 :as_off' AS a -- 不是参数\nFROM hotline_ticket -- nor :this\nWHERE recorded_at::DATE < :as_of",
    "SELECT\n  p.recorded_at -- 时\nFROM hotline_ticket AS p\nJOIN (SELECT ticket_no FROM hotline_ticket_event) AS e ON e.ticket_no = p.ticket_no",
]  # fmt: skip


@pytest.mark.parametrize("sql", GOOD)
def test_portable_queries_pass(tmp_path: Path, sql: str) -> None:
    assert findings(tmp_path, sql) == []


def test_all_findings_come_in_the_order_of_lines(tmp_path: Path) -> None:
    lines = [
        int(text.split("第 ")[1].split(" 行")[0])
        for text in findings(
            tmp_path, "SELECT\n  titel, -- 标题\n  NOW() AS a,\n  1 / 0 AS b -- 数\nFROM hotline_ticket"
        )
    ]
    assert lines == sorted(lines)
    assert len(lines) >= 4


def test_definitions_and_parameters_must_fit_the_query(tmp_path: Path) -> None:
    header = HEADER.replace(
        "--- */", "definition:\n  tickts: 全部\nparameters:\n  days: {value: 3, title: 天数, source: 默认}\n--- */"
    )
    text = "\n".join(findings(tmp_path, "SELECT\n  COUNT(*) AS tickets -- 件\nFROM hotline_ticket", header))
    assert "definition 里的 'tickts' 不是本视图的列。是否想写 'tickets'？" in text
    assert "参数 'days' 没有用到" in text


def test_other_views_are_known_inputs(tmp_path: Path) -> None:
    catalog_of(tmp_path, "SELECT\n  due_at -- 时限\nFROM hotline_ticket", name="base")
    assert findings(tmp_path, "SELECT\n  due_at AS a -- 时限\nFROM hotline_base") == []
    assert (
        "没有字段 'due_on'。是否想写 'due_at'？"
        in findings(tmp_path, "SELECT\n  due_on AS a -- 时限\nFROM hotline_base")[0]
    )
    assert "不能直接相减" in findings(tmp_path, "SELECT\n  due_at - due_at AS a -- 时长\nFROM hotline_base")[0]


def test_a_name_in_two_tables_must_say_which(tmp_path: Path) -> None:
    sql = (
        "SELECT\n  ticket_no -- 编号\nFROM hotline_ticket AS t\nJOIN hotline_callback AS c ON c.ticket_no = t.ticket_no"
    )
    assert "两张表里同名" in findings(tmp_path, sql)[0]


def test_a_column_is_never_taken_for_a_table(tmp_path: Path) -> None:
    sql = "SELECT\n  SUBSTRING(title FROM category_code) AS a -- 词\nFROM hotline_ticket"
    assert "把 'category_code' 误认成了来源表" in "\n".join(findings(tmp_path, sql))


@pytest.mark.parametrize(
    ("median", "column", "fraction", "right"),
    [
        ("sign_seconds", "sign_seconds", "0.5", True),
        ("sign_seconds", "reply_seconds", "0.5", False),  # another column's
        ("sign_seconds", "sign_seconds", "0.9", False),  # not the middle
        ("", "sign_seconds", "0.5", False),  # not named
    ],
)
def test_only_named_medians_are_followed(tmp_path: Path, median: str, column: str, fraction: str, right: bool) -> None:
    refresh = f"refresh: {{of: hotline_ticket_fact, by: {{due_month: due_month}}, sum: counted, median: [{median}]}}\n--- */\n"
    of_two = load_catalog().views["hotline_ticket_fact"]
    catalog = catalog_of(
        tmp_path,
        "WITH counted AS (\n  SELECT\n    due_month,\n    COUNT(*) AS tickets,\n"
        f"    CAST(PERCENTILE_CONT({fraction}) WITHIN GROUP (ORDER BY {column}) AS NUMERIC(18, 3)) AS sign_seconds\n"
        "  FROM hotline_ticket_fact\n  GROUP BY due_month\n)\nSELECT\n  due_month, -- 月份\n  sign_seconds -- 签收\nFROM counted",
        HEADER.replace("--- */\n", refresh),
    )
    catalog.views["hotline_ticket_fact"] = of_two
    found = [str(error) for error in lint_catalog(catalog) if "refresh" in str(error)]
    assert (found == []) == right, found
