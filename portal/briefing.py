"""The leaders' briefing: the boards' figures frozen at one moment, as docx and as pdf, with what they stand for printed.

A briefing keeps its figures (hub.briefing): made again from the same record it says the same, whatever came since.
"""

from __future__ import annotations

import io
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from portal import figures
from portal.render import DASH, moment, number, signed
from schemas.errors import ConfigError
from schemas.identifiers import COUNTY_TIME

if TYPE_CHECKING:
    import psycopg

Row = dict[str, Any]
SECTIONS = {"indicators": "营商环境指标", "hotline": "12345 热线", "rectification": "问题整改"}


def compose(connection: psycopg.Connection[Any], sections: list[str], as_of: date) -> Row:
    """The briefing's content: per section a heading, paragraphs and tables, all as text."""
    made = {"indicators": _indicators, "hotline": _hotline, "rectification": _rectification}
    return {
        "as_of": as_of.isoformat(),
        "made_at": datetime.now(COUNTY_TIME).strftime("%Y-%m-%d %H:%M"),
        "scope": f"范围：全县；数据截至 {as_of.isoformat()}；章节：{'、'.join(SECTIONS[s] for s in sections)}",
        "sections": [{"title": SECTIONS[s], **made[s](connection)} for s in sections],
    }


def _table(title: str, head: list[str], rows: list[list[str]]) -> Row:
    return {"title": title, "head": head, "rows": rows}


def _indicators(connection: psycopg.Connection[Any]) -> Row:
    found = figures.indicators(connection)
    overview, below = found["overview"], found["below"]
    if not overview:
        return {"paragraphs": ["本期没有评估结果。"], "tables": []}
    both = [r for r in overview if r["above_both"]]
    under = [r for r in overview if r["below_70"]]
    text = f"{overview[0]['year']} 年评估一级指标 {len(overview)} 项，{len(both)} 项同时高于全市、全省均值；"
    text += f"低于 70 分 {len(under)} 项" + (
        f"：{'、'.join(r['indicator'] + ' ' + number(r['score'], 2) for r in under)}。" if under else "。"
    )
    scores = [
        [
            r["indicator"],
            r["lead_department"] or DASH,
            number(r["score"], 2),
            number(r["city_avg"], 2),
            signed(r["city_gap"]),
            number(r["province_avg"], 2),
        ]
        for r in overview
    ]
    short = [
        [
            r["indicator"],
            "一级" if r["level"] == 1 else "二级",
            r["lead_department"] or DASH,
            number(r["score"], 2),
            number(r["points_short"], 2),
        ]
        for r in below
    ]
    tables = [_table("一级指标得分", ["指标", "牵头单位", "得分", "全市均值", "较全市", "全省均值"], scores)]
    if short:
        tables.append(_table("低于 70 分清单（不四舍五入）", ["指标", "级别", "牵头单位", "得分", "差几分"], short))
    return {"paragraphs": [text], "tables": tables}


def _hotline(connection: psycopg.Connection[Any]) -> Row:
    found = figures.hotline(connection, "")
    total, rates, overdue = found["total"], found["rates"], found["overdue"]
    text = f"到期工单 {number(total['due'])} 件，按期办结率 {number(total['on_time_pct'], 1)}%；响应率 {number(rates['response_pct'], 1)}%，"
    text += f"解决率 {number(rates['solved_pct'], 1)}%，满意率 {number(rates['satisfaction_pct'], 1)}%。超期未办结 {len(overdue)} 件"
    text += f"，最长 {overdue[0]['days_overdue']} 天。" if overdue else "。"
    late = [
        [r["ticket_no"], r["title"] or DASH, r["department"] or DASH, moment(r["due_at"])[:10], str(r["days_overdue"])]
        for r in overdue
    ]
    units = [
        [r["department"] or DASH, number(r["due"]), number(r["overdue"]), number(r["on_time_pct"], 1)]
        for r in found["units"][:10]
    ]
    tables = [_table("按期办结率最低的十个单位", ["单位", "到期", "超时", "按期率（%）"], units)]
    if late:
        tables.insert(0, _table("超期未办结清单", ["工单", "诉求", "承办单位", "到期", "超期（天）"], late))
    return {"paragraphs": [text], "tables": tables}


def _rectification(connection: psycopg.Connection[Any]) -> Row:
    found = figures.rectification(connection)
    total = found["overview"].get("合计")
    if total is None:
        return {"paragraphs": ["没有整改问题。"], "tables": []}
    text = f"问题 {total['problems']} 个，已销号 {total['closed']} 个，完成率 {number(total['completion_pct'], 1)}%，按期率 {number(total['on_time_pct'], 1)}%；"
    text += f"红灯 {total['red']} 个，黄灯 {total['yellow']} 个。"
    late = [
        [
            r["problem_no"],
            r["title"] or DASH,
            r["lead_department"] or DASH,
            r["responsible_person"] or DASH,
            moment(r["due_on"]),
            str(r["days_overdue"]),
        ]
        for r in found["overdue"]
    ]
    tables = (
        [_table("超期未销号清单", ["编号", "问题", "牵头单位", "责任人", "时限", "超期（天）"], late)] if late else []
    )
    return {"paragraphs": [text], "tables": tables}


