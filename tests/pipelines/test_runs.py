"""Runs of the assets: what is told, what follows, what is tried again."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from pipelines.failures import NO_RUN_RETRY, RETRY, told
from pipelines.run import prepare
from pipelines.sensors import look
from schemas.errors import ConfigError, HubError, SourceChanged, SourceUnavailable, WarehouseUnavailable
from tests.integration.test_privacy import MOBILES, RESIDENTS
from tests.pipelines.conftest import CALLBACK_KEY, DATASET_KEY, DEAD_KEY, asked, drop, run
from warehouse.home import Home

VIEW_KEY = dg.AssetKey(["view", "hotline", "three_rates_by_department"])
Make = Callable[[], dg.Definitions]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def materialised(done: dg.ExecuteInProcessResult, key: dg.AssetKey) -> dict[str, object]:
    events = [e for e in done.get_asset_materialization_events() if e.asset_key == key]
    return {name: value.value for name, value in events[-1].materialization.metadata.items()} if events else {}


def test_a_delivery_is_taken_in_judged_and_followed_by_its_views(
    home: Home, inbox: Path, definitions: Make, instance: dg.DagsterInstance
) -> None:
    prepare(home)
    defs = definitions()
    before = asked(defs, instance)
    drop(inbox, "a.csv", range(30))
    done = run(defs, instance, CALLBACK_KEY)
    assert done.success
    told = materialised(done, CALLBACK_KEY)
    assert (told["抽取"], told["新增"], told["更新"], told["不变"], told["关闭"], told["隔离"]) == (30, 30, 0, 0, 0, 0)
    assert float(str(told["耗时"])) > 0
    checks = {check.check_name: check for check in done.get_asset_check_evaluations()}
    assert checks["batch"].passed
    assert checks["connector_file"].passed
    table = checks["batch"].metadata["明细"]
    assert isinstance(table, dg.TableMetadataValue)
    assert {record.data["检查"] for record in table.records} >= {"accepted_rows", "round_repeats"}

    after = asked(defs, instance, before.cursor)
    assert after.get_num_requested(DATASET_KEY) == 1
    assert after.get_num_requested(VIEW_KEY) == 1
    followed = run(defs, instance, DATASET_KEY, VIEW_KEY)
    assert followed.success
    assert "行数" in materialised(followed, VIEW_KEY)

    # Nothing new in the folder: nothing is materialised, so freshness sees the silence; the check keeps its word.
    again = run(defs, instance, CALLBACK_KEY)
    assert again.success
    assert materialised(again, CALLBACK_KEY) == {}
    assert {check.check_name for check in again.get_asset_check_evaluations()} == {"batch", "connector_file"}


def test_a_dead_source_stops_no_other_and_is_not_asked_for_again_and_again(
    home: Home, inbox: Path, definitions: Make, instance: dg.DagsterInstance
) -> None:
    prepare(home)
    defs = definitions()
    before = asked(defs, instance)
    drop(inbox, "a.csv", range(3))
    done = run(defs, instance, CALLBACK_KEY, DEAD_KEY)
    assert not done.success
    assert materialised(done, CALLBACK_KEY)["新增"] == 3
    retried = [e for e in done.all_events if e.is_step_restarted]
    assert [e.step_key for e in retried] == ["tax__assignment"]
    run_tags = instance.get_run_by_id(done.run_id)
    assert run_tags is not None
    assert not NO_RUN_RETRY.items() <= run_tags.tags.items()
    follow = asked(defs, instance, before.cursor)
    assert follow.get_num_requested(DATASET_KEY) == 1
    assert follow.get_num_requested(dg.AssetKey(["dataset", "hotline_assignment"])) == 0
    quiet = asked(defs, instance, follow.cursor)
    assert quiet.total_requested == 0


def test_a_changed_file_is_held_and_what_came_with_it_is_followed(
    home: Home, inbox: Path, definitions: Make, instance: dg.DagsterInstance
) -> None:
    prepare(home)
    drop(inbox, "a.csv", range(3))
    bad = drop(inbox, "b.csv", range(3, 6), header="编号,工单,轮次,时间,接通,满不满意")
    os.utime(bad, (bad.stat().st_atime, (inbox / "a.csv").stat().st_mtime + 1))  # files are read in the order they came
    done = run(definitions(), instance, CALLBACK_KEY)
    assert not done.success
    assert not [e for e in done.all_events if e.is_step_restarted]
    told = materialised(done, CALLBACK_KEY)
    assert (told["新增"], told["拦下"]) == (3, bad.name)
    batch = next(c for c in done.get_asset_check_evaluations() if c.check_name == "batch")
    assert not batch.passed
    assert "满不满意" in str(batch.description)
    found = instance.get_run_by_id(done.run_id)
    assert found is not None
    assert NO_RUN_RETRY.items() <= found.tags.items()


def test_what_dagster_keeps_of_a_run_holds_no_personal_values(
    home: Home, inbox: Path, definitions: Make, instance: dg.DagsterInstance
) -> None:
    prepare(home)
    taken = drop(inbox, f"a{MOBILES[0]}.csv", range(30))
    taken.write_text(taken.read_text("utf-8").replace("是,已解决", f"{MOBILES[1]},{RESIDENTS[0]}", 1), encoding="utf-8")
    drop(inbox, f"b{RESIDENTS[1]}.csv", range(30, 33), header=f"编号,工单,轮次,时间,接通,{MOBILES[2]}")
    done = run(definitions(), instance, CALLBACK_KEY)
    assert not done.success
    kept = f"{instance.all_logs(done.run_id)}{instance.get_run_by_id(done.run_id)}"
    assert "callback" in kept
    assert [value for value in (*MOBILES, *RESIDENTS) if value in kept] == []


def test_a_landed_delivery_is_taken_in_again_without_its_file(
    home: Home, inbox: Path, definitions: Make, instance: dg.DagsterInstance
) -> None:
    prepare(home)
    path = drop(inbox, "a.csv", range(5))
    defs = definitions()
    assert run(defs, instance, CALLBACK_KEY).success
    path.unlink()
    done = run(
        defs, instance, CALLBACK_KEY, config={"ops": {"hotline_office__callback": {"config": {"replay_from": 0}}}}
    )
    assert done.success
    told = materialised(done, CALLBACK_KEY)
    assert (told["抽取"], told["新增"], told["不变"]) == (5, 0, 5)


def test_rules_across_datasets_are_asked_of_the_library(
    home: Home, departments: Path, definitions: Make, instance: dg.DagsterInstance
) -> None:
    prepare(home)
    (departments / "tax" / "measure.yaml").write_text(
        "title: 整改措施\ndataset: rectification_measure\nsource: {driver: csv, path: '${HUB_SOURCE_INBOX}/m*.csv'}\nload: {mode: file}\n"
        "fields: {measure_id: 编号, problem_no: 问题, seq: 序号, content: 措施}\n",
        encoding="utf-8",
    )
    key = dg.AssetKey(["dataset", "rectification_measure"])
    done = run(definitions(), instance, key)
    assert done.success
    (found,) = done.get_asset_check_evaluations()
    assert (found.check_name, found.passed, found.metadata["检查项"].value) == ("across_datasets", True, 1)
    with psycopg.connect(home.database_url) as connection:
        connection.execute("DROP VIEW shared.rectification_measure CASCADE")
    (found,) = run(definitions(), instance, key).get_asset_check_evaluations()
    assert not found.passed
    assert "没有算成" in str(found.description)


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (SourceUnavailable("县税务局", "连不上"), 2),
        (WarehouseUnavailable("共享库", "另一个任务正在装载"), 2),
        (ConfigError("tax/refund.yaml", "没有这个字段"), 1),
        (SourceChanged("退税台账.xlsx", "少了一列"), 1),
        (ValueError("李四 13800001111"), 1),
    ],
)
def test_only_what_may_pass_by_itself_is_tried_again(
    error: Exception, attempts: int, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    tries = []

    @dg.op(retry_policy=dg.RetryPolicy(max_retries=1))
    def step(context: dg.OpExecutionContext) -> None:
        tries.append(1)
        with told(context, tmp_path / "logs"):
            raise error

    @dg.job
    def job() -> None:
        step()

    done = job.execute_in_process(instance=instance, raise_on_error=False)
    assert len(tries) == attempts
    found = instance.get_run_by_id(done.run_id)
    assert found is not None
    assert (NO_RUN_RETRY.items() <= found.tags.items()) == (attempts == 1)
    events = "".join(str(event) for event in done.all_events)
    if isinstance(error, HubError):
        assert error.what in events
        assert not (tmp_path / "logs").exists()
    else:
        assert "13800001111" not in events  # an unforeseen error's text may quote a row
        (log,) = (tmp_path / "logs").iterdir()
        assert "13800001111" in log.read_text(encoding="utf-8")
        assert log.stat().st_mode & 0o077 == 0


def test_a_source_is_tried_again_with_growing_pauses() -> None:
    pauses = [RETRY.calculate_delay(n) for n in (1, 2, 3)]
    assert RETRY.max_retries == 3
    assert all(pause <= RETRY.delay * 2**n for n, pause in enumerate(pauses, 1))


def test_dropped_files_are_hashed_once_and_known_by_content(
    inbox: Path, definitions: Make, monkeypatch: pytest.MonkeyPatch, departments: Path
) -> None:
    from connectors.files import FileDriver
    from connectors.spec import load_registry

    opened: list[str] = []
    inspect = FileDriver.inspect
    monkeypatch.setattr(FileDriver, "inspect", lambda self, path: opened.append(path.name) or inspect(self, path))
    watched = [c for c in load_registry(departments) if c.mode == "file"]
    drop(inbox, "a.csv", range(3))
    drop(inbox, "~b.csv.part", range(3))
    new, known, troubles = look(watched, {})
    assert ([c.id for c, _ in new], opened, troubles) == (["hotline_office/callback"], ["a.csv"], [])
    assert look(watched, known) == ([], known, [])
    drop(inbox, "a.csv", range(4))
    (again,), known, _ = look(watched, known)
    assert again[1] != new[0][1]
    (inbox / "a.csv").touch()
    new, known, _ = look(watched, known)
    assert new == []  # the same bytes under a new time
    assert opened == ["a.csv", "a.csv", "a.csv"]
    drop(inbox, "a.csv", range(4, 8))
    sent = (inbox / "a.csv").stat()
    _, known, _ = look(watched, known)
    content = (inbox / "a.csv").read_bytes()
    (inbox / "a.csv").write_bytes(content.replace(b"7", b"9"))  # as long, and its time set back as cp -p does
    os.utime(inbox / "a.csv", ns=(sent.st_atime_ns, sent.st_mtime_ns))
    (over,), known, _ = look(watched, known)
    (inbox / "a.csv").write_bytes(content)
    (back,), known, _ = look(watched, known)
    assert len({again[1], over[1], back[1]}) == 3  # a run for each, also for what was there before
    monkeypatch.delenv("HUB_SOURCE_INBOX")
    new, known, troubles = look(watched, known)
    assert (new, known) == ([], {})
    assert "HUB_SOURCE_INBOX" in troubles[0]


def test_the_sensor_asks_once_for_the_same_content(inbox: Path, definitions: Make, home: Home) -> None:
    defs = definitions()
    drop(inbox, "a.csv", range(3))
    sensor = defs.resolve_sensor_def("file_drops")
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, resources={"hub": defs.resources["hub"]})
        first = sensor.evaluate_tick(context)
        assert [r.asset_selection for r in first.run_requests or []] == [[CALLBACK_KEY]]
        second = sensor.evaluate_tick(
            dg.build_sensor_context(instance=instance, cursor=first.cursor, resources={"hub": defs.resources["hub"]})
        )
    assert not second.run_requests
    assert second.skip_message == "没有新文件"
