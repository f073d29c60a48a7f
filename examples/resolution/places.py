"""Places in several lists: sites that nine agencies list by name and address, and restaurants in two guides."""

from __future__ import annotations

import random
from typing import Any

from examples.resolution.noise import slip
from examples.resolution.people import FORENAMES, SURNAMES

_STREETS = [
    "Kedzie",
    "Halsted",
    "Ashland",
    "Western",
    "Pulaski",
    "Cicero",
    "Damen",
    "Racine",
    "Wabash",
    "Michigan",
    "State",
    "Clark",
    "Broadway",
    "Sheridan",
    "Lawrence",
    "Foster",
    "Devon",
    "Peterson",
    "Irving",
    "Belmont",
    "Fullerton",
    "Armitage",
    "North",
    "Division",
    "Chicago",
    "Madison",
    "Jackson",
    "Roosevelt",
    "Cermak",
    "Archer",
    "Pershing",
    "Garfield",
    "Cottage",
    "Stony",
    "Jeffery",
    "Exchange",
    "Commercial",
    "Torrence",
    "Ewing",
    "Vincennes",
    "Wentworth",
    "Princeton",
    "Normal",
    "Emerald",
    "Union",
    "Lowe",
    "Morgan",
    "Aberdeen",
    "May",
    "Throop",
    "Loomis",
]
_TYPES = (
    ("Street", "St", "St."),
    ("Avenue", "Ave", "Ave."),
    ("Road", "Rd", "Rd."),
    ("Boulevard", "Blvd", "Blvd."),
    ("Place", "Pl", "Pl."),
    ("Drive", "Dr", "Dr."),
)
_SIDES = (("North", "N", "N."), ("South", "S", "S."), ("East", "E", "E."), ("West", "W", "W."))
_KINDS = (
    "Elementary School", "Community Center", "Child Development Center", "Head Start", "Day Care Center", "Learning Academy", "YMCA",
    "Montessori School", "Church Preschool", "Early Learning Center", "Nursery", "Family Services", "Childrens Home", "Christian Academy",
)  # fmt: skip
_SHORT = {
    "Elementary": "Elem", "School": "Sch", "Community": "Comm", "Center": "Ctr", "Development": "Dev", "Academy": "Acad", "Services": "Svcs",
    "Christian": "Chr", "Saint": "St", "Association": "Assoc", "Children": "Child", "Head Start": "HS",
}  # fmt: skip
_FIRST = """Little Angels|Bright Horizons|Saint Mark|Rainbow|Kiddie Kollege|Precious Ones|Northwestern|Garfield Park|Salvation Army|Casa
|Trinity|Mary Crane|Chicago Commons|El Hogar|Erie|Gads Hill|Henry Booth|Marillac|Ezzard Charles|Loop Learning|Ada McKinley|Saint Paul|Sunshine
|Sugar and Spice|Tiny Tots|Busy Bees|New Hope|Grace|Kings Kids|Discovery""".replace("\n", "").split("|")
_CUISINE = [
    "American",
    "French",
    "Italian",
    "Seafood",
    "Steakhouses",
    "Chinese",
    "Japanese",
    "Mexican",
    "Indian",
    "Delis",
    "Coffeeshops",
    "Continental",
    "Cajun",
]


def sites(seed: int = 0, count: int = 600, agencies: int = 9) -> list[dict[str, Any]]:
    """Rows of nine agencies: source, id, name, address; each lists a site at most once, save one in a hundred."""
    rng = random.Random(seed)
    rows: list[dict[str, Any]] = []
    used: set[tuple[str, str]] = set()
    before: tuple[str, Any] = ("", ())
    for entity in range(count):
        while True:
            stem = rng.choice(
                [
                    rng.choice(_FIRST),
                    f"{rng.choice(FORENAMES)} {rng.choice(SURNAMES)}",
                    rng.choice(_STREETS),
                    rng.choice(SURNAMES),
                ]
            )
            name = f"{stem} {rng.choice(_KINDS)}" + (
                f" {rng.choice(['I', 'II', 'III'])}" if rng.random() < 0.05 else ""
            )
            address = (rng.randrange(100, 9900), rng.choice(_SIDES), rng.choice(_STREETS), rng.choice(_TYPES))
            if (name, str(address)) not in used:
                used.add((name, str(address)))
                break
        # A neighbour in the same house, and a chain's other house, are other sites.
        if entity and rng.random() < 0.03:
            address = before[1]
        elif entity and rng.random() < 0.05:
            name = before[0]
        before = name, address
        for agency in range(agencies):
            for _ in range(2 if rng.random() < 0.01 else 1):
                if rng.random() < 0.42:
                    rows.append(
                        {
                            "source": f"agency{agency + 1}",
                            "name": _name(name, rng),
                            "address": _address(address, rng),
                            "entity": entity,
                        }
                    )
    rng.shuffle(rows)
    return [{"id": str(place), **row} for place, row in enumerate(rows)]


