"""What a view file must keep to, so that one text gives the same rows on PostgreSQL, DuckDB and Spark.

Each rule yields (node or line, what, cure); the constructs refused are those measured to break or to differ
between the engines. `lint_catalog` is what `hub check` and the tests call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import TYPE_CHECKING, Any, cast

from schemas.errors import ConfigError, HubError, nearest
from views.catalog import VIEWS, Catalog, Refresh, View, load_catalog
from views.lineage import Schemas, resolved, schemas
from views.render import ENGINES, parameters_used, render

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

Finding = tuple["exp.Expr | int", str, str]
Rule = Callable[[View, Schemas], Iterator[Finding]]

_SECONDS = "请写 EXTRACT(EPOCH FROM a) - EXTRACT(EPOCH FROM b)，再换算成天或小时"
_LOAD_FIRST = "请在入库前由数据契约规整成单独的字段"
_ARRAYS = "请把每个元素存成一行，用 JOIN 代替"

# Functions by name -> cure. sqlglot parses some to classes of their own; `_function_name` gives back the name.
_FUNCTIONS = {
    **dict.fromkeys(("DATE_DIFF", "DATEDIFF", "AGE", "TIMESTAMP_DIFF", "TIMESTAMPDIFF", "DATE_SUB"), _SECONDS),
    **dict.fromkeys(("REGEXP_EXTRACT", "REGEXP_SUBSTR", "REGEXP_MATCHES_ALL"), _LOAD_FIRST),
    **dict.fromkeys(("STRING_AGG", "GROUP_CONCAT", "LISTAGG", "ARRAY_AGG", "LIST"), "拼接的次序各引擎不同；请每项一行输出"),
    **dict.fromkeys(("QUANTILE", "QUANTILE_CONT", "QUANTILE_DISC", "MEDIAN", "APPROX_QUANTILE", "MODE"),
                    "请写 PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY …)"),
    **dict.fromkeys(("ARG_MAX", "ARG_MIN", "MAX_BY", "MIN_BY", "FIRST", "LAST", "ANY_VALUE"),
                    "请用 ROW_NUMBER() OVER (…) 取第一行"),
    **dict.fromkeys(("UNNEST", "EXPLODE", "GENERATE_SERIES", "EXPLODING_GENERATE_SERIES", "RANGE", "LIST_VALUE", "ARRAY", "STRUCT"), _ARRAYS),
    **dict.fromkeys(("NOW", "CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_DATETIME", "LOCALTIMESTAMP",
                     "LOCALTIME", "TODAY", "CLOCK_TIMESTAMP", "TRANSACTION_TIMESTAMP", "STATEMENT_TIMESTAMP"), "请用参数 :as_of"),
    **dict.fromkeys(("RANDOM", "RAND", "UUID", "GEN_RANDOM_UUID"), "同样的数据须得出同样的结果，请去掉"),
}  # fmt: skip
_PREFIXES = {"LIST_": _ARRAYS, "ARRAY_": _ARRAYS, "JSON": _LOAD_FIRST, "TRY_": _LOAD_FIRST, "REGEXP_SPLIT": _LOAD_FIRST}
_WEEKDAY = {"DOW", "ISODOW", "DAYOFWEEK", "WEEKDAY", "DAYOFWEEK_ISO", "DAYOFWEEKISO"}


def lint(view: View, known: Schemas) -> list[ConfigError]:
    """All findings of one view, by line; `known` are the column types of everything it may read."""
    try:
        view.tree  # noqa: B018
    except ConfigError as error:
        return [error]
    errors = []
    for rule in RULES:
        for place, what, cure in rule(view, known):
            line = place if isinstance(place, int) else _line(place)
            errors.append((line, ConfigError(f"{view.where}：第 {line} 行" if line else view.where, what, cure)))
    unique = {str(error): (line, error) for line, error in errors}
    return [error for _, error in sorted(unique.values(), key=lambda item: item[0])]


def lint_catalog(catalog: Catalog | None = None) -> list[HubError]:
    """All findings of all views, unreadable files first; the repository's own views by default."""
    catalog = catalog or load_catalog(VIEWS)
    known = schemas(catalog)
    found: list[HubError] = list(catalog.broken.values())
    for view in catalog.views.values():
        found += lint(view, known)
    return found


