"""The county's standards as people look them up: fields, code lists, the headers departments use; and proposals."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from portal.catalogue import plain
from schemas.contract import Field, contracts
from schemas.errors import ConfigError
from schemas.reference import CodeSet, code_sets, column_aliases

if TYPE_CHECKING:
    import psycopg

KINDS = {"field": "标准字段", "code": "代码", "synonym": "同义词（表头写法）"}
# Where what was accepted is written; the standards are files of the release.
PLACES = {"field": "数据契约", "code": "代码表", "synonym": "列名别名表"}


@dataclass(frozen=True)
class Standard:
    """One field name with all the datasets that have it; `spellings` are headers known for it."""

    field: Field
    datasets: tuple[tuple[str, str], ...]
    spellings: tuple[str, ...]
    words: str


@cache
def _fields(known: tuple[str, ...]) -> tuple[Standard, ...]:
    first: dict[str, Field] = {}
    used: dict[str, list[tuple[str, str]]] = {}
    aliases: dict[str, dict[str, None]] = {}
    for c in sorted((c for c in contracts().values() if c.dataset in known), key=lambda c: c.title):
        for f in c.fields.values():
            first.setdefault(f.name, f)
            used.setdefault(f.name, []).append((c.dataset, c.title))
            aliases.setdefault(f.name, {}).update(dict.fromkeys(column_aliases(c.dataset).get(f.name, ())))
    return tuple(
        Standard(f, tuple(used[name]), tuple(aliases[name]), plain(" ".join((name, f.title, *aliases[name]))))
        for name, f in sorted(first.items(), key=lambda pair: (-len(used[pair[0]]), pair[1].title))
    )


def fields(q: str) -> list[Standard]:
    """The standard fields in whose name, title or spellings every word of `q` stands, the most used first."""
    words = plain(q).split()
    return [s for s in _fields(tuple(sorted(contracts()))) if all(w in s.words for w in words)]


def codes(q: str) -> list[CodeSet]:
    """The code lists in whose title, codes or spellings every word of `q` stands."""
    words = plain(q).split()
    return [
        s for s in code_sets().values()
        if all(w in plain(" ".join((s.id, s.title, *(t for c in s.codes for t in (c.code, c.name, *c.aliases))))) for w in words)
    ]  # fmt: skip


def propose(connection: psycopg.Connection[Any], *, kind: str, subject: str, proposed: str, basis: str, by: str, department: str | None) -> None:  # fmt: skip
    """Keep a proposal for the data office to decide on. The caller commits.

    Raises:
        ConfigError: it says not what it is about or what should be.
    """
    if kind not in KINDS:
        raise ConfigError("建议", "没有选类型", f"可以是 {'、'.join(KINDS.values())}")
    if not subject or not proposed:
        raise ConfigError("建议", "没有写全", "请写明是哪个字段或代码表，建议加什么")
    connection.execute(
        "INSERT INTO hub.standard_proposal (kind, subject, proposed, basis, raised_by, raised_dept) VALUES (%s, %s, %s, %s, %s, %s)",
        [kind, subject, proposed, basis, by, department],
    )


def proposals(connection: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    """All proposals, the open ones first."""
    return connection.execute(
        "SELECT * FROM hub.standard_proposal ORDER BY accepted IS NOT NULL, proposal_id DESC LIMIT 200"
    ).fetchall()


def answer(connection: psycopg.Connection[Any], number: int, *, accepted: bool, text: str, by: str) -> None:
    """Decide on a proposal. The caller commits.

    Raises:
        ConfigError: it is decided, there is no answer, or the one who made it would decide.
    """
    where = f"建议 {number}"
    if not text:
        raise ConfigError(where, "没有写答复", "请写明采纳到哪一版，或为什么不采纳")
    row = connection.execute("SELECT raised_by, accepted FROM hub.standard_proposal WHERE proposal_id = %s FOR UPDATE", [number]).fetchone()  # fmt: skip
    if row is None or row["accepted"] is not None:
        raise ConfigError(where, "没有这条建议，或已经答复", "请从列表里选")
    if row["raised_by"].casefold() == by.casefold():
        raise ConfigError(where, "是你自己提的", "请由另一个人答复")
    connection.execute(
        "UPDATE hub.standard_proposal SET accepted = %s, answer = %s, answered_by = %s, answered_at = clock_timestamp() WHERE proposal_id = %s",
        [accepted, text, by, number],
    )
