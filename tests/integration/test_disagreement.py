"""Who says otherwise than the owner: each source for itself, and not in another spelling; and whom only others name, on which days."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from hub.cli import main
from pipelines.run import prepare, settle
from tests.integration.drops import deliver, uscc
from warehouse import truth
from warehouse.home import Home

A, B = uscc(1), uscc(2)
RIGHT, WRONG = "县鑫源商贸有限公司", "县鑫源商贸有限公可"
Tell = Callable[..., None]


@pytest.fixture
def tell(tmp_path: Path, home: Home) -> Tell:
    """A department hands in all it has of a dataset."""
    prepare(home)

    def go(department: str, dataset: str, *rows: dict[str, str]) -> None:
        folder = tmp_path / department
        folder.mkdir(exist_ok=True)
        names = list(dict.fromkeys(name for row in rows for name in row))
        lines = [",".join(names), *(",".join(f'"{row.get(name, "")}"' for name in names) for row in rows)]
        deliver(home, folder, dataset, lines, dept=department)
        settle(home, {dataset})

    return go


def firm(number: int, code: str, name: str, **more: str) -> dict[str, str]:
    return {"record_no": str(number), "uscc": code, "name": name, "updated_at": "2026-01-05 09:00:00", **more}


def applied(utility: str, *names: tuple[str, str]) -> list[dict[str, str]]:
    return [
        {"apply_no": f"{utility}{n}", "utility": utility, "applied_at": "2026-02-01 09:00:00", "enterprise_code": code, "enterprise_name": name}
        for n, (code, name) in enumerate(names)
    ]  # fmt: skip


def cases(database: str) -> list[tuple[str, str, str | None]]:
    """Connector, what it says, outcome."""
    with psycopg.connect(database) as connection:
        found = truth.conflicts(connection, every=True)
    return [(c["connector"], *c["said"].values(), c["outcome"]) for c in sorted(found, key=lambda c: c["conflict_id"])]


def test_sources_that_use_the_same_words_have_a_case_each(tell: Tell, database: str, capfd: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """A verdict on one source's word is not given on another's, and falls when that source moves, whatever the other says."""
    water, power = "water/utility_connection", "power/utility_connection"
    tell("market_supervision", "enterprise", firm(1, A, RIGHT), firm(2, B, "县宏达建材有限公司"))
    tell("water", "utility_connection", *applied("water", (A, WRONG)))
    tell("power", "utility_connection", *applied("power", (A, WRONG)))
    assert cases(database) == [(water, WRONG, None), (power, WRONG, None)]
    capfd.readouterr()
    assert main(["trace", "enterprise", A, "name", "-o", "json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert [(c["connector"], c["source_key"], c["conflict_id"]) for c in told[1:]] == [(power, "POWER0", 2), (water, "WATER0", 1)]  # fmt: skip

    words = ["--by", "李四", "--reason", "核实", "--evidence", "档案"]
    assert main(["conflict", "decide", "1", "--keep", "other", *words]) == 0
    assert cases(database) == [(water, WRONG, "overruled"), (power, WRONG, None)]
    tell("water", "utility_connection", *applied("water", (A, RIGHT)))
    assert cases(database) == [(water, WRONG, "overruled"), (power, WRONG, None)]
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT expired_because FROM hub.verdict").fetchall() == [("agreed",)]
        assert connection.execute("SELECT name FROM shared.enterprise WHERE uscc = %s", [A]).fetchall() == [(RIGHT,)]
    capfd.readouterr()
    assert main(["trace", "enterprise", A, "name", "-o", "json"]) == 0
    assert {(c["connector"], c["said"]["name"]) for c in json.loads(capfd.readouterr().out)} == {
        ("market_supervision/enterprise", RIGHT), (water, RIGHT), (power, WRONG),
    }  # fmt: skip
    tell("power", "utility_connection", *applied("power", (B, "县宏达建材有限公司")))
    assert cases(database) == [(water, WRONG, "overruled"), (power, WRONG, "withdrawn")]


EQUAL = [
    {"region_code": ("510999", "510999000000")}, {"region_code": ("510999101", "510999101000")},
    {"status_on": ("2026年1月5日", "20260105")}, {"established_on": ("二〇二〇年三月一日", "2020-03-01")},
    {"reg_capital": ("壹佰万元整", "1,000,000.00")}, {"reg_capital": ("￥1000000", "100万元人民币"), "currency": ("人民币", "156")},
    {"phone_masked": ("（0825）5412345", "5412345")}, {"phone_masked": ("+86 138-0825-5417", "１３８０８２５５４１７")},
    {"phone_masked": ("13808255417", "见门头招牌")}, {"legal_rep_masked": ("张 三", "张三")},
    {"entity_kind": ("有限责任公司（自然人独资）", "有限责任公司(自然人独资)")}, {"status": ("存续（在营、开业、在册）", "开业")},
    {"size_class": ("小型企业", "小")}, {"scope": ("销售：建材、五金。", "销售:建材、五金")},
    {"reg_address": ("四川省示例县太和镇朝阳街12号", "太和镇朝阳街十二号")}, {"biz_address": ("太和镇朝阳街12号（自主申报）", "示例县太和镇朝阳街十二号")},
    {"town_code": ("太和镇", "510999100000")}, {"parent_name": ("四川省示例县鑫源（集团）公司", "示例县鑫源(集团)公司（存续）")},
    {"enterprise_code": ("{uscc}", "510999000000010"), "reg_no": ("510999000000010", "")}, {"industry_code": ("ｆ5112", "F5112")},
]  # fmt: skip
OTHER = [
    {"region_code": ("510999101000", "510999")}, {"phone_masked": ("0825-5412345", "0816-5412345")}, {"biz_address": ("太和镇朝阳街12号", "太和镇朝阳街13号")},
    {"parent_name": ("示例县鑫源公司", "示例县宏达公司")}, {"scope": ("销售建材", "销售五金")}, {"enterprise_code": ("{uscc}", "510999000000010")},
]  # fmt: skip


def test_equal_values_in_any_spelling_are_no_conflict_and_others_are(tell: Tell, database: str) -> None:
    def side(n: int) -> list[dict[str, str]]:
        return [
            firm(number, uscc(number), f"县第{number}商贸有限公司", **{field: both[n].format(uscc=uscc(number)) for field, both in pair.items()})
            for number, pair in enumerate([*EQUAL, *OTHER], 1)
        ]  # fmt: skip

    tell("market_supervision", "enterprise", *side(0))
    tell("tax", "enterprise", *side(1))
    with psycopg.connect(database) as connection:
        found = truth.conflicts(connection)
    assert sorted(c["field_group"] for c in found) == ["address", "biz_address", "contact", "identity", "parent", "scope"]  # fmt: skip
    assert {c["enterprise"] for c in found} == {f"县第{len(EQUAL) + n}商贸有限公司" for n in range(1, len(OTHER) + 1)}


def test_whom_only_others_name_is_there_on_the_days_on_which_they_do(tell: Tell, database: str, capfd: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    def there(day: str) -> set[str]:
        capfd.readouterr()
        assert main(["query", "SELECT name FROM enterprise", "-o", "csv", "--valid-on", day]) == 0
        return set(capfd.readouterr().out.split()[1:])

    def water(month: int, code: str, name: str) -> None:
        [said] = applied("water", (code, name))
        tell("water", "utility_connection", said | {"updated_at": f"2026-{month:02}-01 00:00:00"})

    only, other = "县宏达建材有限公司", "县丙餐饮店"
    tell("market_supervision", "enterprise", firm(1, A, RIGHT))
    water(3, B, only)
    assert [there(day) for day in ("2026-02-15", "2026-03-15")] == [{RIGHT}, {RIGHT, only}]
    water(4, uscc(3), other)  # the same application is another's from April on
    assert [there(day) for day in ("2026-02-15", "2026-03-15", "2026-04-15")] == [{RIGHT}, {RIGHT, only}, {RIGHT, other}]  # fmt: skip
    tell("water", "utility_connection", *applied("water", (A, RIGHT)))
    assert there("2026-04-15") == {RIGHT}  # nobody names them any more


def test_a_telephone_is_one_however_it_is_written(tell: Tell, database: str) -> None:
    """The second equal field that links a name without a code."""
    said = [
        ("0825-5412345", "（0825）5412345"), ("13808255417", "+86 138-0825-5417"),
        ("138 0825 5418", "8613808255418"), ("0825-5412346", "0816-5412346"),
    ]  # fmt: skip
    names = [f"县第{n}商贸有限公司" for n in range(len(said))]
    tell(
        "market_supervision",
        "enterprise",
        *(firm(n, uscc(n), names[n], phone_hash=own) for n, (own, _) in enumerate(said)),
    )
    tell("water", "utility_connection", *(one | {"phone_hash": other} for one, (_, other) in zip(applied("water", *(("", name) for name in names)), said, strict=True)))  # fmt: skip
    with psycopg.connect(database) as connection:
        found = connection.execute("SELECT enterprise_name FROM shared.utility_connection WHERE enterprise_id IS NOT NULL ORDER BY 1")  # fmt: skip
        assert [name for (name,) in found] == names[:3]


@pytest.mark.parametrize(
    "chosen", [("--keep", "other"), ("--value", "name=县鑫源（集团）商贸有限公司")], ids=["other", "third"]
)
def test_a_name_by_verdict_has_its_keys_and_the_branches_of_that_name(
    tell: Tell, database: str, chosen: tuple[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    name = RIGHT if chosen[0] == "--keep" else chosen[1].partition("=")[2]
    tell("market_supervision", "enterprise", firm(1, A, WRONG), firm(2, B, f"{name}城东分公司"))
    tell("tax", "enterprise", firm(7, A, RIGHT))
    assert main(["conflict", "decide", "1", *chosen, "--by", "李四", "--reason", "核实", "--evidence", "档案"]) == 0
    told = "SELECT e.name, e.name_strict_key, p.name FROM shared.enterprise e LEFT JOIN shared.enterprise p ON p.enterprise_id = e.parent_enterprise_id ORDER BY e.uscc"
    with psycopg.connect(database) as connection:
        key = name.replace("（", "(").replace("）", ")")
        assert connection.execute(told.encode()).fetchall() == [(name, key, None), (f"{name}城东分公司", f"{key}城东分公司", name)]  # fmt: skip
    capfd.readouterr()
    told = "SELECT enterprise_id, name, name_strict_key, parent_enterprise_id FROM enterprise ORDER BY uscc"
    for options in ([], ["--valid-on", "2026-06-30"]):
        assert main(["query", told, "-o", "csv", *options]) == 0
    today, then = (part.split() for part in capfd.readouterr().out.split("enterprise_id,name,", 2)[1:])
    assert today == then
