"""The text of a view for one engine, with its parameters filled in.

PostgreSQL gets the file as written, only parameters replaced. DuckDB and Spark get what sqlglot makes of it,
plus the few rewrites below where a faithful translation would still give other rows.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

from schemas.errors import ConfigError, nearest
from views.catalog import View

if TYPE_CHECKING:
    from sqlglot import exp

ENGINES = ("postgres", "duckdb", "spark")

# Strings and comments are matched first so that a colon inside them is never taken for a parameter; the last
# group leaves ::type casts alone.
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/|(?<![:\w]):([a-z_]\w*)", re.DOTALL)


def parameters_used(view: View) -> dict[str, int]:
    """Parameter names in the query -> file line of the first use."""
    used: dict[str, int] = {}
    for match in _TOKEN.finditer(view.sql):
        if match.group(1):
            used.setdefault(match.group(1), view.sql.count("\n", 0, match.start()) + 1)
    return used


def render(view: View, engine: str, as_of: date) -> str:
    """The query as `engine` (postgres, duckdb, spark) runs it, assessed as of the end of that day.

    Raises:
        ConfigError: the query uses a parameter its header does not declare.
        ValueError: unknown engine.
    """
    if engine not in ENGINES:
        raise ValueError(f"engine must be one of {ENGINES}, not {engine!r}")
    values = {"as_of": f"DATE '{as_of.isoformat()}'"}
    values |= {name: str(parameter.value) for name, parameter in view.parameters.items()}

    def fill(match: re.Match[str]) -> str:
        name = match.group(1)
        if name is None:
            return match.group(0)
        if name not in values:
            cure = nearest(name, values) + " 阈值请先在说明的 parameters 里写明"
            raise ConfigError(view.where, f"没有参数 ':{name}'", cure.strip())
        return values[name]

    sql = _TOKEN.sub(fill, view.body)
    return sql if engine == "postgres" else _translate(sql, engine)


@lru_cache(maxsize=256)
def _translate(sql: str, engine: str) -> str:
    import sqlglot

    tree = sqlglot.parse_one(sql, dialect="postgres")
    rewrite = _for_duckdb if engine == "duckdb" else _for_spark
    return tree.transform(rewrite).sql(dialect=engine, pretty=True)


def _for_duckdb(node: exp.Expr) -> exp.Expr:
    """DuckDB divides decimals as doubles, where 100.0 * 201 / 20000 is 1.00499… and rounds to 1.00, not 1.01."""
    from sqlglot import exp

    if isinstance(node, exp.Round) and not isinstance(node.this, exp.Cast):
        node.set("this", exp.cast(node.this, "DECIMAL(38, 10)"))
    return node


def _for_spark(node: exp.Expr) -> exp.Expr:
    """Spark knows no EXTRACT(EPOCH …), and sqlglot would make an exact percentile an approximate one."""
    from sqlglot import exp

    if isinstance(node, exp.Extract) and node.name.upper() == "EPOCH":
        micros = exp.func("UNIX_MICROS", exp.cast(node.expression, "TIMESTAMP"))
        return exp.Div(this=micros, expression=exp.Literal.number("1000000.0"))
    if isinstance(node, exp.WithinGroup) and isinstance(node.this, exp.PercentileCont):
        return exp.Anonymous(this="PERCENTILE", expressions=[node.expression.expressions[0].this, node.this.this])
    return node
