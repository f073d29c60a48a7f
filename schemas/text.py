"""Plain text: what counts as blank, as noise and as damage, and how each is taken away.

Everything here is a pure function of one cell; the SQL twins of the same names are in `schemas.macros`.
The character classes are public because the twins are made from them.
"""

import re
import unicodedata

ZERO_WIDTH = (
    "\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064\ufeff"
)
SPACES = (
    "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
DASHES = "-‐‑‒–—―−─﹘﹣－"
APOSTROPHES = "'‘’`´′＇"
CONTROLS = "".join(chr(code) for code in (*range(1, 9), *range(14, 32), 127))
FULL_WIDTH = "".join(chr(code) for code in range(0xFF01, 0xFF5F))
HALF_WIDTH = "".join(chr(code) for code in range(0x21, 0x7F))

# Cells clerks fill so that a form lets them pass. A lone dash or slash means «nothing» in any text column …
BLANKS = frozenset({"", "/", "／", "-", "—", "——"})
# … these words mean it where the column holds a code, a number, a date, a name, or a text that may be left out.
BLANK_WORDS = frozenset(
    {
        *BLANKS, "\\", "--", "---", "－", "–", "−", ".", "。", "…", "……", "*", "**", "***", "?", "#", "#N/A", "//",
        "无", "暂无", "没有", "未有", "空", "空白", "不详", "未知", "未填", "未填写", "待补", "待定", "待补充", "待办", "缺",
        "NULL", "NONE", "NIL", "N/A", "NA", "NAN", "NAT",
    }
)  # fmt: skip

_FOLD_SPACES = str.maketrans(
    {
        **dict.fromkeys(SPACES, " "),
        **dict.fromkeys(ZERO_WIDTH + CONTROLS + "\0"),
        **dict(zip(FULL_WIDTH, HALF_WIDTH, strict=True)),
    }
)
_NO_NOISE = str.maketrans(dict.fromkeys(ZERO_WIDTH + CONTROLS + "\0"))
NO_SPACE = str.maketrans(dict.fromkeys(SPACES + ZERO_WIDTH + CONTROLS + "\0"))
UPPER = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")

REPLACEMENT = "\ufffd"
# What stays of bytes that were decoded twice the wrong way: nothing brings such text back.
LOSSY_TRACES = ("锟斤拷", "烫烫烫", "屯屯屯")
LOST_MARKS = "?？〓□\ufffd"
_LATIN_RUN = re.compile("[\u0080-\u00ff]{2,}")
HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af]")


def nfkc(raw: str | None) -> str | None:
    """The Unicode compatibility form (Ａ→A, （→(, ㎡→m2, Ⅱ→II); None stays None."""
    return None if raw is None else unicodedata.normalize("NFKC", raw)


def narrow(raw: str) -> str:
    """Full-width ASCII made half-width, every kind of space one plain space, invisible characters gone, ends trimmed."""
    return raw.translate(_FOLD_SPACES).strip(" ")


def person(name: str) -> str:
    """A person's name in one spelling, by which two people are told apart: 王 芳, 王　芳 and 王芳 are one."""
    told = narrow(unicodedata.normalize("NFKC", name))
    return told.translate(NO_SPACE) if HAN.search(told) else " ".join(told.split())


def text_clean(raw: str | None) -> str | None:
    """The text without outer spaces and invisible characters; None where nothing or a lone dash or slash is left.

    Full-width punctuation stays: in a sentence it is Chinese, not a defect.
    """
    if raw is None:
        return None
    text = raw.translate(_NO_NOISE).strip(SPACES)
    return None if text in BLANKS else text


def free_text_clean(raw: str | None) -> str | None:
    """Long text trimmed at both ends, its inside left alone but for NUL, which PostgreSQL cannot store; None when empty."""
    if raw is None:
        return None
    return raw.replace("\0", "").strip(SPACES + "\ufeff") or None


def code_clean(raw: str | None) -> str | None:
    """A code in one spelling: NFKC, ASCII letters upper, no spaces; None where the cell only says «nothing»."""
    if raw is None:
        return None
    code = unicodedata.normalize("NFKC", raw).translate(NO_SPACE).translate(UPPER)
    return None if code in BLANK_WORDS else code


def is_blank_word(raw: str | None) -> bool:
    """Whether a code, number or date cell says «nothing» (无, 暂无, ——, N/A …), whatever its case and spaces."""
    return raw is None or raw.translate(NO_SPACE).translate(UPPER) in BLANK_WORDS


def has_replacement(raw: str | None) -> bool:
    """Whether characters were already lost in an earlier conversion (U+FFFD): such text has to be sent again."""
    return raw is not None and REPLACEMENT in raw


def has_lost_character(raw: str | None) -> bool:
    """Whether a name holds ?, 〓 or □ where a rare character was that GBK does not know. Ask for GB18030."""
    return raw is not None and any(mark in raw for mark in LOST_MARKS)


def mojibake(raw: str | None) -> str | None:
    """How the text was misread: 'lossy' (gone for good) or 'read as:meant' such as 'latin-1:gb18030'; None for sound text.

    Byte columns of an old Oracle come as latin-1; a UTF-8 file opened as GBK comes as rare Han characters, mostly lossy.
    """
    if not raw:
        return None
    if REPLACEMENT in raw or any(trace in raw for trace in LOSSY_TRACES):
        return "lossy"
    if _LATIN_RUN.search(raw) and not HAN.search(raw):
        # UTF-8 first: short GB18030 is almost never valid UTF-8, the reverse often holds.
        kinds: tuple[str, ...] = ("latin-1:utf-8", "latin-1:gb18030")
    elif HAN.search(raw):
        kinds = ("gb18030:utf-8",)
    else:
        return None
    return next((kind for kind in kinds if HAN.search(_reread(raw, kind))), None)


def repair_mojibake(raw: str) -> str | None:
    """The text as it was meant, when the misreading kept every byte; None when it has to be sent again.

    Text that shows no damage comes back unchanged.
    """
    kind = mojibake(raw)
    if kind == "lossy":
        return None
    return raw if kind is None else _reread(raw, kind)


def _reread(raw: str, kind: str) -> str:
    read_as, meant = kind.split(":")
    try:
        return raw.encode(read_as).decode(meant)
    except UnicodeError:
        return ""
