"""Scores from raw values: leaves by their formula, then each level from those below, ranks and flags; all in SQL.

    cell (text)  ->  leaf share of full marks (0–1)  ->  node share  ->  score, rank, flags

Inside, everything is a share of full marks, so that indicators of 5 points and of 100 roll up alike. Comparisons
(ranks, flags) are made on scores freed of binary noise at the tenth decimal: 69.97 is below 70, 70.00 is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from views.scoring import values
from views.scoring.values import named, quoted

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from views.scoring.scheme import Scheme

COLUMNS = ("subject", "period", "indicator", "raw", "score", "weight", "coverage", "rank", "flags", "title", "level")
# Digits at which two shares are the same number: 0.1 + 0.2 is 0.3 here.
_EXACT = 10


@dataclass(frozen=True)
class Scored:
    """The scores as an Arrow table (COLUMNS, one row per subject, period and indicator) and what to tell people."""

    table: pa.Table
    notes: tuple[str, ...]


def score(scheme: Scheme, path: Path, digits: int | None = None) -> Scored:
    """Score every subject of the file. `digits` overrides how scores are shown, never how they are compared.

    A NULL score means too little was known (see coverage); a NULL rank that there is no score to rank. `raw` is the
    value as given, for an inner indicator only where the file gives one.

    Raises:
        ConfigError: the file cannot be read or scored; row and column are told, all wrong cells at once.
    """
    import duckdb

    con = duckdb.connect(":memory:")
    try:
        con.execute("SET TimeZone = 'UTC'")
        notes = values.load(con, scheme, path)
        _leaves(con, scheme)
        deepest = max(node.level for node in scheme.nodes)
        for level in range(deepest, -1, -1):
            if level < deepest:
                _roll_up(con, level)
            _settle(con, scheme, level)
        _flags(con, scheme)
        return Scored(_output(con, scheme, digits), tuple(notes))
    finally:
        con.close()


def wide(scored: pa.Table, scheme: Scheme) -> pa.Table:
    """One row per subject and period: a score column per indicator, rank and flags of the total."""
    import duckdb

    total = scheme.nodes[0].id
    scores = ", ".join(
        f"max(score) FILTER (WHERE indicator = {quoted(node.id)}) AS {named(node.id)}" for node in scheme.nodes
    )
    con = duckdb.connect(":memory:")
    try:
        con.register("scored", scored)
        return con.execute(
            f"SELECT subject, period, {scores}, max(rank) FILTER (WHERE indicator = {quoted(total)}) AS rank, "
            f"max(coverage) FILTER (WHERE indicator = {quoted(total)}) AS coverage, "
            f"coalesce(max(flags) FILTER (WHERE indicator = {quoted(total)}), '') AS flags "
            "FROM (SELECT row_number() OVER () AS n, * FROM scored) GROUP BY subject, period ORDER BY min(n)"
        ).to_arrow_table()
    finally:
        con.close()


def _leaves(con: duckdb.DuckDBPyConnection, scheme: Scheme) -> None:
    """Table result, one row per subject and indicator; leaves have their share, inner ones what the file gives."""
    con.execute(
        """CREATE TEMP TABLE leaf AS
        SELECT subject, period, node, arg_min(raw, priority) AS raw, arg_min(number, priority) AS number,
          arg_min(coalesce(graded, number), priority) AS graded, arg_min(put, priority) AS put, false AS computed
        FROM value WHERE part = 'value' GROUP BY ALL"""
    )
    # Counts per answer, or two columns of a ratio, make one number.
    con.execute(
        """INSERT INTO leaf BY NAME
        SELECT v.subject, v.period, v.node, NULL AS raw, CASE WHEN n.formula = 'satisfaction'
            THEN sum(number * points) / nullif(sum(number), 0)
            ELSE 100.0 * sum(number) FILTER (WHERE points > 0) / nullif(sum(number) FILTER (WHERE points < 0), 0) END AS number,
          NULL AS graded, NULL AS put, true AS computed
        FROM value v JOIN node n ON n.id = v.node
        WHERE part = 'input' AND NOT EXISTS (FROM leaf l WHERE l.node = v.node AND l.subject = v.subject AND l.period IS NOT DISTINCT FROM v.period)
        GROUP BY v.subject, v.period, v.node, n.formula"""
    )
    con.execute("UPDATE leaf SET raw = round(number::DECIMAL(38, 10), 6)::DOUBLE::VARCHAR WHERE computed")
    con.execute(
        f"""CREATE TEMP TABLE result AS
        WITH seen AS (
          SELECT l.node, l.period, min(number) AS low, max(number) AS high,
            list_sort(list(number)) AS numbers
          FROM leaf l JOIN subject s ON s.subject = l.subject AND s.period IS NOT DISTINCT FROM l.period WHERE NOT s.reference GROUP BY ALL
        ),
        bound AS (
          SELECT l.*, n.*, {_bound(scheme, "best")} AS b, {_bound(scheme, "worst")} AS w, low, high
          FROM leaf l JOIN node n ON n.id = l.node LEFT JOIN seen ON seen.node = l.node AND seen.period IS NOT DISTINCT FROM l.period
        ),
        held AS (
          SELECT *, CASE WHEN put = 'best' THEN b WHEN put = 'worst' THEN w
            WHEN clamp THEN greatest(least(number, greatest(b, w)), least(b, w)) ELSE number END AS v FROM bound
        ),
        formed AS (
          SELECT subject, period, node, raw, CASE
            WHEN formula = '' THEN number / coalesce(full_marks, 1)
            WHEN formula = 'score' THEN number / coalesce(out_of, full_marks)
            WHEN formula = 'dtf' THEN CASE WHEN b = w THEN 1 ELSE {_powered(f"({_moved('w')} - {_moved('v')}) / ({_moved('w')} - {_moved('b')})")} END
            WHEN formula = 'standard' THEN least(greatest(CASE WHEN direction = 'lower'
              THEN full_marks - per_unit * greatest(number - standard, 0) + bonus * greatest(standard - number, 0)
              ELSE full_marks - per_unit * greatest(standard - number, 0) + bonus * greatest(number - standard, 0) END, floor), coalesce(ceiling, greatest(full_marks, CASE WHEN bonus > 0 THEN 1e300 ELSE full_marks END))) / full_marks
            WHEN formula = 'relative' THEN CASE WHEN direction = 'lower' THEN CASE WHEN number <= coalesce(best, low) THEN 1 ELSE coalesce(best, low) / number END
              ELSE least(number / nullif(coalesce(best, high), 0), 1) END
            WHEN formula = 'grade' THEN graded / full_marks
            WHEN formula IN ('satisfaction', 'share') THEN number / 100.0
            WHEN formula = 'bands' THEN (SELECT CASE WHEN direction = 'lower' OR true THEN arg_min(p.points, CASE WHEN p.key = 'inf' THEN 'inf'::DOUBLE ELSE TRY_CAST(p.key AS DOUBLE) END) END
              FROM point p WHERE p.node = held.node AND number <= CASE WHEN p.key = 'inf' THEN 'inf'::DOUBLE ELSE TRY_CAST(p.key AS DOUBLE) END) / full_marks
          END AS share FROM held
        )
        SELECT s.subject, s.period, s.first_row, s.reference, n.id AS node, n.parent, n.level, n.weight, n.full_marks, n.combine, n.digits, f.raw, f.share,
          CASE WHEN f.share IS NOT NULL THEN 1.0 ELSE 0.0 END::DOUBLE AS coverage, NULL::DOUBLE AS score, NULL::DOUBLE AS rank, n.ord
        FROM subject s CROSS JOIN node n LEFT JOIN formed f ON f.subject = s.subject AND f.period IS NOT DISTINCT FROM s.period AND f.node = n.id"""
    )


def _bound(scheme: Scheme, side: str) -> str:
    """A bound as the scheme gives it, or from the data: lowest, highest or a percentile of the subjects compared."""
    words = {getattr(node, f"{side}_from") for node in scheme.nodes} - {None, "min", "max"}
    parts = "".join(
        f" WHEN '{word}' THEN list_aggregate(numbers, 'quantile_cont', {int(word[1:]) / 100})" for word in sorted(words)
    )
    return f"CASE {side}_from WHEN 'min' THEN low WHEN 'max' THEN high{parts} ELSE {side} END"


def _moved(name: str) -> str:
    return f"CASE transform WHEN 'log' THEN ln({name}) WHEN 'log10' THEN log10({name}) WHEN 'sqrt' THEN sqrt({name}) ELSE {name} END"


def _powered(ratio: str) -> str:
    return f"CASE WHEN exponent = 1 THEN {ratio} ELSE sign({ratio}) * pow(abs({ratio}), exponent) END"


def _roll_up(con: duckdb.DuckDBPyConnection, level: int) -> None:
    """Shares of the inner indicators of one level from those below; a value given in the file stands where none is."""
    con.execute(
        """UPDATE result SET share = u.share, coverage = u.coverage FROM (
          WITH part AS (
            SELECT p.id, r.subject, r.period, p.combine, p.missing, p.min_coverage,
              CASE WHEN p.combine = 'sum' THEN r.full_marks ELSE r.weight END AS w, r.share AS s, r.coverage AS c, r.rank
            FROM result r JOIN node p ON p.id = r.parent WHERE p.level = $1 AND r.weight > 0
          ),
          sums AS (
            SELECT id, subject, period, combine, missing, min_coverage, sum(w * c) / sum(w) AS coverage, count(*) - count(s) AS gone, count(s) AS present,
              sum(w * s) AS ws, sum(w) FILTER (WHERE s IS NOT NULL) AS wp, sum(w) AS wt, min(s) AS low, max(s) AS high,
              sum(w * CASE WHEN s > 0 THEN ln(s) END) AS wl, sum(w / CASE WHEN s > 0 THEN s END) AS wh,
              sum(w * rank) AS wr, sum(w) FILTER (WHERE rank IS NOT NULL) AS wrp
            FROM part GROUP BY ALL
          )
          SELECT id, subject, period, coverage, CASE
            WHEN present = 0 OR coverage < min_coverage - 1e-9 OR (missing = 'null' AND gone > 0) THEN NULL
            WHEN combine IN ('mean', 'sum') THEN ws / CASE WHEN missing = 'zero' THEN wt ELSE wp END
            WHEN combine = 'mean_rank' THEN wr / wrp
            WHEN missing = 'zero' AND gone > 0 AND combine <> 'max' THEN 0
            WHEN combine = 'min' THEN low WHEN combine = 'max' THEN high
            WHEN low <= 0 THEN 0
            WHEN combine = 'geometric' THEN exp(wl / wp) WHEN combine = 'harmonic' THEN wp / wh
          END AS share FROM sums WHERE present > 0
        ) u WHERE result.node = u.id AND result.subject = u.subject AND result.period IS NOT DISTINCT FROM u.period""",
        [level],
    )


def _settle(con: duckdb.DuckDBPyConnection, scheme: Scheme, level: int) -> None:
    """Scores and ranks of one level; with `carry: rounded` the level above starts from the rounded score."""
    con.execute(
        f"UPDATE result SET score = round((share * coalesce(full_marks, 1))::DECIMAL(38, 16), {_EXACT})::DOUBLE WHERE level = $1 AND share IS NOT NULL",
        [level],
    )
    shown = _rounded("r.score", scheme)
    if scheme.carry == "rounded":
        con.execute(
            f"UPDATE result AS r SET share = {shown} / coalesce(full_marks, 1) WHERE level = $1 AND digits IS NOT NULL AND share IS NOT NULL",
            [level],
        )
    by = f"CASE WHEN r.digits IS NULL THEN score ELSE {shown} END" if scheme.rank_on == "rounded" else "score"
    window = "PARTITION BY node, period ORDER BY CASE WHEN combine = 'mean_rank' THEN -compared ELSE compared END DESC"
    first = f"rank() OVER ({window})"
    last = f"{first} + count(*) OVER (PARTITION BY node, period, compared) - 1"
    place = {
        "dense": f"dense_rank() OVER ({window})", "max": last, "average": f"({first} + {last}) / 2.0",
        "ordinal": f"row_number() OVER ({window}, first_row)",
    }.get(scheme.ties, first)  # fmt: skip
    con.execute(
        f"""UPDATE result SET rank = r.place FROM (
          SELECT node, subject, period, {place} AS place FROM (SELECT *, {by} AS compared FROM result r WHERE level = $1 AND score IS NOT NULL AND NOT reference)
        ) r WHERE result.node = r.node AND result.subject = r.subject AND result.period IS NOT DISTINCT FROM r.period""",
        [level],
    )


def _flags(con: duckdb.DuckDBPyConnection, scheme: Scheme) -> None:
    """Table flagged(subject, period, node, flags): names of the flags that hold, in the scheme's order."""
    con.execute("CREATE TEMP TABLE flag (ord INTEGER, name VARCHAR, node VARCHAR, subject VARCHAR, period VARCHAR)")
    for order, flag in enumerate(scheme.flags):
        levels = f"AND r.level IN ({', '.join(map(str, flag.levels))})" if flag.levels else ""
        join, line = "", ""
        match flag.kind:
            case "line":
                line = f"{flag.line} * coalesce(r.full_marks, 1)"
            case "subject":
                join = f"JOIN result o ON o.node = r.node AND o.period IS NOT DISTINCT FROM r.period AND o.subject = {quoted(flag.of)} AND o.subject <> r.subject"
                line = "o.score"
            case "column":
                join = (
                    "JOIN (SELECT l.subject, l.period, m.node, number_of(l.text) AS score FROM line l JOIN meaning m USING (key) "
                    f"WHERE l.col = {quoted(flag.of)} AND m.part = 'value') o ON o.node = r.node AND o.subject = r.subject AND o.period IS NOT DISTINCT FROM r.period"
                )
                line = "o.score"
            case _:
                measure = {"mean": "avg(score)", "median": "median(score)", "best": "max(score)"}[flag.kind]
                join = f"JOIN (SELECT node, period, {measure} AS score FROM result WHERE NOT reference GROUP BY ALL) o ON o.node = r.node AND o.period IS NOT DISTINCT FROM r.period"
                line = "o.score"
        sign = "<" if flag.side == "below" else ">"
        con.execute(
            f"INSERT INTO flag SELECT {order}, {quoted(flag.name)}, r.node, r.subject, r.period FROM result r {join} "
            f"WHERE r.combine <> 'mean_rank' AND NOT r.reference AND r.score {sign} round(({line})::DECIMAL(38, 16), {_EXACT})::DOUBLE {levels}"
        )