def _line(node: exp.Expr) -> int:
    """The file line a node starts on; sqlglot notes lines on names, so the nearest name below or above it counts."""
    at: exp.Expr | None = node
    while at is not None:
        lines = [n.meta["line"] for n in at.walk() if "line" in n.meta]
        if lines:
            return int(min(lines))
        at = at.parent
    return 0


def _function_name(node: exp.Func) -> str:
    from sqlglot import exp

    return node.name.upper() if isinstance(node, exp.Anonymous) else node.sql_name().upper()


def titled_columns(view: View, _: Schemas) -> Iterator[Finding]:
    """Every output column has a name of its own and a Chinese title behind it."""
    from sqlglot import exp

    names: set[str] = set()
    for column, node in zip(view.columns, view.tree.selects, strict=True):
        if isinstance(node, (exp.Alias, exp.Column)) and column.name != "*" and not column.title:
            yield node, f"列 {column.name} 没有中文名", "请在该列末尾写 -- 中文名"
        if column.name in names:
            yield node, f"列 {column.name} 出现两次", "请用 AS 另起名称"
        names.add(column.name)


def defined_rates(view: View, _: Schemas) -> Iterator[Finding]:
    """Rates name their definition, and definitions name real columns."""
    names = [column.name for column in view.columns]
    for column in view.columns:
        if column.name.endswith(("_pct", "_ratio")) and column.name not in view.definitions:
            yield (
                column.line,
                f"比率 {column.name} 没有写口径",
                f"请在说明的 definition 下写 {column.name}: 分子与分母各是什么",
            )
    for name in view.definitions:
        if name not in names:
            yield 1, f"definition 里的 '{name}' 不是本视图的列", nearest(name, names)


def refreshable(view: View, known: Schemas) -> Iterator[Finding]:
    """What `refresh` names is there: inputs of the view, their columns, and output columns that name a group."""
    plan = view.refresh
    if plan is None:
        return
    outputs = [column.name for column in view.columns]
    for name in plan.by:
        if name not in outputs:
            yield 1, f"refresh.by 里的 '{name}' 不是本视图的列", nearest(name, outputs)
    shared = [(plan.of, column) for column in (*plan.spread, *([plan.near] if plan.near else []), *plan.join.values())]
    for table, column in [*shared, *plan.join.items()]:
        if table not in view.inputs:
            yield 1, f"refresh 里的 '{table}' 不是本视图的来源", nearest(table, view.inputs)
        elif table in known and column not in known[table]:
            yield 1, f"refresh 里的 '{column}' 不是 {table} 的列", nearest(column, known[table])
    if (plan.sum is not None or plan.median) and not _adds_up(view, plan):
        yield (
            1,
            f"refresh.sum：'{plan.sum}' 不能只凭加减刷新",
            f"它须是最后一个 WITH，只从 {plan.of}（一个视图）里取 by 的列、COUNT，和 median 里写明的中位数，最后的 SELECT 只读它",
        )


def _adds_up(view: View, plan: Refresh) -> bool:
    """Whether the last WITH member is `by` columns, plain counts and the named medians over `of` alone, and the query reads only it."""
    from sqlglot import exp

    members = view.tree.ctes
    if not members or members[-1].alias != plan.sum or view.body.count("\n)\nSELECT") != 1:
        return False
    counted = members[-1].this
    source = view.tree.args["from_"].this
    medians = [s.alias for s in counted.selects if _middle(s) == s.alias]
    plain = all(
        s.alias_or_name in [*plan.by, *medians]
        or (isinstance(s, exp.Alias) and s.find(exp.Count) and not s.find(exp.Distinct))
        for s in counted.selects
    )
    alone = [t.name for t in counted.find_all(exp.Table)] == [plan.of] and source.name == plan.sum
    return plain and alone and medians == [*plan.median]


def _middle(projection: exp.Expr) -> str | None:
    """The column whose plain median a projection is."""
    from sqlglot import exp

    within = projection.find(exp.WithinGroup)
    if within is None or not isinstance(within.this, exp.PercentileCont) or within.this.name != "0.5":
        return None
    ordered = within.expression.expressions[0].this
    casts = projection.this.this is within if isinstance(projection.this, exp.Cast) else projection.this is within
    return ordered.name if casts and isinstance(ordered, exp.Column) else None


