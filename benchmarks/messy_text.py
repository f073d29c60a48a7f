"""One table written in seventy-three ways, read by the hub, by csv.Sniffer with csv, and by pandas: right, refused or wrong.

python -m benchmarks messy_text

The table and its truth are made here. Right: every name and every cell. Told: an error, or the damaged row alone is
set aside with its line. Wrong: anything else, without a word.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import random
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from warehouse.home import ROOT

Rows = list[list[str]]
NAMES = ["受理编号", "受理时间", "企业名称", "金额", "内容", "件数", "是否办结"]
TEXTS = [
    "噪声扰民，夜间施工",
    '他说"没有"，请核实',
    "路灯不亮",
    "污水外溢；已拍照",
    "it's closed",
    "井盖 12 号缺失",
    "第一行\n第二行",
]
FIRMS = ["甲建材有限公司", "乙（集团）公司", "丙, 丁合伙", '戊"老字号"商行']


@dataclass(frozen=True)
class Case:
    """A file and what is right; `damaged` is the row (from 0) that may be set aside, None when all must come."""

    kind: str
    data: bytes
    names: list[str] | None
    rows: Rows
    damaged: int | None = None


@dataclass(frozen=True)
class Read:
    """What a reader made of a file; no names when it found no header, `told` when it said that rows are missing."""

    names: list[str] | None
    rows: Rows
    told: bool = False


def table(lines: bool = True) -> Rows:
    """Sixty rows, the same ones every time."""
    chance = random.Random(20261128)
    made = []
    for number in range(60):
        text = chance.choice(TEXTS)
        made.append(
            [f"{2026000 + number:09d}", f"2026-03-{1 + number % 28:02d} {number % 24:02d}:15", chance.choice(FIRMS), f"{chance.random() * 9000:.2f}",
             text if lines else text.replace("\n", " "), str(number % 7), chance.choice("是否")]
        )  # fmt: skip
    return made


def written(rows: Rows, names: list[str] | None = NAMES, end: str = "\r\n", **dialect: object) -> str:
    """Rows as csv writes them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=end, **dialect)  # type: ignore[arg-type]
    writer.writerows([names, *rows] if names else rows)
    return text.getvalue()


def cases() -> Iterator[Case]:
    """Every way of writing the table."""
    rows, plain = table(), table(lines=False)

    def of(kind: str, text: str, truth: Rows = rows, code: str = "utf-8", names: list[str] | None = NAMES) -> Case:
        return Case(kind, text.encode(code), names, truth)

    for mark in [",", ";", "\t", "|", "^", "~", ":", "#", "\x01"]:
        for quote in ['"', "'"]:
            yield of("分隔符和引号", written(rows, delimiter=mark, quotechar=quote))
    yield of("分隔符和引号", written(rows, quoting=csv.QUOTE_ALL))
    yield of("分隔符和引号", written(rows, escapechar="\\", doublequote=False))
    for code in ["utf-8-sig", "gb18030", "gbk", "utf-16", "utf-16-le", "utf-32"]:
        for mark in [",", "\t", ";"]:
            yield of("编码", written(rows, delimiter=mark), code=code)
    for end in ["\n", "\r"]:
        yield of("换行", written(plain, end=end), plain)
    yield of("换行", written(plain)[:-2], plain)
    yield of("换行", written(plain) + "\r\n\r\n", plain)
    titles = ["县热线办诉求台账\n", "县热线办诉求台账,,,,,,\n填报单位：县热线办,,,,,,\n", "导出时间：2026-03-31 10:00\n\n", "# 系统导出\n# 共 60 行\n", "sep=,\n"]  # fmt: skip
    for title in titles:
        for mark in [",", ";"]:
            yield of("表头上的文字", title.replace(",", mark) + written(rows, delimiter=mark))
    foots = ["填表人：张三,,,审核人：李四,,,\n", "注：不含重复件\n", "数据来源：县热线办\n", "合计,,,,,180,\n"]
    for foot in foots:
        yield of("表下的文字", written(rows) + foot)
    for first in range(3):
        yield of("没有表头", written(rows[first:], names=None), rows[first:], names=None)
    yield of("一行、一列", written(rows[:1]), rows[:1])
    yield of("一行、一列", "企业名称\n甲厂\n乙厂\n丙厂\n", [["甲厂"], ["乙厂"], ["丙厂"]], names=["企业名称"])
    lines = [written([row], names=None) for row in rows]
    head = written([], NAMES)
    for place in (0, 20, 59):
        cells = [written([[cell]], names=None)[:-2] for cell in rows[place]]
        spoilt = [
            [*cells[:3], '"' + cells[3], *cells[4:]],  # a mark opened and never closed
            [*cells[:2], '"甲厂" 分厂', *cells[3:]],  # words behind a closed cell
            [*cells[:2], cells[2] + cells[3], *cells[4:]],  # a separator lost
            [*cells[:2], "", "", *cells[2:]],  # and two too many
        ]
        for bad in spoilt:
            text = head + "".join([*lines[:place], ",".join(bad) + "\r\n", *lines[place + 1 :]])
            yield Case("坏了一行", text.encode(), NAMES, rows, place)


