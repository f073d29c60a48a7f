"""How a delimited text is written: its delimiter, quotation mark and escape, told from its first lines.

CleverCSV judges by what the cells look like once they are split, not by which character is frequent; its choice
is kept when the lines agree with it, so that a column of sentences is not split at its blanks.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce

csv.field_size_limit(1 << 26)  # a cell may hold a whole document

USUAL = (",", "\t", ";", "|")
_UNUSUAL = ("，", "；", "\x01", "\x1f", "\x1e", "\x1c", "^", "~", "¦", "§", ":", "#", "&", "*", "!", "/", " ")
_PAIRS = (
    "^|", "|^", "@|", "|@", "~|", "|~", "$|", "|$", "#|", "|#", "!|", "|!", "|;|", "|&|", "|%|",
    "||", "::", "|@|", "|~|", "|^|", "|#|", "|$|", "|*|", "|!|", "~^~", "^~^", "~|~", "^|^", "#|#", "@|@", "!@!", "@#@", "@@", "##", "$$", "~~", "^^",
    "|+|", "<>", ";;", "\t\t", "\\t",
)  # fmt: skip
_ODD_QUOTES = "~|^`$%*@"
_SAMPLE = 24_000
_LINES = 200
# Blanks, colons and strokes within these are no delimiters.
_WITHIN = re.compile(
    r"https?://[^\s,;|\"]+|(?<!\d)(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})(?:[ T]+\d{1,2}:\d{2}(?::\d{2})?)?(?!\d)"
    r"|(?<!\d)\d{1,2}:\d{2}(?::\d{2})?(?!\d)"
)
_RETURN = re.compile(r"(?<=\r)(?=[^\r\n])")
_HINT = re.compile(r"^sep=(.)\s*$")
_LIKELY = 0.75  # of them, for a usual one
_HALF = 0.5  # of the lines that are no comments
_AGREEING = 0.9  # of the lines must have the same width before an unusual delimiter is believed


@dataclass(frozen=True)
class Dialect:
    """`delimiter` may be several characters; `quote` and `escape` are one or None."""

    delimiter: str
    quote: str | None = '"'
    escape: str | None = None
    skip_space: bool = False  # blanks after a delimiter belong to neither cell
    framed: bool = False  # lines begin and end with a delimiter too, as a drawn table's do

    @property
    def mark(self) -> str:
        """The one ASCII character that parsers split at; longer and wider delimiters are put in its place."""
        return self.delimiter if len(self.delimiter) == 1 and self.delimiter.isascii() else "\x1f"

    @property
    def marked(self) -> Dialect:
        """The dialect of a text that `edit` has gone over."""
        return Dialect(self.mark, self.quote, self.escape)

    @property
    def edit(self) -> Callable[[str], str] | None:
        r"""What makes whole lines ready for a parser that knows one-character delimiters only, None when they are.

        A backslash that escapes nothing is text: `\\N` and `8\\'9` keep theirs.
        """
        steps: list[Callable[[str], str]] = []
        if self.mark != self.delimiter:
            steps.append(lambda text: text.replace(self.delimiter, self.mark))
        mark, quote = re.escape(self.mark), re.escape(self.quote or '"')
        if self.framed:
            frame = re.compile(rf"^[ \t]*{mark}(.*){mark}[ \t]*(?=\r?$)", re.MULTILINE)
            steps.append(lambda text: frame.sub(r"\1", text))
        if self.escape:
            pair = re.compile(rf"{re.escape(self.escape)}({mark}|[{quote}\\\r\n])?")
            steps.append(lambda text: pair.sub(lambda found: found[0] if found[1] else found[0] * 2, text))
        if self.skip_space and self.quote:
            blank = re.compile(rf"(?<={mark}) +(?={quote}(?:[^{quote}]|{quote}(?:{mark}|\r?\n|$)))")
            steps.append(lambda text: blank.sub("", text))
        return (lambda text: reduce(lambda so_far, step: step(so_far), steps, text)) if steps else None

    def rows(self, lines: Iterable[str]) -> Iterator[tuple[list[str], int]]:
        """Each record's cells, and the line it ends on; lines are numbered from 1."""
        if self.mark != self.delimiter:
            lines = (line.replace(self.delimiter, self.mark) for line in lines)
        reader = csv.reader(
            _parted(lines), delimiter=self.mark, quotechar=self.quote, escapechar=self.escape, skipinitialspace=self.skip_space,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
        )  # fmt: skip
        for row in reader:
            yield row, reader.line_num


