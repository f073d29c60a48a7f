"""Sites as the agencies that pay for them list them: each in its own words, a line per programme, much left blank."""

from __future__ import annotations

import random
from typing import Any

from examples.resolution.noise import slip
from examples.resolution.people import FORENAMES, SURNAMES

_STREETS = ["Kedzie", "Halsted", "Ashland", "Western", "Pulaski", "Cicero", "Damen", "Racine", "Wabash", "Michigan", "State", "Clark", "Sheridan", "Lawrence", "Foster", "Devon", "Belmont", "Fullerton", "Armitage", "Division", "Madison", "Jackson", "Roosevelt", "Cermak", "Archer", "Garfield", "Exchange", "Torrence", "Wentworth", "Princeton", "Emerald", "Union", "Morgan", "Throop", "Loomis", "Laramie", "Hamlin", "Keeler", "Karlov", "Wolcott", "Paulina", "Hermitage", "Campbell", "Rockwell", "Talman", "Maplewood", "Francisco", "Sacramento", "Springfield", "Lawndale", "Champlain"]  # fmt: skip
_TYPES = (
    ("Avenue", "Ave", "Ave."),
    ("Street", "St", "St."),
    ("Road", "Rd", "Rd."),
    ("Boulevard", "Blvd", "Blvd."),
    ("Place", "Pl", "Pl."),
)
_SIDES = {"N": "North", "S": "South", "E": "East", "W": "West"}
_PARENTS = (
    "Salvation Army", "Catholic Charities of the Archdiocese", "Hull House Association", "Henry Booth House", "Centers for New Horizons",
    "Ada S. McKinley Community Services", "YMCA of Metropolitan Chicago", "Carole Robertson Center for Learning", "El Valor", "Chicago Commons Association",
    "Marcy Newberry Association", "Easter Seals Society", "Trinity United Church", "Erie Neighborhood House", "Lutheran Social Services of Illinois",
)  # fmt: skip
_KINDS = (
    "Day Care Center", "Child Development Center", "Head Start", "Learning Academy", "Early Learning Center", "Nursery School", "Family Center", "Center",
)  # fmt: skip
_SHORT = {
    "Center": "Ctr", "Development": "Dev", "Association": "Assoc", "Academy": "Acad", "Services": "Svcs", "Early Learning Center": "ELC", "Church": "Ch",
    "Child Development Center": "CDC", "Saint": "St.", " and ": " & ", "Community": "Comm", "Day Care": "Daycare",
}  # fmt: skip
_PROGRAMMES = ("Head Start", "Child Care", "Prekindergarten For All", "Early Head Start")


def sites(seed: int = 0, count: int = 900) -> list[dict[str, Any]]:
    """Rows: Id, Source, Site name, Address, Zip, Phone and four columns that hold little; `entity` is the site.

    A third are schools known by a surname, a third houses of one parent agency, the rest stand alone. A list names a house
    by the parent, by itself or by both; gives a line per programme; some lists have no zip, some no phone.
    """
    rng = random.Random(seed)
    places = [_place(rng, entity) for entity in range(count)]
    for entity in range(1, count):
        if rng.random() < 0.03:  # a neighbour under one roof, with a name and a telephone of its own
            places[entity]["address"] = places[entity - 1]["address"]
        elif rng.random() < 0.03:  # the other house of the same name
            for key in ("parent", "own"):
                places[entity][key] = places[entity - 1][key]
            if rng.random() < 0.3:
                places[entity]["phone"] = places[entity - 1]["phone"]
    desks = {parent: str(rng.randrange(2000000, 9999999)) for parent in _PARENTS}
    for place in places:  # homes of families that mind children for an agency, reached through its desk
        if place["parent"] and rng.random() < 0.3:
            place["own"] = f"FCCH-{rng.choice(FORENAMES)} {rng.choice(SURNAMES)}" + rng.choice([" Site", ""])
            place["phone"] = desks[place["parent"]]
    rows: list[dict[str, Any]] = []
    for agency in range(9):
        style = rng.choice(("both", "both", "own", "dash", "parent"))
        loud, no_zip, no_phone = rng.random() < 0.3, rng.random() < 0.3, rng.random() < 0.12
        wordy = rng.random() < 0.4
        for entity, place in enumerate(places):
            if rng.random() > 0.3:
                continue
            name = _name(place, style, rng)
            row = {
                "Source": f"list {agency + 1}", "Site name": f" {name.upper() if loud else name}",
                "Address": _address(place["address"], wordy, rng).upper() if loud else _address(place["address"], wordy, rng),
                "Zip": "" if no_zip or rng.random() < 0.05 else place["zip"],
                "Phone": "" if no_phone or rng.random() < 0.1 else place["phone"] if rng.random() < 0.93 else str(rng.randrange(2000000, 9999999)),
                "Fax": "", "Agency": place["parent"] if style == "both" else "", "Director": rng.choice(["", "", place["director"]]),
                "Neighborhood": f"{_STREETS[int(place['zip']) % 40]} Park" if agency % 3 == 0 else "", "Head Start Fund": rng.choice(["Yes", "No"]) if agency < 3 else "",
                "Website": f"www.{place['parent'].split()[0].lower()}.org" if place["parent"] and agency in (2, 5) else "", "NAEYC Program Id": "", "entity": entity,
            }  # fmt: skip
            for programme in rng.sample(_PROGRAMMES, rng.choice([1, 1, 1, 2, 2, 3])):
                again = dict(row, **{"Program Name": programme})
                if rng.random() < 0.1:
                    again["Site name"] += rng.choice([" I/T", " (Blended)", " Br."])
                rows.append(again)
    rng.shuffle(rows)
    return [{"Id": str(place), **row} for place, row in enumerate(rows)]


