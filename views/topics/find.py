"""High-frequency problems of a file of messages: read, put together, ranked by heat, followed from run to run.

One row per topic (TOPICS) and one per message in a topic (MEMBERS). A topic's id comes from its earliest message, so that it
stays when messages are added; with the members of a previous run, a topic takes over the id of the one most of whose messages
it holds.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors import tabular
from schemas.errors import ConfigError, SourceChanged
from views.tickets.reading import TicketFile, open_file
from views.topics import duplicates, heat
from views.topics.clusters import Clusters, Document, cluster
from views.topics.places import Gazetteer, areas, district, marks, mine, needed, without_areas
from views.topics.words import FILE, Cutter, Words, dictionary, letters, tidy

TOPICS = (
    "topic_id", "heat_rank", "heat", "title", "keywords", "place", "period", "first_at", "last_at", "tickets", "callers", "duplicates",
    "likes", "dislikes", "recent", "before", "share_pct", "share_rise_pct", "trend", "warning", "representative", "previous_rank",
)  # fmt: skip
MEMBERS = (
    "topic_id", "heat_rank", "ticket_no", "caller", "recorded_at", "place", "title", "nearness", "duplicate_of", "duplicate_share",
    "likes", "dislikes",
)  # fmt: skip
DUPLICATES = ("ticket_no", "duplicate_of", "share", "same_caller")
_BODY = 400  # characters of a message that are compared: what follows repeats
_TITLE, _PLAIN = 2.0, 1.0
_CATEGORY = "@"  # before a category among words: no text holds such a word


@dataclass
class Messages:
    """The messages in the order of time; lists run in parallel."""

    ticket_no: list[str]
    caller: list[str | None]
    at: list[datetime | None]
    title: list[str]
    body: list[str]
    place: list[str | None]
    category: list[str | None]
    likes: NDArray[np.int64]
    dislikes: NDArray[np.int64]
    has_votes: bool
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ticket_no)


@dataclass
class Found:
    """What a run gives: rows of TOPICS, MEMBERS and DUPLICATES."""

    topics: list[dict[str, Any]]
    members: list[dict[str, Any]]
    duplicates: list[dict[str, Any]]
    messages: int
    notes: list[str]


@dataclass
class Earlier:
    """What an earlier run found: the topic of each ticket, and the rank of each topic where it is known."""

    topic_of: dict[str, str]
    rank_of: dict[str, int]

    @classmethod
    def of(cls, path: Path) -> Earlier:
        """The members (or topics) that run wrote.

        Raises:
            SourceChanged: the file is no such result.
        """
        table = tabular.read(path, lambda row: len({"topic_id", "ticket_no", "representative"} & set(row))).table
        number = "ticket_no" if "ticket_no" in table.column_names else "representative"
        if not {"topic_id", number} <= set(table.column_names):
            raise SourceChanged(path.name, "不是上一次的结果", "请给上一次 --members 或 -f 写出的 CSV")
        topics = table["topic_id"].to_pylist()
        ranks = table["heat_rank"].to_pylist() if "heat_rank" in table.column_names else []
        return cls(
            dict(zip(table[number].to_pylist(), topics, strict=True)),
            {topic: int(rank) for topic, rank in zip(topics, ranks, strict=bool(ranks)) if rank},
        )


def find(
    path: Path,
    *,
    columns: dict[str, str] | None = None,
    given: Path | None = None,
    sheet: str | None = None,
    words: Path = FILE,
    previous: Path | None = None,
    as_of: datetime | None = None,
    least: int = 3,
) -> Found:
    """The topics of a file with at least `least` messages, the hottest first.

    Args:
        path: The file.
        columns: Concept → column, over what is recognised (content, title, recorded_at, place, caller …).
        given: A mapping YAML, as for assess.
        sheet: Sheet of a workbook.
        words: The dictionary.
        previous: Members (or topics) of an earlier run, to keep ids.
        as_of: The moment the trend is seen from; without one, the last message.
        least: Messages a topic must have; one with many votes may have fewer.

    Raises:
        ConfigError: no column of text is recognised, or a file is not what it should be.
    """
    known = dictionary(words)
    messages = read(path, columns or {}, given, sheet)
    return among(messages, known, earlier=Earlier.of(previous) if previous else None, as_of=as_of, least=least)


def among(
    messages: Messages, known: Words, *, earlier: Earlier | None = None, as_of: datetime | None = None, least: int = 3
) -> Found:
    """The topics of these messages; see `find`. `earlier` is what an earlier run found, to keep its ids."""
    titles, bodies = [tidy(t) for t in messages.title], [tidy(b) for b in messages.body]
    documents, gazetteer, named, marked = _documents(titles, bodies, messages, known)
    first, share = duplicates.near_duplicates(
        [letters(a + b) for a, b in zip(titles, bodies, strict=True)], known.thresholds["duplicate"], marked
    )
    groups = cluster(documents, known.thresholds)
    _keep_copies(groups, first)
    topics = _topics(messages, groups, first, named, titles, bodies, known, as_of, least)
    if earlier is not None:
        _follow(topics, earlier)
    members = [
        {
            "topic_id": topic["topic_id"], "heat_rank": topic["heat_rank"], "ticket_no": messages.ticket_no[i], "caller": messages.caller[i],
            "recorded_at": messages.at[i], "place": "、".join(named[i]), "title": messages.title[i] or messages.body[i][:40],
            "nearness": round(float(groups.nearness[i]), 3), "duplicate_of": messages.ticket_no[first[i]] if first[i] >= 0 else None,
            "duplicate_share": round(float(share[i]), 3) if first[i] >= 0 else None,
            "likes": int(messages.likes[i]) if messages.has_votes else None, "dislikes": int(messages.dislikes[i]) if messages.has_votes else None,
        }
        for topic in topics for i in topic["_members"]
    ]  # fmt: skip
    again = [
        {"ticket_no": messages.ticket_no[i], "duplicate_of": messages.ticket_no[first[i]], "share": round(float(share[i]), 3),
         "same_caller": messages.caller[i] is not None and messages.caller[i] == messages.caller[first[i]]}
        for i in np.flatnonzero(first >= 0)
    ]  # fmt: skip
    notes = [*messages.notes, f"地名 {len(gazetteer)} 处，重复发送 {len(again)} 件"]
    return Found(
        [{k: v for k, v in t.items() if not k.startswith("_")} for t in topics], members, again, len(messages), notes
    )


def read(path: Path, columns: dict[str, str], given: Path | None, sheet: str | None) -> Messages:
    """The file's messages; those without any text are left out."""
    file = open_file(path, given, None, sheet, columns=columns, timed=False)
    if not file.has("content") and not file.has("title"):
        raise ConfigError("表头", f"认不出哪一列是内容，现有列：{'、'.join(file.header[:20])}", "请用 --text 写明列名")

    def text(concept: str) -> str:
        return f"coalesce({file.column(concept)}, '')" if file.has(concept) else "''"

    number = f"coalesce({file.column('ticket_no')}, CAST(raw.row_no AS VARCHAR))"
    rows = file.con.execute(f"""
        SELECT {number} AS ticket_no, {file.column("caller")} AS caller, {file.moment("recorded_at")} AS recorded_at, {text("title")} AS title,
          {text("content")} AS body, {file.column("place")} AS place, {file.column("category")} AS category,
          {_number(file, "likes")} AS likes, {_number(file, "dislikes")} AS dislikes
        FROM raw JOIN moment ON moment.row_no = raw.row_no
        WHERE {text("title")} || {text("content")} <> ''
        ORDER BY recorded_at NULLS LAST, raw.row_no""").fetchnumpy()
    plain: dict[str, list[Any]] = {
        name: [None if value is None or value is np.ma.masked else value for value in column.tolist()]
        for name, column in rows.items()
    }
    likes, dislikes = (np.array([v or 0 for v in plain[name]], dtype=np.int64) for name in ("likes", "dislikes"))
    return Messages(
        plain["ticket_no"], plain["caller"], plain["recorded_at"], plain["title"], plain["body"], plain["place"], plain["category"], likes, dislikes,
        file.has("likes"), list(file.notes),
    )  # fmt: skip


