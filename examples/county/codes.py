"""Identifiers with right check digits, made in bulk.

The county computes its check digits here and nowhere else: were it to use the hub's own validators, a
mistake in those could never show. Every function takes and gives whole arrays.

Source: GB 32100-2015 (USCC), GB 11714-1997 (organisation code), GB 11643-1999 (resident id), GS15-2006
(registration number, ISO 7064 MOD 11,10). Division 510999 is assigned to no county, and resident ids
start with 510000, which is issued to nobody.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Text = NDArray[np.str_]
Numbers = NDArray[np.int64]

DIVISION = "510999"
_SYMBOLS = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # 31: no I, O, S, V, Z
_WIDE = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_USCC_WEIGHTS = np.array([1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28])
_ORG_WEIGHTS = np.array([3, 7, 9, 10, 5, 8, 4, 2])
_RESIDENT_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
_SPACE = 31**6
_STRIDE = 7_368_787  # prime to 31: walks the whole space without meeting a code twice


def _matrix(texts: Text) -> NDArray[np.uint8]:
    """One row of ASCII bytes per text; all texts have one length."""
    width = texts.dtype.itemsize // 4
    return texts.astype(f"S{width}").view(np.uint8).reshape(len(texts), width)


def _texts(matrix: NDArray[np.uint8]) -> Text:
    return np.ascontiguousarray(matrix).view(f"S{matrix.shape[1]}").ravel().astype(str)


def _values(matrix: NDArray[np.uint8], symbols: str) -> Numbers:
    table = np.zeros(128, dtype=np.int64)
    table[[ord(symbol) for symbol in symbols]] = np.arange(len(symbols))
    return table[matrix]


def _column(symbols: str, values: Numbers) -> NDArray[np.uint8]:
    return np.frombuffer(symbols.encode(), dtype=np.uint8)[values][:, None]


def org_codes(serials: Numbers) -> Text:
    """Organisation codes `MA` + 6 symbols + check digit; different serials give different codes."""
    spread = (serials.astype(np.int64) * _STRIDE + 5_051) % _SPACE
    places = 31 ** np.arange(5, -1, -1)
    body = _column(_SYMBOLS, (spread[:, None] // places % 31).ravel()).reshape(-1, 6)
    head = np.broadcast_to(np.frombuffer(b"MA", dtype=np.uint8), (len(serials), 2))
    matrix = np.hstack([head, body])
    check = (11 - (_values(matrix, _WIDE) * _ORG_WEIGHTS).sum(axis=1) % 11) % 11
    return _texts(np.hstack([matrix, _column("0123456789X", check)]))


def usccs(prefix: Text, org_code: Text, division: str = DIVISION) -> Text:
    """Unified social credit codes from a two-character prefix (91, 92, 93, N1 …) and organisation codes."""
    matrix = _matrix(np.char.add(np.char.add(prefix, division), org_code))
    check = (31 - (_values(matrix, _SYMBOLS) * _USCC_WEIGHTS).sum(axis=1) % 31) % 31
    return _texts(np.hstack([matrix, _column(_SYMBOLS, check)]))


def reg_nos(first_digit: Numbers, serials: Numbers, division: str = DIVISION) -> Text:
    """15-digit registration numbers: 6 authority, 8 serial (its first digit tells the kind), 1 check digit."""
    head = (int(division) * 10 + first_digit) * 10**7 + serials % 10**7
    digits = head[:, None] // 10 ** np.arange(13, -1, -1) % 10
    product = np.full(len(serials), 10)
    for place in range(14):
        total = (product + digits[:, place]) % 10
        product = np.where(total == 0, 10, total) * 2 % 11
    return (head * 10 + (11 - product) % 10).astype(str)


def resident_ids(born: NDArray[np.datetime64], sequence: Numbers) -> Text:
    """18-character resident ids under the never-issued 510000."""
    day = np.datetime_as_string(born.astype("datetime64[D]"))
    compact = np.char.replace(day, "-", "")
    matrix = _matrix(np.char.add(np.char.add("510000", compact), np.char.zfill((sequence % 1000).astype(str), 3)))
    check = (_values(matrix, "0123456789") * _RESIDENT_WEIGHTS).sum(axis=1) % 11
    return _texts(np.hstack([matrix, _column("10X98765432", check)]))


def mobiles(serials: Numbers) -> Text:
    """Mobile numbers under 154, a segment handed out to no subscriber; different serials, different numbers."""
    return (15_400_000_000 + (serials.astype(np.int64) * 6_700_417 + 1_201) % 10**8).astype(str)


def unit_nos(serials: Numbers) -> Text:
    """28-character real-estate unit numbers of finished buildings."""
    zone = np.char.add(
        np.char.zfill((serials % 12 + 1).astype(str), 3), np.char.zfill((serials % 9 + 1).astype(str), 3)
    )
    parcel = np.char.add("GB", np.char.zfill((serials // 37 % 99_999).astype(str), 5))
    house = np.char.add("F", np.char.zfill((serials % 99_999_999 + 1).astype(str), 8))
    return np.char.add(np.char.add(np.char.add(DIVISION, zone), parcel), house)


def project_codes(year: Numbers, serials: Numbers) -> Text:
    """Investment project codes YYYY-510999-TT-NN-NNNNNN."""
    head = np.char.add(np.char.add(year.astype(str), f"-{DIVISION}-"), np.char.zfill((serials % 48 + 1).astype(str), 2))
    return np.char.add(np.char.add(head, "-01-"), np.char.zfill((100_000 + serials % 900_000).astype(str), 6))


def spoil_check(codes: Text) -> Text:
    """The same codes with a last character that cannot be right (the next symbol of the alphabet)."""
    matrix = _matrix(codes).copy()
    turned = str.maketrans(_SYMBOLS, _SYMBOLS[1:] + _SYMBOLS[0])
    last = np.array([ord(chr(code).translate(turned)) for code in range(128)], dtype=np.uint8)
    matrix[:, -1] = last[matrix[:, -1]]
    return _texts(matrix)
