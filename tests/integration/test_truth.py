"""Whose value stands: the owner's, until a person decides otherwise; what disagrees becomes a case that closes itself."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import psycopg
import pytest

from connectors.spec import Connector
from connectors.spec import load as load_connector
from hub.cli import main
from pipelines.run import prepare, run
from schemas.contract import contract, contracts
from tests.integration.drops import uscc
from warehouse import keyring, survivorship, truth
from warehouse.engines.adbc import Connection
from warehouse.home import Home

A, B = "91510999MA7TE5T00T", "91510999000000860Q"
RIGHT, WRONG = "县鑫源商贸有限公司", "县鑫源商贸有限公可"
HEADER = "序号,代码,名称,状态,变更时间,住所,法人"
FIELDS = "{record_no: 序号, uscc: 代码, name: 名称, status: 状态, updated_at: 变更时间, reg_address: 住所, legal_rep_masked: 法人}"


@pytest.fixture
def put(tmp_path: Path, home: Home) -> Callable[..., None]:
    """Send a department's whole register and run it."""
    prepare(home)
    connectors: dict[str, Connector] = {}

    def go(department: str, *rows: str) -> None:
        folder = tmp_path / department
        folder.mkdir(exist_ok=True)
        if department not in connectors:
            path = tmp_path / "connectors" / department / "register.yaml"
            path.parent.mkdir(parents=True)
            path.write_text(
                f"title: {department}\ndataset: enterprise\nsource: {{driver: csv, path: '{folder}/*.csv', settle: 0, allow_empty: true}}\n"
                f"load: {{mode: file_full}}\nfields: {FIELDS}\n",
                encoding="utf-8",
            )
            connectors[department] = load_connector(path)
        number = len(list(folder.iterdir()))
        (folder / f"{number}.csv").write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
        report = run([connectors[department]], home)
        assert not report.failures, report.failures

    return go


def row(
    number: int, code: str, name: str, at: str = "2026-01-05 09:00:00", status: str = "存续", address: str = "", person: str = ""
) -> str:  # fmt: skip
    return f"{number},{code},{name},{status},{at},{address},{person}"