def _number(file: TicketFile, concept: str) -> str:
    return f"coalesce(TRY_CAST(TRY_CAST({file.column(concept)} AS DOUBLE) AS BIGINT), 0)"


def _documents(
    titles: Sequence[str], bodies: Sequence[str], messages: Messages, known: Words
) -> tuple[list[Document], Gazetteer, list[list[str]], list[frozenset[str]]]:
    """Messages as they are compared, the places found, each message's own, and what sets it apart from others of its wording."""
    plain = Cutter(known)
    whole = [f"{title}。{body[:_BODY]}" for title, body in zip(titles, bodies, strict=True)]
    tagged = [plain.tagged(text) for text in whole]
    gazetteer = mine(whole, tagged, known)
    cutter = Cutter(known, gazetteer.stem_of)
    cuts = [
        (cutter.cut(without_areas(title)), cutter.cut(without_areas(body[:_BODY])))
        for title, body in zip(titles, bodies, strict=True)
    ]
    fronts = gazetteer.fronts(cut for both in cuts for cut in both)
    named = [gazetteer.of([*title, *body])[:3] for title, body in cuts]
    towns = [gazetteer.towns(places) for places in named]
    told = [
        (district(text), own[0] if len(own) == 1 else place if place and place.endswith(known.town_suffixes) else None)
        for text, own, place in zip(whole, towns, messages.place, strict=True)
    ]
    within = needed(named, told)
    documents = []
    for text, cut, category, (title, body), places, own, of in zip(
        whole, tagged, messages.category, cuts, named, towns, within, strict=True
    ):
        words = [(w, _TITLE) for w in cutter.matter(title)] + [(w, _PLAIN) for w in cutter.matter(body)]
        words = [(w, weight) for w, weight in words if w not in gazetteer.stem_of and w not in fronts]
        # What kind of matter the call-taker saw in it counts as a word of the title does.
        words += [(_CATEGORY + category, _TITLE)] if category else []
        documents.append(Document(words, places, bool(places) or gazetteer.mentioned(text, cut), own, of))
    named = [[*areas(text)[-1:], *places] for text, places in zip(whole, named, strict=True)]
    marked = [marks(text, known).union(filter(None, of)) for text, of in zip(whole, within, strict=True)]
    return documents, gazetteer, named, marked


