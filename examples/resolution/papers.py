"""Papers in two bibliographies: title, authors, venue, year."""

from __future__ import annotations

import random
from typing import Any

from examples.resolution.noise import slip
from examples.resolution.people import FORENAMES, SURNAMES

_WORDS = [
    "query",
    "optimization",
    "distributed",
    "database",
    "systems",
    "mining",
    "association",
    "rules",
    "large",
    "spatial",
    "index",
    "structures",
    "temporal",
    "data",
    "views",
    "materialized",
    "maintenance",
    "object",
    "oriented",
    "relational",
    "parallel",
    "join",
    "processing",
    "semistructured",
    "xml",
    "web",
    "caching",
    "transaction",
    "recovery",
    "concurrency",
    "control",
    "workflow",
    "management",
    "warehouse",
    "olap",
    "aggregation",
    "similarity",
    "search",
    "time",
    "series",
    "high",
    "dimensional",
    "clustering",
    "sampling",
    "selectivity",
    "estimation",
    "histogram",
    "approximate",
    "answering",
    "schema",
    "integration",
    "heterogeneous",
    "mediators",
    "active",
    "rules",
    "constraint",
    "logic",
    "deductive",
    "language",
    "streaming",
    "sensor",
    "networks",
]
_GLUE = ["for", "of", "in", "with", "and", "using", "over"]
_VENUES = (
    ("SIGMOD Conference", "International Conference on Management of Data"), ("VLDB", "Very Large Data Bases"), ("SIGMOD Record", "ACM SIGMOD Record"),
    ("ACM Trans. Database Syst.", "ACM Transactions on Database Systems (TODS)"), ("VLDB J.", "The VLDB Journal"),
)  # fmt: skip


def bibliographies(
    seed: int = 0, shared: int = 900, left: int = 1050, right: int = 930
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Two lists: id, title, authors, venue, year; the second spells venues out, and shortens names, now and then."""
    rng = random.Random(seed)
    series = [f"{rng.choice(_WORDS)} {rng.choice(_WORDS)}" for _ in range(40)]

    def make(entity: int) -> dict[str, Any]:
        if rng.random() < 0.03:
            title = rng.choice(
                [
                    "Editor's Notes",
                    "Guest Editorial",
                    "Reminiscences on Influential Papers",
                    "Chair's Message",
                    "Book Review Column",
                ]
            )
        elif rng.random() < 0.06:
            title = f"{rng.choice(series)} part {rng.randrange(1, 9)}"
        else:
            words = rng.sample(_WORDS, rng.randrange(3, 8))
            words.insert(rng.randrange(1, len(words)), rng.choice(_GLUE))
            title = " ".join(words).capitalize()
        people = ", ".join(f"{rng.choice(FORENAMES)} {rng.choice(SURNAMES)}" for _ in range(rng.randrange(1, 5)))
        return {
            "title": title,
            "authors": people,
            "venue": rng.randrange(len(_VENUES)),
            "year": rng.randrange(1994, 2004),
            "entity": entity,
        }

    def shown(row: dict[str, Any], side: int) -> dict[str, Any]:
        row = {**row, "venue": _VENUES[row["venue"]][side], "year": str(row["year"])}
        if side:
            if rng.random() < 0.15:
                row["title"] = slip(row["title"], rng)
            if rng.random() < 0.05:
                row["title"] = row["title"].rsplit(" ", 1)[0]
            if rng.random() < 0.2:
                row["authors"] = ", ".join(f"{name[0]}. {name.split()[-1]}" for name in row["authors"].split(", "))
            if rng.random() < 0.1:
                row["authors"] = row["authors"].split(", ")[0]
        return row

    papers = [make(n) for n in range(left + right - shared)]
    a = [shown(row, 0) for row in papers[:left]]
    b = [shown(row, 1) for row in papers[left - shared :]]
    rng.shuffle(b)
    return [{"id": f"a{n}", **row} for n, row in enumerate(a)], [{"id": f"b{n}", **row} for n, row in enumerate(b)]
