"""The load benchmark at 2,000 rows: the hub and the limit are right, and whoever is wrong is found out."""

import json
from pathlib import Path

import pytest

from benchmarks import load_tickets
from benchmarks.__main__ import BENCHMARKS
from benchmarks.__main__ import main as benchmarks
from benchmarks.load_tickets import Run, report, rounds, server
from benchmarks.ticket.contender import STEPS, Contender
from benchmarks.ticket.content import content
from benchmarks.ticket.limit import LIMIT, _psql
from benchmarks.ticket.measure import Usage
from benchmarks.ticket.source import prepare

ROWS = 2_000


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What a whole run of the command writes down."""
    folder = tmp_path_factory.mktemp("whole")
    words = f"--rows {ROWS} --reps 1 --peers limit --folder {folder} --shared-buffers 128MB"
    assert load_tickets.main(words.split()) == 0
    return json.loads(next(folder.glob("load_tickets_*.json")).read_text())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
def running(folder):
    with server(folder, "128MB") as started:
        yield started


def test_hub_and_limit_hold_what_the_source_holds_after_every_step(printed):
    assert {(run["contender"], run["step"]): run["check"] for run in printed["runs"]} == {
        (name, step): "ok" for name in ("hub", "limit") for step in STEPS
    }


def test_every_run_is_measured(printed):
    assert all(run["usage"]["exit_code"] == 0 and run["usage"]["wall"] > 0 for run in printed["runs"])
    for run in printed["runs"]:
        if run["contender"] == "hub":  # the limit is over before its memory can be looked at
            assert run["usage"]["peak_mb"] > 0
            assert run["usage"]["cpu"] > 0
            assert run["stages"].keys() >= {"land", "check", "merge"}


def test_the_source_moves_on_by_a_tenth(running, folder):
    sources = prepare(running, folder, ROWS)
    assert {state: found.rows for state, found in sources.contents.items()} == {"v0": 2000, "v1": 2040, "v2": 2080}
    assert len({found.checksum for found in sources.contents.values()}) == 3
    text = sources.csv.read_bytes().decode("gb18030")
    assert text.count("\n") == ROWS + 1
    assert "𠮷" in text


@pytest.mark.parametrize(
    ("wrong", "check"),
    [
        ("SELECT 1", "读不到结果"),
        ("CREATE TABLE ticket AS SELECT * FROM incoming WHERE ticket_id > 1", "1999 行，应为 2000 行"),
        (
            "CREATE TABLE ticket AS SELECT * FROM incoming; UPDATE ticket SET content = content || ' ' WHERE ticket_id = 1",
            "行数对，内容不同",
        ),
        ("SELECT 1 / 0", "退出码 1"),
    ],
    ids=["no table", "a row less", "a blank more", "an error"],
)
def test_whoever_is_wrong_is_found_out(running, folder, wrong, check):
    def command(task):
        copy = LIMIT.command(task)[-1]
        rename = _psql(task.target_url, "ALTER TABLE ticket RENAME TO incoming", wrong)
        return ["bash", "-ec", f"{copy}\n{rename}"]

    liar = Contender(name="liar", title="错的", table="ticket", command=command)
    (run,) = rounds(running, folder, [liar], rows=ROWS, reps=1, steps=["a_initial"])
    assert run.check.startswith(check)


def test_content_does_not_depend_on_order_or_types(running, folder):
    url = prepare(running, folder, ROWS).urls["v0"]
    assert content(url, "(SELECT * FROM ticket ORDER BY content) AS t") == content(url, "ticket")
    looser = (
        "SELECT ticket_id::numeric, score::numeric, amount::numeric(38, 9), created_at AT TIME ZONE 'UTC' AS created_at"
    )
    rest = "ticket_no, updated_at, due_at, closed_at, dept_code, dept_name, category, channel, status, title, content"
    assert content(url, f"({looser}, {rest} FROM ticket) AS t") == content(url, "ticket")


def test_the_report_gives_ratios_of_medians():
    def run(contender, number, wall):
        return Run(contender, "b_cursor", 100, number, Usage(0, wall, 1.0, 0.5, 0.0, 90), "ok", {"land": 1.0})

    runs = [run("limit", 0, 2.0), run("limit", 1, 2.0), run("hub", 0, 3.0), run("hub", 1, 5.0), run("dlt", 0, 12.0)]
    lines = {line.split(" | ")[1]: line.split(" | ")[3:6] for line in report(runs).splitlines() if "按游标" in line}
    assert lines["通衢"] == ["4.00（3.00–5.00）", "2.00", "1.00"]
    assert lines["dlt 1.31.0"] == ["12.00（12.00–12.00）", "6.00", "3.00"]


def test_every_benchmark_is_listed(capsys):
    scripts = {path.stem for path in Path(load_tickets.__file__).parent.glob("[!_]*.py")}
    assert scripts == set(BENCHMARKS)
    assert benchmarks(["list"]) == 0
    assert capsys.readouterr().out.split()[0] in scripts
    assert benchmarks(["nothing"]) == 2


def test_a_wrong_word_is_named(capsys):
    with pytest.raises(SystemExit):
        load_tickets.main(["--peers", "airbyte"])
    assert "没有 airbyte" in capsys.readouterr().err