def _parted(lines: Iterable[str]) -> Iterator[str]:
    """The lines, parted at a return alone within them, which ends a line as Arrow reads it; csv refuses to."""
    for line in lines:
        if "\r" in line.rstrip("\r\n"):
            yield from _RETURN.split(line)
        else:
            yield line


def hinted(lines: Sequence[str]) -> str | None:
    """The delimiter Excel's own first line `sep=;` gives, None when there is none."""
    match = _HINT.match(lines[0]) if lines else None
    return match.group(1) if match else None


def detect(text: str, delimiter: str | None = None) -> Dialect:
    """The dialect of a text of whole lines; with `delimiter` only the rest is looked for."""
    lines = text[:_SAMPLE].split("\n")[:_LINES]
    if len(text) > _SAMPLE and len(lines) > 1:
        lines.pop()
    told = [line for line in lines if not is_comment(line)]
    if 1 < len(told) < len(lines) and any(_best("\n".join(told), mark)[0] > _HALF for mark in USUAL):
        lines = told
    sample = "\n".join(lines)
    if delimiter is None:
        delimiter = hinted(lines)
        sample = "\n".join(lines[1:]) if delimiter else sample
    if framed := _quoted_oddly(lines, [delimiter] if delimiter else USUAL):
        return framed
    for pair in () if delimiter else _PAIRS:
        agreed = _agreeing(sample, Dialect(pair))
        if (
            agreed >= _AGREEING
            and sample.count(pair) * len(pair) * 2 > sample.count(pair[0])
            and _is_paired(sample, pair)
        ):
            delimiter = pair
    found = _judged(sample, delimiter)
    if delimiter is None and found.delimiter not in USUAL:
        share, width, mark = max((*_best(sample, mark), mark) for mark in USUAL)
        # The blanks of a text and the strokes of a date agree as well as commas do, but make fewer cells.
        if _agreeing(sample, found) < _AGREEING or (share >= _LIKELY and width >= _best(sample, found.delimiter)[1]):
            found = _judged(sample, mark)
    return replace(found, framed=is_framed(lines, found.delimiter))


def _is_paired(sample: str, pair: str) -> bool:
    """Whether usual marks in a delimiter of several characters belong to it: a mark twice may stand about a blank cell, |$ before a price."""
    if pair == pair[0] * 2 and pair[0] in USUAL:
        runs = re.findall(f"{re.escape(pair[0])}+", sample)
        return sum(len(run) % 2 == 0 for run in runs) >= _AGREEING * len(runs)
    return all(sample.count(mark) * _AGREEING <= sample.count(pair) * pair.count(mark) for mark in {*USUAL} & {*pair})


def is_comment(line: str) -> bool:
    """Whether a line by itself is a comment: # or // at its beginning."""
    return line.lstrip().startswith(("#", "//"))


def is_framed(lines: Sequence[str], delimiter: str) -> bool:
    """Whether a table is drawn: its lines stand between strokes, but for +---+ and a title."""
    if delimiter != "|":
        return False
    drawn = [text for line in lines if "|" in line and (text := line.strip()).strip("|+-=: ")]
    return len(drawn) > 1 and all(len(text) > 2 and text[0] == text[-1] == "|" for text in drawn)


def alone(lines: Sequence[str], dialect: Dialect) -> tuple[int, float]:
    """The width most lines have when each is a record by itself, and the share of lines that have it."""
    widths = []
    for line in lines:
        try:
            if row := next((row for row, _ in dialect.rows([line])), None):
                widths.append(len(row))
        except csv.Error:
            widths.append(0)
    width, count = Counter(widths).most_common(1)[0] if widths else (0, 0)
    return width, count / len(widths) if widths else 0.0


