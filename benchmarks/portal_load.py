"""The portal under load on the demo: two hundred people on the boards and fifty pages that listen, on one machine.

Each user opens a board, reads it for a while, opens the next; answers other than 200 are errors, and so is a stream
that ends or says nothing. With `--browser` a real Chromium tells when a board is first painted, with nothing else on.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import httpx2
import psycopg
from psycopg.rows import dict_row

from portal import accounts, sessions
from portal.site import Site
from warehouse.engines.postgresql import free_port
from warehouse.home import ROOT, Home

FOLDER = ROOT / "var" / "bench" / "portal_load"
BOARDS = ("/boards/indicators", "/boards/hotline", "/boards/rectification")
COOKIE = "hub_session"
_ACCOUNTS = 20
_FIRST_PAINT = (
    "() => new Promise(done => new PerformanceObserver(list => list.getEntries().forEach(e => {"
    " if (e.name === 'first-contentful-paint') done(e.startTime); })).observe({type: 'paint', buffered: true}))"
)


@dataclass
class Seen:
    """What the users met."""

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    bytes: int = 0
    events: int = 0


def _demo(home: Path, scale: float) -> None:
    subprocess.run(
        [Path(sys.executable).with_name("hub"), "demo", "--scale", str(scale)],
        env=os.environ | {"HUB_HOME": str(home)}, cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def _tokens(site: Site, many: int) -> list[str]:
    """Sessions of that many leaders and analysts; the accounts are made once."""
    found = []
    with psycopg.connect(site.home.database_url, row_factory=dict_row) as connection:
        for n in range(many):
            name = f"bench_{n % _ACCOUNTS}"  # a password is slow to hash; two hundred sessions are what counts
            if accounts.find(connection, name) is None:
                accounts.add(
                    connection, name=name, person=f"压测{n}", role=("leader", "analyst")[n % 2], department=None, by="bench@console", approved=True,
                )  # fmt: skip
                connection.execute("UPDATE hub.account SET must_change = false WHERE name = %s", [name])
            account = accounts.find(connection, name)
            assert account is not None
            found.append(sessions.start(site.database, connection, account, "full", "127.0.0.1"))
    return found


def _start(home: Path) -> tuple[subprocess.Popen[bytes], str]:
    port = free_port()
    log = (FOLDER / "portal.log").open("ab")
    process = subprocess.Popen(
        [sys.executable, "-m", "hub.portal", str(port), "1"], cwd=ROOT, env=os.environ | {"HUB_HOME": str(home)}, stdout=log, stderr=log,
    )  # fmt: skip
    address, until = f"http://127.0.0.1:{port}", time.monotonic() + 120
    while time.monotonic() < until:
        try:
            if httpx2.get(f"{address}/readyz", trust_env=False, timeout=5).status_code == 200:
                return process, address
        except httpx2.HTTPError:
            time.sleep(0.3)
    process.kill()
    raise SystemExit("门户没有起来，见 var/bench/portal_load/portal.log")


async def _user(client: httpx2.AsyncClient, token: str, until: float, think: float, seen: Seen) -> None:
    await asyncio.sleep(random.uniform(0, think))
    while time.monotonic() < until:
        place, begun = random.choice(BOARDS), time.monotonic()
        try:
            answer = await client.get(place, headers={"Cookie": f"{COOKIE}={token}", "Accept-Encoding": "gzip"})
            seen.seconds.append(time.monotonic() - begun)
            seen.bytes += len(answer.content)
            if answer.status_code != 200 or "<h1" not in answer.text:
                seen.errors.append(f"{place} {answer.status_code}")
        except httpx2.HTTPError as error:
            seen.errors.append(f"{place} {type(error).__name__}")
        await asyncio.sleep(random.uniform(0.5, 1.5) * think)


async def _listener(client: httpx2.AsyncClient, token: str, until: float, seen: Seen) -> None:
    lines = 0
    try:
        async with client.stream("GET", "/events?seen=none", headers={"Cookie": f"{COOKIE}={token}"}) as stream:
            async for line in stream.aiter_lines():
                lines += bool(line)
                seen.events += line.startswith("event: counts")
                if time.monotonic() > until:
                    break
            else:
                seen.errors.append("/events ended")
    except httpx2.HTTPError as error:
        if time.monotonic() < until:
            seen.errors.append(f"/events {type(error).__name__}")
    if not lines:
        seen.errors.append("/events silent")


async def _load(address: str, tokens: Sequence[str], streams: int, seconds: float, think: float) -> Seen:
    seen, until = Seen(), time.monotonic() + seconds
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx2.AsyncClient(base_url=address, timeout=60, trust_env=False, limits=limits) as client:
        users = [_user(client, token, until, think, seen) for token in tokens]
        listeners = [_listener(client, token, until, seen) for token in tokens[:streams]]
        await asyncio.gather(*users, *listeners)
    return seen


def _painted(address: str, token: str) -> dict[str, dict[str, float]]:
    """Per board: milliseconds to the first paint of a browser with an empty cache, and from a click to the next frame."""
    from playwright.sync_api import sync_playwright

    found: dict[str, dict[str, float]] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
        for place in BOARDS:
            firsts, clicks = [], []
            for _ in range(5):
                context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=address)
                context.add_cookies([{"name": COOKIE, "value": token, "url": address}])
                page = context.new_page()
                page.goto(place, wait_until="load")
                firsts.append(page.evaluate(_FIRST_PAINT))
                clicks.append(page.evaluate(
                    "() => new Promise(done => { const begun = performance.now(); const box = document.querySelector('[data-only], details summary');"
                    " if (box) box.click(); requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun), 0)); })"
                ))  # fmt: skip
                context.close()
            found[place] = {"first_paint_ms": round(median(firsts)), "click_ms": round(median(clicks))}
        browser.close()
    return found


def _part(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def _used(process: subprocess.Popen[bytes]) -> tuple[float, float]:
    """CPU seconds and peak resident megabytes of the portal."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    peak = next(
        line for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if line.startswith("VmHWM")
    )
    return ticks / os.sysconf("SC_CLK_TCK"), int(peak.split()[1]) / 1024


