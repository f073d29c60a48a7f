"""Planting defects: which rows of which source were spoiled how, and what the hub must make of them.

One defect to a row, so that every row has one outcome:

    passed        nothing to see: the row goes through as it is
    repaired      a value is written oddly and is read all the same
    warned        the row goes through with a warning
    quarantined   the row is refused, with the rule named in the defect
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from examples.county.frames import put, texts

PASSED, REPAIRED, WARNED, QUARANTINED = "passed", "repaired", "warned", "quarantined"


@dataclass(frozen=True)
class Defect:
    """What was done to some rows: the defect's number in the domain notes, the field, the rule that must answer."""

    number: str
    field: str
    outcome: str
    rule: str | None
    rows: NDArray[np.int64]
    note: str = ""


@dataclass
class Source:
    """One source table on its way to a department's system.

    `key` are the columns that name a row; `party` the columns of an enterprise's code and name, if it names one.
    `truth` says for each row which enterprise it means: a place, or −1 for none or for «must stay unmatched».
    """

    connector: str
    dataset: str
    table: pl.DataFrame
    key: tuple[str, ...]
    rng: np.random.Generator
    party: tuple[str, str] | None = None
    second: str | None = None  # the column that may confirm a name: legal representative or phone
    file_level: list[dict[str, str]] = field(default_factory=list)
    defects: list[Defect] = field(default_factory=list)
    superseded: int = 0
    unmatched: dict[int, str] = field(default_factory=dict)  # row -> why it must stay without an enterprise
    numeric_cells: dict[str, NDArray[np.int64]] = field(default_factory=dict)  # column -> rows written as numbers
    bare_cells: dict[str, NDArray[np.int64]] = field(
        default_factory=dict
    )  # column -> rows whose comma no quotes protect

    def __post_init__(self) -> None:
        self._free = np.ones(len(self.table), dtype=bool)
        self.truth = self.table["~e"].to_numpy().copy() if "~e" in self.table.columns else np.full(len(self.table), -1)

    def __len__(self) -> int:
        return len(self.table)

    def keep_only(self, mask: NDArray[np.bool_]) -> None:
        """Leave the other rows out of the source; to be called before any defect is planted."""
        self.table = self.table.filter(pl.Series(mask))
        self._free, self.truth = self._free[mask], self.truth[mask]

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Rows that no defect may touch."""
        self._free[rows] = False

    def take(self, rate: float, where: NDArray[np.bool_] | None = None, *, least: int = 1) -> NDArray[np.int64]:
        """Rows not yet touched, about `rate` of all, at least `least` where there are as many; they are taken now."""
        candidates = np.flatnonzero(self._free if where is None else self._free & where)
        count = min(len(candidates), max(least, round(rate * len(self.table))))
        rows = np.sort(self.rng.choice(candidates, count, replace=False)) if count else np.empty(0, dtype=np.int64)
        self._free[rows] = False
        return rows

    def spoil(
        self, number: str, column: str, field_name: str, change: Callable[[NDArray[np.object_]], Sequence[Any] | NDArray[Any]], outcome: str,
        rule: str | None = None, *, rate: float = 0.001, where: NDArray[np.bool_] | None = None, least: int = 1, note: str = "",
    ) -> NDArray[np.int64]:  # fmt: skip
        """Take rows, change one column of them, and write it down. Returns the rows."""
        rows = self.take(rate, where, least=least)
        if len(rows):
            old = texts(self.table[rows.tolist()], column)
            self.table = put(self.table, column, rows, list(change(old)))
            self.mark(number, field_name, outcome, rule, rows, note)
        return rows

    def mark(
        self, number: str, field_name: str, outcome: str, rule: str | None, rows: NDArray[np.int64], note: str = ""
    ) -> None:
        """Write down a defect of rows already taken."""
        if len(rows):
            self.defects.append(Defect(number, field_name, outcome, rule, rows, note))

    def leave_unmatched(self, rows: NDArray[np.int64], why: str) -> None:
        """These rows name an enterprise in a way that only a person may resolve."""
        self.truth[rows] = -1
        self.unmatched.update(dict.fromkeys(rows.tolist(), why))

    def append(self, extra: pl.DataFrame, truth: NDArray[np.int64]) -> NDArray[np.int64]:
        """Add rows at the end (taken, so that no defect touches them); returns their places."""
        places = np.arange(len(self.table), len(self.table) + len(extra))
        self.table = pl.concat([self.table, extra])
        self._free = np.concatenate([self._free, np.zeros(len(extra), dtype=bool)])
        self.truth = np.concatenate([self.truth, truth])
        return places

    def outcome(self) -> NDArray[np.object_]:
        """The outcome of every row."""
        result = np.full(len(self.table), PASSED, dtype=object)
        for defect in self.defects:
            result[defect.rows] = defect.outcome
        return result

    def counts(self) -> dict[str, Any]:
        """Expected counts of the first load of this source."""
        outcome = Counter(self.outcome().tolist())
        rules: Counter[str] = Counter()
        for defect in self.defects:
            if defect.rule:
                rules[defect.rule] += len(defect.rows)
        quarantined = outcome[QUARANTINED]
        return {
            "dataset": self.dataset,
            "extracted": len(self.table),
            "passed": len(self.table) - quarantined,
            "quarantined": quarantined,
            "repaired": outcome[REPAIRED],
            "warned": outcome[WARNED],
            "superseded": self.superseded,
            "by_rule": dict(sorted(rules.items())),
        }


# Ways to write a sound value oddly, each for a whole column of values.


def full_width(values: NDArray[np.object_]) -> list[str]:
    """９１５１… as an input method leaves it."""
    table = str.maketrans({chr(c): chr(c + 0xFEE0) for c in range(0x21, 0x7F)})
    return [v.translate(table) for v in values]


def spaced(values: NDArray[np.object_]) -> list[str]:
    """A space after the sixth character."""
    return [f"{v[:6]} {v[6:]}" for v in values]


def lower(values: NDArray[np.object_]) -> list[str]:
    """In small letters."""
    return [v.lower() for v in values]


def apostrophe(values: NDArray[np.object_]) -> list[str]:
    """With Excel's apostrophe before it."""
    return ["'" + v for v in values]


