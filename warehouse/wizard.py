"""The steps of registration, one function each: what the command line and the portal's wizard call.

kinds → reach (steps) → look (columns, 50 rows) → propose (mapping or a draft contract) → impact → save, submit
                                                                                            (warehouse.registry)
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

from connectors import draft_contract, proposal, references, sample
from connectors.drivers import driver_class, usable
from connectors.drivers.base import Option, Step
from connectors.proposal import Proposal
from connectors.sample import Sample
from schemas import contract as contracts
from schemas.contract import Contract
from schemas.errors import ConfigError
from schemas.reference import departments
from warehouse.home import Home
from warehouse.impact import Impact
from warehouse.impact import impact as impact_of
from warehouse.registry import Registration, checked

# Below this share nothing of the county's contracts fits, and a contract is drafted from the data.
FITS = 0.55
_PLAIN = re.compile(r"[^A-Z0-9]+")
_NUMBERS = re.compile(r"int|serial|num|dec|json")  # types whose digits are compared as numbers
_SECRET_OPTIONS = ("token", "password", "secret", "api_key", "client_secret", "sign_key")


@dataclass
class Draft:
    """What registration proposes: a connector document, and a contract where the dataset has none."""

    document: dict[str, Any]
    contract: str | None
    proposal: Proposal | None
    others: list[tuple[str, float]] = field(default_factory=list)  # further datasets it may be of, likest first


def kinds() -> dict[str, tuple[str, dict[str, Option]]]:
    """Driver name -> first line about it and its options, for a form."""
    return {
        name: ((driver_class(name).__doc__ or "").partition("\n")[0], dict(driver_class(name).options))
        for name in usable()
    }


def keep_secrets(home: Home, connector: str, source: dict[str, Any]) -> dict[str, Any]:
    """The same options with addresses that hold a password, and tokens, in an address, a header or a parameter too, put into hub.env and referred to.

    A clerk gives them once; no draft, version or message ever holds them.
    """
    kept = dict(source)
    for key in dict.fromkeys([*references.plain_secrets(source, _SECRET_OPTIONS), *references.plain_secrets(source)]):
        stem = _PLAIN.sub("_", f"{connector}_{key}".upper()).strip("_")
        name = f"HUB_SOURCE_{stem}" if "://" in str(source[key]) else f"HUB_SECRET_{stem}"
        remember(home, name, str(source[key]))
        kept[key] = f"${{{name}}}"
    for place in references.nested_secrets(kept):
        name = "HUB_SECRET_" + _PLAIN.sub("_", f"{connector}_{place}".upper()).strip("_")
        option, _, key = place.partition("?" if "?" in place else ".")
        if "?" in place:
            base, _, query = str(kept[option]).partition("#")[0].partition("?")
            pairs = [pair.partition("=") for pair in query.split("&")]
            remember(home, name, next(value for given, _, value in pairs if unquote_plus(given) == key))
            told = "&".join(f"{k}=${{{name}}}" if unquote_plus(k) == key else f"{k}{sign}{v}" for k, sign, v in pairs)
            kept[option] = f"{base}?{told}"
        else:
            remember(home, name, str(kept[option][key]))
            kept[option] = kept[option] | {key: f"${{{name}}}"}
    return kept


def remember(home: Home, name: str, value: str) -> None:
    """Keep an address or a secret in hub.env and in this process, in place of the one of the same name.

    Raises:
        ConfigError: the value has a line break.
    """
    if "\n" in value:
        raise ConfigError(name, "里面有换行", "请检查是否多复制了内容")
    home.env_file.touch(mode=0o600)
    lines = home.env_file.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.strip().startswith(f"{name}=")]
    part = home.env_file.with_suffix(".part")
    part.touch(mode=0o600)
    part.write_text("\n".join([*kept, f"{name}={value}"]) + "\n", encoding="utf-8")
    part.rename(home.env_file)
    os.environ.pop(name, None)
    home.load_env()


def reach(connector: str, source: dict[str, Any]) -> Iterator[Step]:
    """The named steps of reaching a source, each within ten seconds, up to the first that fails.

    Raises:
        ConfigError: an option is wrong before anything is reached.
    """
    return sample.probe(sample.unmapped(connector, source))


def look(connector: str, source: dict[str, Any], *, rows: int = sample.ROWS) -> Sample:
    """Columns and first rows; a person is shown the first 50.

    Raises:
        HubError: the source cannot be read.
    """
    return sample.take(sample.unmapped(connector, source), rows=rows)


def propose(
    connector: str, seen: Sample, *, title: str = "", dataset: str | None = None, mode: str | None = None, schedule: str | None = None,
    fields: dict[str, str] | None = None, constants: dict[str, Any] | None = None, cursor: str | None = None,
    lookback: str | None = None, keys: Sequence[str] = (), new_dataset: bool = False,
) -> Draft:  # fmt: skip
    """A connector for what was seen: the given dataset, or the one that fits best, or a new one with a draft contract.

    `fields` are a person's own choices and go before every proposal; so are `keys`, columns, for a new dataset.

    Raises:
        ConfigError: the dataset or a field does not exist, or a key is given for a dataset that has its own.
    """
    agreed: Contract | None = None
    others: list[tuple[str, float]] = []
    if dataset and not new_dataset:
        agreed = contracts.contract(dataset)
    elif not dataset:
        usable = [c for c in contracts.contracts().values() if c.fields]
        ranked = proposal.rank(usable, seen)
        others = [(p.dataset, score) for score, p in ranked[:4]]
        given = {*(fields or {}), *(constants or {})}
        for score, likely in [] if new_dataset else ranked:
            told = contracts.contract(likely.dataset)
            if score >= FITS and proposal.fits(told, likely, seen, given):
                agreed, others = told, [(name, s) for name, s in others if name != told.dataset]
                break
    if agreed is not None and keys:
        raise ConfigError(
            "--key", f"数据集 '{agreed.dataset}' 的主键由契约定：{'、'.join(agreed.key)}", "请用 --map 指明这些字段的列"
        )
    if agreed is not None:
        found = proposal.propose(agreed, seen)
        document = _document(connector, seen, title or agreed.title, agreed.dataset, mode, schedule)
        document["fields"] = {**found.sure, **(fields or {})}
        document["fields"] = {n: document["fields"][n] for n in agreed.fields if n in document["fields"]} | {
            n: c for n, c in document["fields"].items() if n not in agreed.fields
        }
        for name in constants or {}:
            document["fields"].pop(name, None)
        _set_load(document, seen, mode, cursor or (found.cursor if mode == "cursor" else None), lookback)
        if constants:
            document["constants"] = constants
        found.missing = [n for n in found.missing if n not in {*document["fields"], *(constants or {})}]
        return Draft(document, None, found, others)
    dept, _, stem = connector.partition("/")
    owner = departments()[dept].name if dept in departments() else ""
    name = dataset or stem
    text, mapped = draft_contract.draft(name, title or stem, seen, owner=owner, keys=keys)
    document = _document(connector, seen, title or stem, name, mode, schedule)
    document["fields"] = mapped
    changed = proposal.change_column(column.name for column in seen.columns) if mode == "cursor" else None
    _set_load(document, seen, mode, cursor or changed, lookback)
    return Draft(document, text, None, others)


def _document(connector: str, seen: Sample, title: str, dataset: str, mode: str | None, schedule: str | None) -> dict[str, Any]:  # fmt: skip
    document: dict[str, Any] = {"title": title, "dataset": dataset, "source": seen.source, "load": {}}
    if schedule:
        document["schedule"] = schedule
    return document


def _set_load(document: dict[str, Any], seen: Sample, mode: str | None, cursor: str | None, lookback: str | None) -> None:  # fmt: skip
    if mode:
        document["load"]["mode"] = mode
    if cursor:
        document["load"] |= {"mode": "cursor", "cursor": cursor, "lookback": lookback or usual_lookback(seen, cursor)}
    if not document["load"]:
        del document["load"]


def usual_lookback(seen: Sample, cursor: str) -> str:
    """How far a read goes back behind its bookmark when nobody says: rows are committed later than they are stamped.

    Reading a row twice changes nothing. An hour of a time, a day of a date, a thousand of a number; nothing of a text
    that is none of these, because nothing can be taken from it.
    """
    values = seen.values(cursor)
    kind = next((column.type.lower() for column in seen.columns if column.name == cursor), "")
    if not values:
        return "1h" if "time" in kind else "1d" if kind == "date" else "0s"
    if all(value.lstrip("-").isdigit() for value in values):
        return "1000" if _NUMBERS.search(kind) else "0s"
    try:
        for value in values:
            datetime.fromisoformat(value)
    except ValueError:
        return "0s"
    return "1h" if any(":" in value for value in values) else "1d"


def impact(home: Home, registration: Registration) -> Impact | None:
    """What the connector of a registration would do to the warehouse; None while its source has nothing.

    Raises:
        ConfigError: the document is not right yet; everything is told.
        SourceUnavailable, SourceChanged: the source's side.
    """
    text = registration.contract
    connector = checked(registration)
    agreed = contracts.parse(text, "契约草案") if text else contracts.contract(connector.dataset)
    return impact_of(connector, agreed, home)
