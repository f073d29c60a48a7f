"""What the documentation says, cut into the parts the tests compare with the code."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"^(?:#|--) ((?:connectors|schemas|quality|views|tests)/\S+\.\w+)", re.MULTILINE)
_REDIRECTION = re.compile(r"\s[<>]\s\S+$")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """One fenced block; `path` is the file its first comment says it is, if it says so."""

    document: Path
    language: str
    text: str

    @property
    def path(self) -> str | None:
        match = _PATH.search(self.text)
        return match.group(1) if match else None


@cache
def documents() -> tuple[Path, ...]:
    """README, the changelog and every page under docs/."""
    return (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))


@cache
def text(*parts: str) -> str:
    """One document, or all of them together."""
    if parts:
        return (ROOT / "docs").joinpath(*parts).read_text(encoding="utf-8")
    return "\n".join(path.read_text(encoding="utf-8") for path in documents())


@cache
def blocks() -> tuple[Block, ...]:
    """Every fenced block of every document."""
    return tuple(
        Block(path, match.group(1), match.group(2))
        for path in documents()
        for match in _FENCE.finditer(path.read_text(encoding="utf-8"))
    )


def example(path: str) -> str:
    """The block that shows this file."""
    return next(block.text for block in blocks() if block.path == path)


def commands(program: str) -> list[tuple[Path, list[str]]]:
    """Calls of a program in shell blocks: the document and the words after the program's name."""
    found = []
    for block in blocks():
        if block.language == "sh":
            for line in block.text.splitlines():
                for call in re.split(r"\s\|\s", line):
                    words = shlex.split(_REDIRECTION.sub("", call), comments=True)
                    if words and words[0].rpartition("/")[2] == program:
                        found.append((block.document, words[1:]))
    return found


def inline(program: str) -> set[str]:
    """First words after the program's name in `code` outside blocks, as in `hub doctor`."""
    prose = _FENCE.sub("", text())
    return set(re.findall(rf"`{program} ([a-z][a-z -]*[a-z])", prose))


def rows(page: str) -> list[list[str]]:
    """Cells of every table row of a page, code marks removed from the first cell only."""
    cells = []
    for line in page.splitlines():
        if line.startswith("| ") and not line.startswith("| ---"):
            cells.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return cells


def links() -> list[tuple[Path, str]]:
    """Every link of every document."""
    return [(path, target) for path in documents() for target in _LINK.findall(path.read_text(encoding="utf-8"))]


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as the usual renderers make them."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