def main() -> int:
    """Run and print; 1 when there was any error."""
    given = argparse.ArgumentParser(prog="python -m benchmarks portal_load")
    given.add_argument("--home", type=Path, help="已有的演示数据目录；不写就新建一个")
    given.add_argument("--scale", type=float, default=1.0)
    given.add_argument("--users", type=int, default=200)
    given.add_argument("--streams", type=int, default=50)
    given.add_argument("--seconds", type=float, default=60)
    given.add_argument("--think", type=float, default=5.0, help="看一页几秒")
    given.add_argument("--browser", action="store_true", help="另用 Chromium 量首屏")
    options = given.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    place = (options.home or FOLDER / f"scale{options.scale:g}").absolute()
    if options.home is None:
        _demo(place, options.scale)
    home = Home(place)
    home.load_env()
    site = Site(home)
    tokens = _tokens(site, options.users)
    process, address = _start(place)
    try:
        painted = _painted(address, tokens[0]) if options.browser else {}
        for token in tokens[:2]:  # what is made once a process is made before the clock starts
            for board in BOARDS:
                httpx2.get(address + board, headers={"Cookie": f"{COOKIE}={token}"}, trust_env=False, timeout=60)
        before, begun = _used(process)[0], time.monotonic()
        seen = asyncio.run(_load(address, tokens, options.streams, options.seconds, options.think))
        took, (after, peak) = time.monotonic() - begun, _used(process)
    finally:
        process.terminate()
        process.wait(30)
    told: dict[str, Any] = {
        "users": options.users, "streams": options.streams, "scale": options.scale, "requests": len(seen.seconds), "per_second": round(len(seen.seconds) / took, 1),
        "errors": len(seen.errors), "p50_ms": round(_part(seen.seconds, 0.5) * 1000), "p95_ms": round(_part(seen.seconds, 0.95) * 1000),
        "p99_ms": round(_part(seen.seconds, 0.99) * 1000), "portal_cpu_seconds": round(after - before, 1), "portal_peak_mb": round(peak), "events": seen.events,
        "painted": painted, "others": sorted(set(seen.errors))[:5],
    }  # fmt: skip
    (FOLDER / f"{time.strftime('%Y%m%dT%H%M%S')}.json").write_text(
        json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8"
    )
    print(json.dumps(told, ensure_ascii=False, indent=1))
    return 1 if seen.errors else 0


if __name__ == "__main__":
    sys.exit(main())
