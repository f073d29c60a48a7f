"""Papers that people add to a contest or a report: kept whole, given back as files, never opened here.

subject  contest:124  the refused row 124 · rectification:7  the report 7
"""

from __future__ import annotations

import io
import zipfile
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from starlette.datastructures import UploadFile

from portal import audit
from portal.downloads import attachment
from portal.web import Refused, there

if TYPE_CHECKING:
    import psycopg
    from fastapi.responses import Response

    from portal.web import Visit

Row = dict[str, Any]
MOST = 10 * 1024 * 1024
# What a paper may be, and how each kind begins; a macro workbook is none of them.
_KINDS = {
    ".pdf": (b"%PDF-",), ".jpg": (b"\xff\xd8\xff",), ".jpeg": (b"\xff\xd8\xff",), ".png": (b"\x89PNG\r\n",), ".docx": (b"PK\x03\x04",), ".xlsx": (b"PK\x03\x04",),
    ".doc": (b"\xd0\xcf\x11\xe0",), ".xls": (b"\xd0\xcf\x11\xe0",), ".ofd": (b"PK\x03\x04",),
}  # fmt: skip
ACCEPTED = ",".join(_KINDS)


def taken(visit: Visit, name: str = "file") -> tuple[str, bytes] | None:
    """The paper of a form as (name, content); None when none was chosen.

    Raises:
        Refused: too large, of a kind that is not taken, or not what its name says.
    """
    file = visit.form.get(name)
    if not isinstance(file, UploadFile) or not file.filename:
        return None
    plain = PurePath(file.filename.replace("\\", "/")).name[:120]
    content = file.file.read(MOST + 1)
    if len(content) > MOST:
        raise Refused(413, f"附件“{plain}”超过 10 MB", "请压缩图片，或只留需要的几页")
    begins = _KINDS.get(PurePath(plain).suffix.lower())
    if begins is None:
        raise Refused(422, f"附件“{plain}”的类型不收", "可以用 PDF、图片、Word、Excel 或 OFD")
    if not content.startswith(begins) or (content.startswith(b"PK") and _macros(content)):
        raise Refused(422, f"附件“{plain}”不是它的扩展名所说的文件，或带宏", "请另存为不带宏的文件，或导出 PDF 再传")
    return plain, content


def _macros(content: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as inside:
            return any(entry.filename.lower().endswith("vbaproject.bin") for entry in inside.infolist())
    except zipfile.BadZipFile:
        return True


def keep(connection: psycopg.Connection[Any], subject: str, paper: tuple[str, bytes] | None, *, by: str) -> None:
    """Add the paper, if there is one, to its subject."""
    if paper is not None:
        connection.execute(
            "INSERT INTO hub.attachment (subject, name, content, added_by) VALUES (%s, %s, %s, %s)",
            [subject, *paper, by],
        )


def listed(connection: psycopg.Connection[Any], subjects: list[str]) -> dict[str, list[Row]]:
    """The papers of each subject, oldest first, without their content."""
    found: dict[str, list[Row]] = {}
    for row in connection.execute(
        "SELECT attachment_id, subject, name, octet_length(content) AS bytes, added_by, added_at FROM hub.attachment WHERE subject = ANY(%s) ORDER BY 1",
        [subjects],
    ):
        found.setdefault(row["subject"], []).append(row)
    return found


def given(visit: Visit, number: int, subject: str) -> Response:
    """A paper of this subject as a file; noted in the audit.

    Raises:
        Refused: there is no such paper of this subject.
    """
    with visit.site.database.owner() as connection:
        row = connection.execute(
            "SELECT name, content FROM hub.attachment WHERE attachment_id = %s AND subject = %s", [number, subject]
        ).fetchone()
        row = there(row, f"附件 {number}", "页面上的附件名")
        audit.write(connection, visit.user.name, "export", f"附件 {number}", address=visit.address, file=row["name"])
    return attachment(bytes(row["content"]), row["name"], "application/octet-stream")
