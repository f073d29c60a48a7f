"""Datasets as CSV files their departments drop: written, given a connector of their own and taken in."""

from __future__ import annotations

from pathlib import Path

from connectors.spec import load as load_connector
from schemas.identifiers import check
from warehouse.home import Home
from warehouse.load import load


def deliver(home: Home, folder: Path, dataset: str, lines: list[str], dept: str = "evaluation", **columns: str) -> None:
    """The file of a dataset, taken in whole; `columns` give fields the name of a column that is not their own."""
    (folder / "drop").mkdir(exist_ok=True)
    (folder / "drop" / f"{dataset}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    path = folder / dept / f"{dataset}.yaml"
    path.parent.mkdir(exist_ok=True)
    fields = {name: name for name in lines[0].split(",") if name not in columns.values()} | columns
    listed = ", ".join(f"{field}: {column}" for field, column in fields.items())
    path.write_text(
        f"title: {dataset}\ndataset: {dataset}\nsource: {{driver: csv, path: '{folder}/drop/{dataset}.csv'}}\n"
        f"load: {{mode: file_full}}\nfields: {{{listed}}}\n",
        encoding="utf-8",
    )
    (result,) = load(load_connector(path), home)
    assert (result.status, result.quarantined) == ("committed", 0), (dataset, result.by_rule)


def uscc(number: int) -> str:
    """A valid credit code of this number, with its two check digits."""
    symbols = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    for tenth in "0123456789X":
        for last in symbols:
            code = f"91510999{number:08d}{tenth}{last}"
            if check("uscc", code).valid:
                return code
    raise AssertionError(number)
