"""The whole way from a config to two files: one row per record with its cluster, and the pairs a person should look at."""

from __future__ import annotations

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
from warehouse.linkage import (
    candidates,
    clusters,
    counterparts,
    features,
    grouping,
    judging,
    model,
    reading,
    strangers,
    sure,
)
from warehouse.linkage.config import Config
from warehouse.linkage.reading import Field


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
    judging.judge(con, fields)
    unique = judging.once(con, config, fields, several)
    if learnt and strangers.tell(con, fields, unique, judging.LEAST) and not path:
        learnt = model.learn_again(con, learnt, across)
        model.score(con, learnt)
        judging.judge(con, fields)
        unique = judging.once(con, config, fields, several)
        strangers.tell(con, fields, unique, judging.LEAST)
    if learnt and keep_model:
        learnt.save(keep_model)
    if across:
        con.execute(
            "DELETE FROM judged USING feature l, feature r WHERE l.rid = a AND r.rid = b AND l.source = r.source"
        )
    threshold = config.threshold or judging.careful(con, fields, unique)
    if threshold < 1:
        counterparts.exclude(con, unique, model.log_odds(threshold))
    grouping.group(con, threshold, fields, unique)
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
