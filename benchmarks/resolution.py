"""Resolution of source records: the hub's way against Splink alone on the same rows, by seconds and by truth."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from schemas.identifiers import USCC_ALPHABET
from warehouse.linkage import config, resolve

SOURCES = 5
_TOWNS = ["示例县", "邻水县", "射山县", "青石县", "云台县"]
_TRADES = [
    "商贸",
    "建材",
    "农业科技",
    "餐饮管理",
    "物流",
    "机械制造",
    "电子商务",
    "建筑工程",
    "食品",
    "纺织",
    "信息技术",
    "医药",
    "环保科技",
    "文化传媒",
]
_CHARS = "鑫源恒达瑞丰盛兴隆华宇康泰安顺祥和金鼎博远天成宏图嘉禾润泽明辉立信诚德广汇通利永昌新世纪"


def make(con: Any, rows: int) -> None:
    """The table `given`: source, id, uscc, name, address, phone, entity; four records a firm, seven in ten with their code."""
    firms = rows // 4
    con.execute("SELECT setseed(0.42)")
    weights = ", ".join(str(pow(3, place, 31)) for place in range(17))

    def pick(words: Sequence[str]) -> str:
        return f"({list(words)})[1 + CAST(floor(random() * {len(words)}) AS int)]"

    con.execute(
        f"""CREATE TABLE firm AS SELECT entity, body || substr('{USCC_ALPHABET}', 1 + CAST((31 - list_sum(list_transform(range(1, 18),
          i -> (strpos('{USCC_ALPHABET}', substr(body, i, 1)) - 1) * [{weights}][i])) % 31) % 31 AS int), 1) AS uscc,
          town || core || trade || form AS name, town || '城关镇' || {pick(_CHARS)} || {pick(_CHARS)} || '路' || number || '号' AS address,
          '13' || lpad(CAST(CAST(floor(random() * 1e9) AS bigint) AS varchar), 9, '0') AS phone
        FROM (SELECT i AS entity, '91510999' || lpad(CAST(i AS varchar), 8, '0') || '0' AS body, {pick(_TOWNS)} AS town,
          {pick(_CHARS)} || {pick(_CHARS)} || {pick(_CHARS)} AS core, {pick(_TRADES)} AS trade, {pick(["有限公司", "有限责任公司", "有限公司"])} AS form,
          1 + CAST(floor(random() * 900) AS int) AS number FROM range({firms}) r(i))"""
    )
    # A full name is unique where it is registered.
    con.execute("DELETE FROM firm WHERE entity NOT IN (SELECT min(entity) FROM firm GROUP BY name)")
    con.execute(
        f"""CREATE TABLE given AS SELECT '部门' || s AS source, CAST(row_number() OVER () AS varchar) AS id,
          CASE WHEN random() < 0.7 THEN uscc END AS uscc,
          CASE WHEN random() < 0.15 THEN replace(name, '有限责任公司', '有限公司') WHEN random() < 0.1 THEN substr(name, 4)
            WHEN random() < 0.1 THEN name || '　' ELSE name END AS name,
          CASE WHEN random() < 0.3 THEN substr(address, 4) WHEN random() < 0.1 THEN NULL ELSE address END AS address,
          CASE WHEN random() < 0.6 THEN phone END AS phone, entity
        FROM firm, range({SOURCES}) t(s) WHERE random() < 0.8"""
    )


def hub(con: Any, folder: Path) -> dict[str, str]:
    """The hub's way, from the file to the clusters."""
    (folder / "lists.yaml").write_text(
        "sources: [given.parquet]\nid: id\nsource_column: source\nfields: {uscc: identifier, name: organisation, address: address, phone: phone}\n",
        encoding="utf-8",
    )
    asked = config.load(folder / "lists.yaml")
    own = resolve.connect(asked)
    resolve.resolve(asked, con=own)
    return dict(own.execute("SELECT id, cluster_id FROM answer").fetchall())


def splink(con: Any, folder: Path) -> dict[str, str]:
    """Splink alone: its library's comparisons, trained its way, clustered its way."""
    import splink.comparison_library as cl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    logging.getLogger("splink").setLevel(logging.ERROR)
    own = duckdb.connect()
    own.execute(
        f"CREATE TABLE rows AS SELECT id AS unique_id, uscc, name, address, phone FROM read_parquet('{folder / 'given.parquet'}')"
    )
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            cl.ExactMatch("uscc"),
            cl.NameComparison("name"),
            cl.JaroWinklerAtThresholds("address", [0.95, 0.88]),
            cl.ExactMatch("phone"),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("uscc"),
            block_on("name"),
            block_on("phone"),
            block_on("address"),
        ],
        retain_matching_columns=False,
    )
    linker = Linker(DuckDBAPI(own).register("rows"), settings, log_level=None)
    linker.training.estimate_probability_two_random_records_match(
        [block_on("uscc"), block_on("name", "phone")], recall=0.7
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6 + 1, seed=1)
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("uscc"))
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("name"))
    pairs = linker.inference.predict(threshold_match_probability=0.5, warning_mode="never")
    found = linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, 0.95)
    return dict(own.execute(f"SELECT unique_id, CAST(cluster_id AS varchar) FROM {found.physical_name}").fetchall())


def main(words: Sequence[str] | None = None) -> int:
    """Both on the same rows; 1 when the hub's precision is below 0.98."""
    from examples.resolution.scoring import scores

    parser = argparse.ArgumentParser(prog="python -m benchmarks resolution", description="主体归并：与单用 Splink 比")
    parser.add_argument("--rows", type=int, default=8_000, help="来源记录数（默认 %(default)s）")
    given = parser.parse_args(words)
    con = duckdb.connect()
    make(con, given.rows)
    rows: int = con.execute("SELECT count(*) FROM given").fetchone()[0]  # type: ignore[index]
    truth = dict(con.execute("SELECT id, entity FROM given").fetchall())
    print(f"| {rows:,} 条，{SOURCES} 个来源 | 秒 | 精确率 | 召回率 | F1 |\n|---|--:|--:|--:|--:|")
    good = True
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        con.execute(f"COPY (SELECT * EXCLUDE (entity) FROM given) TO '{folder / 'given.parquet'}' (FORMAT parquet)")
        ways: list[tuple[str, Callable[[Any, Path], dict[str, str]]]] = [("通衢", hub), ("单用 Splink", splink)]
        spent = []
        for title, way in ways:
            begun = time.perf_counter()
            found = way(con, folder)
            spent.append(time.perf_counter() - begun)
            precision, recall, f1 = scores(truth, found)
            good &= precision >= 0.98 or way is not hub
            print(f"| {title} | {spent[-1]:.1f} | {precision:.4f} | {recall:.4f} | {f1:.4f} |", flush=True)
    print(f"\n通衢÷单用 Splink：{spent[0] / spent[1]:.2f} 倍时间")
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
