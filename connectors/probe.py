"""Proof that a source works, step by step: the first step that fails names the true cause and the cure.

A driver gives the steps (resolve, connect, login, read, list); each may take ten seconds, so a dead host is
told in ten seconds and not after a client library's own patience.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from connectors.drivers import open_driver
from connectors.drivers.base import Step
from schemas.errors import HubError

if TYPE_CHECKING:
    from connectors.drivers.base import Driver
    from connectors.spec import Connector

STEP_SECONDS = 10.0
TITLES = {"resolve": "找到地址", "connect": "连通", "login": "登录", "read": "读取", "list": "核对列"}


def probe(connector: Connector) -> list[Step]:
    """All steps of one connector's probe; the last one tells whether it works."""
    return list(open_driver(connector).probe())


def run(driver: Driver) -> Iterator[Step]:
    """The driver's steps one after another, up to the first that fails."""
    for name, action in driver.steps():
        step = timed(driver, name, action)
        yield step
        if not step.ok:
            return


def timed(driver: Driver, name: str, action: Callable[[], str]) -> Step:
    """One step's outcome, whatever happens, within STEP_SECONDS."""
    outcome: list[Step] = []
    begun = time.monotonic()

    def act() -> None:
        try:
            outcome.append(Step(name, True, driver.secrets.hide(action())))
        except HubError as error:
            outcome.append(
                Step(name, False, driver.secrets.hide(f"{error.where}：{error.what}"), driver.secrets.hide(error.cure))
            )
        except Exception as error:  # a probe reports whatever happens
            outcome.append(
                Step(
                    name,
                    False,
                    driver.secrets.hide(f"{driver.where}：{type(error).__name__} {error}"),
                    "请把这段话发给维护人员",
                )
            )

    # A thread, because a name lookup or a client library may wait far beyond its own time-out.
    worker = threading.Thread(target=act, name=f"probe-{name}", daemon=True)
    worker.start()
    worker.join(STEP_SECONDS)
    seconds = round(time.monotonic() - begun, 3)
    if not outcome:
        driver.cancel()  # nobody waits for it: it must not go on burdening the source
        return Step(
            name,
            False,
            f"{driver.where}：{TITLES[name]}超过 {STEP_SECONDS:.0f} 秒没有结果",
            "请检查网络和源系统负载后重试",
            seconds,
        )
    done = outcome[0]
    return Step(done.name, done.ok, done.message, done.cure, seconds)
