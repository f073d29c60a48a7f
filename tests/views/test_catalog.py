"""Headers, titles, inputs and order of the views; what is wrong with a file is told with its place and its cure."""

import subprocess
import sys
from pathlib import Path

import pytest

from views.catalog import BOARDS, VIEWS, load_catalog
from views.lint import lint_catalog

CATALOG = load_catalog()
HEADER = "/* ---\ntitle: 试\nquestion: 试？\ngrain: 每行一张\nowner: 县热线办\n--- */\n"
QUERY = "SELECT\n  ticket_no -- 编号\nFROM hotline_ticket"


def broken(root: Path, text: str, board: str = "hotline") -> str:
    (root / board).mkdir(exist_ok=True)
    (root / board / "trial.sql").write_text(text, encoding="utf-8")
    return str(load_catalog(root).broken[f"{board}_trial"])


def test_every_file_is_a_view() -> None:
    assert CATALOG.broken == {}
    assert len(CATALOG.views) == len(list(VIEWS.glob("*/*.sql")))
    assert {view.board for view in CATALOG.views.values()} == set(BOARDS)


def test_a_view_knows_its_texts_columns_and_inputs() -> None:
    view = CATALOG.views["hotline_three_rates_by_department"]
    assert view.title == "12345 热线响应率、解决率、满意率（按主办单位和转办月份）"
    assert [(c.name, c.title) for c in view.columns[:3]] == [
        ("dispatched_month", "转办月份"), ("main_dept_code", "主办单位编码"), ("department", "主办单位"),
    ]  # fmt: skip
    assert view.inputs == {"hotline_ticket_fact", "department_period"}
    assert CATALOG.datasets(view.name) == {
        "hotline_ticket", "hotline_assignment", "hotline_callback", "hotline_ticket_event", "deadline_rule", "work_calendar", "department_period",
    }  # fmt: skip
    assert view.parameters["solved_weight"].value == 40
    assert "有效回访" in view.definitions["solved_pct"]


def test_a_column_comment_may_stand_behind_the_last_line_of_an_expression() -> None:
    titles = {c.name: c.title for c in CATALOG.views["hotline_overdue_open"].columns}
    assert titles["title"] == "标题"
    assert titles["days_overdue"] == "超期天数（自然日）"


def test_views_come_after_the_views_they_read() -> None:
    order = list(CATALOG.views)
    for view in CATALOG.views.values():
        assert all(order.index(name) < order.index(view.name) for name in view.inputs & CATALOG.views.keys())
    assert [view.name for view in CATALOG.upstream("indicator_recovery_outlook")] == [
        "indicator_comparison", "indicator_recoverable_points", "indicator_recovery_outlook",
    ]  # fmt: skip
    assert CATALOG.datasets("rectification_overview") == {
        "rectification_problem", "rectification_measure", "department_period", "code_value", "deadline_rule", "work_calendar",
        "rectification_report", "rectification_progress",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (QUERY, "views/hotline/trial.sql：开头没有 /* --- … --- */ 说明。"),
        (HEADER.replace("grain: 每行一张\n", "") + QUERY, "views/hotline/trial.sql：说明缺少 grain。请补上 grain: …。"),
        (HEADER.replace("owner", "ower") + QUERY, "说明里没有 'ower' 这一项。是否想写 'owner'？"),
        (HEADER.replace("title: 试", "title: [试") + QUERY, "说明不是有效的 YAML"),
        (HEADER.replace("--- */", "definition: 按月\n--- */") + QUERY, "definition 须逐列写明口径"),
        (
            HEADER.replace("--- */", "parameters: {days: 3}\n--- */") + QUERY,
            "parameters.days：须写明 value（整数）、title、source",
        ),
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, text: str, message: str) -> None:
    assert message in broken(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + QUERY + "\nWHERE (", "第 10 行：SQL 读不懂"),
        (HEADER + QUERY + "; SELECT 1 AS a", "须恰好是一条 SELECT"),
        (HEADER + "DELETE FROM hotline_ticket", "须恰好是一条 SELECT"),
        (HEADER + "MERGE INTO a USING b ON a.x = b.x WHEN NOT MATCHED BY SOURCE THEN DELETE", "须恰好是一条 SELECT"),
        (HEADER + "INSERT INTO a SELECT ticket_no FROM hotline_ticket ON CONFLICT DO NOTHING", "须恰好是一条 SELECT"),
    ],
)
def test_an_unreadable_query_is_told_by_lint(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "hotline").mkdir()
    (tmp_path / "hotline" / "trial.sql").write_text(text, encoding="utf-8")
    (found,) = lint_catalog(load_catalog(tmp_path))
    assert message in str(found)
    assert str(found).startswith("views/hotline/trial.sql：")


def test_an_unknown_board_is_told(tmp_path: Path) -> None:
    assert "没有 'hotlin' 这个专题。是否想写 'hotline'？" in broken(tmp_path, HEADER + QUERY, board="hotlin")


def test_one_bad_file_never_hides_the_others(tmp_path: Path) -> None:
    broken(tmp_path, "不是视图")
    (tmp_path / "hotline" / "good.sql").write_text(HEADER + QUERY, encoding="utf-8")
    assert list(load_catalog(tmp_path).views) == ["hotline_good"]


def test_views_that_read_each_other_are_broken(tmp_path: Path) -> None:
    (tmp_path / "hotline").mkdir()
    for name, other in (("a", "b"), ("b", "a"), ("c", "a")):
        (tmp_path / "hotline" / f"{name}.sql").write_text(
            HEADER + QUERY.replace("hotline_ticket", f"hotline_{other}"), encoding="utf-8"
        )
    catalog = load_catalog(tmp_path)
    assert catalog.views == {}
    assert "相互引用成环" in str(catalog.broken["hotline_a"])


def test_a_short_job_needs_no_sqlglot() -> None:
    code = (
        "import datetime, sys, views.publish, views.render as r, views.catalog as c\n"
        "for v in c.load_catalog().views.values(): r.render(v, 'postgres', datetime.date(2025, 1, 1)), v.inputs\n"
        "sys.exit('sqlglot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