def mapped(text: str, delimiter: str) -> Dialect:
    """The dialect of a file whose delimiter its header has told: the usual marks, unless others are in plain sight."""
    mark = re.escape(delimiter)
    if '\\"' in text[:_SAMPLE] or re.search(rf"(?:^|\n|{mark})'[^']*{mark}[^'\n]*'(?:{mark}|\n|$)", text[:_SAMPLE]):
        return detect(text, delimiter)
    framed = is_framed(text[:_SAMPLE].split("\n")[:-1], delimiter)
    return Dialect(delimiter, skip_space=f'{delimiter} "' in text[:_SAMPLE], framed=framed)


def _judged(sample: str, delimiter: str | None) -> Dialect:
    from clevercsv.detect import Detector

    if delimiter is not None and len(delimiter) > 1:
        return Dialect(delimiter)
    bare = sample if delimiter else _WITHIN.sub("", sample)
    allowed = [delimiter] if delimiter else [*USUAL, *_UNUSUAL]
    try:
        found = Detector().detect(sample, delimiters=[mark for mark in allowed if mark in bare], method="consistency")
    except Exception:  # its own guard against odd samples is an exception of whatever kind
        found = None
    chosen = delimiter or (found.delimiter if found and found.delimiter else ",")
    quote: str | None = (
        "'" if found and found.quotechar == "'" and re.search(rf"'(?:{re.escape(chosen)}|\r?\n|$)", sample) else '"'
    )
    if found and not found.quotechar and _is_stray(sample, chosen):
        quote = None
    escaped = (quote and f"\\{quote}" in sample) or (f"\\{chosen}" in sample and found and not found.quotechar)
    escape = "\\" if found and found.escapechar and escaped else None
    after = Counter(re.findall(rf"{re.escape(chosen)}( ?)(?=\S)", sample)) if chosen.strip() else Counter()
    # A comma at the end of a quoted sentence has no blank behind it either.
    skips = after[" "] > 5 * after[""]
    if quote and not skips and f"{chosen}{quote}" not in sample:
        skips = (
            re.search(rf"{re.escape(chosen)} +{quote}[^{quote}\n]*{quote} *(?:{re.escape(chosen)}|\n)", sample)
            is not None
        )
    return Dialect(chosen, quote, escape, skip_space=skips)


def _quoted_oddly(lines: Sequence[str], delimiters: Iterable[str]) -> Dialect | None:
    """The dialect of a text all of whose cells stand between marks that are no quotation marks: ~1~,~王~."""
    given = [line.rstrip("\r") for line in lines if line.strip()]
    mark = given[0][0] if len(given) > 1 else ""
    for delimiter in delimiters if mark and mark in _ODD_QUOTES else ():
        cell = rf"{re.escape(mark)}[^{re.escape(mark)}]*{re.escape(mark)}"
        whole = re.compile(rf"{cell}(?:{re.escape(delimiter)}{cell})+")
        if delimiter != mark and all(map(whole.fullmatch, given)):
            return Dialect(delimiter, mark)
    return None


def _is_stray(sample: str, delimiter: str) -> bool:
    """Whether double marks open a cell here and there in many lines and never close one: they are text."""
    mark = re.escape(delimiter)
    opened = len(re.findall(rf'(?:^|\n|{mark})"', sample))
    closed = re.search(rf'(?:^|\n|{mark})"(?:[^"]|"")*"(?:{mark}|\r?\n|$)', sample)
    return bool(opened) and closed is None and sample.count("\n") > 10 * opened


def _best(sample: str, mark: str) -> tuple[float, int]:
    """How far the lines agree with a delimiter, blanks behind it or not: the share, and the usual number of cells."""
    best = (0.0, 1)
    for skips in (False, True):
        lines = [(line.rstrip() if mark == " " else line) + "\n" for line in sample.split("\n") if line.strip()]
        width, share = alone(lines, Dialect(mark, skip_space=skips))
        best = max(best, (share if width > 1 else 0.0, width))
    return best


def _agreeing(sample: str, dialect: Dialect) -> float:
    """The share of the records that have the most usual number of cells; 0 when that number is one."""
    if dialect.delimiter not in sample:
        return 0.0
    try:
        widths = [len(row) for row, _ in dialect.rows(line + "\n" for line in sample.split("\n")) if row]
    except csv.Error:
        return 0.0
    if not widths:
        return 0.0
    width, count = Counter(widths).most_common(1)[0]
    return count / len(widths) if width > 1 else 0.0