def _rounded(value: str, scheme: Scheme, digits: int | None = None) -> str:
    """The value at `digits`, or else at its indicator's own (six where it says none), by the scheme's rule for a half."""

    def at(places: int) -> str:
        if scheme.rounding == "half_even":
            return f"round_even({value}, {places})"
        return f"round({value}::DECIMAL(38, 10), {places})::DOUBLE"

    if digits is not None:
        return at(digits)
    # DuckDB wants the number of digits as a constant.
    every = sorted({node.digits for node in scheme.nodes if node.digits is not None})
    return " ".join(["CASE", *(f"WHEN r.digits = {n} THEN {at(n)}" for n in every), f"WHEN true THEN {at(6)} END"])


def _output(con: duckdb.DuckDBPyConnection, scheme: Scheme, digits: int | None) -> pa.Table:
    shown = _rounded("r.score", scheme, digits)
    place = "" if scheme.ties == "average" else "::BIGINT"
    return con.execute(
        f"""WITH marked AS (SELECT node, subject, period, string_agg(name, ';' ORDER BY ord) AS flags FROM flag GROUP BY ALL)
        SELECT r.subject, r.period, r.node AS indicator, r.raw, {shown} AS score, r.weight,
          round(r.coverage::DECIMAL(38, 10), 4)::DOUBLE AS coverage, r.rank{place} AS rank,
          coalesce(m.flags, '') AS flags, n.title, r.level
        FROM result r JOIN node n ON n.id = r.node
        LEFT JOIN marked m ON m.node = r.node AND m.subject = r.subject AND m.period IS NOT DISTINCT FROM r.period
        ORDER BY r.period NULLS FIRST, r.first_row, r.ord"""
    ).to_arrow_table()


def rows(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    """The table's rows, a batch at a time, as the writers of the command line take them."""
    for batch in table.to_batches(max_chunksize=10_000):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
