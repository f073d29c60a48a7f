"""Wrong usage is told in Chinese with exit code 2, help pages show an example, and nothing heavy is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer

from hub.cli import app, main

HUB = typer.main.get_command(app)


def _verbs(command: object, words: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    children = getattr(command, "commands", {})
    return [words, *(verb for name, child in children.items() for verb in _verbs(child, (*words, name)))]


VERBS = [verb for verb in _verbs(HUB) if verb]


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_help_is_chinese_with_an_example(verb: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*verb, "--help"]) == 0
    page = capsys.readouterr().out
    assert page.startswith(f"用法：hub {' '.join(verb)}")
    assert "示例：" in page or "命令：" in page
    for english in ("Usage", "Options", "Show this message", "[default", "Arguments"):
        assert english not in page


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["frobnicate"], "没有命令 'frobnicate'"),
        (["statu"], "是否想写 status"),
        (["connector", "lst"], "hub connector：没有命令 'lst'，是否想写 list"),
        (["status", "--frob"], "没有选项 --frob"),
        (["run", "--selct", "x"], "是否想写 --select"),
        (["query"], "缺少参数 SQL"),
        (["query", "SELECT 1", "--limit"], "选项 --limit 后面缺少值"),
        (["query", "SELECT 1", "--limit", "many"], "选项 --limit 不是整数"),
        (["query", "SELECT 1", "--limit", "-1"], "选项 --limit 不能小于 0"),
        (["query", "SELECT", "1"], "含空格的内容请加引号"),
        (["query", "SELECT 1", "-o", "xml"], "可用的有 table、csv、json、parquet"),
        (["query", "SELECT 1", "--param", "year"], "不是 名=值 的形式"),
        (["query", "SELECT 1", "--bom"], "只用于 -o csv"),
        (["workday", "add", "2026-09-30"], "缺少参数 天数"),
        (["workday", "add", "2026-09-30", "soon"], "参数 天数 不是整数"),
        (["workday", "is", "2026-02-30"], "不是有效的日期"),
        (["identifier", "check", "91350100M000100Y43"], "没有写种类"),
        (["identifier", "check", "--kind", "usc", "x"], "是否想写 'uscc'"),
        (["identifier", "check", "--kind", "uscc", "nosuch.txt"], "找不到或读不了"),
        (["demo", "--scale", "0"], "不是正数"),
        (["check", "/nonexistent"], "找不到"),
        (["connector"], "命令："),
    ],
)
def test_wrong_usage(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert told in out + err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "words", ["--help", "identifier check --kind uscc 91350100M000100Y43", "workday is 2026-10-10"]
)
def test_small_commands_import_nothing_heavy(words: str) -> None:
    code = (
        "import sys; from hub.cli import main; main(sys.argv[1:]); "
        "print([m for m in ('pandas', 'polars', 'pyarrow', 'duckdb', 'dagster', 'sqlalchemy', 'psycopg') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, *words.split()], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
