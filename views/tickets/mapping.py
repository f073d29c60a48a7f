"""Which column of a ticket file is what: presets first, then the alias dictionary; a person's mapping beats both.

Source: schemas/ticket_files.yaml and schemas/column_alias.yaml; Open311 GeoReport v2 for its own names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from connectors.header import split_unit
from schemas import reference
from schemas.errors import ConfigError, nearest

FILE = Path(reference.__file__).with_name("ticket_files.yaml")
# column_alias.yaml knows these concepts by the contract's field names.
_CONTRACT = {
    "ticket_no": "ticket_no", "recorded_at": "recorded_at", "accepted_at": "accepted_at", "dispatched_at": "dispatched_at",
    "first_contact_at": "first_contact_at", "replied_at": "replied_at", "closed_at": "closed_at", "due_at": "due_at",
    "status": "status", "unit": "main_dept_code", "demand_type": "demand_type", "category": "category_code",
    "place": "town_code", "address": "event_address", "title": "title", "content": "content", "caller": "caller_hash",
    "merged_into": "root_ticket_no", "upstream_no": "upstream_no", "extension": "extension_days", "suspended": "is_suspended",
    "returns": "return_count", "redos": "redo_count", "solved": "solved", "excluded": "exclude_from_assessment",
    "exclude_reason": "exclude_reason", "reply": "reply_public", "updated_at": "updated_at",
}  # fmt: skip
_SETTINGS = {
    "preset",
    "columns",
    "deadline",
    "rule",
    "start",
    "stop",
    "day_order",
    "zone_minutes",
    "states",
    "closed_is_updated",
    "title",
}
_DEADLINES = ("column", "rule", "column_then_rule")


@dataclass(frozen=True)
class Mapping:
    """How one file is read: concept → column, and how its time is judged."""

    preset: str
    columns: dict[str, str]
    deadline: str = "column_then_rule"
    rule: tuple[str, ...] = ()
    start: tuple[str, ...] = ("recorded_at",)
    stop: tuple[str, ...] = ("closed_at",)
    day_order: str | None = None
    zone_minutes: int = 480
    closed_is_updated: bool = False
    states: dict[str, str] = field(default_factory=dict)  # folded spelling → state

    @property
    def is_events(self) -> bool:
        """Whether a row is a step of a ticket's way, not a ticket."""
        return "event_at" in self.columns and bool({"step", "to_status"} & self.columns.keys())


def folded(text: str) -> str:
    """What two spellings of one column name have in common."""
    base, _ = split_unit(text)
    return re.sub(r"[\s_\-:：/·()（）]+", "", unicodedata.normalize("NFKC", base)).casefold()


@cache
def aliases() -> dict[str, tuple[str, ...]]:
    """Concept → spellings, best first."""
    known = reference.column_aliases("hotline_ticket")
    found = {}
    for concept, spellings in _file()["aliases"].items():
        more = known.get(_CONTRACT.get(concept, ""), ())
        found[concept] = tuple(dict.fromkeys([*spellings, concept, *more]))
    return found


@cache
def spellings() -> frozenset[str]:
    """Every known column name, folded."""
    return frozenset(folded(s) for names in aliases().values() for s in names)


def score(row: Sequence[str]) -> int:
    """How many cells of a row are known column names."""
    return len({folded(cell) for cell in row if cell} & spellings())


def fit(
    header: Sequence[str],
    given: Path | None = None,
    preset: str | None = None,
    *,
    columns: dict[str, str] | None = None,
    timed: bool = True,
) -> Mapping:
    """The mapping of a file with this header.

    Args:
        header: The file's column names.
        given: A person's YAML: `columns` (concept: column) and, if need be, the other words of a preset; or just
            concept: column lines.
        preset: The preset to take instead of the recognised one.
        columns: Concept: column, over all others.
        timed: Whether a time of recording is needed.

    Raises:
        ConfigError: a word, concept or column is not known; the text names the nearest.
    """
    said = _given(given) if given else {}
    presets = _file()["presets"]
    name = preset or said.get("preset") or _recognised(header)
    if name not in presets:
        raise ConfigError("preset", f"没有 '{name}' 这个来路", nearest(str(name), presets))
    base = {k: v for k, v in presets[name].items() if k not in ("title", "recognise")}
    where = given.name if given else "preset"
    columns = _columns(header, base.pop("columns", {}), {**said.get("columns", {}), **(columns or {})}, where)
    words = {**base, **{k: v for k, v in said.items() if k not in ("columns", "preset", "states", "title")}}
    for key in ("rule", "start", "stop"):
        if key in words:
            words[key] = tuple([words[key]] if isinstance(words[key], str) else words[key])
    if words.get("deadline", "column") not in _DEADLINES:
        raise ConfigError(
            f"{where}：deadline", f"没有 '{words['deadline']}'", nearest(str(words["deadline"]), _DEADLINES)
        )
    if words.get("day_order") not in (None, "mdy", "dmy"):
        raise ConfigError(f"{where}：day_order", f"没有 '{words['day_order']}'", "月在前写 mdy，日在前写 dmy")
    mapping = Mapping(name, columns, states=_states(said.get("states", {})), **words)
    if timed and "recorded_at" not in columns and not mapping.is_events:
        raise ConfigError(
            "表头", f"认不出哪一列是受理（留言）时间，现有列：{'、'.join(header[:20])}",
            "请用 --mapping 给一个 YAML，写 columns: {recorded_at: 列名, …}",
        )  # fmt: skip
    stops = [c for c in mapping.stop if c in columns]
    return replace(mapping, stop=tuple(stops) or mapping.stop)


