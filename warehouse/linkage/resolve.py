"""The whole way from a config to two files: one row per record with its cluster, and the pairs a person should look at."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from schemas import macros
from schemas.errors import ConfigError
from schemas.macros.sqltext import quoted
from schemas.names import DEFAULT_REGIONS
from warehouse.linkage import candidates, clusters, counterparts, features, model, reading, strangers, sure
from warehouse.linkage.config import Config
from warehouse.linkage.reading import Field

# Weights of single pairs are held within this, so that no one pair outvotes the rest of a cluster (log2 odds).
_MOST = 12.0
# A source with fewer of its records doubled than this, and many met elsewhere, is taken to list nothing twice.
_DOUBLED, _MET = 0.08, 0.1
# Log2 odds, under the prior of pairs within one source, from which such a source is believed to list one thing twice.
_SURELY_TWICE = 8.0
# And where it says both are at one door, under one word of their own.
_TWICE_AT_A_DOOR = 3.0
_ONE_NAME = 0.9
# Log2 of the Bayes factor from which another field backs two names.
_BACKS = 5.0
# A pair is accepted from this probability, where nobody has said another; from a higher one, up to this, where so many are in
# doubt that by their own probabilities more than this share of the accepted would be wrong: two in a hundred may be, and
# models were seen to err up to three times as often as they say.
_LEAST, _SURE, _WRONG = 0.8, 0.95, 0.02 / 3


@dataclass(frozen=True)
class Outcome:
    """What was resolved: records, clusters, pairs compared, pairs left to a person, and sources taken as listing nothing twice;
    `notes` are what a person should know of the files.
    """

    records: int
    clusters: int
    compared: int
    review: int
    unique: list[str]
    fields: list[Field]
    notes: list[str]


def resolve(config: Config, *, trained: Path | None = None, keep_model: Path | None = None, con: Any = None) -> Outcome:
    """Resolve what the config names, leaving the tables `answer` and `review` in `con`.

    answer: one row per input record in input order: source, id, cluster_id, match_probability (NULL for a record alone),
    reason (identifier, name, same, model, alone). review: one row per pair: both records, probability, reason, values.
    The same records give the same cluster ids, whatever their order, and a source added behind the others changes none
    of theirs unless it joins them: an id is made from the first record of its cluster, by source and id.

    Raises:
        ConfigError: the config, the model or the files do not fit together.
    """
    con = con or connect(config)
    fields, notes = reading.read(con, config)
    fields = [f for f in fields if f.role != "ignore"]
    if not fields:
        raise ConfigError(
            config.path.name,
            "没有可比的内容：没有数据行，或各列都空着、都不比",
            "请检查文件，或在 fields 里写明字段和角色",
        )
    _know_regions(con, (*config.regions, *features.own_regions(con, fields)))
    features.build(con, fields)
    several = con.execute("SELECT count(DISTINCT source) FROM record").fetchone()[0] > 1
    across = config.mode == "link" and several
    sure.find(con, fields, alone=across)
    clusters.contract(con)
    sure.keep_apart(con, sure.proofs(con, fields))
    compared = candidates.find(con, fields, config.blocking)
    path = trained or config.model
    learnt = None
    if compared:
        learnt = model.load(path, fields) if path else model.train(con, fields, across)
        model.score(con, learnt)
    else:
        con.execute("CREATE OR REPLACE TABLE scored (a bigint, b bigint, weight double)")
    _judge(con, fields)
    unique = _unique(con, config, fields, several)
    if learnt and strangers.tell(con, fields, unique, _LEAST) and not path:
        learnt = model.learn_again(con, learnt, across)
        model.score(con, learnt)
        _judge(con, fields)
        unique = _unique(con, config, fields, several)
        strangers.tell(con, fields, unique, _LEAST)
    if learnt and keep_model:
        learnt.save(keep_model)
    if across:
        con.execute(
            "DELETE FROM judged USING feature l, feature r WHERE l.rid = a AND r.rid = b AND l.source = r.source"
        )
    threshold = config.threshold or _careful(con, fields, unique)
    if threshold < 1:
        counterparts.exclude(con, unique, _log_odds(threshold))
    _group(con, threshold, fields, unique)
    _answer(con, threshold, min(config.review, threshold), fields)
    counts = con.execute(
        "SELECT (SELECT count(*) FROM record), (SELECT count(DISTINCT cluster_id) FROM answer), (SELECT count(*) FROM review)"
    ).fetchone()
    return Outcome(counts[0], counts[1], compared, counts[2], unique, fields, notes)


def connect(config: Config) -> Any:
    """A DuckDB with every macro the way needs."""
    import duckdb

    con = duckdb.connect(config={"temp_directory": str(Path(gettempdir()) / f"tongqu-resolve-{os.getpid()}")})
    con.execute("SET TimeZone = 'Asia/Shanghai'")
    _know_regions(con, config.regions)
    return con


def _know_regions(con: Any, regions: Sequence[str]) -> None:
    known = (*regions, *DEFAULT_REGIONS)
    macros.install(con, known)
    features.install(con, known)


def write(con: Any, clusters_to: Path, review_to: Path | None) -> None:
    """The two tables as CSV, or as Parquet where the name says so."""
    for table, path in (("answer", clusters_to), ("review", review_to)):
        if path is None:
            continue
        form = "FORMAT parquet" if path.suffix.lower() in (".parquet", ".pq") else "FORMAT csv, HEADER"
        con.execute(f"COPY {table} TO {quoted(str(path))} ({form})")


def _judge(con: Any, fields: list[Field]) -> None:
    """Make `judged` (a, b, weight in log2 odds, probability, barred): scored pairs under the data's own priors."""
    n, within = con.execute(
        "SELECT sum(n), sum(n * (n - 1) / 2) FROM (SELECT source, count(*) AS n FROM feature GROUP BY source)"
    ).fetchone()
    between = model.prior(con, n * (n - 1) / 2 - within, most=n * 5, inside=False)
    inside = model.prior(con, within, most=n * 5, inside=True)
    odds = f"CASE WHEN l.source = r.source THEN {inside!r} ELSE {between!r} END"
    names = [f.column for f in fields if f.role == "organisation"]
    backed = " + ".join(f"CAST(coalesce(mw_{f.column} >= {_BACKS}, false) AS int)" for f in fields if f.role != "organisation") or "0"  # fmt: skip
    barred = " OR ".join([*(_barred(f, backed) for f in names), *_strangers(fields)]) or "false"
    con.execute(
        f"""CREATE OR REPLACE TABLE judged AS
        SELECT a, b, weight, {_probability("weight")} AS probability, {_probability("between")} AS between_lists, barred FROM (
          SELECT a, b, weight + {odds} AS weight, weight + {between!r} AS between, coalesce({barred}, false) AS barred
          FROM scored JOIN feature l ON l.rid = a JOIN feature r ON r.rid = b)"""
    )


