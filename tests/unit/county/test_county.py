"""The demo county is what it says: the same from the same seed, and its answer sheet agrees with its rows."""

import hashlib
import json
from collections import Counter

import numpy as np
import polars as pl
import pytest

from examples.county import answer, codes, county, workbook
from examples.county.frames import public

SCALE = 0.03


@pytest.fixture(scope="module")
def small():
    return county.build(7, SCALE)


@pytest.fixture(scope="module")
def sheet(small):
    return json.loads(json.dumps(answer.sheet(small), default=str))


def fingerprint(made):
    return {c: hashlib.sha256(s.table.write_csv().encode()).hexdigest() for c, s in made.sources.items()}


def test_same_seed_same_county_other_seed_another(small):
    assert fingerprint(small) == fingerprint(county.build(7, SCALE))
    assert fingerprint(small) != fingerprint(county.build(8, SCALE))


def test_same_seed_same_bytes(small, tmp_path):
    for copy in ("a", "b"):
        workbook.write(small, tmp_path / copy)
        answer.write(small, tmp_path / copy)
    first = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file())
    assert len(first) > 25
    for file in first:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file


def test_check_digits_agree_with_the_standards():
    assert codes.usccs(np.array(["91"]), np.array(["MA7TE5T00"]))[0] == "91510999MA7TE5T00T"
    assert codes.usccs(np.array(["N1"]), np.array(["MF0000013"]))[0] == "N1510999MF0000013F"
    assert codes.usccs(np.array(["91"]), np.array(["000000086"]))[0] == "915109990000000860"
    assert codes.reg_nos(np.array([6]), np.array([1]))[0] == "510999600000019"
    born = np.array(["1990-03-07", "2000-02-29"], dtype="datetime64[D]")
    assert codes.resident_ids(born, np.array([1, 4])).tolist() == ["510000199003070014", "510000200002290045"]
    assert len(set(codes.org_codes(np.arange(100_000)).tolist())) == 100_000


def test_every_row_has_one_defect_at_most(small):
    for source in small.sources.values():
        seen = Counter(row for defect in source.defects for row in defect.rows.tolist())
        assert max(seen.values(), default=1) == 1, source.connector


def test_counts_add_up(sheet):
    for connector, counts in sheet["connectors"].items():
        assert counts["extracted"] == counts["passed"] + counts["quarantined"], connector
        assert counts["repaired"] + counts["warned"] + counts["superseded"] <= counts["passed"], connector
        refused = [p for p in sheet["planted"] if p["connector"] == connector and p["outcome"] == "quarantined"]
        assert len(refused) == counts["quarantined"], connector
        assert all(p["rule"] for p in refused), connector
    assert sheet["totals"]["extracted"] == sum(c["extracted"] for c in sheet["connectors"].values())


def test_planted_defects_cover_what_the_forms_allow(sheet):
    found = {p["defect"] for p in sheet["planted"]} | {f["defect"] for f in sheet["file_level"]}
    wanted = [
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "7",
        "8",
        "9",
        "10",
        "11",
        "12",
        "13",
        "14",
        "15",
        "16",
        "17",
        "18",
        "19",
        "20",
        "21",
        "22",
        "23",
        "24",
        "25",
        "26",
        "27",
        "28",
        "29",
        "30",
        "32",
        "33",
        "34",
        "36",
        "37",
        "38",
        "40",
    ]
    assert {f"D{n}" for n in wanted} <= found


def test_keys_of_sound_rows_are_unique(small):
    for source in small.sources.values():
        repeated = source.table.select(source.key).is_duplicated().sum()
        known = source.superseded + len([d for d in source.defects if d.rule == "duplicate_key"])
        assert bool(repeated) == bool(known), source.connector


def test_rectification_figures(sheet):
    figures = sheet["figures"]["rectification"]
    assert figures["total"] == 72
    assert (figures["closed"], figures["on_time"], figures["late"], figures["on_time_and_due"]) == (51, 47, 4, 42)
    assert (figures["closure_applied"], figures["rectifying"], figures["overdue"]) == (6, 11, 3)
    assert (figures["due_within_7_days"], figures["long_term"]) == (2, 4)
    assert (figures["completion_pct"], figures["on_time_pct"]) == (70.83, 86.0)
    assert figures["lights"] == {"red": 3, "yellow": 2, "grey": 51, "blue": 4, "green": 12}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rectification_figures_do_not_depend_on_the_seed(seed, sheet):
    other = answer.rectification_figures(county.build(seed, SCALE))
    same = sheet["figures"]["rectification"]
    assert {k: v for k, v in other.items() if k != "mean_overdue_days"} == {
        k: v for k, v in same.items() if k != "mean_overdue_days"
    }


