"""The asset graph: connector → dataset → view.

    [department, name]      what one source has to give, taken in by `warehouse.load`; group = department
    ["dataset", name]       the shared dataset its connectors feed; `enterprise` also rests on every dataset that names one
    ["view", board, name]   a board's view, on the datasets and views its SQL reads

Connectors are steps of their own, so that one that fails stops no other. Datasets and views are one step,
`pipelines.run.settle`: linking enterprises and publishing belong to one transaction of thought, and a step costs
half a second. It follows by automation condition once the connectors it rests on are through, whichever of them failed.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from connectors.spec import Connector
from pipelines import checks
from pipelines.failures import NO_RUN_RETRY, RETRY, told
from pipelines.resources import Hub
from schemas.contract import Contract
from views.catalog import Catalog, View

if TYPE_CHECKING:
    from views.publish import Published
    from warehouse.load import BatchResult

_KINDS = {"postgresql": "postgres", "exchange": "postgres", "http": "api"}
_MODES = {
    "cursor": "按更新时间增量",
    "full": "全量",
    "file": "逐份文件追加",
    "file_full": "整本台账",
    "exchange": "前置机增删改",
}

# What a dataset or view waits for: something above it is new and nothing above it is still on its way. A connector
# that has never succeeded is not waited for. Latched by since_last_handled: a failed run is not asked for again
# until there is something new, else each tick would start one.
FOLLOWS = (
    dg.AutomationCondition.any_deps_updated().since_last_handled()
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
)


class Taking(dg.Config):
    """How a connector is run."""

    replay_from: int | None = None
    """Batch number: check and merge the landed deliveries from this one on again, without asking the source; 0 = all."""


def connector_key(connector: Connector) -> dg.AssetKey:
    """[department, name]."""
    return dg.AssetKey(connector.id.split("/"))


def dataset_key(dataset: str) -> dg.AssetKey:
    """["dataset", name]."""
    return dg.AssetKey(["dataset", dataset])


def view_key(view: View) -> dg.AssetKey:
    """["view", board, name]."""
    return dg.AssetKey(["view", view.board, view.name.removeprefix(f"{view.board}_")])


def connector_asset(connector: Connector, contract: Contract) -> dg.AssetsDefinition:
    """The asset of one connector. Nothing is materialised when a drop folder held nothing new: freshness then tells."""
    key = connector_key(connector)
    spec = dg.AssetSpec(
        key,
        description=f"{connector.title} → {contract.title}（{contract.dataset}）。{connector.description or contract.purpose}",
        group_name=connector.dept,
        owners=[f"team:{connector.dept}"],
        kinds={_KINDS.get(connector.driver, connector.driver)},
        tags={"dataset": connector.dataset},
        metadata={
            "数据集": connector.dataset, "装载方式": _MODES[connector.mode], "定时": connector.schedule or "不定时",
            "连接器文件": dg.MetadataValue.path(str(connector.path)),
        },
        skippable=True,
    )  # fmt: skip

    @dg.multi_asset(
        specs=[spec], check_specs=checks.specs(key, contract), name=f"{connector.dept}__{key.path[-1]}",
        retry_policy=RETRY, pool=connector.pool,
    )  # fmt: skip
    def take(context: dg.AssetExecutionContext, config: Taking, hub: Hub) -> Iterator[Any]:
        home = hub.home()
        with told(context, home.path / "logs"):
            results = yield from _taken(context, connector, config, hub)
            if results:
                yield dg.MaterializeResult(asset_key=key, metadata=described(results))
            last = hub.last_batch(connector)
            if (
                last and last["verdict"] and last["verdict"]["blocked"]
            ):  # held for a person: running again would not help
                context.instance.add_run_tags(context.run.run_id, NO_RUN_RETRY)
            yield checks.verdict(key, last["verdict"] if last else None)
            yield checks.usable(key)

    return take


def _taken(
    context: dg.AssetExecutionContext, connector: Connector, config: Taking, hub: Hub
) -> Generator[Any, None, list["BatchResult"]]:
    from warehouse.load import load, replay

    home, last = hub.home(), hub.last_batch(connector)
    before = last["batch_id"] if last else 0
    try:
        if config.replay_from is None:
            return load(connector, home, judge=hub.judge())
        return replay(connector, home, hub.committed_after(connector, config.replay_from - 1), judge=hub.judge())
    except Exception:
        # What was committed before the failure is in the library, and the boards should follow it.
        if done := hub.committed_after(connector, before):
            yield dg.MaterializeResult(
                asset_key=connector_key(connector), metadata={"批次": _numbers(done), "状态": "中途出错"}
            )
        raise


def described(results: Iterable["BatchResult"]) -> dict[str, Any]:
    """Counts and durations of some batches, as metadata people read."""
    from warehouse.load import summary

    results = list(results)
    sums = summary(results)
    titles = {
        "extracted": "抽取", "new_rows": "新增", "changed_rows": "更新", "unchanged_rows": "不变", "closed_rows": "关闭",
        "quarantined": "隔离", "repaired": "修复", "warned": "提醒",
    }  # fmt: skip
    metadata: dict[str, Any] = {title: sums[name] for name, title in titles.items()}
    stages: dict[str, float] = {}
    for result in results:
        for stage, seconds in result.seconds.items():
            stages[stage] = round(stages.get(stage, 0) + seconds, 3)
    metadata["耗时"] = round(sum(stages.values()), 3)
    metadata["各段耗时"] = dg.MetadataValue.json(stages)
    metadata["批次"] = _numbers(r.batch_id for r in results if r.batch_id)
    if held := [r.delivery for r in results if r.status == "held"]:
        metadata["拦下"] = "、".join(held)
    if notes := [finding["message"] for r in results for finding in r.findings]:
        metadata["发现"] = "；".join(dict.fromkeys(notes))
    refused: dict[str, int] = {}
    for result in results:
        for rule, rows in result.by_rule.items():
            refused[rule] = refused.get(rule, 0) + rows
    if refused:
        metadata["命中规则"] = dg.MetadataValue.json(refused)
    return metadata


def dataset_specs(connectors: Iterable[Connector], contracts: Mapping[str, Contract]) -> list[dg.AssetSpec]:
    """A dataset for each that has a connector, and `enterprise` when any of them names one."""
    sources: dict[str, list[dg.AssetKey]] = {}
    for connector in connectors:
        sources.setdefault(connector.dataset, []).append(connector_key(connector))
    named = [dataset for dataset in sources if contracts[dataset].party and dataset != "enterprise"]
    if named and "enterprise" in contracts:
        sources.setdefault("enterprise", []).extend(dataset_key(dataset) for dataset in named)
    return [
        dg.AssetSpec(
            dataset_key(dataset),
            deps=deps,
            description=f"{contracts[dataset].title}：{contracts[dataset].purpose}。{contracts[dataset].grain}。",
            group_name="shared",
            owners=[_team(contracts[dataset].owner)],
            kinds={"postgres", "table"},
            metadata={"契约版本": contracts[dataset].version, "字段数": len(contracts[dataset].fields)},
            freshness_policy=_freshness(contracts[dataset]),
            automation_condition=FOLLOWS,
            skippable=True,
        )
        for dataset, deps in sorted(sources.items())
    ]


def view_specs(catalog: Catalog, datasets: Iterable[dg.AssetKey]) -> list[dg.AssetSpec]:
    """A view for each .sql; reference tables and datasets without a connector are not drawn."""
    known = set(datasets)
    specs = []
    for view in catalog.views.values():
        above = [
            view_key(catalog.views[name]) if name in catalog.views else dataset_key(name)
            for name in sorted(view.inputs)
        ]
        known.add(view_key(view))
        specs.append(
            dg.AssetSpec(
                view_key(view),
                deps=[key for key in above if key in known],
                description=f"{view.title}：{view.question}{view.grain}。",
                group_name=f"board_{view.board}",
                owners=[_team(view.owner)],
                kinds={"postgres", "sql"},
                metadata={"表": f"board.{view.name}", "文件": dg.MetadataValue.path(str(view.path))},
                automation_condition=FOLLOWS,
                skippable=True,
            )
        )
    return specs


def settled(
    connectors: Iterable[Connector], contracts: Mapping[str, Contract], catalog: Catalog
) -> dg.AssetsDefinition:
    """Datasets and views: what changed is linked, published and told."""
    datasets = dataset_specs(connectors, contracts)
    views = view_specs(catalog, [spec.key for spec in datasets])
    names = {spec.key: spec.key.path[-1] for spec in datasets}
    by_name = {view.name: view for view in catalog.views.values()}
    by_key = {view_key(view): view for view in catalog.views.values()}
    across = [
        dg.AssetCheckSpec(
            checks.ACROSS,
            asset=key,
            description="；".join(rule.description for rule in contracts[name].rules if rule.spec.get("type") == "sql"),
        )
        for key, name in names.items()
        if any(rule.spec.get("type") == "sql" for rule in contracts[name].rules)
    ]

    @dg.multi_asset(
        specs=[*datasets, *views], check_specs=across, can_subset=True, name="settle", retry_policy=RETRY, pool="settle"
    )
    def settle(context: dg.AssetExecutionContext, hub: Hub) -> Iterator[Any]:
        from pipelines.run import find_topics
        from pipelines.run import settle as go

        home, chosen = hub.home(), context.op_execution_context.selected_asset_keys
        with told(context, home.path / "logs"):
            changed = {names[key] for key in chosen if key in names}
            if not changed:  # views alone were asked for
                changed = set().union(*(by_key[key].inputs for key in chosen)) - by_name.keys()
            published = go(home, changed) + find_topics(home)
            for key in (key for key in chosen if key in names):
                yield dg.MaterializeResult(asset_key=key)
            for done in published:
                yield from _published(context, done, by_name.get(done.name), chosen)
            for check in context.op_execution_context.selected_asset_check_keys:
                yield _across(hub, check.asset_key, contracts[names[check.asset_key]])
            if wrong := [done.error for done in published if done.error]:
                raise dg.Failure("\n".join(wrong), allow_retries=False)

    return settle


def _published(
    context: dg.AssetExecutionContext, done: "Published", view: View | None, chosen: Iterable[dg.AssetKey]
) -> Iterator[Any]:
    """What became of one view. One that was due without being asked for (a new day, a new text) is told as an event."""
    if done.error or view is None:
        return
    metadata = {"行数": done.rows, "内容有变": done.changed, "耗时": round(done.seconds, 3)}
    if view_key(view) in chosen:
        yield dg.MaterializeResult(asset_key=view_key(view), metadata=metadata)
    else:
        context.log_event(dg.AssetMaterialization(view_key(view), metadata=metadata))


def _across(hub: Hub, key: dg.AssetKey, contract: Contract) -> dg.AssetCheckResult:
    from quality.expectations import judge_shared

    home = hub.home()
    found = judge_shared(contract, home.database_url, home.path / "great_expectations")
    return checks.verdict(key, asdict(found), name=checks.ACROSS)


def _freshness(contract: Contract) -> dg.FreshnessPolicy | None:
    latency = contract.sla_seconds("latency")
    if latency is None:
        return None
    return dg.FreshnessPolicy.time_window(fail_window=timedelta(seconds=max(latency, 60)))


def _team(owner: str) -> str:
    """The owning department's code; its name as written when no department bears it."""
    from schemas.reference import department_of

    found = department_of(owner)
    return f"team:{found.code if found else owner or 'unknown'}"


def _numbers(batches: Iterable[int]) -> str:
    return "、".join(str(batch) for batch in batches)
