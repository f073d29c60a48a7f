"""The model: Splink's comparison levels with weights learnt from the records themselves by expectation maximisation.

What little data can say is kept within reason: u and m are smoothed towards what is believed of any match, weights fall
from equal to different, and the share of matches among all pairs is solved from the scored pairs instead of guessed.
"""

from __future__ import annotations

import copy
import json
import logging
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import Any

from schemas.errors import ConfigError
from warehouse.linkage.comparisons import believed, comparison
from warehouse.linkage.reading import Field
from warehouse.linkage.roles import TEXT_ROLES

VERSION = 1
_U_PAIRS = 1e5
_EM_PAIRS = 3e5
_SESSIONS = 5
_ROUNDS = (25, 8, 3)
_ENOUGH_PAIRS = 40
# Believed pairs set beside those seen: hundreds of records sway the weights, tens do not.
_PRIOR_PAIRS = 20.0
# A field that two strangers share less often than this can tell whether a pair is one.
_TELLING = 0.01
# The share of matches from which a block teaches at all.
_SOME = 0.02
_JUDGED = 5000
_LEAST_UNMET = 1 / 8


@dataclass(frozen=True)
class Model:
    """A trained model: Splink's settings, the fields it is for, and how the training went.

    `chance`: by comparison, how often two records of any kind agree at each level, matches among them; empty for one that was loaded.
    """

    settings: dict[str, Any]
    fields: list[Field]
    sessions: list[str]
    chance: dict[str, list[float]] = dataclass_field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write it as JSON, with its version."""
        path.write_text(
            json.dumps(
                {
                    "tongqu_model": VERSION,
                    "fields": [{"name": f.name, "column": f.column, "role": f.role} for f in self.fields],
                    "trained_on": self.sessions,
                    "splink": self.settings,
                },
                ensure_ascii=False,
                indent=1,
            )
            + "\n",
            encoding="utf-8",
        )


def load(path: Path, fields: list[Field]) -> Model:
    """A saved model for these fields.

    Raises:
        ConfigError: it is no model of this version, or was trained for other fields.
    """
    try:
        doc = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(str(path), "读不了这个模型文件", "请重新训练，或改正路径") from error
    if not isinstance(doc, dict) or doc.get("tongqu_model") != VERSION:
        raise ConfigError(str(path), "不是本版本的模型文件", "删去它，重新训练一次")
    known = [Field(**each) for each in doc["fields"]]
    if known != fields:
        told = "、".join(f"{f.name}（{f.role}）" for f in known)
        raise ConfigError(str(path), "模型是为别的字段训练的", f"它要的是：{told}")
    return Model(doc["splink"], known, doc["trained_on"])


def train(con: Any, fields: list[Field], across: bool) -> Model:
    """Learn from `feature`. `across`: only pairs of different sources count as evidence."""
    linker = _linker(con, _settings(fields))
    linker.training.estimate_u_using_random_sampling(max_pairs=_U_PAIRS, seed=1, num_chunks=1)
    settings = linker.misc.save_model_to_json()
    told = []
    met: list[tuple[tuple[str, ...], float]] = []
    learnt: list[dict[str, list[float | None]]] = []
    for columns, pairs in _sessions(con, settings, across):
        rule = " AND ".join(f"l.{column} = r.{column}" for column in columns) + (
            " AND l.source <> r.source" if across else ""
        )
        found = _session(con, settings, rule, pairs)
        if found is None:
            told.append(f"{rule}: {pairs} pairs, nothing to learn")
            continue
        share, m = found
        learnt.append(m)
        met.append((columns, share * pairs))
        told.append(f"{rule}: {pairs} pairs, {share:.3f} of them matches")
    for each in settings["comparisons"]:
        levels = _levels(each)
        of_each = [m[each["output_column_name"]] for m in learnt if each["output_column_name"] in m]
        for place, level in enumerate(levels):
            values = [value for m in of_each if (value := m[place]) is not None]
            level["m_probability"] = median(values) if values else None
    rows = con.execute("SELECT count(*) FROM feature").fetchone()[0]
    settings = _counted(con, settings)
    known = {f.column: con.execute(f"SELECT count({f.column}) / count(*) FROM feature").fetchone()[0] for f in fields}
    chance = {
        c["output_column_name"]: [level.get("u_probability") or 0.0 for level in _levels(c)]
        for c in settings["comparisons"]
    }
    share = _matches(settings, known, met, rows) / max(rows * (rows - 1) / 2, 1)
    return Model(_sound(settings, share), fields, told, chance)


def learn_again(con: Any, model: Model, across: bool) -> Model:
    """The model after one more round over all pairs compared, with the probabilities that `judged` gives them by now."""
    rows = con.execute("SELECT count(*) FROM feature").fetchone()[0]
    settings = copy.deepcopy(model.settings)
    pairs = "judged JOIN scored USING (a, b) JOIN feature l ON l.rid = a JOIN feature r ON r.rid = b"
    kept = "NOT barred" + (" AND l.source <> r.source" if across else "")
    for each in settings["comparisons"]:
        f = each["output_column_name"]
        levels, chance = _levels(each), model.chance[f]
        met = con.execute(
            f"SELECT mw_{f}, sum(probability) FROM {pairs} WHERE {kept} AND l.{f} IS NOT NULL AND r.{f} IS NOT NULL GROUP BY 1"
        ).fetchall()
        m = [0.0] * len(levels)
        for weight, n in met:  # levels of one weight share what was met at it
            same = [at for at, level in enumerate(levels) if math.isclose(_weight(level), weight, abs_tol=1e-6)]
            for at in same:
                m[at] += n * chance[at] / max(sum(chance[one] for one in same), 1e-300)
        for level, one_m, one_u in zip(levels, m, chance, strict=True):
            level["m_probability"], level["u_probability"] = (one_m / sum(m) if sum(m) else None), one_u
    found = con.execute(f"SELECT coalesce(sum(probability), 0) FROM {pairs} WHERE {kept}").fetchone()[0]
    return replace(model, settings=_sound(settings, found / max(rows * (rows - 1) / 2, 1), max(found, 100.0)))


def _levels(comparison: dict[str, Any]) -> list[dict[str, Any]]:
    """Its levels from equal to different, the one for no value apart."""
    return [level for level in comparison["comparison_levels"] if not level.get("is_null_level")]


def _weight(level: dict[str, Any]) -> float:
    """What agreeing at this level says: log2 of the Bayes factor."""
    return math.log2(level["m_probability"] / level["u_probability"])


def _session(
    con: Any, settings: dict[str, Any], rule: str, pairs: int
) -> tuple[float, dict[str, list[float | None]]] | None:
    """Expectation maximisation over the pairs of `rule`: share of matches, and m by comparison and level, None where unseen.

    None for a block that teaches nothing. Splink refuses an m that falls to nothing, as that of a level no match has does
    after many rounds; fewer rounds stop before. It leaves the settings of the linker it did that to unfit: each has its own.
    """
    for rounds in _ROUNDS:
        linker = _linker(con, {**settings, "max_iterations": rounds})
        try:
            session = linker.training.estimate_parameters_using_expectation_maximisation(
                rule, estimate_without_term_frequencies=True, max_pairs=_EM_PAIRS if pairs > _EM_PAIRS else None
            )
        except ValueError:
            continue
        except Exception:  # an empty or degenerate block
            return None
        core = session.core_model_settings
        return core.probability_two_random_records_match, {
            c.output_column_name: [
                level._m_probability if isinstance(level._m_probability, float) else None
                for level in c.comparison_levels
                if not level.is_null_level
            ]
            for c in core.comparisons
        }
    return None


def _counted(con: Any, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with u of equal values counted over all pairs: a sample of random pairs holds too few of them."""
    for each in settings["comparisons"]:
        f = each["output_column_name"]
        levels = _levels(each)
        alike, every = con.execute(
            f"SELECT sum(n * (n - 1.0)), max(total) FROM (SELECT count(*) AS n, sum(count(*)) OVER () AS total FROM feature WHERE {f} IS NOT NULL GROUP BY {f})"
        ).fetchone()
        others = sum(level.get("u_probability") or 0 for level in levels[1:])
        if every and every > 1 and others > 0:
            equal = max(float(alike) / (float(every) * (float(every) - 1)), 1e-9)
            levels[0]["u_probability"] = equal
            for level in levels[1:]:
                level["u_probability"] = (level.get("u_probability") or 0) * (1 - equal) / others
    return settings