def _recognised(header: Sequence[str]) -> str:
    have = {folded(name) for name in header}
    for name, preset in _file()["presets"].items():
        wanted = preset["recognise"]
        if wanted and all(any(folded(one) in have for one in item.split("|")) for item in wanted):
            return str(name)
    ours = have & set(map(folded, ("ticket_no", "main_dept", "main_dept_code", "dispatched_at", "demand_type")))
    return "工单" if ours or re.search("[\u3400-\u9fff]", "".join(header)) else "311"


def _columns(header: Sequence[str], preset: dict[str, str], said: dict[str, str], where: str) -> dict[str, str]:
    by_fold = {folded(name): name for name in reversed(header)}
    known = aliases()
    columns: dict[str, str] = {}
    for concept, column in said.items():
        if concept not in known:
            raise ConfigError(f"{where}：{concept}", "没有这个概念", nearest(concept, known))
        if folded(column) not in by_fold:
            raise ConfigError(f"{where}：{concept}", f"文件里没有列 '{column}'", nearest(column, header))
        columns[concept] = by_fold[folded(column)]
    for concept, column in preset.items():
        if concept not in columns and folded(column) in by_fold:
            columns[concept] = by_fold[folded(column)]
    # The most exact spelling of all pairs goes first, so that 受理时间 is the acceptance only where 来电时间 is there too.
    pairs = sorted(
        (rank, list(known).index(concept), concept, by_fold[folded(one)])
        for concept, names in known.items() if concept not in columns
        for rank, one in enumerate(names) if folded(one) in by_fold
    )  # fmt: skip
    taken = set(columns.values())
    for _, _, concept, column in pairs:
        if concept not in columns and column not in taken:
            columns[concept] = column
            taken.add(column)
    _guess(columns, {fold: name for fold, name in by_fold.items() if name not in taken})
    for told in ("accepted_at", "dispatched_at"):
        if "recorded_at" not in columns and told in columns:
            columns["recorded_at"] = columns[told]
    return columns


def _guess(columns: dict[str, str], free: dict[str, str]) -> None:
    """Add times no alias knows, by the words in their names; `free` is folded name → column not spoken for."""
    for concept, words in _file()["guesses"].items():
        said, dated = "|".join(words), "datetime|date|time|dt|时间|日期|时刻|时限|期限"
        meant = re.compile(rf"(?<!over)({said}).*({dated})|({dated}).*(?<!over)({said})|(?<!over)({said})(at|on|日)$")
        found = [fold for fold in free if meant.search(fold)]
        # «Creation Time» beside «Creation Date» holds the clock only.
        found.sort(key=lambda fold: (not re.search("date|dt", fold), len(fold)))
        chosen = columns.get(concept) or (free[found[0]] if found else None)
        if chosen:
            columns[concept] = chosen
        for fold in found:
            del free[fold]


def _states(said: dict[str, Iterable[str]]) -> dict[str, str]:
    """Folded spelling → state: the hotline's own code set, the general spellings, then what the person says."""
    found = {folded(s): code for s, code in reference.code_sets()["hotline_status"].spellings().items()}
    for source in (_file()["states"], said):
        for state, names in source.items():
            if state not in reference_states():
                raise ConfigError(f"states：{state}", "没有这个状态", nearest(state, reference_states()))
            found |= {folded(name): state for name in names}
    return found


@cache
def reference_states() -> dict[str, str]:
    """State → its Chinese name."""
    return {code.code: code.name for code in reference.code_sets()["hotline_status"].codes}


def _given(path: Path) -> dict[str, Any]:
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(str(path), "找不到这个文件", "请检查 --mapping 的路径") from error
    except yaml.YAMLError as error:
        raise ConfigError(path.name, "不是有效的 YAML", "请检查缩进、冒号和引号") from error
    if not isinstance(loaded, dict):
        raise ConfigError(path.name, "内容是空的", "请写 columns: {recorded_at: 列名, …}")
    if not _SETTINGS & loaded.keys() or ("columns" not in loaded and not loaded.keys() <= _SETTINGS):
        loaded = {"columns": loaded}
    for word in loaded.keys() - _SETTINGS:
        raise ConfigError(f"{path.name}：{word}", "没有这一项", nearest(str(word), _SETTINGS))
    return loaded


@cache
def _file() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(FILE.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return loaded
