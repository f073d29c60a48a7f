"""Interfaces that many places share: the options that fit them, one YAML each, found by file name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

NAMES = tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.yaml")))


@cache
def resources(name: str) -> Mapping[str, Mapping[str, Any]]:
    """The options of a preset by resource; the default resource comes first."""
    doc = yaml.load((Path(__file__).parent / f"{name}.yaml").read_bytes(), Loader=yaml.CSafeLoader)
    found: dict[str, Mapping[str, Any]] = doc["resources"]
    return {doc["default"]: found[doc["default"]], **found}


def defaults(name: str, resource: str | None, style: str) -> dict[str, Any]:
    """The options a preset fills in for one resource in one format (`json` or `xml`)."""
    known = resources(name)
    found = known[resource or next(iter(known))]
    return {key: value[style] if isinstance(value, dict) and style in value else value for key, value in found.items()}
