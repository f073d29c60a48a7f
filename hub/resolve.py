"""`hub resolve`: which records of any files are one and the same."""

from __future__ import annotations

from pathlib import Path

from hub import output
from hub.output import UsageError


def run(
    config: Path, clusters: Path, review: Path | None, trained: Path | None, kept: Path | None, threshold: float | None
) -> None:
    """Resolve and write the files; tells the figures on stderr."""
    from dataclasses import replace

    from warehouse.linkage import config as reading
    from warehouse.linkage import resolve

    asked = reading.load(config)
    if threshold is not None:
        if not 0 < threshold <= 1:
            raise UsageError("--threshold", f"{threshold:g} 不是 0 到 1 之间的概率", "例如 --threshold 0.9")
        asked = replace(asked, threshold=threshold)
    for path in (clusters, review, kept):
        if path is not None and not path.absolute().parent.is_dir():
            raise UsageError(str(path), "没有这个目录", "请先建好目录")
    con = resolve.connect(asked)
    found = resolve.resolve(asked, trained=trained, keep_model=kept, con=con)
    resolve.write(con, clusters, review)
    for note in found.notes:
        output.say(note, "note")
    roles = "、".join(f"{field.name}（{field.role}）" for field in found.fields)
    output.say(f"比较的字段：{roles}", "note")
    if found.unique:
        output.say(f"按“同一来源内不重复”处理：{'、'.join(found.unique[:12])}", "note")
    output.say(
        f"{output.thousands(found.records)} 条记录归为 {output.thousands(found.clusters)} 个主体，"
        f"比较了 {output.thousands(found.compared)} 对；待人核对 {output.thousands(found.review)} 对",
        "ok",
    )
    output.say(f"已写 {clusters}" + (f"、{review}" if review else ""), "ok")
