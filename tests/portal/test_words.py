"""Templates and scripts as they lie there: no htmx 2 habits, no untranslated words, no chart tooltip that writes HTML."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from portal.charts import bars, lines
from portal.render import ROOM

TEMPLATES = sorted((ROOM / "templates").glob("*.html"))
_NOT_TEXT = re.compile(
    r"{#.*?#}|{%.*?%}|<(script|style|code|pre)\b.*?</\1>|<(\w+)[^>]*\bmono\b[^>]*>.*?</\2>|<!--.*?-->", re.DOTALL
)
_SAID = re.compile(r'\b(?:placeholder|title|alt|aria-label|data-confirm)="([^"]*)"')
_EXPRESSION = re.compile(r"{{.*?}}", re.DOTALL)
_LITERAL = re.compile(r'"([^"]*)"')
_LATIN = re.compile(r"[A-Za-z]{2,}(?:[ ,'][A-Za-z]{2,})+")  # commands are shown as they are typed
_NAMES = {"Superset JDBC", "PostgreSQL ODBC", "Data Docs", "Power BI"}  # of things that have no Chinese name


def _shown(text: str) -> list[str]:
    """The texts of a template that people see, without its code."""
    plain = _NOT_TEXT.sub(" ", text)
    said = _SAID.findall(plain)
    inside = [literal for e in _EXPRESSION.findall(plain) for literal in _LITERAL.findall(e)]
    return [*re.split(r"<[^>]*>", _EXPRESSION.sub(" ", plain)), *said, *(i for i in inside if re.search(r"[一-鿿]", i))]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_template_speaks_chinese(template: Path) -> None:
    found = {
        words
        for text in _shown(template.read_text(encoding="utf-8"))
        for words in _LATIN.findall(re.sub(r"\bhub [a-z -]+", " ", text))
    }
    assert found <= _NAMES, template.name


def test_no_template_is_written_for_htmx_2() -> None:
    checker = Path(__file__).parent / "vendor" / "htmx_upgrade_check.py"  # htmx's own
    done = subprocess.run(
        [sys.executable, str(checker), str(ROOM / "templates")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_nothing_inline_and_nothing_from_another_host() -> None:
    for path in [*TEMPLATES, ROOM / "static" / "hub.css", ROOM / "static" / "hub.js"]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\son\w+=|\sstyle=|javascript:|<style(?![^>]*nonce)|innerHTML|eval\(", text), path.name
        assert not re.search(r'(?:src|href|action)="https?:|url\(http|@import', text), path.name


def test_charts_never_write_html() -> None:
    drawn = [
        bars(["甲"], [1], unit="分", own="本县", says="一项"),
        lines(["2026-01"], [("到期", [1])], says="一月"),
    ]
    assert all(chart.option["tooltip"]["renderMode"] == "richText" for chart in drawn)
