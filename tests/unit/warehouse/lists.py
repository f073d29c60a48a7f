"""Lists of records as files, resolved by the command as a user runs it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import yaml

from hub.cli import main
from warehouse.linkage import config, features, reading, resolve


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [key for key in rows[0] if key != "entity"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def resolved(folder: Path, files: dict[str, list[dict[str, Any]]], *options: str, **config: Any) -> dict[Any, str]:
    """Run the command on these files; returns (source, id) -> cluster."""
    for name, rows in files.items():
        write(folder / f"{name}.csv", rows)
    config = {"sources": [f"{name}.csv" for name in files], "id": "id", **config}
    (folder / "lists.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    out = folder / "clusters.csv"
    assert (
        main(["resolve", str(folder / "lists.yaml"), "-o", str(out), "--review", str(folder / "review.csv"), *options])
        == 0
    )
    answer = read(out)
    assert len(answer) == sum(map(len, files.values()))
    return {(row["source"], row["id"]): row["cluster_id"] for row in answer}


def truth(files: dict[str, list[dict[str, Any]]]) -> dict[Any, int]:
    return {(row.get("source", name), row["id"]): row["entity"] for name, rows in files.items() for row in rows}


def compared(folder: Path, rows: list[dict[str, Any]], fields: dict[str, str]) -> Any:
    """The connection with `feature` made of these rows."""
    write(folder / "a.csv", rows)
    path = folder / "lists.yaml"
    path.write_text(f"{{sources: [a.csv], fields: {{{', '.join(f'{k}: {v}' for k, v in fields.items())}}}}}", encoding="utf-8")  # fmt: skip
    asked = config.load(path)
    con = resolve.connect(asked)
    known, _ = reading.read(con, asked)
    features.build(con, known)
    return con