def letter_o(values: NDArray[np.object_]) -> list[str]:
    """A letter O where the division's zero stands: nobody may guess it back."""
    return [v[:4] + "O" + v[5:] if v[4] != "0" else v[:4] + "I" + v[5:] for v in values]


def wrong_check(values: NDArray[np.object_]) -> list[str]:
    """Another last character."""
    symbols = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    return [v[:-1] + symbols[(symbols.index(v[-1]) + 7) % 31] for v in values]


def as_number(values: NDArray[np.object_]) -> list[float]:
    """What Excel makes of eighteen digits: the last two or three are gone."""
    return [float(f"9151099900{sum(map(ord, v)) % 10**6:06d}86") for v in values]


def date_forms(values: NDArray[np.object_]) -> list[str]:
    """2020.3.1, 2020年3月1日, 20200301, 2020/3/1 in turn."""
    forms = []
    for place, value in enumerate(values):
        year, month, day = value[:10].split("-")
        rest = value[10:]
        if rest:
            forms.append(
                f"{year}/{int(month)}/{int(day)}{rest}" if place % 2 else f"{year}年{int(month)}月{int(day)}日{rest}"
            )
        else:
            forms.append(
                (
                    f"{year}.{int(month)}.{int(day)}",
                    f"{year}年{int(month)}月{int(day)}日",
                    f"{year}{month}{day}",
                    f"{year}/{int(month)}/{int(day)}",
                )[place % 4]
            )
    return forms


def impossible(values: NDArray[np.object_]) -> list[str]:
    """The thirtieth of February."""
    return [f"{v[:4]}-02-30{v[10:]}" for v in values]


def thousands(values: NDArray[np.object_]) -> list[str]:
    """12,345.00."""
    return [f"{float(v):,.2f}" for v in values]


_DIGITS = "零壹贰叁肆伍陆柒捌玖"


def chinese_yuan(yuan: int) -> str:
    """伍拾万元整, for whole yuan below ten million with few figures."""
    if yuan % 10_000:
        raise ValueError("whole 万元 only")
    number, words = yuan // 10_000, ""
    for unit, name in ((100, "佰"), (10, "拾"), (1, "")):
        digit = number // unit % 10
        if digit:
            words += _DIGITS[digit] + name
        elif words and number % unit and not words.endswith("零"):
            words += "零"
    return words + "万元整"
