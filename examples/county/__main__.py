"""The demo county's command line: python -m examples.county start|stop|status|advance|expected."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from examples.county.county import AS_OF

_EXAMPLES = """例：
  python -m examples.county start --scale 0.05         二十分之一的县，几秒钟
  python -m examples.county status
  python -m examples.county advance                    过一天：新增、变更、删除、补报
  python -m examples.county expected                   只算答案，不启动任何系统
  python -m examples.county stop
"""


def main(words: list[str] | None = None) -> int:
    """Run one command; figures go to stdout, what goes on to stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.county",
        description="示例县：造数据，启动各部门的真实系统",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="命令")
    for name, title in (
        ("start", "启动并装入各部门系统"),
        ("stop", "停止"),
        ("status", "看看哪些系统在运行"),
        ("advance", "过一天"),
        ("expected", "写出答案 expected.json"),
    ):
        command = commands.add_parser(name, help=title, description=title)
        command.add_argument(
            "--home",
            type=Path,
            default=Path(os.environ.get("HUB_HOME") or "var"),
            help="hub 的工作目录（默认 var 或 HUB_HOME）",
        )
        if name in ("start", "expected"):
            command.add_argument(
                "--scale", type=float, default=1.0, help="规模，1 约为 2 万户市场主体、4 万张工单（默认 1）"
            )
            command.add_argument("--seed", type=int, default=7, help="种子，同一种子造出同一个县（默认 7）")
            command.add_argument("--as-of", default=AS_OF, help=f"统计日（默认 {AS_OF}）")
    given = parser.parse_args(words)
    result = _run(given)
    if result is not None:
        print(json.dumps(result, ensure_ascii=False, indent=1))
    return 0


def _run(given: argparse.Namespace) -> object:
    if given.command == "expected":
        from examples.county import answer, county

        return {
            "expected": str(answer.write(county.build(given.seed, given.scale, given.as_of), given.home / "county"))
        }
    from examples.county import sources

    if given.command == "start":
        return sources.start(
            given.home, given.scale, given.seed, given.as_of, say=lambda line: print(line, file=sys.stderr)
        )
    if given.command == "stop":
        sources.stop(given.home)
        return None
    if given.command == "status":
        return sources.status(given.home)
    from examples.county import advance

    return advance.advance(given.home)


if __name__ == "__main__":
    sys.exit(main())