def _probability(odds: str) -> str:
    return f"1 / (1 + pow(2, -greatest(least({odds}, 60), -60)))"


def _careful(con: Any, fields: list[Field], unique: list[str]) -> float:
    """The probability from which a pair is accepted, told from `judged`.

    Of lists that list nothing twice a record has one counterpart at most, and that keeps doubtful pairs apart already.
    Where one field is all there is to compare, only values all but equal are one.
    """
    if len(fields) == 1:
        return 1.0
    if unique:
        return _LEAST
    found = con.execute(
        f"""SELECT least(coalesce(min(probability) FILTER (wrong <= {_WRONG}), 1), {_SURE}) FROM (
          SELECT probability, avg(1 - probability) OVER (ORDER BY probability DESC) AS wrong FROM judged WHERE probability >= {_LEAST} AND NOT barred)"""
    ).fetchone()[0]
    return float(found)


def _barred(f: str, backed: str) -> str:
    """SQL: whether two names bar a pair: a branch and none, or two full legal names that are not the same one written otherwise.

    Written otherwise is one whose region is written shorter (四川省示例县, 示例), one with its legal form, its region or its trade shortened (鑫源公司), where another field backs it, one
    with letters turned or doubled, where two do, and one with a letter changed or left out, where three do. What backs a pair is a field that says much for it; alone, a legal name a letter away is another firm.
    """
    without = " OR ".join(f"{side}.{f}_legal = {side}.{f}_stem || '公司'" for side in "lr")
    one_place = f"coalesce(l.{f}_region = r.{f}_region, false)"
    shortened = (
        f"(l.{f}_formed = r.{f}_formed OR (l.{f}_legal = r.{f}_legal AND (l.{f}_formed = l.{f}_legal OR r.{f}_formed = r.{f}_legal) AND coalesce(l.{f}_town = r.{f}_town, true)) "
        f"OR (l.{f}_stem = r.{f}_stem AND ({without})) OR (l.{f}_legal = r.{f}_legal AND {one_place}))"
    )
    slip = f"slip_of_pen(l.{f}_formed, r.{f}_formed)"
    letter = f"letter_off(l.{f}_formed, r.{f}_formed)"
    # The sign over the door of a branch need not say that it is one.
    sign = f"NOT CASE WHEN l.{f}_branch THEN r.{f}_full ELSE l.{f}_full END"
    otherwise = f"CASE {backed} WHEN 0 THEN false WHEN 1 THEN {shortened} WHEN 2 THEN {shortened} OR {slip} ELSE {shortened} OR {slip} OR {letter} END"
    return f"(l.{f}_full AND r.{f}_full AND l.{f} <> r.{f} AND NOT (l.{f}_rest = r.{f}_rest AND {one_place}) AND NOT {otherwise}) OR (l.{f}_branch <> r.{f}_branch AND NOT ({sign} AND {backed} > 0))"