def shown(database: str, columns: str) -> list[tuple[str | None, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(f"SELECT {columns} FROM shared.enterprise ORDER BY uscc".encode()).fetchall()


def golden(database: str) -> dict[str, str]:
    with psycopg.connect(database) as connection:
        return dict(connection.execute("SELECT uscc, name FROM shared.enterprise").fetchall())


def cases(database: str, every: bool = True) -> list[tuple[str, str | None]]:
    with psycopg.connect(database) as connection:
        found = truth.conflicts(connection, every=every)
    return [(case["said"]["name"], case["outcome"]) for case in sorted(found, key=lambda c: c["conflict_id"])]


def decided(*words: str) -> None:
    assert (
        main(["conflict", "decide", *words, "--by", "李四", "--reason", "电询 13908255417", "--evidence", "档案 118"])
        == 0
    )


def number_of(database: str) -> str:
    with psycopg.connect(database) as connection:
        [case] = truth.conflicts(connection)
        assert case["due_on"] > case["opened_on"]
        assert "条例" in case["legal_basis"]
        return str(case["conflict_id"])


def test_the_owner_stands_and_the_other_is_a_case_that_closes_when_corrected(put: Callable[..., None], database: str) -> None:  # fmt: skip
    put("tax", row(7, A, WRONG, at="2026-02-01 09:00:00"))
    assert golden(database) == {A: WRONG}  # the only one to say anything
    put("market_supervision", row(1, A, RIGHT), row(2, B, "县宏达建材有限公司"))
    assert golden(database) == {A: RIGHT, B: "县宏达建材有限公司"}
    assert cases(database) == [(WRONG, None)]
    put("tax", row(7, A, " 县鑫源商贸有限公司 ", at="2026-03-01 09:00:00"))
    assert cases(database) == [(WRONG, "agreed")]
    put("tax", row(7, A, WRONG), row(8, B, "县宏达建材公司"))
    assert [said for said, _ in cases(database, every=False)] == [WRONG, "县宏达建材公司"]
    put("tax", row(8, B, "县宏达建材有限公司"))
    assert cases(database)[1:] == [(WRONG, "withdrawn"), ("县宏达建材公司", "agreed")]


@pytest.mark.parametrize(("stage", "linked"), [("identity.resolve", {}), ("publish", {A: RIGHT})])
def test_a_run_cut_off_before_its_end_is_made_good_by_the_next(
    put: Callable[..., None],
    home: Home,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    linked: dict[str, str],
) -> None:
    put("market_supervision", row(2, B, "县宏达建材有限公司"))
    with monkeypatch.context() as patch:
        patch.setattr(f"pipelines.run.{stage}", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            put("market_supervision", row(1, A, RIGHT), row(2, B, "县宏达建材有限公司"))
    others = {B: "县宏达建材有限公司"}
    assert golden(database) == linked | others
    made = {view.name for view in run([], home).published}  # nothing new
    assert golden(database) == {A: RIGHT} | others
    assert "hotline_enterprise_tickets" in made
    assert "hotline_enterprise_tickets" not in {view.name for view in run([], home).published}


def test_a_verdict_stands_until_the_source_moves(put: Callable[..., None], database: str, capfd: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    put("market_supervision", row(1, A, RIGHT))
    put("tax", row(7, A, WRONG))
    number = number_of(database)
    decided(number, "--keep", "other")
    assert golden(database) == {A: WRONG}
    put("tax", row(7, A, WRONG, status="注销"))
    assert cases(database)[0] == (WRONG, "overruled")
    enterprise = _enterprise(database)
    capfd.readouterr()
    assert main(["trace", "enterprise", enterprise, "name", "-o", "json"]) == 0
    claims = json.loads(capfd.readouterr().out)
    assert {(c["connector"], c["stands"]) for c in claims} <= {("market_supervision/register", True), ("market_supervision/register", False), ("tax/register", False)}  # fmt: skip
    put("market_supervision", row(1, A, "县鑫源贸易有限公司"))
    assert golden(database) == {A: "县鑫源贸易有限公司"}
    with psycopg.connect(database) as connection:
        [(because,)] = connection.execute("SELECT expired_because FROM hub.verdict").fetchall()
    assert because == "moved"


@pytest.mark.parametrize(
    ("value", "stands"),
    [("status=注消了", None), ("status_on=三月", None), ("name=" + "长" * 201, None), ("status= 吊销 ", "吊销"), ("status_on=2026-03-31", "2026-03-31")],
)  # fmt: skip
def test_a_third_value_is_one_that_can_stand(
    put: Callable[..., None], database: str, value: str, stands: str | None
) -> None:
    put("market_supervision", row(1, A, RIGHT))
    put("tax", row(7, A, WRONG))
    words = [
        "conflict",
        "decide",
        number_of(database),
        "--value",
        value,
        "--by",
        "李四",
        "--reason",
        "核实",
        "--evidence",
        "档案",
    ]
    assert main(words) == (1 if stands is None else 0)
    told = shown(database, f"{value.partition('=')[0]}::text")
    assert told == [(stands,)] if stands else cases(database) == [(WRONG, None)]
    put("tax", row(7, A, RIGHT))  # later runs go on


def test_a_case_that_a_merge_made_is_closed_by_the_parting(put: Callable[..., None], home: Home, database: str) -> None:
    put("market_supervision", row(1, A, RIGHT), row(2, B, "县宏达建材有限公司"))
    put("tax", row(8, B, "县宏达建材有限公司"))
    with psycopg.connect(database) as connection:
        ids = [one for (one,) in connection.execute("SELECT enterprise_id FROM shared.enterprise").fetchall()]
    assert main(["identity", "merge", *ids, "--by", "王芳", "--reason", "以为是同一家"]) == 0
    run([], home)
    with psycopg.connect(database) as connection:
        [(elder,)] = connection.execute("SELECT enterprise_id FROM shared.enterprise").fetchall()
    [younger] = set(ids) - {elder}
    with psycopg.connect(database) as connection:
        opened = [case["outcome"] for case in truth.conflicts(connection)]
    assert opened
    assert set(opened) == {None}
    assert main(["identity", "unmerge", younger, "--by", "王芳", "--reason", "两家企业"]) == 0
    run([], home)
    with psycopg.connect(database) as connection:
        assert [case["outcome"] for case in truth.conflicts(connection, every=True)] == ["regrouped"] * len(opened)
    assert golden(database) == {A: RIGHT, B: "县宏达建材有限公司"}


def test_keeping_the_owners_value_is_not_asked_again(put: Callable[..., None], database: str) -> None:
    put("market_supervision", row(1, A, RIGHT))
    put("tax", row(7, A, WRONG))
    decided(number_of(database), "--keep", "owner")
    put("tax", row(7, A, WRONG), row(9, B, "县宏达建材有限公司"))
    assert cases(database) == [(WRONG, "kept")]
    put("tax", row(7, A, "县鑫原商贸有限公司"))
    assert cases(database) == [(WRONG, "kept"), ("县鑫原商贸有限公司", None)]


def test_a_signature_holds_after_the_key_is_rotated_and_not_after_a_word_is_changed(
    put: Callable[..., None], database: str, home: Home, capfd: pytest.CaptureFixture[str]
) -> None:
    put("market_supervision", row(1, A, RIGHT))
    put("tax", row(7, A, WRONG))
    number = number_of(database)
    with psycopg.connect(database) as connection:
        keyring.rotate(connection, home, by="赵六", reason="到期")
    decided(number, "--keep", "other")

    def signed_under() -> int | None:
        capfd.readouterr()
        assert main(["conflict", "show", number, "-o", "json"]) == 0
        [case] = json.loads(capfd.readouterr().out)
        return case["signed_under"]  # type: ignore[no-any-return]

    assert signed_under() == 1
    with psycopg.connect(database) as connection:
        assert truth.conflict(connection, int(number))["reason"] == "电询 139****5417"
        keyring.rotate(connection, home, by="赵六", reason="又到期")
    assert signed_under() == 1
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE hub.verdict SET reason = '另有原因'")
    assert signed_under() is None


def test_trace_tells_source_file_row_rule_and_losers(put: Callable[..., None], database: str, capfd: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    put("market_supervision", row(2, B, "县宏达建材有限公司"), row(1, A, RIGHT))
    put("tax", row(7, A, WRONG))
    with psycopg.connect(database) as connection:
        [(enterprise,)] = connection.execute(
            "SELECT enterprise_id FROM shared.enterprise WHERE uscc = %s", [A]
        ).fetchall()
    capfd.readouterr()
    assert main(["trace", "enterprise", enterprise, "name", "-o", "json"]) == 0
    stands, loser = json.loads(capfd.readouterr().out)
    assert (stands["connector"], stands["rule"], stands["source_key"], stands["delivery"], stands["source_row"]) == ("market_supervision/register", "owner", "1", "0.csv", 3)  # fmt: skip
    assert stands["said"]["name"] == RIGHT
    assert (loser["connector"], loser["stands"], loser["said"]["name"]) == ("tax/register", False, WRONG)
    assert loser["conflict_id"] is not None
    assert main(["trace", "enterprise", enterprise, "nmae"]) == 2
    assert main(["conflict", "count"]) == 0
    assert "market_supervision" in capfd.readouterr().out


def test_withdrawal_withdraws_the_values_and_names_have_a_history(put: Callable[..., None], database: str) -> None:
    put("market_supervision", row(1, A, "县老名字商行", at="2024-01-01 00:00:00"))
    put("market_supervision", row(1, A, RIGHT, at="2026-01-05 00:00:00"))
    with psycopg.connect(database) as connection:
        found = connection.execute("SELECT name, valid_from::date::text, valid_to::date::text FROM shared.enterprise_name ORDER BY valid_from").fetchall()  # fmt: skip
        assert found == [("县老名字商行", "2024-01-01", "2026-01-05"), (RIGHT, "2026-01-05", None)]
        kept = connection.execute("SELECT record ->> 'name' FROM hub.enterprise_history").fetchall()
        assert kept == [("县老名字商行",)]
    put("tax", row(7, A, WRONG, status="注销"))
    put("market_supervision", row(2, B, "县宏达建材有限公司"))
    assert golden(database)[A] == WRONG  # the register takes its row back: the next source stands


def test_whom_no_source_names_any_more_is_gone_until_one_does(put: Callable[..., None], database: str, capfd: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    put("market_supervision", row(1, A, RIGHT), row(2, B, "县宏达建材有限公司"))
    put("tax", row(7, A, WRONG))
    was = shown(database, "enterprise_id, name")
    with psycopg.connect(database) as connection:
        [(then,)] = connection.execute("SELECT to_char(clock_timestamp() AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS.US')").fetchall()  # fmt: skip
    put("market_supervision", row(2, B, "县宏达建材有限公司"))
    assert golden(database)[A] == WRONG
    assert cases(database) == [(WRONG, "withdrawn")]  # the owner took its word back: they do not agree
    put("tax", row(8, B, "县宏达建材有限公司"))
    assert golden(database) == {B: "县宏达建材有限公司"}
    assert main(["trace", "enterprise", A]) == 0
    assert "没有哪个来源现在还说到它" in capfd.readouterr().err
    for options in (["--as-of", then], ["--as-of", then, "--valid-on", "2026-05-01"]):
        capfd.readouterr()
        assert main(["query", "SELECT enterprise_id, name FROM enterprise ORDER BY uscc", "-o", "csv", *options]) == 0
        assert [tuple(line) for line in csv.reader(capfd.readouterr().out.splitlines()[1:])] == was
    assert main(["query", "SELECT name FROM enterprise", "-o", "csv", "--valid-on", "2026-05-01"]) == 0
    assert capfd.readouterr().out.split()[1:] == ["县宏达建材有限公司"]
    put("market_supervision", row(2, B, "县宏达建材有限公司"), row(1, A, RIGHT))
    assert shown(database, "enterprise_id, name") == was


def test_the_registers_words_are_its_own_whoever_used_them_first(put: Callable[..., None], database: str, capfd: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    put("tax", row(7, A, "城南幼儿园"))
    put("hotline_office", row(1, A, RIGHT))  # has nothing in common with the first: held
    assert golden(database) == {A: "城南幼儿园"}
    put("market_supervision", row(1, A, RIGHT))
    assert golden(database) == {A: RIGHT}
    capfd.readouterr()
    assert main(["identity", "review", "-o", "json"]) == 0
    assert [(c["kind"], c["names"]) for c in json.loads(capfd.readouterr().out)] == [
        ("same_code_other_name", "城南幼儿园")
    ]
    put("hotline_office", row(2, B, "县宏达建材有限公司"))  # the register still says it
    assert golden(database)[A] == RIGHT


def test_an_owner_that_says_nothing_is_disagreed_with_by_nobody(put: Callable[..., None], database: str) -> None:
    put("market_supervision", row(1, A, RIGHT, address="无", person="暂无"))
    put("tax", row(7, A, RIGHT, address="朝阳街2号", person="张三"))
    put("hotline_office", row(7, A, RIGHT, address="朝阳街3号", person="不详"))
    assert shown(database, "reg_address, legal_rep_masked") == [("朝阳街2号", "张*")]
    with psycopg.connect(database) as connection:
        assert truth.conflicts(connection, every=True) == []


def test_one_value_written_in_several_ways_is_no_conflict(put: Callable[..., None], database: str) -> None:
    name, address = "四川省示例县鑫源（集团）商贸有限公司", "四川省示例县城关镇朝阳街12号"
    put("market_supervision", row(1, A, name, address=address))
    for other, place in (
        ("示例县鑫源(集团)商贸有限公司", "城关镇朝阳街十二号"),
        ("遂宁市示例县鑫源〔集团〕商贸有限公司（存续）", "示例县城关镇朝阳街１２＃"),
    ):
        put("tax", row(7, A, other, address=place))
        assert [(c, o) for c, o in cases_of(database) if o is None] == []
    put("tax", row(7, A, "射洪县鑫源（集团）商贸有限公司", address="城关镇朝阳街13号"))
    assert [group for group, outcome in cases_of(database) if outcome is None] == ["address", "name_status"]


def cases_of(database: str) -> list[tuple[str, str | None]]:
    with psycopg.connect(database) as connection:
        return sorted(((c["field_group"], c["outcome"]) for c in truth.conflicts(connection, every=True)), key=str)


def test_a_register_that_is_as_it_was_before_says_so(put: Callable[..., None], home: Home, database: str) -> None:
    """A whole register put right is the very bytes of an earlier one, under a new name."""
    put("tax", row(7, A, RIGHT))
    put("market_supervision", row(1, A, RIGHT, address="朝阳街1号"))
    put("market_supervision", row(1, A, RIGHT, address="朝阳街9号"))
    put("market_supervision", row(1, A, RIGHT, address="朝阳街1号"))
    assert shown(database, "reg_address") == [("朝阳街1号",)]
    put("market_supervision", row(1, A, RIGHT, address="朝阳街1号"))
    with psycopg.connect(database) as connection:
        told = connection.execute("SELECT status, changed_rows FROM hub.batch WHERE batch_id > 1 ORDER BY batch_id")
        assert told.fetchall() == [("committed", 0), ("committed", 1), ("committed", 1), ("skipped", 0)]


def test_of_a_sources_rows_the_one_the_data_calls_newest_stands(put: Callable[..., None], database: str, capfd: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    new, old = row(7, A, RIGHT, at="2026-06-01 00:00:00", address="朝阳街2号"), row(8, A, RIGHT, at="2025-06-01 00:00:00", address="旧街1号")  # fmt: skip
    put("tax", new)
    put("tax", new, old)  # the old row came last
    assert shown(database, "reg_address") == [("朝阳街2号",)]
    capfd.readouterr()
    assert main(["trace", "enterprise", A, "reg_address", "-o", "json"]) == 0
    assert [(c["source_key"], c["rule"]) for c in json.loads(capfd.readouterr().out)] == [("7", "recency"), ("8", None)]


def test_a_new_owner_stands_from_now_on_and_the_past_has_its_own(
    put: Callable[..., None], home: Home, database: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    put("market_supervision", row(1, A, RIGHT, address="朝阳街1号"))
    put("tax", row(7, A, RIGHT, address="朝阳街2号"))
    with psycopg.connect(database) as connection:
        [(then,)] = connection.execute("SELECT to_char(clock_timestamp() AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS.US')").fetchall()  # fmt: skip

    def past() -> list[str]:
        told = []
        for view, *options in (["enterprise"], ["enterprise", "--valid-on", "2026-05-01"], ["enterprise_provenance"]):
            capfd.readouterr()
            assert main(["query", f"SELECT * FROM {view}", "-o", "csv", "--as-of", then, *options]) == 0
            told.append(capfd.readouterr().out)
        return told

    was = past()
    for agreed in (contract("enterprise"), contracts()["enterprise"]):
        fields = {n: replace(f, owner="tax") if f.group == "address" else f for n, f in agreed.fields.items()}
        monkeypatch.setitem(agreed.__dict__, "fields", fields)
    prepare(home)
    run([], home)  # nothing new but the contract
    assert shown(database, "reg_address") == [("朝阳街2号",)]
    with psycopg.connect(database) as connection:
        told = [(c["owner"], c["outcome"]) for c in truth.conflicts(connection, every=True)]
    assert sorted(told, key=str) == [("market_supervision", "moved"), ("tax", None)]
    assert past() == was


def test_there_is_one_owner_at_a_time(home: Home, database: str) -> None:
    prepare(home)
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT department FROM hub.data_owner WHERE field_group = 'name_status'").fetchall() == [("market_supervision",)]  # fmt: skip
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO hub.data_owner VALUES ('enterprise', 'name_status', 'tax', '2020-01-01')")


def _enterprise(database: str) -> str:
    with psycopg.connect(database) as connection:
        [(found,)] = connection.execute("SELECT enterprise_id FROM shared.enterprise").fetchall()
    return str(found)


def test_where_values_came_from_and_former_names_as_they_were_known(put: Callable[..., None], database: str, capfd: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    put("market_supervision", row(1, A, RIGHT))
    put("tax", row(7, A, WRONG))
    decided(number_of(database), "--keep", "other")
    with psycopg.connect(database) as connection:
        [(then,)] = connection.execute("SELECT to_char(clock_timestamp() AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS.US')").fetchall()  # fmt: skip

    def asked(*options: str) -> list[str]:
        told = []
        for view, order in (
            ("enterprise_provenance", "field_group, connector"),
            ("enterprise_name", "connector, valid_from"),
        ):
            capfd.readouterr()
            assert main(["query", f"SELECT * FROM {view} ORDER BY {order}", "-o", "csv", *options]) == 0
            told.append(capfd.readouterr().out)
        return told

    was = asked()
    assert {c["verdict_id"] for c in csv.DictReader(was[0].splitlines()) if '"name"' in c["said"]} == {"1"}
    put("market_supervision", row(1, A, "县鑫源贸易有限公司", at="2026-02-05 09:00:00"))
    put("tax", row(7, A, "县鑫源贸易有限公司"))
    assert asked() != was
    assert asked("--as-of", then) == was


VIEWS = (
    "enterprise", "enterprise_version", "enterprise_record", "enterprise_name", "enterprise_provenance", "enterprise_conflict",
    "enterprise --valid-on 2026-01-15", "enterprise_provenance --valid-on 2026-01-15",
)  # fmt: skip


def test_any_registers_merges_and_partings_give_the_models_golden_records_and_leave_the_past_as_it_was(
    put: Callable[..., None], home: Home, database: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whole registers of three departments, merges and partings at random (seed 2 found names of one time in another order)."""
    drawn, departments = Random(2), ("market_supervision", "tax", "hotline_office")
    codes = [uscc(n) for n in range(1, 6)]
    names = {code: f"县{letter}商贸有限公司" for code, letter in zip(codes, "甲乙丙丁戊", strict=True)}
    said: dict[str, dict[str, str]] = {}  # department -> code -> address, in the order departments first came
    elder: dict[str, str] = {}
    past = []

    def asked(at: str) -> list[str]:
        told = []
        for view in VIEWS:
            capfd.readouterr()
            name, *options = view.split()
            assert main(["query", f"SELECT * FROM {name}", "-o", "csv", "--as-of", at, *options]) == 0
            told.append(capfd.readouterr().out)
        return told

    def root(one: str) -> str:
        return root(elder[one]) if one in elder else one

    def model() -> dict[str, tuple[str, str | None]]:
        """Root -> name and address: the owner's row first, then by the order of sources, then of keys."""
        found: dict[str, tuple[str, str | None]] = {}
        order = sorted(said, key=lambda d: d != "market_supervision")
        for one in {root(ids[code]) for rows in said.values() for code in rows}:
            spoken = [
                (code, rows[code])
                for rows in map(said.__getitem__, order)
                for code in sorted(rows)
                if root(ids[code]) == one
            ]
            found[one] = names[spoken[0][0]], next((address for _, address in spoken if address), None)
        return found

    ids: dict[str, str] = {}
    for _ in range(10):
        step, known = drawn.choice(["put", "put", "put", "merge", "merge", "part"]), sorted(ids)
        if step == "put" or len(known) < 2:
            department = drawn.choice(departments)
            said[department] = {c: drawn.choice(["", "朝阳街1号", "南门街2号"]) for c in codes if drawn.random() < 0.6}
            number = 100 * len(past)
            rows = [
                row(number + n, c, names[c], at=f"2026-0{1 + len(past) % 2}-01 00:00:00", address=a)
                for n, (c, a) in enumerate(said[department].items())
            ]
            put(department, *rows)
        elif step == "merge" and root(ids[known[0]]) != root(ids[known[-1]]):
            first, second = (root(ids[code]) for code in drawn.sample([known[0], known[-1]], 2))
            assert main(["identity", "merge", first, second, "--by", "王芳", "--reason", "合"]) == 0
            with psycopg.connect(database) as connection:
                merged = connection.execute("SELECT elder::text, younger::text FROM hub.enterprise_merge ORDER BY merge_id DESC LIMIT 1").fetchone()  # fmt: skip
            assert merged is not None
            elder[merged[1]] = merged[0]
        elif elder:
            parted = drawn.choice(sorted(elder))
            assert main(["identity", "unmerge", parted, "--by", "王芳", "--reason", "拆"]) == 0
            del elder[parted]
        with psycopg.connect(database) as connection:
            ids = {code[2:]: one for code, one in connection.execute("SELECT key, enterprise_id::text FROM hub.enterprise_key WHERE kind = 'uscc'")}  # fmt: skip
            [(at,)] = connection.execute("SELECT (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::text").fetchall()
        assert {
            str(one): (name, address) for one, name, address in shown(database, "enterprise_id, name, reg_address")
        } == model()
        past.append((at, asked(at)))
    for at, was in past:
        assert asked(at) == was
    with Connection(database) as warehouse:
        assert survivorship.refresh(warehouse, contract("enterprise"), whole=True) == 0
