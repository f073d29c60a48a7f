"""PostgreSQL gets the text as written; the others a translation that gives the same answers."""

import datetime
from pathlib import Path

import duckdb
import pytest

from schemas.errors import ConfigError
from views.catalog import load, load_catalog
from views.render import parameters_used, render

CATALOG = load_catalog()
DAY = datetime.date(2025, 10, 31)
HEADER = "/* ---\ntitle: 试\nquestion: 试？\ngrain: 一行\nowner: 县热线办\n--- */\n"


def view_of(root: Path, sql: str, header: str = HEADER):
    (root / "hotline").mkdir(exist_ok=True)
    path = root / "hotline" / "trial.sql"
    path.write_text(header + sql, encoding="utf-8")
    return load(path)


@pytest.mark.parametrize("name", list(CATALOG.views))
def test_postgresql_reads_the_file_as_written(name: str) -> None:
    view = CATALOG.views[name]
    written = view.body.replace(":as_of", "DATE '2025-10-31'")
    for parameter in view.parameters.values():
        written = written.replace(f":{parameter.name}", str(parameter.value))
    assert render(view, "postgres", DAY) == written


def test_only_parameters_are_replaced(tmp_path: Path) -> None:
    view = view_of(
        tmp_path, "SELECT ':as_of' AS a, '1'::DATE AS b, \":as_of\" AS c -- :as_of\nFROM t /* :x */ WHERE d<:as_of"
    )
    assert render(view, "postgres", DAY).endswith("-- :as_of\nFROM t /* :x */ WHERE d<DATE '2025-10-31'")
    assert "':as_of' AS a, '1'::DATE AS b, \":as_of\" AS c" in render(view, "postgres", DAY)
    assert parameters_used(view) == {"as_of": 8}


def test_header_parameters_become_numbers(tmp_path: Path) -> None:
    header = HEADER.replace("--- */", "parameters:\n  days: {value: 7, title: 天数, source: 默认}\n--- */")
    view = view_of(tmp_path, "SELECT a FROM t WHERE n > -(:days)", header)
    assert render(view, "postgres", DAY) == "SELECT a FROM t WHERE n > -(7)"


def test_an_undeclared_parameter_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="没有参数 ':asof'。是否想写 'as_of'？"):
        render(view_of(tmp_path, "SELECT a FROM t WHERE d < :asof"), "postgres", DAY)


def test_an_unknown_engine_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="oracle"):
        render(view_of(tmp_path, "SELECT a FROM t"), "oracle", DAY)


def test_duckdb_rounds_halves_as_postgresql_does(tmp_path: Path) -> None:
    view = view_of(tmp_path, "SELECT ROUND(100.0 * 201 / NULLIF(20000, 0), 2) AS a")
    assert duckdb.sql("SELECT round(100.0 * 201 / 20000, 2)").fetchone() == (1.0,)
    assert float(duckdb.sql(render(view, "duckdb", DAY)).fetchone()[0]) == 1.01


def test_spark_gets_what_it_knows(tmp_path: Path) -> None:
    view = view_of(
        tmp_path, "SELECT EXTRACT(EPOCH FROM a) AS s, PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY b) AS m FROM t"
    )
    text = render(view, "spark", DAY)
    assert "UNIX_MICROS(CAST(a AS TIMESTAMP)) / 1000000.0 AS s" in text
    assert "PERCENTILE(b, 0.5) AS m" in text
