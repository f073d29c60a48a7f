"""Who takes part in the load benchmark, and what is asked of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

# step: (title, state of the source that the target must then equal). The first three follow one another on one target.
STEPS = {
    "a_initial": ("首次装载", "v0"),
    "b_cursor": ("按游标取一成变化", "v1"),
    "c_full": ("整表重取，一成变化", "v2"),
    "w2_csv": ("GB18030 CSV", "v0"),
}
CHAINS = (("a_initial", "b_cursor", "c_full"), ("w2_csv",))


@dataclass(frozen=True)
class Task:
    """One step for one contender. `state` lasts from step to step of a chain; `venv` is the contender's own."""

    step: str
    source_url: str
    target_url: str
    csv: Path
    state: Path
    venv: Path

    def environment(self) -> dict[str, str]:
        """The same, for programs of the benchmark's own."""
        return {
            "STEP": self.step, "SOURCE_URL": self.source_url, "TARGET_URL": self.target_url,
            "CSV": str(self.csv), "STATE_DIR": str(self.state),
        }  # fmt: skip


@dataclass(frozen=True)
class Contender:
    """One way to do the steps. `requirements` go into a venv of its own; none means that none is needed."""

    name: str
    title: str
    table: str
    command: Callable[[Task], list[str]]
    steps: frozenset[str] = frozenset(STEPS)
    requirements: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


HUB = Contender(
    name="hub",
    title="通衢",
    table="shared.ticket",
    command=lambda task: [sys.executable, str(Path(__file__).with_name("step.py"))],
)
