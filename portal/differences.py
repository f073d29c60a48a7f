"""What a new version of a connector changes, line by line in words, for whoever approves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from portal.schedules import MODES, words
from schemas import contract as contracts
from schemas.contract import SHARING, Contract
from schemas.errors import HubError

_TITLES = {
    "title": "名称", "dataset": "数据集", "schedule": "频率", "description": "说明", "timezone": "时区", "pool": "并发池", "enabled": "启用", "owner": "负责人",
    "load.mode": "方式", "load.cursor": "更新时间列", "load.lookback": "回看",
}  # fmt: skip
_GROUPS = {"source": "来源选项", "fields": "对应的列", "constants": "固定值", "codes": "代码写法"}


class Change(NamedTuple):
    """One line: what, as it was and as it is to be; "" where there is nothing."""

    what: str
    was: str
    now: str

    @property
    def mark(self) -> str:
        """Whether the line is new, gone or changed."""
        return "new" if not self.was else "gone" if not self.now else "changed"


def changes(was: Mapping[str, Any] | None, now: Mapping[str, Any], agreed: Contract | None) -> list[Change]:
    """The lines in which two connector documents differ; all of the new one when there was none."""
    old, new = _flat(was or {}), _flat(now)
    return [
        Change(_title(key, agreed), _word(key, old.get(key)), _word(key, new.get(key)))
        for key in dict.fromkeys([*new, *old])
        if old.get(key) != new.get(key)
    ]


def contract_changes(was: str | None, now: str | None) -> list[Change]:
    """The fields in which two contracts differ: title, type, key, level."""
    old, new = _fields(was), _fields(now)
    return [Change(k, old.get(k, ""), new.get(k, "")) for k in dict.fromkeys([*new, *old]) if old.get(k) != new.get(k)]


def _fields(text: str | None) -> dict[str, str]:
    if not text:
        return {}
    try:
        agreed = contracts.parse(text, "契约")
    except HubError:
        return {}
    found = {
        f"{f.title}（{f.name}）": "，".join(
            filter(None, [f.physical_type, f.kind, "主键" if f.key else "", "必填" if f.required and not f.key else "", f.classification])
        )
        for f in agreed.fields.values()
    }  # fmt: skip
    shared = SHARING.get(agreed.sharing, "")
    return found | ({"共享级别": f"{shared}{f'（{agreed.sharing_basis}）' if agreed.sharing_basis else ''}"} if shared else {})  # fmt: skip


def _flat(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def _title(key: str, agreed: Contract | None) -> str:
    if key in _TITLES:
        return _TITLES[key]
    head, _, rest = key.partition(".")
    name, _, more = rest.partition(".")
    if head in {"fields", "constants", "codes"} and agreed and name in agreed.fields:
        name = agreed.fields[name].title
    return f"{_GROUPS.get(head, head)}：{name}{f'“{more}”' if more else ''}" if rest else key


def _word(key: str, value: Any) -> str:
    if value is None:
        return words(None) if key == "schedule" else ""
    if key == "schedule":
        return words(str(value))
    if key == "load.mode":
        return MODES.get(str(value), (str(value),))[0]
    return str(value)
