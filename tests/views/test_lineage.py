"""Each column is traced to the dataset fields it is computed from."""

from sqlglot import exp

from views.catalog import load_catalog
from views.lineage import Source, lineage, lineages, resolved, schemas, uses

CATALOG = load_catalog()
KNOWN = schemas(CATALOG)
EVERY = lineages(CATALOG)


def test_every_column_but_a_constant_has_a_source() -> None:
    for name, view in CATALOG.views.items():
        found = EVERY[name]
        assert list(found) == [column.name for column in view.columns]
        constant = {s.alias_or_name for s in resolved(view, KNOWN).selects if isinstance(s.unalias(), exp.Literal)}
        for column, sources in found.items():
            assert bool(sources) != (column in constant), f"{name}.{column}"
            for source in sources:
                assert source.dataset not in CATALOG.views
                assert source.field == "*" or source.field in KNOWN[source.dataset]


def test_through_with_parts_and_other_views() -> None:
    columns = lineage(CATALOG, "indicator_overview", KNOWN)
    assert columns == EVERY["indicator_overview"]
    assert columns["score"] == (Source("indicator_score", "score"),)
    assert columns["city_avg"] == (Source("indicator_benchmark", "kind"), Source("indicator_benchmark", "value"))
    assert Source("indicator_score", "score") in columns["level2_below_averages"]


def test_a_count_names_what_is_counted_and_not_what_is_looked_up() -> None:
    assert EVERY["rectification_overview"]["problems"] == (Source("rectification_problem", "*"),)
    assert EVERY["hotline_three_rates_by_department"]["tickets"] == (Source("hotline_ticket", "*"),)


def test_uses_include_conditions_and_joins() -> None:
    used = uses(CATALOG, "hotline_on_time_by_department", KNOWN)
    assert Source("hotline_ticket", "root_ticket_no") in used
    assert Source("department_period", "dept_code") in used
    assert Source("hotline_ticket", "caller_hash") not in used


def test_no_view_shows_who_called() -> None:
    private = {"caller_hash", "caller_name_masked", "caller_phone_masked", "content", "content_scrubbed"}
    for name in CATALOG.views:
        for column, sources in EVERY[name].items():
            # A number of callers, the heat it gives, and the order of repeats say nothing of one caller.
            if column in {"callers", "heat", "repeat_no", "root_ticket_no"}:
                continue
            assert not {s.field for s in sources if s.dataset == "hotline_ticket"} & private, f"{name}.{column}"