def named_expressions(view: View, _: Schemas) -> Iterator[Finding]:
    """No star, and no computed column without AS, in the WITH parts too."""
    from sqlglot import exp

    for select in view.tree.find_all(exp.Select):
        if isinstance(select.parent, exp.Exists):
            continue
        for node in select.expressions:
            if node.is_star:
                yield node, "不用 SELECT *：来源加一列，视图就变了", "请逐列写出"
            elif not isinstance(node, (exp.Alias, exp.Column)):
                yield node, f"表达式 {node.sql('postgres')[:40]} 没有名称", "请用 AS 起名"


def known_inputs(view: View, known: Schemas) -> Iterator[Finding]:
    """Every table and column exists."""
    from sqlglot import exp
    from sqlglot.optimizer.scope import traverse_scope

    own = {cte.alias_or_name for cte in view.tree.find_all(exp.CTE)}
    for table in view.tree.find_all(exp.Table):
        if table.args.get("db"):
            yield table, f"表名 {table.sql('postgres')} 带了模式名", "请只写数据集名"
        elif table.name and table.name not in known and table.name not in own:
            yield table, f"没有 '{table.name}' 这个数据集或视图", nearest(table.name, known)
        elif table.name and table.name not in own | view.inputs:
            yield table, f"没有认出来源表 '{table.name}'", "请写 FROM 表 或 JOIN 表，不用逗号连接，表名不加引号"
    for name in view.inputs - {table.name for table in view.tree.find_all(exp.Table)}:
        yield (
            0,
            f"把 '{name}' 误认成了来源表",
            "FROM 只用在来源表和 EXTRACT(… FROM …) 里；取子串请写 SUBSTRING(a, 1, 2)",
        )
    for scope in traverse_scope(view.tree):
        columns = _visible(scope, known)
        if any(not names or "*" in names for names in columns.values()):
            continue  # an unknown table or a star; told already
        every = {name for names in columns.values() for name in names}
        for column in scope.columns:
            if column.table and column.table not in columns:
                yield column, f"没有 '{column.table}' 这个表或别名", nearest(column.table, columns)
            elif column.table and column.name not in columns[column.table]:
                yield column, f"'{column.table}' 没有字段 '{column.name}'", nearest(column.name, columns[column.table])
            elif not column.table and column.name not in every and not _names_output(column):
                yield column, f"没有字段 '{column.name}'", nearest(column.name, every)


def _names_output(column: exp.Column) -> bool:
    """True in the query's own GROUP BY and ORDER BY, which may name its output columns."""
    from sqlglot import exp

    clause = column.find_ancestor(exp.Order, exp.Group, exp.Select)
    select = clause.parent if clause is not None and not isinstance(clause, exp.Select) else None
    return isinstance(select, exp.Select) and column.name in {
        s.alias for s in select.selects if isinstance(s, exp.Alias)
    }


def _visible(scope: Scope, known: Schemas) -> dict[str, list[str]]:
    """Column names by table alias that a query may use, those of the queries around it included."""
    from sqlglot import exp

    columns = _visible(scope.parent, known) if scope.parent is not None and scope.is_subquery else {}
    for alias, source in scope.sources.items():
        columns[alias] = (
            list(known.get(source.name, ()))
            if isinstance(source, exp.Table)
            else cast("exp.Query", source.expression).named_selects
        )
    return columns


def declared_parameters(view: View, _: Schemas) -> Iterator[Finding]:
    """Parameters are declared, and what is declared is used."""
    used = parameters_used(view)
    for name, line in used.items():
        if name != "as_of" and name not in view.parameters:
            yield line, f"没有参数 ':{name}'", "请在说明的 parameters 里写明 value、title、source"
    for name in view.parameters.keys() - used.keys():
        yield 1, f"参数 '{name}' 没有用到", "请从说明里去掉"


def portable_functions(view: View, _: Schemas) -> Iterator[Finding]:
    """No function that is missing somewhere or gives another answer there."""
    from sqlglot import exp

    for node in view.tree.find_all(exp.Func):
        name = _function_name(node)
        cure = _FUNCTIONS.get(name) or next((c for prefix, c in _PREFIXES.items() if name.startswith(prefix)), None)
        if cure:
            yield node, f"{name} 不能跨引擎使用", cure
        if name in _WEEKDAY or (isinstance(node, exp.Extract) and node.name.upper() in _WEEKDAY):
            yield node, "星期几的编号各引擎不同，也不等于工作日", "请连接 work_calendar 用 is_workday"


