"""People with several records each: register-like (few, many errors) and chronicle-like (many, fuller)."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

from examples.resolution.noise import scramble, slip

FORENAMES = [
    "Oliver",
    "Amelia",
    "Noah",
    "Isla",
    "George",
    "Ava",
    "Arthur",
    "Mia",
    "Muhammad",
    "Ivy",
    "Leo",
    "Lily",
    "Harry",
    "Isabella",
    "Oscar",
    "Freya",
    "Archie",
    "Florence",
    "Henry",
    "Rosie",
    "Theodore",
    "Willow",
    "Freddie",
    "Evie",
    "Jack",
    "Grace",
    "Charlie",
    "Poppy",
    "Theo",
    "Charlotte",
    "Alfie",
    "Daisy",
    "Jacob",
    "Sienna",
    "Thomas",
    "Sophie",
    "Finley",
    "Phoebe",
    "Arlo",
    "Matilda",
    "William",
    "Alice",
    "Lucas",
    "Ruby",
    "Roman",
    "Emily",
    "Tommy",
    "Ella",
    "Isaac",
    "Millie",
    "Teddy",
    "Evelyn",
    "Alexander",
    "Elsie",
    "Luca",
    "Sofia",
    "Edward",
    "Maya",
    "James",
    "Harper",
    "Joshua",
    "Esme",
    "Albie",
    "Penelope",
    "Elijah",
    "Eva",
    "Max",
    "Emilia",
    "Mohammed",
    "Hallie",
    "Reuben",
    "Erin",
    "Mason",
    "Maisie",
    "Sebastian",
    "Jessica",
    "Rory",
    "Molly",
    "Hugo",
    "Robyn",
    "Jude",
    "Clara",
]
SURNAMES = [
    "Smith",
    "Jones",
    "Taylor",
    "Brown",
    "Williams",
    "Wilson",
    "Johnson",
    "Davies",
    "Patel",
    "Robinson",
    "Wright",
    "Thompson",
    "Evans",
    "Walker",
    "White",
    "Roberts",
    "Green",
    "Hall",
    "Wood",
    "Jackson",
    "Clarke",
    "Harris",
    "Lewis",
    "Cooper",
    "Hughes",
    "Ward",
    "Turner",
    "Morris",
    "Moore",
    "Clark",
    "Lee",
    "King",
    "Baker",
    "Morgan",
    "Allen",
    "James",
    "Scott",
    "Phillips",
    "Watson",
    "Davis",
    "Parker",
    "Bennett",
    "Price",
    "Griffiths",
    "Young",
    "Singh",
    "Hussain",
    "Khan",
    "Ali",
    "Shah",
    "Begum",
    "Rogers",
    "Stevens",
    "Cook",
    "Ellis",
    "Marshall",
    "Carter",
    "Bell",
    "Mitchell",
    "Adams",
    "Gray",
    "Mason",
    "Owen",
    "Hunt",
    "Palmer",
    "Webb",
    "Holmes",
    "Mills",
    "Barnes",
    "Knight",
    "Matthews",
    "Harvey",
    "Ellison",
    "Connolly",
    "Macdonald",
    "Maxwell",
    "Baxter",
    "Fisher",
]
CITIES = ["London"] * 40 + [
    "Birmingham",
    "Leeds",
    "Sheffield",
    "Manchester",
    "Bristol",
    "Leicester",
    "Coventry",
    "Sunderland",
    "Belfast",
    "Cardiff",
    "Derby",
    "Plymouth",
    "Southampton",
    "Reading",
    "Bolton",
    "Luton",
    "Portsmouth",
    "Preston",
    "Newport",
    "Swansea",
    "Norwich",
    "Swindon",
    "Middlesbrough",
    "Peterborough",
    "Stoke-on-Trent",
    "Wolverhampton",
]
JOBS = [
    "politician",
    "writer",
    "painter",
    "engineer",
    "cricketer",
    "journalist",
    "physician",
    "lawyer",
    "soldier",
    "botanist",
    "actor",
    "composer",
    "footballer",
    "cleric",
]
_DOMAINS = ["powers", "davis", "harris", "allen", "thompson", "curry", "turner", "morris", "barnes", "wells"]


def register(seed: int = 0, persons: int = 250) -> list[dict[str, Any]]:
    """About four records a person: first_name, surname, dob, city, email; letters lost, names swapped, cells empty."""
    rng = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for entity in range(persons):
        first, last, born = rng.choice(FORENAMES), rng.choice(SURNAMES), _born(rng, 1970, 2018)
        city = rng.choice(CITIES)
        mail = f"{rng.choice(FORENAMES).lower()}{rng.choice(SURNAMES).lower()}{rng.randrange(100)}@{rng.choice(_DOMAINS)}-{rng.choice(_DOMAINS)}.{rng.choice(['com', 'org', 'net', 'info'])}"
        for place in range(min(1 + int(rng.expovariate(1 / 3.2)), 11)):
            row = {"first_name": first, "surname": last, "dob": born.isoformat(), "city": city, "email": mail}
            if place:
                for key in ("first_name", "surname", "city"):
                    if rng.random() < 0.18:
                        row[key] = scramble(row[key], rng)
                if rng.random() < 0.15:
                    row["first_name"], row["surname"] = row["surname"], row["first_name"]
                if rng.random() < 0.3:
                    row["dob"] = (born + timedelta(days=rng.randrange(-90, 90))).isoformat()
                if rng.random() < 0.25:
                    row["email"] = slip(row["email"], rng, rng.choice([1, 2, 3]))
                for key, share in (("first_name", 0.12), ("surname", 0.12), ("city", 0.15), ("email", 0.18)):
                    if rng.random() < share:
                        row[key] = ""
            rows.append({"id": str(len(rows)), **row, "entity": entity})
    return rows


def chronicle(seed: int = 0, persons: int = 800) -> list[dict[str, Any]]:
    """About ten records a person: first_name, surname, dob, birth_place, postcode_fake, occupation; nicknames and slips."""
    rng = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for entity in range(persons):
        first, last, born = rng.choice(FORENAMES), rng.choice(SURNAMES), _born(rng, 1800, 1950)
        if rng.random() < 0.3:
            last = f"{last}-{rng.choice(SURNAMES)}"
        city, job = rng.choice(CITIES), rng.choice(JOBS)
        post = f"{city[:2].upper()}{rng.randrange(1, 30)} {rng.randrange(1, 10)}{rng.choice('ABDEFGHJ')}{rng.choice('LNPQRSTU')}"
        for place in range(min(1 + int(rng.expovariate(1 / 9)), 25)):
            row = {
                "first_name": first,
                "surname": last,
                "dob": born.isoformat(),
                "birth_place": city,
                "postcode_fake": post,
                "occupation": job,
            }
            if place:
                if rng.random() < 0.12:
                    row["first_name"] = rng.choice([first[:4], first[0], slip(first, rng), rng.choice(FORENAMES)])
                if rng.random() < 0.1:
                    row["surname"] = rng.choice([slip(last, rng), scramble(last, rng), rng.choice(SURNAMES)])
                if rng.random() < 0.15:
                    row["dob"] = rng.choice(
                        [born.replace(month=1, day=1), born + timedelta(days=rng.randrange(-400, 400))]
                    ).isoformat()
                if rng.random() < 0.2:
                    row["postcode_fake"] = rng.choice(
                        [
                            slip(post, rng),
                            post[:-1] + rng.choice("ABC"),
                            f"{post[:2]}{rng.randrange(1, 30)} {post[-3:]}",
                        ]
                    ).upper()
                if rng.random() < 0.1:
                    row["birth_place"] = rng.choice(CITIES)
                if rng.random() < 0.08:
                    row["occupation"] = rng.choice(JOBS)
                for key, share in (("dob", 0.08), ("birth_place", 0.1), ("postcode_fake", 0.12), ("occupation", 0.2)):
                    if rng.random() < share:
                        row[key] = ""
            rows.append({"id": str(len(rows)), **row, "entity": entity})
    return rows


def _born(rng: random.Random, low: int, high: int) -> date:
    return date(rng.randrange(low, high), rng.randrange(1, 13), rng.randrange(1, 29))
