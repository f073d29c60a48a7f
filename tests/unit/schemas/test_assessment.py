"""Assessment items: the file is sound, and a wrong one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas import assessment
from schemas.errors import ConfigError

_GOOD = "scheme: S, item: a, title: 甲, metric: close_pct, formula: weighted, full_score: 20, weight: 20, source: K, basis: 乙"


def test_the_file_is_sound() -> None:
    schemes = {item["scheme"]: 0.0 for item in assessment.items()}
    for item in assessment.items():
        schemes[item["scheme"]] += item["full_score"]
    assert schemes["加权"] == 100
    assert assessment.assessment_item_rows()["weight"].null_count == 2


@pytest.mark.parametrize(
    ("item", "told"),
    [
        (_GOOD.replace("close_pct", "clos_pct"), "close_pct"),
        (_GOOD.replace("weighted", "piecewise"), "target"),
        (_GOOD.replace("weight: 20, ", ""), "weight"),
        (_GOOD + ", colour: red", "colour"),
        (_GOOD.replace("basis: 乙", "effective_from: soon, basis: 乙"), "soon"),
        (_GOOD.replace(", basis: 乙", ""), "basis"),
    ],
)
def test_a_wrong_item_is_told(tmp_path: Path, item: str, told: str) -> None:
    path = tmp_path / "items.yaml"
    path.write_text(f"assessment_items:\n  - {{{item}}}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=told):
        assessment.items(path)


def test_an_item_stands_once(tmp_path: Path) -> None:
    path = tmp_path / "items.yaml"
    path.write_text(f"assessment_items:\n  - {{{_GOOD}}}\n  - {{{_GOOD}}}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="两次"):
        assessment.items(path)
