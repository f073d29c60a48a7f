"""What shows as a check beside an asset: the verdict on its newest batch, and whether its own file can be used."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg

from schemas.contract import Contract
from schemas.errors import HubError

# Check names are ASCII by Dagster's rule; what people read is the description.
BATCH = "batch"
FILE = "connector_file"
ACROSS = "across_datasets"

_SHOWN = {
    "name": "检查",
    "field": "字段",
    "success": "通过",
    "severity": "程度",
    "observed": "实际",
    "message_zh": "说明",
}


def specs(key: dg.AssetKey, contract: Contract) -> list[dg.AssetCheckSpec]:
    """The checks of one connector."""
    rules = "；".join(
        rule.description for rule in contract.rules if rule.scope == "batch" and rule.spec.get("type") != "sql"
    )
    return [
        dg.AssetCheckSpec(BATCH, asset=key, description=f"最近一批整体是否合乎数据契约。{rules}", blocking=True),
        dg.AssetCheckSpec(FILE, asset=key, description="连接器文件能否使用。"),
    ]


def verdict(key: dg.AssetKey, found: Mapping[str, Any] | None, *, name: str = BATCH) -> dg.AssetCheckResult:
    """A verdict as a check result: an error when the batch is held, a warning when something is amiss."""
    if found is None:
        return dg.AssetCheckResult(
            passed=True, asset_key=key, check_name=name, description="没有整批要求，或还没有交付过。"
        )
    results = sorted(found["results"], key=lambda r: (r["success"], r["severity"] != "error"))
    failed = [r["message_zh"] for r in results if not r["success"]]
    severity = dg.AssetCheckSeverity.ERROR if found["blocked"] else dg.AssetCheckSeverity.WARN
    metadata: dict[str, Any] = {"检查项": len(results), "未通过": len(failed), "明细": _table(results)}
    if found.get("docs_path"):
        metadata["报告"] = dg.MetadataValue.path(found["docs_path"])
    return dg.AssetCheckResult(
        passed=bool(found["passed"]), asset_key=key, check_name=name, severity=severity, metadata=metadata,
        description=" ".join(failed) or f"{len(results)} 项全部通过。",
    )  # fmt: skip


def usable(key: dg.AssetKey) -> dg.AssetCheckResult:
    """The file of a connector that has just been run can be used."""
    return dg.AssetCheckResult(passed=True, asset_key=key, check_name=FILE, description="连接器文件可用。")


def broken(connector: str, error: HubError) -> tuple[dg.AssetSpec, dg.AssetChecksDefinition]:
    """A connector whose file cannot be used: it stays in the graph, with a check that says what is wrong.

    The check runs when the file is found broken and each hour until it is mended.
    """
    dept, _, name = connector.partition("/")
    key = dg.AssetKey([_ascii(dept), _ascii(name)])
    spec = dg.AssetSpec(key, group_name=_ascii(dept), description=f"连接器文件用不了：{error}", owners=[f"team:{dept}"])
    hourly = dg.AutomationCondition.cron_tick_passed("0 * * * *", "Asia/Shanghai")

    @dg.asset_check(
        asset=key,
        name=FILE,
        description="连接器文件能否使用。",
        automation_condition=dg.AutomationCondition.newly_missing() | hourly,  # type: ignore[arg-type] # serves checks too
    )
    def check() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.ERROR, description=str(error))

    return spec, check


def _table(results: Iterable[Mapping[str, Any]]) -> dg.TableMetadataValue:
    records = [dg.TableRecord({title: _cell(r[name]) for name, title in _SHOWN.items()}) for r in results]
    kinds = {"success": "bool"}
    columns = [dg.TableColumn(title, kinds.get(name, "string")) for name, title in _SHOWN.items()]
    return dg.MetadataValue.table(records, dg.TableSchema(columns))


def _cell(value: object) -> str | bool:
    if isinstance(value, bool):
        return value
    return {"error": "拦下整批", "warning": "提醒"}.get(str(value), "" if value is None else str(value))


def _ascii(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", name)