def portable_syntax(view: View, _: Schemas) -> Iterator[Finding]:
    """No clause that only some engines have."""
    from sqlglot import exp

    tree = view.tree
    for with_ in tree.find_all(exp.With):
        if with_.args.get("recursive"):
            yield with_, "不用 WITH RECURSIVE", "请改成有限层的 JOIN"
    for node in tree.find_all(exp.Qualify):
        yield node, "不用 QUALIFY：PostgreSQL 没有", "请把窗口函数放进 WITH，再在外层用 WHERE 筛选"
    for group in tree.find_all(exp.Group):
        if group.args.get("all"):
            yield group, "不用 GROUP BY ALL：PostgreSQL 没有", "请逐列写出"
    for select in tree.find_all(exp.Select):
        distinct = select.args.get("distinct")
        if distinct is not None and distinct.args.get("on"):
            yield select, "不用 DISTINCT ON：Spark 没有", "请用 ROW_NUMBER() OVER (…) 取第一行"
    for subquery in tree.find_all(exp.Subquery):
        if isinstance(subquery.parent, (exp.From, exp.Join)) and not subquery.alias:
            yield subquery, "子查询没有别名", "请在括号后写 AS 名称"
    for lateral in tree.find_all(exp.Lateral):
        yield lateral, "不用 LATERAL", "请改成普通 JOIN"
    for interval in tree.find_all(exp.Interval):
        if not isinstance(interval.this, exp.Literal):
            yield interval, "INTERVAL 里不能放列", "请把时限换算成秒比较，或连接 work_calendar"
    for attempt in tree.find_all(exp.TryCast):
        if type(attempt) is exp.TryCast:
            yield attempt, "视图里不用 TRY_CAST", _LOAD_FIRST


def safe_division(view: View, _: Schemas) -> Iterator[Finding]:
    """A divisor is NULLIF(…, 0) or a number that is not zero."""
    from sqlglot import exp

    for node in view.tree.find_all(exp.Div, exp.Mod, exp.IntDiv):
        divisor = node.expression.unnest()
        number = isinstance(divisor, exp.Literal) and not divisor.is_string and float(divisor.name) != 0
        if not number and not isinstance(divisor, exp.Nullif):
            yield node, "除数可能为 0（PostgreSQL 报错，DuckDB 给空值）", "请写 a / NULLIF(b, 0)"


def portable_types(view: View, known: Schemas) -> Iterator[Finding]:
    """No operator whose answer depends on the engine for these types: date - date, integer / integer."""
    from sqlglot import exp

    try:
        tree = resolved(view, known)
    except ConfigError as error:
        if not any(known_inputs(view, known)):
            yield 0, error.what, error.cure
        return
    temporal = exp.DataType.TEMPORAL_TYPES
    integers = exp.DataType.INTEGER_TYPES
    for node in tree.find_all(exp.Sub):
        if _is(node.this, temporal) and _is(node.expression, temporal):
            yield node, "两个日期或时间不能直接相减（得数的类型各引擎不同）", _SECONDS
    for quotient in tree.find_all(exp.Div):
        if _is(quotient.this, integers) and _is(quotient.expression, integers):
            yield quotient, "整数除以整数：PostgreSQL 舍去小数，DuckDB 和 Spark 不舍", "请写 100.0 * a / NULLIF(b, 0)"


def _is(node: exp.Expr, types: set[Any]) -> bool:
    return node.type is not None and node.type.this in types


def renders(view: View, _: Schemas) -> Iterator[Finding]:
    """Every engine's text can be made and read back."""
    import sqlglot
    from sqlglot.errors import SqlglotError

    for engine in ENGINES:
        try:
            sqlglot.parse_one(render(view, engine, date(2025, 1, 1)), dialect=engine)
        except SqlglotError as error:
            yield 0, f"不能转成 {engine} 的写法", str(error).splitlines()[0]
        except ConfigError:
            return  # an undeclared parameter; declared_parameters tells it


RULES: tuple[Rule, ...] = (
    titled_columns,
    defined_rates,
    named_expressions,
    known_inputs,
    refreshable,
    declared_parameters,
    portable_functions,
    portable_syntax,
    safe_division,
    portable_types,
    renders,
)