def _name(name: str, rng: random.Random) -> str:
    for long, short in _SHORT.items():
        if rng.random() < 0.3:
            name = name.replace(long, short)
    if rng.random() < 0.15:
        name = slip(name, rng, rng.choice([1, 1, 2]))
    if rng.random() < 0.08:
        words = name.split()
        name = " ".join(words[:-1]) if len(words) > 2 else name
    if rng.random() < 0.05:
        name += rng.choice([" Inc", " - Main", " Site", " Program"])
    return rng.choice([name, name, name.upper(), name.lower()])


def _address(parts: tuple[int, Any, str, Any], rng: random.Random) -> str:
    number, side, street, kind = parts
    text = (
        f"{number} {rng.choice(side)} {street} {rng.choice(kind)}"
        if rng.random() < 0.9
        else f"{number} {street} {rng.choice(kind)}"
    )
    if rng.random() < 0.12:
        text = text.rsplit(" ", 1)[0]
    if rng.random() < 0.1:
        head, tail = text.split(" ", 1)
        text = f"{head} {slip(tail, rng)}"
    if rng.random() < 0.02:
        text = slip(text, rng)
    return rng.choice([text, text, text.upper()])


def guides(
    seed: int = 0, shared: int = 112, left: int = 533, right: int = 331
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Two restaurant guides: id, name, addr, city, phone, type; some houses are in both, under names not quite the same."""
    rng = random.Random(seed)
    cities = [
        "los angeles",
        "new york",
        "new york city",
        "atlanta",
        "san francisco",
        "las vegas",
        "beverly hills",
        "santa monica",
    ]

    def make(entity: int) -> dict[str, Any]:
        stem = rng.choice(
            [
                rng.choice(FORENAMES) + "'s",
                "cafe " + rng.choice(SURNAMES),
                "la " + rng.choice(SURNAMES),
                rng.choice(SURNAMES) + " grill",
                "the " + rng.choice(_FIRST),
                rng.choice(_STREETS) + " " + rng.choice(["bistro", "deli", "house", "kitchen"]),
            ]
        )
        return {
            "name": stem.lower(), "addr": f"{rng.randrange(10, 9900)} {rng.choice(_SIDES)[2].lower()} {rng.choice(_STREETS).lower()} {rng.choice(_TYPES)[2].lower()}",
            "city": rng.choice(cities), "phone": f"{rng.choice([213, 212, 404, 415, 702, 310])}/{rng.randrange(200, 999)}-{rng.randrange(1000, 9999)}", "type": rng.choice(_CUISINE).lower(), "entity": entity,
        }  # fmt: skip

    def other(row: dict[str, Any]) -> dict[str, Any]:
        row = dict(row)
        name = row["name"]
        row["name"] = rng.choice(
            [
                name,
                name,
                slip(name, rng),
                name + " " + rng.choice(["restaurant", "cafe", "the", "(new york)"]),
                name.removeprefix("the ").removeprefix("cafe "),
            ]
        )
        row["addr"] = (
            row["addr"]
            .replace("st.", rng.choice(["st.", "street"]))
            .replace("ave.", rng.choice(["ave.", "avenue"]))
            .replace("blvd.", "blv.")
        )
        if rng.random() < 0.15:
            row["addr"] += rng.choice([" between 5th and 6th", " suite 3", " at main"])
        row["phone"] = (
            row["phone"].replace("/", "-")
            if rng.random() < 0.93
            else f"{row['phone'][:3]}-{rng.randrange(200, 999)}-{rng.randrange(1000, 9999)}"
        )
        row["city"] = rng.choice([row["city"], row["city"], rng.choice(cities)])
        row["type"] = rng.choice([row["type"], rng.choice(_CUISINE).lower()])
        return row

    a = [make(n) for n in range(left)]
    b = [other(row) for row in a[:shared]] + [make(left + n) for n in range(right - shared)]
    rng.shuffle(b)
    return [{"id": f"a{n}", **row} for n, row in enumerate(a)], [{"id": f"b{n}", **row} for n, row in enumerate(b)]
