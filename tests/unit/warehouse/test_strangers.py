"""hub resolve where strangers share what only one thing should: two sites of an owner, two versions of a paper."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from examples.resolution.scoring import scores
from tests.unit.warehouse.lists import resolved, truth

_ROADS = ["Oak", "Elm", "Lake", "Hill", "Park", "Mill", "Church", "Station", "Bridge", "Garden", "Market", "River"]


def _sites(seed: int, lists: int = 4, owners: int = 240) -> dict[str, list[dict[str, Any]]]:
    """Owners with one site or two: the two share name and telephone. Each list has half of the sites, none twice."""
    rng = random.Random(seed)
    words = [
        f"{a}{b}"
        for a in ("Sun", "Star", "Kid", "Play", "Wonder", "Joy", "Tot", "Bright")
        for b in ("shine", "land", "house", "nest", "garden", "time")
    ]
    sites = []
    for _owner in range(owners):
        name = f"{rng.choice(words)} {rng.choice(words)} Center"
        phone = f"{rng.randrange(2000000, 9999999)}"
        for _ in range(2 if rng.random() < 0.25 else 1):
            sites.append(
                (
                    name,
                    f"{rng.randrange(10, 9999)} {rng.choice('NSEW')} {rng.choice(_ROADS)} {rng.choice(['St', 'Ave'])}",
                    phone,
                )
            )
    files: dict[str, list[dict[str, Any]]] = {}
    for place in range(lists):
        rows = []
        for entity, (name, address, phone) in enumerate(sites):
            if rng.random() < 0.5:
                continue
            rows.append(
                {
                    "id": str(len(rows)), "entity": entity,
                    "name": name.replace(" Center", "") if rng.random() < 0.3 else name.upper() if rng.random() < 0.3 else name,
                    "address": address.replace(" St", "").replace(" Ave", "") if rng.random() < 0.4 else address,
                    "phone": "" if rng.random() < 0.1 else phone,
                }
            )  # fmt: skip
        rng.shuffle(rows)
        files[f"list{place}"] = rows
    return files


@pytest.mark.parametrize("seed", [1, 2])
def test_two_sites_of_one_owner_are_two(tmp_path: Path, seed: int) -> None:
    files = _sites(seed)
    found = resolved(tmp_path, files, fields={"name": "organisation", "address": "address", "phone": "phone"})
    precision, recall, _ = scores(truth(files), found)
    assert precision >= 0.99
    assert recall >= 0.97


def test_two_sites_of_one_owner_are_two_where_all_stand_in_one_list(tmp_path: Path) -> None:
    """No list tells then, but each of the two houses is met again, and no slip is."""
    rows = [row for list_ in _sites(3, lists=6).values() for row in list_]
    files = {"sites": [{**row, "id": str(number)} for number, row in enumerate(rows)]}
    found = resolved(tmp_path, files, fields={"name": "organisation", "address": "address", "phone": "phone"})
    precision, recall, _ = scores(truth(files), found)
    assert precision >= 0.99
    assert recall >= 0.97


def _papers(seed: int, works: int = 700) -> dict[str, list[dict[str, Any]]]:
    """Two lists of papers; one in five came out again the year after, in the other journal, and a list may have either or both."""
    rng = random.Random(seed)
    words = [
        a + b
        for a in ("data", "query", "index", "graph", "stream", "cache", "log", "view")
        for b in ("bases", "plans", "joins", "trees", "models")
    ]
    people = [
        f"{a} {b}"
        for a in ("Ada", "Ben", "Cai", "Dan", "Eva", "Fay", "Gus", "Hal")
        for b in ("Ito", "Roy", "Lee", "Diaz", "Khan", "Beck", "Wolf", "Moss")
    ]
    papers = []
    for _work in range(works):
        title, authors, year = (
            " ".join(rng.sample(words, 5)),
            ", ".join(rng.sample(people, 2)),
            rng.randrange(1995, 2004),
        )
        papers.append((title, authors, year))
        if rng.random() < 0.2:
            papers.append((title, authors, year + 1))
    files: dict[str, list[dict[str, Any]]] = {"left": [], "right": []}
    for rows in files.values():
        for entity, (title, authors, year) in enumerate(papers):
            if rng.random() < 0.3:
                continue
            shown = " ".join(word[:-1] if rng.random() < 0.05 else word for word in title.split())
            rows.append(
                {
                    "id": str(len(rows)),
                    "entity": entity,
                    "title": shown,
                    "authors": authors,
                    "year": year if rng.random() < 0.95 else "",
                }
            )
    return files


def test_pairs_within_lists_are_looked_at_where_only_those_between_are_asked_for(tmp_path: Path) -> None:
    files = _papers(1)
    found = resolved(tmp_path, files, mode="link", fields={"title": "title", "authors": "person", "year": "number"})
    precision, recall, _ = scores(truth(files), found)
    assert precision >= 0.98
    assert recall >= 0.95
