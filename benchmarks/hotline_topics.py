"""Hot problems of 10,000 and 100,000 messages: seconds, memory, and how well the truth is found.

python -m benchmarks hotline_topics [--messages 10000,100000]
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from warehouse.home import ROOT

_ONE = """
import json, resource, sys, time
from pathlib import Path
from views.topics.find import find
begun = time.perf_counter()
found = find(Path(sys.argv[1]))
seconds = time.perf_counter() - begun
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([seconds, time.process_time(), memory, [(r["ticket_no"], r["topic_id"]) for r in found.members], len(found.duplicates)]))
"""


def main() -> int:
    """Print one line per size."""
    from tests.unit.views.complaints import messages, pairwise_f1

    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", default="10000,100000")
    sizes = [int(size) for size in parser.parse_args().messages.split(",")]
    print(f"{'条数':>8}  {'秒':>7}  {'CPU 秒':>7}  {'峰值 MB':>8}  {'热点 F1':>7}  {'重复':>6}")
    rows = []
    for size in sizes:
        made = messages(size, problems=20 * max(size // 10_000, 1), seed=7)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "messages.csv"
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["留言编号", "留言用户", "留言主题", "留言时间", "留言详情"])
                writer.writerows([m.number, m.user, m.title, m.at.isoformat(" "), m.text] for m in made)
            done = subprocess.run(
                [sys.executable, "-c", _ONE, str(path)], cwd=ROOT, check=True, capture_output=True, text=True
            )
        seconds, cpu, memory, members, duplicates = json.loads(done.stdout)
        topic_of = dict(members)
        hot = [m for m in made if m.problem is not None]
        score = pairwise_f1([m.problem for m in hot], [topic_of.get(m.number) for m in hot])
        rows.append({"messages": size, "seconds": seconds, "cpu": cpu, "mb": memory, "f1": score})
        print(f"{size:>8}  {seconds:>7.1f}  {cpu:>7.1f}  {memory:>8.0f}  {score:>7.3f}  {duplicates:>6}", flush=True)
    folder = ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"hotline_topics_{time.strftime('%Y%m%d_%H%M%S')}.json").write_text(json.dumps(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