def _keep_copies(groups: Clusters, first: NDArray[np.int64]) -> None:
    """A message sent again is in the topic of the first one."""
    copies = np.flatnonzero(first >= 0)
    groups.label[copies] = np.where(groups.label[first[copies]] >= 0, groups.label[first[copies]], groups.label[copies])


def _topics(
    messages: Messages, groups: Clusters, first: NDArray[np.int64], named: list[list[str]], titles: list[str], bodies: list[str],
    known: Words, as_of: datetime | None, least: int,
) -> list[dict[str, Any]]:  # fmt: skip
    by_label: dict[int, list[int]] = {}
    for i in np.flatnonzero(groups.label >= 0).tolist():
        by_label.setdefault(int(groups.label[i]), []).append(i)
    votes = np.maximum(messages.likes - messages.dislikes, 0)
    # One voice that hundreds second is a problem too.
    loud = [i for i in np.flatnonzero(votes >= known.thresholds["loud"]).tolist() if groups.label[i] < 0]
    sets = [m for m in by_label.values() if len(m) >= least or votes[m].sum() >= known.thresholds["loud"]] + [
        [i] for i in loud
    ]
    times = [at for at in messages.at if at is not None]
    now = as_of or (max(times) if times else datetime.now())
    window = timedelta(days=int(known.thresholds["window_days"]))
    recent_all = sum(now - window < at <= now for at in times)
    before_all = sum(now - 2 * window < at <= now - window for at in times)
    topics = []
    for members in sets:
        at = [a for a in (messages.at[i] for i in members) if a is not None]
        best = _representative(members, groups, messages)
        places = Counter(p for i in members for p in named[i])
        recent = sum(now - window < a <= now for a in at)
        before = sum(now - 2 * window < a <= now - window for a in at)
        callers = {messages.caller[i] or f"\0{i}" for i in members}
        topics.append({
            "topic_id": _identity(members[0], titles, bodies),
            "title": messages.title[best] or messages.body[best][:40],
            "keywords": "、".join(_keywords(groups, members)),
            "place": _place(places, len(members), known.town_suffixes),
            "period": _period(at), "first_at": min(at, default=None), "last_at": max(at, default=None),
            "tickets": len(members), "callers": len(callers), "duplicates": sum(first[i] >= 0 for i in members),
            "likes": int(messages.likes[members].sum()) if messages.has_votes else None,
            "dislikes": int(messages.dislikes[members].sum()) if messages.has_votes else None,
            "recent": recent, "before": before,
            **heat.rise(recent, before, recent_all, before_all, known.thresholds),
            "representative": messages.ticket_no[best], "previous_rank": None,
            "_members": members, "_tickets": [messages.ticket_no[i] for i in members], "_votes": int(votes[members].sum()), "_burst": heat.burst(at, window), "_near": float(groups.nearness[members].mean()),
        })  # fmt: skip
    heat.rank(topics, known.heat, messages.has_votes)
    taken: set[str] = set()
    for topic in topics:
        while topic["topic_id"] in taken:
            topic["topic_id"] = _hash(topic["topic_id"] + messages.ticket_no[topic["_members"][0]])
        taken.add(topic["topic_id"])
    return topics


