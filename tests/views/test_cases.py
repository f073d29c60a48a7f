"""Each view gives exactly the rows of its case file, on DuckDB and on PostgreSQL."""

import duckdb
import psycopg
import pytest

from tests.views.casefile import CATALOG, Case, cases, plain, query_of, run

CASES = list(cases())
each_case = pytest.mark.parametrize("case", CASES, ids=[f"{case.view}-{case.title}" for case in CASES])


def test_every_view_has_a_case() -> None:
    assert {case.view for case in CASES} == set(CATALOG.views)


@each_case
def test_expected_rows_name_every_column(case: Case) -> None:
    columns = {column.name for column in CATALOG.views[case.view].columns}
    for row in case.expect:
        assert row.keys() == columns


@each_case
def test_on_duckdb(case: Case) -> None:
    with duckdb.connect() as connection:
        assert plain(run(case, query_of(connection), "duckdb")) == plain(case.expect)


@each_case
def test_on_postgresql(case: Case, postgres: psycopg.Connection) -> None:
    assert plain(run(case, query_of(postgres), "postgres")) == plain(case.expect)