def by_hub(path: Path) -> Read:
    """What `hub read` gives."""
    from hub.read import run

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        run(path, options={}, format="csv", coordinates=False)
    names, *rows = csv.reader(io.StringIO(out.getvalue(), newline=""))
    told = err.getvalue()
    return Read(None if "没有找到表头" in told else names, rows, "退回 第" in told)


def by_sniffer(path: Path) -> Read:
    """The standard library as its documentation shows it."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        start = file.read(8192)
        dialect, named = csv.Sniffer().sniff(start), csv.Sniffer().has_header(start)
        file.seek(0)
        rows = [row for row in csv.reader(file, dialect) if row]
    return Read(rows[0], rows[1:]) if named else Read(None, rows)


def by_pandas(path: Path) -> Read:
    """Pandas with its defaults, all cells as text."""
    import pandas

    return _framed(pandas.read_csv(path, dtype=str, keep_default_na=False))


def by_pandas_sniffing(path: Path) -> Read:
    """Pandas asked to find the separator."""
    import pandas

    return _framed(pandas.read_csv(path, dtype=str, keep_default_na=False, sep=None, engine="python"))


def _framed(frame: object) -> Read:
    values = frame.values.tolist()  # type: ignore[attr-defined]
    return Read([str(name) for name in frame.columns], [["" if c is None else str(c) for c in row] for row in values])  # type: ignore[attr-defined]


READERS: dict[str, Callable[[Path], Read]] = {
    "通衢": by_hub, "csv.Sniffer": by_sniffer, "pandas": by_pandas, "pandas sep=None": by_pandas_sniffing
}  # fmt: skip


def verdict(case: Case, reader: Callable[[Path], Read], path: Path) -> str:
    """`right`, `told` or `wrong`."""
    try:
        found = reader(path)
    except Exception:  # whatever a reader says no with
        return "told"
    rows = [[cell.replace("\r\n", "\n") for cell in row] for row in found.rows]
    if found.names == case.names and rows == case.rows:
        return "right"
    if case.damaged is not None and found.names == case.names and found.told:
        others = [row for place, row in enumerate(case.rows) if place != case.damaged]
        return "right" if rows == others else "wrong"
    return "wrong"


def main() -> int:
    """Read every file with every reader and print the shares; 1 when the hub read one wrong."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    warnings.simplefilter("ignore")
    made = list(cases())
    found = {name: Counter[tuple[str, str]]() for name in READERS}
    seconds, wrong = dict.fromkeys(READERS, 0.0), []
    with tempfile.TemporaryDirectory() as folder:
        for number, case in enumerate(made):
            path = Path(folder) / f"{number}.csv"
            path.write_bytes(case.data)
            for name, reader in READERS.items():
                begun = time.perf_counter()
                said = verdict(case, reader, path)
                seconds[name] += time.perf_counter() - begun
                found[name][case.kind, said] += 1
                if name == "通衢" and said != "right":
                    wrong.append(f"{said} {number} {case.kind}：{case.data[:60]!r}")
    kinds = Counter(case.kind for case in made)
    print(f"{len(made)} 个文件：读对／说明或报错／读错而不说")
    for kind, total in [*kinds.items(), ("合计", len(made))]:
        shares = []
        for name in READERS:
            counts = [sum(n for (k, s), n in found[name].items() if s == said and kind in (k, "合计")) for said in ("right", "told", "wrong")]  # fmt: skip
            shares.append(f"{name} {'/'.join(map(str, counts))}")
        print(f"{kind:<8}{total:>4}  {'   '.join(shares)}")
    print("秒：" + "，".join(f"{name} {spent:.1f}" for name, spent in seconds.items()))
    print("\n".join(wrong), file=sys.stderr)
    kept = ROOT / "var" / "bench"
    kept.mkdir(parents=True, exist_ok=True)
    text = {name: {f"{kind} {said}": n for (kind, said), n in counts.items()} for name, counts in found.items()}
    (kept / "messy_text.json").write_text(json.dumps(text, ensure_ascii=False, indent=1), encoding="utf-8")
    return int(any(line.startswith("wrong") for line in wrong))


if __name__ == "__main__":
    sys.exit(main())