def _representative(members: list[int], groups: Clusters, messages: Messages) -> int:
    """The message nearest to the middle; of equally near ones the earliest."""
    return max(members, key=lambda i: (round(float(groups.nearness[i]), 3), bool(messages.title[i]), -i))


def _keywords(groups: Clusters, members: list[int]) -> list[str]:
    middle = np.asarray(groups.weights[members].mean(axis=0)).ravel()
    middle[[i for i in np.flatnonzero(middle) if groups.words[i].startswith(_CATEGORY)]] = 0
    return [groups.words[i].lstrip("#") for i in np.argsort(-middle, kind="stable")[:6] if middle[i] > 0]


def _place(named: Counter[str], members: int, towns: tuple[str, ...]) -> str | None:
    """Where a topic is: the smallest area or the town that a third of its messages name, and the place that half of them do."""
    usual = [place for place, times in named.most_common(3) if times * 3 >= members]
    area = next((p for p in usual if areas(p) == [p]), None) or next((p for p in usual if p.endswith(towns)), "")
    spot = next((p for p in usual if p != area and named[p] * 2 >= members), "")
    return (area + spot) or None


def _period(at: Sequence[datetime]) -> str | None:
    days = sorted(a.date() for a in at)
    return f"{days[0]} 至 {days[-1]}" if days else None


def _identity(earliest: int, titles: list[str], bodies: list[str]) -> str:
    return _hash(titles[earliest] + bodies[earliest])


def _hash(text: str) -> str:
    return "T" + hashlib.blake2s(text.encode(), digest_size=5).hexdigest()


def _follow(topics: list[dict[str, Any]], earlier: Earlier) -> None:
    """Give each topic the id of the earlier one most of whose messages it holds, the largest overlap first."""
    old_of = earlier.topic_of
    size = Counter(old_of.values())
    shared: Counter[tuple[int, str]] = Counter()
    for index, topic in enumerate(topics):
        for ticket in topic["_tickets"]:
            if ticket in old_of:
                shared[index, old_of[ticket]] += 1
    given: dict[int, str] = {}
    for (index, old), together in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
        if (
            index not in given
            and old not in given.values()
            and together * 2 >= min(size[old], topics[index]["tickets"])
        ):
            given[index] = old
    held = set(given.values())
    for index, topic in enumerate(topics):
        if index in given:
            topic["topic_id"] = given[index]
            topic["previous_rank"] = earlier.rank_of.get(given[index])
        elif topic["topic_id"] in held:
            topic["topic_id"] = _hash(topic["topic_id"] + topic["representative"])