def _matches(
    settings: dict[str, Any], known: dict[str, float], met: list[tuple[tuple[str, ...], float]], rows: int
) -> float:
    """How many pairs match in all: those EM found among pairs equal in a field, raised by how often matches are equal there.

    `known` is the share of records with a value: matches of which one has none are not among the equal.
    """
    equal = {
        c["output_column_name"]: c["comparison_levels"][1].get("m_probability") or 0.7 for c in settings["comparisons"]
    }
    found = sorted(
        matches / (max(math.prod(equal[f] for f in columns), 0.2) * math.prod(known[f] ** 2 for f in columns))
        for columns, matches in met
    )
    return min(found[len(found) // 2], rows * 5.0) if found else 0.0


def score(con: Any, model: Model) -> None:
    """Make `scored` (a, b, weight, and what each field adds) from `candidate` (a, b); weight is log2 of the Bayes factor, prior apart."""
    linker = _linker(con, model.settings)
    con.execute(
        "CREATE OR REPLACE VIEW candidate_pair AS SELECT '0' AS match_key, a AS join_key_l, b AS join_key_r FROM candidate"
    )
    _frequencies(con, linker, model)
    pairs = linker._db_api.register("candidate_pair")
    linker.table_management.register_blocked_pairs_for_predict(pairs)
    predicted = linker.inference.predict(warning_mode="never")
    prior = log_odds(model.settings["probability_two_random_records_match"])
    parts = ", ".join(f"mw_{f.column}" for f in model.fields)
    con.execute(
        f"CREATE OR REPLACE TABLE scored AS SELECT rid_l AS a, rid_r AS b, match_weight - {prior!r} AS weight, {parts} "
        f"FROM {predicted.physical_name}"
    )
    con.execute(f"DROP TABLE {predicted.physical_name}")


def _frequencies(con: Any, linker: Any, model: Model) -> None:
    """Tell Splink how common each value is among records that do not match: a value's own record and its matches are taken off its count.

    Those a source itself lists under one value say how many there are at most: 鑫源恒药店 once in each of nine lists is one
    shop. A value met at no stranger is no commoner than values are on average. Names are counted without their towns, for the
    level that is equal but for these; of strangers equal there, u tells how many are equal outright.
    """
    rows = con.execute("SELECT count(*) FROM feature").fetchone()[0]
    mates = model.settings["probability_two_random_records_match"] * rows
    for field, each in zip(model.fields, model.settings["comparisons"], strict=True):
        f = each["output_column_name"]
        levels = [level for level in each["comparison_levels"] if level.get("tf_adjustment_column")]
        if levels:
            own = 1 + mates * sum(level["m_probability"] for level in levels)
            outright = levels[0]["u_probability"] / sum(level["u_probability"] for level in levels)
            unseen = levels[0]["u_probability"]
            key = f"coalesce({f}_bare, {f})" if field.role == "organisation" else f
            twice = _houses(model.fields) if field.role == "organisation" else "*"
            rare = (
                min(outright / rows, unseen) * _unmet(con, key, model.fields) if field.role == "organisation" else None
            )
            con.execute(
                f"""CREATE OR REPLACE TABLE frequency_{f} AS
                SELECT {f}, any_value(greatest({outright!r} * least(n - {own!r}, n - n / most) / total, {rare or f"least({outright!r} / total, {unseen!r})"})) AS tf_{f}
                FROM (SELECT {f}, n, total, max(here) OVER (PARTITION BY key) AS most FROM (
                  SELECT {f}, {key} AS key, count(*) OVER (PARTITION BY {key}) AS n, count(*) OVER () AS total, greatest(count({twice}) OVER (PARTITION BY {key}, source), 1) AS here
                  FROM feature WHERE {f} IS NOT NULL)) GROUP BY {f}"""
            )
            linker.table_management.register_term_frequency_lookup(linker._db_api.register(f"frequency_{f}"), f)


def _unmet(con: Any, key: str, fields: list[Field]) -> float:
    """Of the chance that two strangers bear one name, the share that falls to names no source has for two (after Good and Turing).

    A name met in one source only tells how many are met in none: 1 where it is so with all names, less where a few chains are
    met in every source. Two of one name in a source are two where they are at two houses, as far as addresses tell.
    """
    if con.execute("SELECT count(DISTINCT source) FROM feature").fetchone()[0] < 2:
        return 1.0
    once, met = con.execute(
        f"""SELECT count(*) FILTER (met = 1), coalesce(sum(met), 0) FROM (SELECT key, count(*) AS met FROM (
          SELECT {key} AS key FROM feature WHERE {key} IS NOT NULL GROUP BY {key}, source HAVING count({_houses(fields)}) > 1) GROUP BY key)"""
    ).fetchone()
    return float(max((once + 1) / (met + 1), _LEAST_UNMET))


def _houses(fields: list[Field]) -> str:
    """What to count of the records of one name in one source: the houses they are at, or them all."""
    return next((f"DISTINCT {f.column}_house" for f in fields if f.role == "address"), "*")


def prior(con: Any, total_pairs: float, most: float, inside: bool) -> float:
    """log2 odds that any two records match, solved so that the scored pairs' probabilities add up to it.

    `inside`: of two records of one source, which match far less often than two of different ones. `most` can match at all.
    """
    counted = con.execute(
        "SELECT l.source = r.source, round(weight, 1), count(*) FROM scored JOIN feature l ON l.rid = a JOIN feature r ON r.rid = b GROUP BY ALL"
    ).fetchall()
    rows = [(weight, n) for same, weight, n in counted if same == inside]
    if not rows or total_pairs < 1:
        return -30.0
    share = min(max(len(rows), 1), most) / total_pairs
    for _ in range(40):
        odds = log_odds(min(share, 0.5))
        found = sum(n / (1 + 2.0 ** min(-(weight + odds), 500)) for weight, n in rows)
        share = min(max(found, 0.1), most) / total_pairs
    return log_odds(min(share, 0.5))


def log_odds(share: float) -> float:
    """Log2 odds of a probability; a certain one is taken for 50."""
    return math.log2(share / (1 - share)) if share < 1 else 50.0


def _settings(fields: list[Field]) -> dict[str, Any]:
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "rid",
        "comparisons": [comparison(field, fields) for field in fields],
        "blocking_rules_to_generate_predictions": ["l.rid = r.rid"],
        "retain_matching_columns": False,
        "retain_intermediate_calculation_columns": True,
        "probability_two_random_records_match": 0.001,
    }


def _linker(con: Any, settings: dict[str, Any]) -> Any:
    from splink import DuckDBAPI, Linker

    logging.getLogger("splink").setLevel(logging.ERROR)
    api = DuckDBAPI(connection=con)
    return Linker(api.register("feature"), settings, log_level=None, validate_settings=False)


def _sessions(con: Any, settings: dict[str, Any], across: bool) -> list[tuple[tuple[str, ...], int]]:
    """Rules for EM: pairs equal in one field or two, matches being neither rare nor everything among them."""
    rows = con.execute("SELECT count(*) FROM feature").fetchone()[0]
    single = {
        each["output_column_name"]: _pairs(con, (each["output_column_name"],), across)
        for each in settings["comparisons"]
    }
    rules: list[tuple[tuple[str, ...], int]] = [
        ((column,), pairs) for column, pairs in single.items() if _ENOUGH_PAIRS <= pairs <= 8 * rows
    ]
    common = [column for column, pairs in single.items() if pairs > 8 * rows]
    both = [((left, right), _pairs(con, (left, right), across)) for left, right in combinations(common, 2)]
    rules += [(columns, pairs) for columns, pairs in both if _ENOUGH_PAIRS <= pairs <= 8 * rows]
    # A block says most where its pairs agree elsewhere too; in one of firms of a group, or of a street, most are strangers.
    telling = _telling(con, settings)
    pure = {rule: _purity(con, *rule, [*single], telling, across) for rule in rules}
    best = max(pure.values(), default=0.0)
    # And little where only a few of them do, as two of one rare second name.
    rules.sort(
        key=lambda rule: (
            pure[rule] * rule[1] < _ENOUGH_PAIRS,
            pure[rule] < best / 2,
            len(rule[0]),
            -round(pure[rule], 1),
            rule[1],
        )
    )
    chosen: list[tuple[tuple[str, ...], int]] = []
    trained: dict[str, int] = dict.fromkeys(single, 0)
    for rule in rules:
        columns, _ = rule
        # What strangers teach is only better than nothing; where they are nearly all there is, it is not.
        enough = 2 if pure[rule] >= best / 2 else 1 if len(columns) > 1 or pure[rule] >= _SOME else 0
        news = [column for column in trained if column not in columns and trained[column] < enough]
        if news and len(chosen) < _SESSIONS:
            chosen.append(rule)
            for column in news:
                trained[column] += 1
    return chosen


def _telling(con: Any, settings: dict[str, Any]) -> dict[str, str]:
    """Fields that can tell whether a pair of `l` and `r` is one: SQL of agreeing so closely as two strangers hardly ever do.

    Not of being equal: one house is written in nine ways.
    """
    found = {}
    for each in settings["comparisons"]:
        f = each["output_column_name"]
        levels = _levels(each)
        close = [levels[0]] if _by_chance(con, f) < _TELLING else []
        for level in levels[1:-1] if close else []:
            if sum(one.get("u_probability") or 0 for one in (*close, level)) >= _TELLING:
                break
            close.append(level)
        if close:
            agree = " OR ".join(f"({level['sql_condition']})" for level in close)
            found[f] = re.sub(r"\b(f[0-9]+\w*?)_([lr])\b", r"\2.\1", agree)
    return found


def _purity(
    con: Any, columns: Sequence[str], pairs: int, known: Sequence[str], telling: dict[str, str], across: bool
) -> float:
    """Of the pairs equal in `columns`, the share that agrees in another telling field too; pairs without a second value apart."""
    others = {f: agree for f, agree in telling.items() if f not in columns}
    if not others:  # what is equal more often than by chance is so for the sake of the matches
        return max((_beyond_chance(con, columns, f, across) for f in known if f not in columns), default=0.0)
    agree = " OR ".join(f"coalesce({agree}, false)" for agree in others.values())
    both = " OR ".join(f"(l.{f} IS NOT NULL AND r.{f} IS NOT NULL)" for f in others)
    # Some of them, spread evenly.
    every = f"(l.rid * 7919 + r.rid * 104729) % {pairs // _JUDGED + 1} = 0"
    share = con.execute(
        f"SELECT avg(CAST({agree} AS int)) FROM {_block(columns, across)} AND {every} WHERE {both}"
    ).fetchone()[0]
    return float(share or 0)


def _beyond_chance(con: Any, columns: Sequence[str], other: str, across: bool) -> float:
    """Of the pairs equal in `columns`, the share that is equal in `other` without being so by chance."""
    chance = _by_chance(con, other)
    share = con.execute(f"SELECT avg(CAST(l.{other} = r.{other} AS int)) FROM {_block(columns, across)}").fetchone()[0]
    return max((share or 0) - chance, 0) / (1 - chance) if chance < 1 else 0.0


def _block(columns: Sequence[str], across: bool) -> str:
    """SQL of the pairs `l`, `r` equal in `columns`, each once; it ends in the join's conditions."""
    equal = " AND ".join(f"l.{column} = r.{column}" for column in columns)
    return f"feature l JOIN feature r ON {equal} AND l.rid < r.rid" + (" AND l.source <> r.source" if across else "")


def _by_chance(con: Any, column: str) -> float:
    """How likely any two records with a value are equal in it."""
    return float(
        con.execute(
            f"""SELECT coalesce(sum(n * (n - 1.0)) / nullif(max(total) * (max(total) - 1.0), 0), 1)
            FROM (SELECT count(*) AS n, sum(count(*)) OVER () AS total FROM feature WHERE {column} IS NOT NULL GROUP BY {column})"""
        ).fetchone()[0]
    )


def _pairs(con: Any, columns: Sequence[str], across: bool) -> int:
    by = ", ".join(columns)
    known = " AND ".join(f"{column} IS NOT NULL" for column in columns)
    inner = f"SELECT {by}, source, count(*) AS n FROM feature WHERE {known} GROUP BY {by}, source"
    less = "sum(n * n)" if across else "sum(n)"
    found = con.execute(
        f"SELECT sum((total * total - less) / 2) FROM (SELECT sum(n) AS total, {less} AS less FROM ({inner}) GROUP BY {by})"
    ).fetchone()[0]
    return int(found or 0)


def _sound(settings: dict[str, Any], share: float, seen: float = 100.0) -> dict[str, Any]:
    """The trained settings with weights that little data cannot overthrow: smoothed, and falling from level to level.

    `share` of all pairs match; u was counted over random pairs, matches among them, and is freed of these here. `seen`: matches that m is told from.
    """
    settings["probability_two_random_records_match"] = max(share, 1e-12)
    for each in settings["comparisons"]:
        levels = _levels(each)
        floor = believed(len(levels))
        m: list[Any] = [level.get("m_probability") for level in levels]
        if any(value is None for value in m):
            known = sum(value for value in m if value is not None)
            m = [value if value is not None else (1 - min(known, 0.9)) * f for value, f in zip(m, floor, strict=True)]
        u: list[Any] = [level.get("u_probability") for level in levels]
        u = [1e-6 if value is None else max(float(value), 1e-7) for value in u]
        m = [
            (float(value) * seen + f * _PRIOR_PAIRS) / (seen + _PRIOR_PAIRS) for value, f in zip(m, floor, strict=True)
        ]
        m = [v / sum(m) for v in m]
        u = [max(one_u - share * one_m, 0.05 * one_u, 1e-7) for one_u, one_m in zip(u, m, strict=True)]
        u = [v / sum(u) for v in u]
        for level, new_m, new_u in zip(levels, _falling(m, u), u, strict=True):
            level["m_probability"], level["u_probability"] = new_m, new_u
    return settings


def _falling(m: list[float], u: list[float]) -> list[float]:
    """M whose ratio to u never rises from one level to the next: neighbours out of order share their ratio."""
    blocks: list[list[float]] = []  # m, u, how many levels
    for one_m, one_u in zip(m, u, strict=True):
        blocks.append([one_m, one_u, 1])
        while len(blocks) > 1 and blocks[-1][0] / blocks[-1][1] > blocks[-2][0] / blocks[-2][1]:
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
    ratios = [block[0] / block[1] for block in blocks for _ in range(int(block[2]))]
    return [ratio * one_u for ratio, one_u in zip(ratios, u, strict=True)]


def text_columns(fields: list[Field]) -> list[str]:
    """Columns with vectors."""
    return [field.column for field in fields if field.role in TEXT_ROLES]
