"""When connectors are asked: one schedule per cron of their files, so that what is due together is one run."""

import re
from collections import defaultdict
from collections.abc import Iterable

import dagster as dg

from connectors.spec import Connector
from pipelines.assets import connector_key

COUNTY_TIME = "Asia/Shanghai"
_WORDS = (("*/", "every"), ("*", "x"), (",", "and"), ("-", "to"), ("/", "per"), (" ", "_"))


def schedules(connectors: Iterable[Connector], views: Iterable[dg.AssetKey]) -> list[dg.ScheduleDefinition]:
    """A schedule for each cron, and one that publishes the views as of the new day."""
    due: dict[str, list[Connector]] = defaultdict(list)
    for connector in connectors:
        if connector.schedule and connector.enabled:
            due[connector.schedule].append(connector)
    found = [
        dg.ScheduleDefinition(
            name=name(cron),
            target=dg.AssetSelection.assets(*(connector_key(c) for c in together)),
            cron_schedule=cron,
            execution_timezone=COUNTY_TIME,
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="采集 " + "、".join(c.title for c in together),
        )
        for cron, together in sorted(due.items())
    ]
    if views := list(views):
        found.append(
            dg.ScheduleDefinition(
                name="new_day",
                target=dg.AssetSelection.assets(*views),
                cron_schedule="5 0 * * *",
                execution_timezone=COUNTY_TIME,
                default_status=dg.DefaultScheduleStatus.RUNNING,
                description="按新的一天重算各专题的视图（超期、剩余天数随日期变化）",
            )
        )
    return found


def name(cron: str) -> str:
    """A cron as a name Dagster takes: `*/10 * * * *` → `cron_every10_x_x_x_x`."""
    for sign, word in _WORDS:
        cron = cron.replace(sign, word)
    return "cron_" + re.sub(r"\W", "_", cron)
