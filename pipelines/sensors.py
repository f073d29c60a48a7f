"""What starts runs besides the clock: files dropped into folders, and assets whose upstream is new."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import dagster as dg

from connectors.spec import Connector
from pipelines.assets import connector_key
from pipelines.resources import Hub
from schemas.errors import HubError

_SECONDS = 30
DROPS = "file_drops"


def automation() -> dg.AutomationConditionSensorDefinition:
    """Evaluates the automation conditions of datasets, views and checks of broken files."""
    return dg.AutomationConditionSensorDefinition(
        name="follow",
        target=dg.AssetSelection.all() | dg.AssetSelection.all_asset_checks(),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=_SECONDS,
        description="来源有了新数据，随后更新共享数据集和专题视图",
    )


def file_drops(connectors: Iterable[Connector]) -> dg.SensorDefinition | None:
    """One sensor over every drop folder; None when no connector reads files."""
    watched = [c for c in connectors if c.mode in {"file", "file_full"} and c.enabled]
    if not watched:
        return None

    @dg.sensor(
        name=DROPS,
        target=dg.AssetSelection.assets(*(connector_key(c) for c in watched)),
        minimum_interval_seconds=_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="部门放进文件夹的新文件，传完即采集",
    )
    def sense(context: dg.SensorEvaluationContext, hub: Hub) -> dg.SensorResult:
        hub.home()  # its settings name the folders
        new, known, troubles = look(watched, json.loads(context.cursor or "{}"))
        cursor = json.dumps(known, ensure_ascii=False)
        if not new:
            return dg.SensorResult(skip_reason="；".join(troubles) or "没有新文件", cursor=cursor)
        told = sorted(f"{connector.id}:{arrival}" for connector, arrival in new)
        request = dg.RunRequest(
            run_key=hashlib.sha256("\n".join(told).encode()).hexdigest(),
            asset_selection=sorted({connector_key(connector) for connector, _ in new}),
        )
        return dg.SensorResult(run_requests=[request], cursor=cursor)

    return sense


def look(
    connectors: Iterable[Connector], known: dict[str, list[Any]]
) -> tuple[list[tuple[Connector, str]], dict[str, list[Any]], list[str]]:
    """(new content per connector and when it came, what is known now, folders that could not be read).

    `known` is path -> [size, modified ns, changed ns, sha256]; only a file that is not in it as it stands is opened. A
    file still being written is left for the next look. One folder that cannot be read hides no other. Content that was
    overwritten and is put back is new, at another time.
    """
    from connectors.drivers import open_driver
    from connectors.files import FileDriver, stamp

    new: list[tuple[Connector, str]] = []
    found: dict[str, list[Any]] = {}
    troubles: list[str] = []
    folders: dict[tuple[str, str], list[Connector]] = defaultdict(list)
    for connector in connectors:
        folders[str(connector.source.get("path")), str(connector.source.get("marker"))].append(connector)
    for together in folders.values():
        try:
            driver = open_driver(together[0])
            assert isinstance(driver, FileDriver)
            states = {path: list(stamp(path)) for path in driver.paths()}
            fresh = [path for path, state in states.items() if known.get(str(path), [])[:-1] != state]
            found |= {str(path): known[str(path)] for path in states if path not in fresh}
            for path in driver.complete() if fresh else ():
                if path in fresh:
                    sha = driver.inspect(path).sha256
                    found[str(path)] = [*states[path], sha]
                    if known.get(str(path), [""])[-1] != sha:
                        new += [(connector, f"{sha}@{states[path][-1]}") for connector in together]
        except (HubError, OSError) as error:
            troubles.append(str(error))
    return new, found, troubles
