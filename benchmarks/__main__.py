"""The benchmarks' command line: python -m benchmarks [NAME [OPTIONS]]."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from warehouse.home import ROOT

# module: (what it claims, how long it takes with its defaults on two cores)
BENCHMARKS = {
    "load_tickets": ("装载工单：比同类工具快，与 COPY、MERGE 的极限差几倍", "约 25 分钟"),
    "messy_text": ("一张表写成七十三种样子：读对、说明、读错各几个，与 csv.Sniffer、pandas 比", "约 15 秒"),
    "memory_growth": ("装载的内存不随行数增长", "约 5 分钟"),
    "clock_deadlines": ("时限引擎：百万张工单的时限几秒算完，与不看日历、与逐张数各差几倍", "约 1 分钟"),
    "hotline_topics": ("热点问题：一万条、十万条留言的耗时、内存和准头", "约 3 分钟"),
    "near_real_time": ("三十个来源轮询，工单改动十五秒内到热线视图", "约 6 分钟"),
    "publish": ("热线看板：改动 1 % 之后的增量发布占全部的几成，页面数据几毫秒，随工单张数怎么长", "约 40 分钟"),
    "portal_load": ("门户：二百人看板、五十页在线提醒，没有一个出错", "约 4 分钟"),
    "resolution": ("主体归并：与单用 Splink 比时间和对错", "约 2 分钟"),
    "golden_records": ("主体对照和主记录：百万条来源记录全量、改百分之一、长到几倍，与单用 Splink 比", "约 10 分钟"),
    "batch_judge": ("Great Expectations 问谁最省", "约 2 分钟"),
}


def main(words: Sequence[str]) -> int:
    """Run the benchmark named first with the rest as its options; without a name, list them and run each."""
    if words and words[0] in BENCHMARKS:
        return _run(*words)
    for name, (claim, duration) in BENCHMARKS.items():
        print(f"{name:<16}{claim}（{duration}）", flush=True)
    if not words:
        return max(_run(name) for name in BENCHMARKS)
    if words[0] not in {"list", "-h", "--help"}:
        print(f"没有基准 {words[0]}。请从上面选一个：python -m benchmarks 名称 [选项]", file=sys.stderr)
        return 2
    return 0


def _run(name: str, *options: str) -> int:
    return subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *options], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
