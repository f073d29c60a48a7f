"""Memory of a load does not grow with its rows: the peak of the hub's process for more and more of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.load_tickets import FOLDER, Run, rounds, save, say, server, tell
from benchmarks.ticket.contender import HUB, STEPS


def report(runs: Sequence[Run]) -> str:
    """Markdown: peak MB by step and rows, and what the most rows take in times of what the fewest do."""
    sizes = sorted({run.rows for run in runs})
    lines = [
        f"| 内存峰值 MB | {' | '.join(f'{rows:,} 行' for rows in sizes)} | 最多行÷最少行 |",
        f"|---|{'--:|' * (len(sizes) + 1)}",
    ]
    for step, (title, _) in STEPS.items():
        peaks = [
            max((run.usage.peak_mb for run in runs if (run.step, run.rows) == (step, rows)), default=0)
            for rows in sizes
        ]
        if all(peaks):
            lines.append(f"| {title} | {' | '.join(map(str, peaks))} | {peaks[-1] / peaks[0]:.2f} |")
    return "\n".join(lines)


def main(words: Sequence[str] | None = None) -> int:
    """Load each number of rows once, print the table, keep the figures; 1 when some content is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks memory_growth", description="内存不随行数增长")
    parser.add_argument("--rows", default="250000,1000000,4000000", help="行数，逗号分隔（默认 %(default)s）")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="数据库和结果放哪里（默认 var/bench）")
    given = parser.parse_args(words)
    runs = []
    with server(given.folder) as running:
        for rows in map(int, given.rows.split(",")):
            for run in rounds(running, given.folder, [HUB], rows=rows, reps=1, steps=list(STEPS)):
                runs.append(run)
                tell(run)
    path = save(given.folder, "memory_growth", runs)
    print(report(runs))
    say(f"全部数据在 {path}")
    return int(any(run.check != "ok" for run in runs))


if __name__ == "__main__":
    sys.exit(main())
