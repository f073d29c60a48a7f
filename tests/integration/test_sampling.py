"""Sample frames: one row a subject, reasons for the rest, the same draw from the same seed, nothing changed afterwards."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hub.cli import main
from pipelines.run import prepare, settle
from schemas.errors import ConfigError, HubError
from tests.integration.drops import deliver, uscc
from views import sampling
from warehouse.home import Home

YEAR = (date(2025, 1, 1), date(2025, 12, 31))


@pytest.fixture
def desk(home: Home, database: str, tmp_path: Path) -> Callable[[], psycopg.Connection[Any]]:
    """Sixty companies of three sizes and a few that cannot be asked, each with a registration in 2025."""
    prepare(home)
    head = "record_no,uscc,name,entity_kind,status,industry_code,size_class,phone"
    firms = [f"E{n},{uscc(n)},甲{n}号有限公司,企业,存续,{'CF'[n % 2]}13,{'微小中'[min(n // 30, 2)]},1390000{n if n > 5 else 9999:04d}" for n in range(1, 66)]  # fmt: skip
    firms[60] = f"E61,{uscc(61)},乙一有限公司,企业,停业,C13,微,13911110001"
    firms[61] = f"E62,{uscc(62)},乙二商店,个体工商户,存续,C13,微,13911110002"
    firms[62] = f"E63,{uscc(63)},乙三有限公司,企业,存续,C13,微,"
    lines = [head, *firms]
    fields = {"phone_hash": "phone", "phone_masked": "phone"}
    deliver(home, tmp_path, "enterprise", lines, "market_supervision", **fields)  # fmt: skip
    cases = [
        "case_no,item_code,item_name,applicant_kind,enterprise_code,enterprise_name,dept_code,accepted_at,finished_at,result"
    ]
    for n in range(1, 66):
        name = firms[n - 1].split(",")[2]
        cases.append(
            f"B{n},I1,企业设立登记,企业,{uscc(n)},{name},县市场监管局,2025-03-03 09:00:00,2025-03-04 09:00:00,准予"
        )
    cases += [
        f"B70,I1,企业设立登记,企业,{uscc(1)},甲1号有限公司,县市场监管局,2025-05-06 09:00:00,2025-05-07 09:00:00,准予",
        f"B71,I1,企业设立登记,企业,{uscc(2)},甲2号有限公司,县市场监管局,2024-05-06 09:00:00,2024-05-07 09:00:00,准予",
    ]
    deliver(home, tmp_path, "service_case", cases, "service_center")
    settle(home, {"enterprise", "service_case"})
    return lambda: psycopg.connect(database)


def test_a_frame_has_one_row_a_subject_and_reasons_for_the_rest(desk: Callable[[], psycopg.Connection[Any]]) -> None:
    with desk() as connection:
        number = sampling.freeze(connection, "start_business", *YEAR, by="王某")
        told = {r["reason"]: (r["units"], r["shared_phone"]) for r in sampling.excluded(connection, number)}
        frame = sampling.get(connection, number)
        assert number == "start_business-20250101-20251231-v1"
        assert told == {
            "合格": (62, 5), "同一主体已取较近的一笔": (1, 1), "登记状态不是存续、在业": (1, 0), "主体类型不在范围": (1, 0),
            "没有可用的联系电话": (1, 0),
        }  # fmt: skip
        assert (frame["population_n"], frame["eligible_n"]) == (66, 62)
        assert frame["sha256"] == frame["sha256_now"]
        kept = [u["ref_no"] for u in sampling.units(connection, number, None) if u["uscc"] == uscc(1) and u["eligible"]]
        assert kept == ["B70"]
        assert sampling.freeze(connection, "start_business", *YEAR, by="王某").endswith("-v2")


def test_the_same_seed_draws_the_same_and_weights_add_up(desk: Callable[[], psycopg.Connection[Any]]) -> None:
    with desk() as connection:
        number = sampling.freeze(connection, "start_business", *YEAR, by="王某")
        draws = [sampling.draw(connection, number, by="王某", size=20, seed=seed) for seed in ("2025", "2025", "7")]
        assert [len(sampling.units(connection, number, draw)) for draw in draws] == [20, 20, 20]
        first, again, other = (sampling.units(connection, number, draw) for draw in draws)
        assert first == again
        assert [u["unit_no"] for u in first] != [u["unit_no"] for u in other]
        strata = Counter(u["stratum"] for u in first)
        frame = Counter(u["stratum"] for u in sampling.units(connection, number, None) if u["eligible"])
        for stratum, drawn in strata.items():
            assert drawn >= min(4, frame[stratum])
        # What the strata cannot hold lowers the minimum nobody asked for, and not the one somebody did.
        small = sampling.draw(connection, number, by="王某", size=len(frame))
        assert Counter(u["stratum"] for u in sampling.units(connection, number, small)) == dict.fromkeys(frame, 1)
        large = sampling.draw(connection, number, by="王某", size=len(frame), minimum=5)
        assert len(sampling.units(connection, number, large)) == sum(min(5, n) for n in frame.values())
        assert round(sum(float(u["weight"]) for u in first), 3) == 62
        # Without a size, the margin of error gives it.
        draw = sampling.draw(connection, number, by="王某", minimum=0)
        assert len(sampling.units(connection, number, draw)) == 42


def test_frozen_is_frozen_and_contacts_leave_a_trace(desk: Callable[[], psycopg.Connection[Any]]) -> None:
    with desk() as connection:
        number = sampling.freeze(connection, "start_business", *YEAR, by="王某", strata=())
        draw = sampling.draw(connection, number, by="王某", size=10)
        for change in (
            "UPDATE hub.sample_unit SET eligible = true, exclude_reason = NULL",
            "DELETE FROM hub.sample_drawn",
        ):
            with pytest.raises(psycopg.errors.RaiseException), connection.transaction():
                connection.execute(change)
        with pytest.raises(ConfigError):
            sampling.release(connection, number, draw, to="省评估机构", by="王某", reason=" ")
        given = sampling.release(connection, number, draw, to="省评估机构", by="王某", reason="2025 年评价")
        assert len(given) == 10
        assert all("*" in u["phone_masked"] for u in given)
        logged = connection.execute("SELECT released_to, released_by, reason, units FROM hub.sample_release").fetchall()
        assert logged == [("省评估机构", "王某", "2025 年评价", 10)]
        with pytest.raises(HubError, match="没有第 9 次抽取"):
            sampling.units(connection, number, 9)


@pytest.mark.parametrize(("population", "expected"), [(400, 92.6), (10**9, 120.3), (1, 1), (0, 0)])
def test_sample_size(population: int, expected: float) -> None:
    assert round(sampling.sample_size(population), 1) == expected


def test_the_commands(desk: Callable[[], psycopg.Connection[Any]], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", "frames"]) == 0
    for frame in sampling.frames():
        assert main(["sample", "freeze", frame, "--from", "2025-01-01", "--to", "2025-12-31", "--by", "王某"]) == 0, (
            frame
        )
    number = "start_business-20250101-20251231-v1"
    assert main(["sample", "draw", number, "--size", "20", "--by", "王某"]) == 0
    assert main(["sample", "show", number]) == 0
    assert "与冻结时一致" in capsys.readouterr().err
    assert main(["sample", "show", number, "--draw", "1", "-o", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) >= 20
    assert "phone_masked" not in rows[0]
    assert main(["sample", "list", "-o", "json"]) == 0
    assert (
        main(["sample", "release", number, "--draw", "1", "--to", "省评估机构", "--by", "王某", "--reason", "评价"])
        == 0
    )
    assert main(["sample", "freeze", "start", "--from", "2025-01-01", "--to", "2025-12-31", "--by", "王某"]) == 1
    assert "是否想写" in capsys.readouterr().err