def test_no_green_problem_lags_behind_its_schedule(small):
    p = small.sources["business_env/rectification_problem"].table
    p = p.filter((pl.col("~status") == "rectifying") & pl.col("~case").is_in(["later", "soon"]))
    as_of = pl.lit(small.as_of.item())
    elapsed = 100 * (as_of - pl.col("~found")).dt.total_days() / (pl.col("~due") - pl.col("~found")).dt.total_days()
    assert p.select((pl.col("整改/完成进度（%）").cast(pl.Int64) >= elapsed - 20).all()).item()
    measures = small.sources["business_env/rectification_measure"].table.join(p, on="问题编号", how="semi")
    assert measures.filter((pl.col("计划完成").str.to_date() < as_of) & pl.col("实际完成").is_null()).is_empty()


def test_indicators_tell_the_speech(sheet):
    figures = sheet["figures"]["indicator"]
    assert figures["level1_above_both_averages"] == [
        "开办企业",
        "办理建筑许可",
        "获得用水",
        "纳税",
        "市场监督",
        "企业信心",
    ]
    assert sorted(figures["level2_partly_below_an_average"]) == sorted(["获得信贷", "登记财产", "企业信心", "政务服务"])
    four = sorted(["县金融办", "县自然资源局", "县营商环境建设局", "县投促局"])
    assert figures["lead_departments_below_70_at_level_1"] == four
    assert figures["lead_departments_below_70_at_any_level"] == four
    assert figures["level1_scores"]["登记财产"] == 67.2
    assert figures["level1_scores"]["获得信贷"] == 64.62
    assert figures["level1_scores"]["企业信心"] == 69.97


def test_mentions_lead_to_the_right_enterprise(small, sheet):
    named = answer.mentions(small)
    e = small.enterprises
    own = named.filter(pl.col("truth").str.starts_with("E"))
    places = own["truth"].str.slice(1).cast(pl.Int64).to_numpy() - 1
    sound = own["code"].is_not_null().to_numpy() & np.array([c in set(e.uscc.tolist()) for c in own["code"].to_list()])
    assert (e.uscc[places[sound]] == own["code"].to_numpy()[sound]).all()
    assert sheet["identity"]["mentions"] == len(named)
    assert sheet["identity"]["resolved"] + sheet["identity"]["unmatched"] == len(named)
    assert {"D18", "D19", "D20", "D21"} <= set(sheet["identity"]["unmatched_by_reason"])
    for pair in sheet["identity"]["same_name_two_codes"]:
        rows = named.filter(
            pl.col("code").is_in(pair["codes"]) & (pl.col("connector") == "market_supervision/enterprise")
        )
        assert rows["truth"].n_unique() == 2


def test_a_twin_named_without_a_code_is_left_to_a_person(small):
    twins = {str(small.enterprises.name[i]) for i in np.flatnonzero(small.enterprises.twin >= 0)}
    named = answer.mentions(small).filter(pl.col("name").is_in(twins) & pl.col("code").is_null())
    assert len(named) > 0
    assert named["truth"].null_count() == len(named)


def test_repeat_callers_and_hot_problems_are_there(small):
    tickets = small.sources["hotline_office/hotline_ticket"].table
    for hot in small.hot:
        some = tickets.filter(
            (pl.col("categoryCode") == hot["category_code"]) & (pl.col("townCode") == hot["town_code"])
        )
        assert len(some) >= hot["tickets_at_least"] * 0.8
        assert some["callerPhone"].n_unique() >= 3
    again = tickets.filter(pl.col("~repeat"))
    assert len(again) >= 0.03 * len(tickets)
    assert again["rootTicketNo"].drop_nulls().is_in(tickets["ticketNo"].implode()).all()


def test_nothing_private_of_the_county_reaches_a_source(small):
    assert all(not name.startswith("~") for source in small.sources.values() for name in public(source.table).columns)


def test_addresses_and_people_are_made_up(small):
    persons = small.sources["market_supervision/enterprise_person"].table
    assert persons["zjhm"].str.starts_with("510000").all()
    assert persons["lxdh"].str.starts_with("154").all()


def test_only_a_code_or_a_strict_name_with_a_second_field_links(small):
    named = answer.mentions(small).filter(pl.col("why").is_in(["D18", "D20", "D21", "只有名称"]))
    assert len(named) > 10
    assert named["code"].null_count() == len(named)
