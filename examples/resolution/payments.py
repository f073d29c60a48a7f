"""Payments as the bank that sent and the bank that received them list them, after the generator of Splink's public set."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

from examples.resolution.people import FORENAMES, SURNAMES

_RATES = [1.0, 1.16, 1.16, 161.27]
_PURPOSES = ["money", "payment", "donation", "", "{:08x}"]
_WAYS = ["BGC"] * 6 + ["CHQ"] * 2 + ["CSH", "WRE"]


def ledgers(seed: int = 0, payers: int = 150) -> dict[str, list[dict[str, Any]]]:
    """About fifteen payments a payer, in each ledger once: memo (cut, parts left out), paid_on (days later), amount (changed at another rate)."""
    rng = random.Random(seed)
    sent: list[dict[str, Any]] = []
    received: list[dict[str, Any]] = []
    for _ in range(payers):
        name = [rng.choice(FORENAMES) for _ in range(rng.choice([1, 1, 1, 2]))] + [rng.choice(SURNAMES)]
        for _ in range(rng.randrange(1, 30)):
            payer = " ".join(part[0] if rng.random() < 0.7 else part for part in name).upper()
            purpose, way = rng.choice(_PURPOSES).format(rng.getrandbits(32)), rng.choice(_WAYS)
            day, rate = date(2022, 1, 1) + timedelta(days=int(130 * rng.random() ** 0.5)), rng.choice(_RATES)
            worth = rng.lognormvariate(5, 1)
            real = rate if rate == 1 else rate * rng.gauss(1, 0.03)
            entity = len(sent)
            later = rng.randint(1, rng.choices([2, 6, 21], [7, 2, 1])[0])
            for ledger, on, amount, kept in (
                (sent, day, worth * real, 0.9),
                (received, day + timedelta(days=later), worth * rate, 0.7),
            ):
                memo = " ".join([payer, *(part for part in (purpose, way) if rng.random() < kept)])
                ledger.append({"memo": memo[:15] if rng.random() < kept else memo, "paid_on": on.isoformat(), "amount": f"{amount:.2f}", "entity": entity})  # fmt: skip
    rng.shuffle(received)
    return {
        name: [{"id": str(number), **row} for number, row in enumerate(rows)]
        for name, rows in (("sent", sent), ("received", received))
    }
