"""identifier check and workday: what they print and their exit codes."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from hub.cli import main
from hub.identifier import lines

GOOD = "91350100M000100Y43"


def test_verdicts_in_order_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "codes.txt"
    file.write_bytes(f"{GOOD}\r\n 91350100m000100y43\n\n91350100M000100Y44".encode())
    assert main(["identifier", "check", "--kind", "uscc", str(file), "-o", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [list(v) for v in found] == [["raw", "value", "valid", "repaired", "kind", "reason"]] * 4
    assert [v["raw"] for v in found] == [GOOD, " 91350100m000100y43", "", "91350100M000100Y44"]
    assert [v["value"] for v in found] == [GOOD, GOOD, None, None]
    assert [(v["valid"], v["repaired"]) for v in found] == [(True, False), (True, True), (False, False), (False, False)]
    assert all(v["reason"] for v in found[1:])


def test_stdin_and_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{GOOD}\n{GOOD}\n".encode())))
    assert main(["identifier", "check", "--kind", "uscc", "-", "-o", "jsonl"]) == 0
    assert [json.loads(line)["valid"] for line in capsys.readouterr().out.splitlines()] == [True, True]


def test_codes_that_look_like_paths_are_judged(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["identifier", "check", "--kind", "uscc", "N/A", "/", "9.15E+17", "-o", "csv"]) == 1
    assert [line.split(",")[0] for line in capsys.readouterr().out.splitlines()] == ["raw", "N/A", "/", "9.15E+17"]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", []),
        (b"a", ["a"]),
        (b"a\n", ["a"]),
        (b"a\n\n", ["a", ""]),
        (b"\n", [""]),
        (b"a\r\nb \r\n", ["a", "b "]),
        (b"\xef\xbb\xbfa\n", ["a"]),
        ("张\u2028三\x0b\n".encode(), ["张\u2028三\x0b"]),
        ("营业执照\n".encode("gb18030"), ["营业执照"]),
    ],
)
def test_lines_lose_their_ends_only(content: bytes, found: list[str]) -> None:
    assert list(lines(content)) == found


@pytest.mark.parametrize(
    ("words", "out", "told"),
    [
        ("add 2025-09-30 1", "2025-10-09", ""),
        ("add 2026-10-09 -3", "2026-09-29", ""),
        ("add 2026-10-03 0", "2026-10-08", ""),
        ("add 2026-12-28 5", "2027-01-05", "推算"),
        ("is 2026-10-10", "yes", ""),
        ("is 2026-10-01", "no", ""),
        ("is 2031-03-03", "provisional", "推算"),
    ],
)
def test_workdays(words: str, out: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["workday", *words.split()]) == 0
    captured = capsys.readouterr()
    assert captured.out == out + "\n"
    assert told in captured.err
    assert bool(told) == bool(captured.err)