def _strangers(fields: list[Field]) -> list[str]:
    """SQL, of lists of people: whether two Chinese names bar a pair. A household shares house and telephone, and a letter of its names; what is a person's own must say otherwise."""
    if any(f.role == "organisation" for f in fields):
        return []
    own = " OR ".join(f"coalesce(mw_{f.column} >= {_BACKS}, false)" for f in fields if f.role in ("identifier", "date", "email")) or "false"  # fmt: skip
    return [
        f"(is_han(l.{f}) AND is_han(r.{f}) AND greatest(length(l.{f}), length(r.{f})) <= 4 AND l.{f} <> r.{f} AND NOT coalesce(l.{f}_sound = r.{f}_sound, false) AND NOT ({own}))"
        for f in (f.column for f in fields if f.role == "person")
    ][:1]


def _unique(con: Any, config: Config, fields: list[Field], several: bool) -> list[str]:
    """Sources that list nothing twice: told so, or seen to be so when the config leaves it open.

    Two records of one source alike at two houses are two branches of one owner; they do not say that it lists things twice.
    """
    told = {s.name: s.unique for s in config.sources}
    if config.mode == "dedupe" or not several:
        return [name for name, value in told.items() if value]
    enough = config.threshold or _LEAST
    here = "".join(f" AND coalesce({_one_house(f)}, true)" for f in fields if f.role == "address")
    # What a source lists twice is as much alike as what it and others list: three in four above the lower quarter of those.
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE met AS SELECT l.rid, l.source, l.source = r.source AS inside, max(s.weight) AS weight FROM
              (SELECT a, b FROM judged WHERE probability >= {enough!r} AND NOT barred UNION ALL
               SELECT b, a FROM judged WHERE probability >= {enough!r} AND NOT barred) e
              JOIN scored s ON s.a = least(e.a, e.b) AND s.b = greatest(e.a, e.b)
              JOIN feature l ON l.rid = e.a JOIN feature r ON r.rid = e.b WHERE l.source <> r.source OR (true{here}) GROUP BY ALL"""
    )
    rows = con.execute(
        """WITH usual AS (SELECT source, quantile_cont(weight, 0.25) AS weight FROM met WHERE NOT inside GROUP BY source)
        SELECT f.source, min(f.place), count(*),
          (SELECT count(*) / 0.75 FROM met JOIN usual USING (source) WHERE met.source = f.source AND inside AND met.weight >= usual.weight),
          (SELECT count(*) FROM met WHERE met.source = f.source AND NOT inside)
        FROM feature f GROUP BY f.source ORDER BY f.source"""
    ).fetchall()
    unique = []
    for source, place, records, doubled, met in rows:
        said = config.sources[place].unique
        if said is None:
            said = config.mode == "link" or (
                config.mode == "auto" and doubled <= _DOUBLED * records and met >= _MET * records
            )
        if said:
            unique.append(source)
    return unique


def _one_house(field: Field) -> str:
    return f"l.{field.column}_house = r.{field.column}_house"


def _vouched(con: Any, part: str, threshold: float) -> str:
    """SQL over a node's records: the `part` of an address that two sources give to what is likely one; that is no slip, and two such are two places.

    NULL where no two do, or the node, one by its code or legal name, has several.
    """
    several = con.execute("SELECT count(DISTINCT source) > 1 FROM feature").fetchone()[0]
    apart = " AND r.source <> l.source" if several else ""
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE vouched_{part} AS
        WITH pair AS (SELECT a, b FROM judged JOIN feature l ON l.rid = a JOIN feature r ON r.rid = b
                      WHERE probability >= {threshold!r} AND NOT barred{apart} AND l.{part} = r.{part})
        SELECT a AS rid FROM pair UNION SELECT b FROM pair"""
    )
    one = f"CASE WHEN rid IN (FROM vouched_{part}) THEN {part} END"
    return f"CASE WHEN count(DISTINCT {one}) = 1 THEN min({one}) END"