def _place(rng: random.Random, entity: int) -> dict[str, Any]:
    kind = rng.random()
    surname = rng.choice(SURNAMES)
    parent, own = "", ""
    if kind < 0.33:
        own = rng.choice([surname, f"{rng.choice(FORENAMES)} {surname}", rng.choice(_STREETS)])
    elif kind < 0.7:
        parent = rng.choice(_PARENTS)
        own = rng.choice(
            [
                rng.choice(_STREETS),
                f"{rng.choice(FORENAMES)} {surname}",
                f"{surname} {rng.choice(_KINDS)}",
                f"Saint {rng.choice(FORENAMES)}",
            ]
        )
    else:
        own = f"{rng.choice([surname, rng.choice(_STREETS), rng.choice(FORENAMES) + 's', 'Little ' + surname])} {rng.choice(_KINDS)}"
    if rng.random() < 0.04:
        own += rng.choice([" II", " #2"])
    side = rng.choice("NSEW")
    street = rng.choice(_STREETS) if rng.random() < 0.75 else f"{rng.randrange(14, 130)}th"
    return {
        "parent": parent, "own": own, "school": kind < 0.33, "address": (rng.randrange(5, 11900), side, street, rng.choice(_TYPES)),
        "zip": str(60601 + rng.randrange(55)), "phone": str(rng.randrange(2000000, 9999999)), "director": f"{rng.choice(FORENAMES)} {rng.choice(SURNAMES)}",
    }  # fmt: skip


def _name(place: dict[str, Any], style: str, rng: random.Random) -> str:
    parent, own = place["parent"], place["own"]
    if place["school"]:
        name = rng.choice([own, own, f"{own} School", f"{own} Elementary School", f"{own} Elem"])
    elif not parent:
        name = f"{own} {own}" if style == "both" else own
    elif style == "own":
        name = own
    elif style == "dash":
        name = f"{parent} - {own}" + (f" / {parent.split()[0]}" if rng.random() < 0.2 else "")
    elif style == "parent":
        name = parent if rng.random() < 0.4 else f"{parent} - {own}"
    else:
        name = f"{parent} {own}"
    for long, short in _SHORT.items():
        if rng.random() < 0.2:
            name = name.replace(long, short)
    return slip(name, rng) if rng.random() < 0.06 else name


def _address(parts: tuple[int, str, str, tuple[str, str, str]], wordy: bool, rng: random.Random) -> str:
    number, side, street, kind = parts
    text = f"{number} {_SIDES[side] if wordy and rng.random() < 0.5 else rng.choice([side, side + '.'])} {street}"
    if rng.random() < 0.65:
        text += f" {kind[0] if wordy else rng.choice(kind)}"
    if rng.random() < 0.04:
        text = f"{number} {slip(text.split(' ', 1)[1], rng)}"
    elif rng.random() < 0.02:
        text = slip(text, rng)
    return text + rng.choice([" ", " ", "\n", "", f" {rng.randrange(1, 20)}" if rng.random() < 0.1 else " "])
