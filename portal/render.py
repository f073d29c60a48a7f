"""Templates, and how numbers, days and texts look on every page."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from portal.kinds import kind_of
from portal.menu import menu
from portal.roles import can
from portal.schedules import words
from portal.standing import span
from schemas.contract import SHARING
from schemas.errors import WarehouseUnavailable
from schemas.identifiers import COUNTY_TIME

if TYPE_CHECKING:
    from portal.accounts import Account
    from portal.web import Visit

ROOM = Path(__file__).parent
DASH = "—"  # stands where there is no value: not zero, unknown


def number(value: Any, places: int | None = None) -> str:
    """A number with thousands apart; NULL as a dash. Without `places` a decimal keeps two at most; what is not zero never reads as zero."""
    if value is None:
        return DASH
    if places is not None:
        text = f"{value:,.{places}f}"
    elif isinstance(value, (float, Decimal)):
        text = f"{value:,.2f}".rstrip("0").rstrip(".")
    else:
        text = f"{value:,}"
    if text.strip("-0.") == "":
        text = f"{value:.2g}" if value else text.lstrip("-")
    return "−" + text[1:] if text.startswith("-") else text


def signed(value: Any, places: int = 2) -> str:
    """A difference, with its sign shown."""
    if value is None:
        return DASH
    return ("+" if value > 0 else "") + number(value, places)


def short(text: str | None, most: int = 14) -> str:
    """A text cut to some characters, with a mark where it was cut."""
    whole = (text or DASH).strip()
    return whole if len(whole) <= most else whole[: most - 1] + "…"


def size(count: int) -> str:
    """Bytes of a paper, in whole KB."""
    return f"{max(round(count / 1024), 1):,} KB"


def moment(value: Any) -> str:
    """A day or a minute of the county's clock."""
    if value is None:
        return DASH
    if isinstance(value, datetime):
        local = value.astimezone(COUNTY_TIME) if value.tzinfo else value
        return local.strftime("%Y-%m-%d %H:%M")
    return value.isoformat() if isinstance(value, date) else str(value)


def exact(value: Any) -> str:
    """A value of a result as text that loses nothing: a moment on the county's clock to its second, JSON as JSON; NULL as no text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime):
        local = value.astimezone(COUNTY_TIME) if value.tzinfo else value
        return local.replace(tzinfo=None).isoformat(" ")
    if isinstance(value, timedelta):
        rest = str(value - timedelta(days=value.days))
        return f"{value.days} 天 {rest}" if value.days else rest
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value.isoformat() if isinstance(value, date) else str(value)


def day(value: Any) -> str:
    """A moment of which the hour is not known, or does not matter, as its day."""
    if isinstance(value, datetime) and (value.hour, value.minute) == (0, 0):
        return value.date().isoformat()
    return moment(value)


def unnumbered(text: str | None, number: Any) -> str:
    """A list item without its own "1." where the table has the number in a column."""
    return re.sub(rf"^\s*{re.escape(str(number))}\s*[.．、)）]\s*", "", text or "") or DASH


_NAMES = re.compile(r"(?:.*_)?(?:year|id|no|code|seq)\Z")  # of columns whose whole numbers are names, not amounts


def cell(value: Any, column: str = "", places: int | None = None) -> str:
    """Any value of a result as one table cell shows it; a decimal with `places`, which are its column's."""
    if value is None:
        return DASH
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if _NAMES.match(column) else number(value)
    if isinstance(value, (Decimal, float)):
        return number(value, places)
    if isinstance(value, datetime) and not (value.second or value.microsecond):
        return moment(value)
    return exact(value)


def places(rows: Iterable[Mapping[str, Any]], column: str, most: int = 2) -> int | None:
    """How many decimals a column's cells show, `most` at most, so that its points stand under each other."""
    texts = [f"{r[column]:.{most}f}".rstrip("0") for r in rows if isinstance(r[column], (Decimal, float))]
    return max((len(t.partition(".")[2]) for t in texts), default=None)


def numeric(value: Any) -> bool:
    """Whether the cell stands right-aligned."""
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def as_json(value: Any) -> Markup:
    """JSON for a data attribute or a script of type application/json; safe inside HTML."""
    text = json.dumps(value, ensure_ascii=False, default=lambda v: float(v) if isinstance(v, Decimal) else str(v))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


@cache
def static(name: str) -> str:
    """The address of a file of the pages, which changes with its content, so that browsers may keep it for good."""
    return f"/static/{name}?v={hashlib.sha256((ROOM / 'static' / name).read_bytes()).hexdigest()[:12]}"


@pass_context
def person(context: Context, name: str | None) -> str:
    """Who an account is, by name; the account itself when nobody of the portal has it (a console, the hub)."""
    return context["site"].people.get(name or "", name or DASH)  # type: ignore[no-any-return]


@cache
def environment() -> Environment:
    """The Jinja environment; every value is escaped and an unknown one is an error."""
    made = Environment(
        loader=FileSystemLoader(ROOM / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": number,
        "signed": signed,
        "moment": moment,
        "size": size,
        "day": day,
        "unnumbered": unnumbered,
        "cell": cell,
        "json": as_json,
        "span": span,
        "person": person,
    }
    from portal import charts, drawing  # they write numbers as this module does

    made.filters |= {"drawn": drawing.data_uri, "dark": charts.dark}
    made.tests["numeric"] = numeric
    made.globals |= {
        "places_of": places,
        "static": static,
        "schedule_words": words,
        "driver_words": lambda driver: kind_of(driver).title,
        "sharing_words": lambda key: SHARING.get(key, "契约没有写，按有条件共享办"),
    }
    return made


def render(visit: Visit, template: str, values: dict[str, Any]) -> str:
    """A page as text."""
    user = visit.session.account if visit.session and visit.session.stage == "full" else None
    said = visit.request.cookies.get("hub_said", "")
    common = {
        "site": visit.site, "user": user, "nonce": visit.nonce, "path": visit.request.url.path, "csrf": visit.session.csrf if visit.session else "",
        "menu": menu(user, visit.request.url.path) if user else [], "may": lambda action, thing=None: can(user, action, thing),
        "query": dict(visit.request.query_params), "said": _said(said), "display": visit.request.query_params.get("display", ""),
        "wall": visit.request.query_params.get("display") == "wall", "other": _other(visit),
        "waiting": _waiting(visit, user),
    }  # fmt: skip
    return environment().get_template(template).render(common | values)


def _other(visit: Visit) -> str:
    """This page's address with its filters but without `display`, to add one: "?" or "?month=2026-09&"."""
    kept = [(k, v) for k, v in visit.request.query_params.multi_items() if k != "display"]
    return f"?{urlencode(kept)}&" if kept else "?"


def _waiting(visit: Visit, user: Account | None) -> dict[str, int]:
    """The counts in the head; the page's stream goes on from them."""
    live = getattr(visit.request.app.state, "live", None)
    if user is None or live is None:
        return {"inbox": 0, "notices": 0}
    try:
        return dict(live.now(user.account_id))
    except WarehouseUnavailable:  # an error page says so itself
        return {"inbox": 0, "notices": 0}


def _said(kept: str) -> tuple[str, str] | None:
    """What the page before left to be said: "good" or "bad", and the words."""
    how, _, text = kept.partition(".")
    try:
        return (how, bytes.fromhex(text).decode()) if how in {"good", "bad"} else None
    except (ValueError, UnicodeDecodeError):
        return None