def _group(con: Any, threshold: float, fields: list[Field], unique: list[str]) -> None:
    sure.same_names(con, fields, threshold)
    codes = {name: f"min({sql})" for name, sql in sure.codes(con, fields).items()}
    for f in [f.column for f in fields if f.role == "address"][:1]:
        codes |= {f"code_{part}": _vouched(con, f"{f}_{part}", threshold) for part in ("house", "town")}
    place = ", ".join(f"({quoted(source)}, {bit})" for bit, source in enumerate(unique[:62])) or "(NULL, 0)"
    branch = next(
        (
            f"bool_or(CASE WHEN {f.column}_branch OR {f.column}_full THEN {f.column}_branch END)"
            for f in fields
            if f.role == "organisation"
        ),
        "NULL",
    )
    # A source that lists nothing twice still does so once in a while: what is surely one within it, name and all, does not bar a
    # cluster. Two names under one roof, at one telephone, are two.
    core = " OR coalesce(l.{0}_core = r.{0}_core, false)"
    alike = "".join(
        f" AND coalesce(likeness(l.{f.column}_g, l.{f.column}_gn, r.{f.column}_g, r.{f.column}_gn) >= {_ONE_NAME}{core.format(f.column) if f.role == 'organisation' else ''}, true)"
        for f in fields
        if f.role in ("organisation", "title")
    ) + "".join(f" AND coalesce({_one_house(f)}, true)" for f in fields if f.role == "address")
    owned = " OR ".join(f"l.{f.column}_core = r.{f.column}_core" for f in fields if f.role == "organisation")
    door = " OR ".join(
        f"(l.{f.column}_no = r.{f.column}_no AND (l.{f.column}_road = r.{f.column}_road OR l.{f.column}_estate = r.{f.column}_estate)) OR {_one_house(f)}"
        for f in fields
        if f.role == "address"
    )
    least = f"CASE WHEN ({owned}) AND ({door}) THEN {_TWICE_AT_A_DOOR} ELSE {_SURELY_TWICE} END" if owned and door else f"{_SURELY_TWICE}"  # fmt: skip
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE doubled AS
        WITH pair AS (SELECT a, b FROM judged JOIN feature l ON l.rid = a JOIN feature r ON r.rid = b AND r.source = l.source
                      WHERE weight >= {least} AND NOT barred{alike})
        SELECT a AS rid FROM pair UNION SELECT b FROM pair"""
    )
    con.execute(
        f"""CREATE OR REPLACE TABLE party AS
        SELECT node AS cluster, bit_or(CASE WHEN d.rid IS NULL THEN coalesce(CAST(1 AS bigint) << bit, 0) ELSE 0 END) AS mask,
          {branch} AS branch, CAST(count(*) AS double) AS size{"".join(f", {sql} AS {name}" for name, sql in codes.items())}
        FROM feature JOIN node_of USING (rid) LEFT JOIN (VALUES {place}) AS known(name, bit) ON name = source
        LEFT JOIN doubled d USING (rid) GROUP BY node"""
    )
    # Two legal names that other records show to be one do not part those that say nothing else.
    names = [f.column for f in fields if f.role == "organisation"]
    one = " AND ".join(f"l.{n}_one = r.{n}_one AND l.{n}_branch = r.{n}_branch" for n in names) or "false"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE noded AS SELECT x.node AS one, y.node AS other, weight, barred AND NOT coalesce({one}, false) AS barred "
        "FROM judged JOIN node_of x ON x.rid = a JOIN node_of y ON y.rid = b JOIN feature l ON l.rid = a JOIN feature r ON r.rid = b"
    )
    con.execute(
        f"""CREATE OR REPLACE TABLE tie AS
        SELECT least(one, other) AS a, greatest(one, other) AS b,
          max(CASE WHEN barred THEN -{_MOST} ELSE weight END) AS best,
          sum(CASE WHEN barred THEN -{_MOST} ELSE greatest(least(weight, {_MOST}), -{_MOST}) END) AS total, count(*) AS pairs
        FROM noded WHERE one <> other GROUP BY 1, 2"""
    )
    clusters.grow(con, min(_log_odds(threshold) if threshold < 1 else _MOST, _MOST), list(codes))


def _log_odds(probability: float) -> float:
    return math.log2(probability / (1 - probability))


def _answer(con: Any, threshold: float, review: float, fields: list[Field]) -> None:
    con.execute(
        """CREATE OR REPLACE TABLE grouped AS
        SELECT r.rid, r.place, r.source, r.id, n.node, c.cluster FROM record r JOIN node_of n USING (rid) JOIN cluster c USING (node)"""
    )
    con.execute(
        """CREATE OR REPLACE TABLE answer AS
        WITH elder AS (SELECT cluster, md5(arg_min(source || chr(31) || id, (place, source, id))) AS cluster_id, count(*) AS size FROM grouped GROUP BY cluster),
             link AS (SELECT rid, max(probability) AS probability FROM (
                 SELECT a AS rid, probability FROM judged JOIN grouped x ON x.rid = a JOIN grouped y ON y.rid = b WHERE x.cluster = y.cluster
                 UNION ALL
                 SELECT b, probability FROM judged JOIN grouped x ON x.rid = a JOIN grouped y ON y.rid = b WHERE x.cluster = y.cluster) GROUP BY rid),
             key AS (SELECT s.rid, min(s.reason) AS reason FROM sure s JOIN (SELECT key FROM sure GROUP BY key HAVING count(*) > 1) USING (key) GROUP BY s.rid)
        SELECT g.source, g.id, e.cluster_id,
          CASE WHEN e.size = 1 THEN NULL WHEN k.reason IS NOT NULL THEN 1.0 ELSE round(coalesce(l.probability, 1.0), 6) END AS match_probability,
          CASE WHEN e.size = 1 THEN 'alone' ELSE coalesce(k.reason, 'model') END AS reason
        FROM grouped g JOIN elder e USING (cluster) LEFT JOIN link l USING (rid) LEFT JOIN key k USING (rid) ORDER BY g.rid"""
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE doubt AS
        SELECT a, b, probability, CASE WHEN barred THEN 'names_differ' WHEN probability < {threshold!r} THEN 'unsure' ELSE 'kept_apart' END AS reason
        FROM judged WHERE probability >= {review!r} UNION ALL SELECT a, b, NULL, reason FROM conflict"""
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE doubted AS SELECT d.*, x.cluster AS one, y.cluster AS other "
        "FROM doubt d JOIN grouped x ON x.rid = a JOIN grouped y ON y.rid = b"
    )
    shown = "".join(f", l.{f.column} AS {_named(f, 'l')}, r.{f.column} AS {_named(f, 'r')}" for f in fields)
    con.execute(
        f"""CREATE OR REPLACE TABLE review AS
        SELECT l.source AS source_l, l.id AS id_l, r.source AS source_r, r.id AS id_r, round(max(probability), 6) AS match_probability,
          min(reason) AS reason{shown.replace("l.f", "any_value(l.f").replace("r.f", "any_value(r.f").replace(" AS ", ") AS ")}
        FROM doubted JOIN record l ON l.rid = a JOIN record r ON r.rid = b WHERE one <> other GROUP BY ALL ORDER BY match_probability DESC NULLS FIRST, 1, 2, 3, 4"""
    )


def _named(field: Field, side: str) -> str:
    return '"' + f"{field.name}_{side}".replace('"', '""') + '"'