# ------------------------------------------------------------------------------------------------- docx
def docx(title: str, content: Row) -> bytes:
    """The briefing as a Word document with the margins of official papers (37/35/28/26 mm)."""
    from docx import Document
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml.ns import qn
    from docx.shared import Mm, Pt

    paper = Document()
    page = paper.sections[0]
    page.page_width, page.page_height = Mm(210), Mm(297)
    page.top_margin, page.bottom_margin, page.left_margin, page.right_margin = Mm(37), Mm(35), Mm(28), Mm(26)

    def write(
        text: str, font: str, size: float, *, bold: bool = False, centre: bool = False, indent: bool = False
    ) -> None:
        line = paper.add_paragraph()
        run = line.add_run(text)
        run.font.size, run.font.bold, run.font.name = Pt(size), bold, font
        run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)
        line.paragraph_format.line_spacing = 1.5
        if centre:
            line.alignment = WD_ALIGN_PARAGRAPH.CENTER
        if indent:
            line.paragraph_format.first_line_indent = Pt(size * 2)

    write(title, "方正小标宋简体", 22, centre=True)
    write(content["scope"], "楷体", 12, centre=True)
    for section in content["sections"]:
        write(section["title"], "黑体", 16)
        for text in section["paragraphs"]:
            write(text, "仿宋", 16, indent=True)
        for table in section["tables"]:
            write(table["title"], "楷体", 14, bold=True)
            grid = paper.add_table(rows=1, cols=len(table["head"]), style="Table Grid")
            for at, line in enumerate([table["head"], *table["rows"]]):
                cells = grid.rows[0].cells if at == 0 else grid.add_row().cells
                for cell, text in zip(cells, line, strict=True):
                    run = cell.paragraphs[0].add_run(text)
                    run.font.size, run.font.bold, run.font.name = Pt(12), at == 0, "仿宋"
                    run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), "仿宋")
            head = grid.rows[0]._tr.get_or_add_trPr()
            mark = head.makeelement(qn("w:tblHeader"), {qn("w:val"): "true"})
            head.append(mark)
    write(f"生成时间 {content['made_at']}，由通衢自动汇总，数字可在门户看板逐级核对。", "仿宋", 12)
    target = io.BytesIO()
    paper.save(target)
    return target.getvalue()


# ------------------------------------------------------------------------------------------------- pdf
_PAGE = """
#set page(paper: "a4", margin: (top: 25mm, bottom: 22mm, x: 22mm), footer: context align(center, text(9pt)[第 #counter(page).display() 页]))
#set text(font: {fonts}, size: 11pt, lang: "zh")
#set par(leading: 0.9em)
#let data = json("content.json")
#align(center, text(20pt, weight: "bold", data.title))
#align(center, text(9pt, fill: luma(90), data.scope))
#for section in data.sections {{
  v(6pt)
  text(14pt, weight: "bold", section.title)
  for words in section.paragraphs {{ par(first-line-indent: (amount: 2em, all: true), words) }}
  for each in section.tables {{
    v(4pt)
    text(11pt, weight: "bold", each.title)
    table(columns: each.head.len(), stroke: 0.5pt + luma(160), inset: 5pt, fill: (x, y) => if y == 0 {{ luma(240) }},
      table.header(..each.head.map(h => text(9pt, weight: "bold", h))), ..each.rows.flatten().map(c => text(9pt, c)))
  }}
}}
#v(10pt)
#text(9pt, fill: luma(90))[生成时间 #data.made_at，由通衢自动汇总，数字可在门户看板逐级核对。]
"""
_WANTED = (
    "FangSong",
    "SimSun",
    "Source Han Serif SC",
    "Noto Serif CJK SC",
    "Source Han Sans SC",
    "Noto Sans CJK SC",
    "WenQuanYi Zen Hei",
    "Microsoft YaHei",
)


@cache
def _fonts() -> tuple[str, ...]:
    import typst

    here = set(typst.Fonts().families())
    return tuple(name for name in _WANTED if name in here)


def pdf(title: str, content: Row) -> bytes:
    """The briefing as a pdf with its fonts inside.

    Raises:
        ConfigError: the machine has no Chinese font; letters would be missing without a word.
    """
    import json
    import tempfile
    from pathlib import Path

    import typst

    fonts = _fonts()
    if not fonts:
        raise ConfigError("简报 pdf", "这台机器没有中文字体", "请安装 fonts-noto-cjk，或下载 docx")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "content.json").write_text(
            json.dumps(content | {"title": title}, ensure_ascii=False), encoding="utf-8"
        )
        listed = "(" + ", ".join(json.dumps(f) for f in fonts) + ",)"
        (Path(folder) / "main.typ").write_text(_PAGE.format(fonts=listed), encoding="utf-8")
        return bytes(typst.compile(str(Path(folder) / "main.typ")))
