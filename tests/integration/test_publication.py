"""Published figures are made by two people, never change, and open to their source rows after later corrections."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hub.cli import main
from pipelines.run import prepare, settle
from schemas.errors import ConfigError, HubError
from tests.integration.drops import deliver
from views import publication, trace
from warehouse.home import Home

DAY = date(2020, 3, 31)
SCORES = {"A08": "67.20", "A0801": "70.00", "A0802": "80.00", "A0803": "66.00", "A0804": "50.00"}
FILES = {
    "indicator_scheme": ["scheme_code,name,region_level,year,method", "P2019,2019 年评价,省,2019,weighted"],
    "indicator_definition": [
        "scheme_code,indicator_code,parent_code,level,name,weight,lead_dept_code",
        "P2019,A08,,1,登记财产,100,县自然资源局",
        *(f"P2019,{code},A08,2,{name},{weight},县自然资源局" for code, name, weight in
          (("A0801", "登记时间", 40), ("A0802", "登记环节", 20), ("A0803", "登记费用", 20), ("A0804", "信息质量", 20))),
    ],
    "indicator_benchmark": ["scheme_code,indicator_code,year,kind,value", "P2019,A0801,2019,city_avg,82", "P2019,A0803,2019,city_avg,74"],
}  # fmt: skip


def score_file(scores: dict[str, str]) -> list[str]:
    head = "scheme_code,indicator_code,region_code,year,period,source,score"
    return [head, *(f"P2019,{code},510999,2019,全年,published,{value}" for code, value in scores.items())]


@pytest.fixture
def desk(home: Home, database: str, tmp_path: Path) -> psycopg.Connection[Any]:
    """The county's scores of 登记财产, taken in; a new connection each time `desk()` is called."""
    prepare(home)
    for dataset, lines in {**FILES, "indicator_score": score_file(SCORES)}.items():
        deliver(home, tmp_path, dataset, lines)
    settle(home, set(FILES) | {"indicator_score"})
    return lambda: psycopg.connect(database)


def test_published_corrected_and_still_proven(home: Home, desk: Any, tmp_path: Path) -> None:
    with desk() as connection:
        number = publication.propose(connection, "indicator_overview", DAY, by="王某")
    with desk() as connection:
        publication.decide(connection, number, by="李某")
        (row,) = publication.rows(connection, number)
        assert (row[1]["score"], row[1]["level2_below_70"], row[1]["below_70"]) == (67.2, 2, True)
    # The evaluators correct two scores afterwards.
    deliver(home, tmp_path, "indicator_score", score_file({**SCORES, "A08": "75.00", "A0804": "89.00"}))
    settle(home, {"indicator_score"})
    with desk() as connection:
        now = connection.execute("SELECT score, level2_below_70 FROM board.indicator_overview").fetchone()
        assert (float(now[0]), now[1]) == (75.0, 1)
        proof = publication.prove(connection, number)
        assert proof.same
        assert proof.row_hash == proof.publication["row_hash"]


def opened(connection: Any, number: int, column: str | None) -> set[tuple[str, str, int, str, int]]:
    proof = publication.prove(connection, number)
    stored = connection.execute("SELECT row::text FROM hub.publication_row WHERE publication_id = %s", [number]).fetchone()[0]  # fmt: skip
    found = trace.open_figure(connection, publication.kept(proof.publication), "indicator_overview", stored, column)
    return {
        (r["dataset"], r["source_pk"].split("|")[1], r["batch_id"], r["delivery"], r["source_row"]) for r in found.rows
    }


def test_a_figure_opens_to_batch_file_and_row_as_they_were(home: Home, desk: Any, tmp_path: Path) -> None:
    with desk() as connection:
        number = publication.propose(connection, "indicator_overview", DAY, by="王某")
    deliver(home, tmp_path, "indicator_score", score_file({**SCORES, "A0803": "90.00", "A0804": "89.00"}))
    with desk() as connection:
        score = opened(connection, number, "score")
    with desk() as connection:
        below = opened(connection, number, "level2_below_70")
    with desk() as connection:
        everything = opened(connection, number, None)
    assert score == {("indicator_score", "A08", 4, "indicator_score.csv", 2)}
    assert {item for item in below if item[0] == "indicator_score"} == {
        ("indicator_score", "A0803", 4, "indicator_score.csv", 5),
        ("indicator_score", "A0804", 4, "indicator_score.csv", 6),
    }
    assert {item[1] for item in everything if item[0] == "indicator_score"} == set(SCORES)
    assert {item[0] for item in everything} == {"indicator_score", "indicator_definition", "indicator_benchmark"}


def test_two_people_and_nothing_changes(desk: Any) -> None:
    with desk() as connection:
        number = publication.propose(connection, "indicator_overview", DAY, by="王某")
        with pytest.raises(HubError, match="不能由同一人批准"):
            publication.decide(connection, number, by=" 王某 ")
        publication.decide(connection, number, by="李某")
        with pytest.raises(HubError, match="已由 李某 批准"):
            publication.decide(connection, number, by="张某")
        for change in ("UPDATE hub.publication SET row_hash = ''", "DELETE FROM hub.publication_row", "UPDATE hub.publication_row SET row = '{}'"):  # fmt: skip
            with pytest.raises(psycopg.errors.RaiseException), connection.transaction():
                connection.execute(change)
        with pytest.raises(ConfigError, match="是否想写 'indicator_overview'"):
            publication.propose(connection, "indicator_overvew", DAY, by="王某")


def test_record_changed_behind_the_hub_is_found(desk: Any) -> None:
    with desk() as connection:
        number = publication.propose(connection, "indicator_overview", DAY, by="王某")
    with desk() as connection:
        connection.execute("UPDATE record.indicator_score SET score = 88 WHERE indicator_code = 'A08'")
        connection.commit()
        proof = publication.prove(connection, number)
        assert not proof.same
        assert (len(proof.missing), len(proof.added)) == (1, 1)
        with pytest.raises(HubError, match="不一致"):
            publication.decide(connection, number, by="李某")


def test_the_commands(desk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publication", "propose", "indicator_overview", "--as-of", "2020-03-31", "--by", "王某"]) == 0
    number = capsys.readouterr().out.strip()
    assert main(["publication", "approve", number, "--by", "王某"]) == 1
    assert main(["publication", "approve", number, "--by", "李某"]) == 0
    assert main(["publication", "list", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["decided_by"] == "李某"
    assert main(["publication", "show", number]) == 0
    assert "登记财产" in capsys.readouterr().out
    assert main(["prove", number]) == 0
    assert "逐行一致" in capsys.readouterr().err
    assert main(["prove", number, "--row", "1", "--column", "level2_below_70", "-o", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {r["source_row"] for r in told if r["dataset"] == "indicator_score"} == {5, 6}
    assert main(["prove", number, "--row", "9"]) == 1
    assert main(["prove", "99"]) == 1
    assert "没有这个编号" in capsys.readouterr().err


def test_without_a_day_it_is_the_boards(home: Home, desk: Any) -> None:
    settle(home, {"indicator_score"}, as_of=DAY)
    assert main(["publication", "propose", "indicator_overview", "--by", "王某"]) == 0
    with desk() as connection:
        assert [p["as_of"] for p in publication.listed(connection)] == [DAY]
