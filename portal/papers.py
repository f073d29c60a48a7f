"""A briefing's content on paper: docx for Word and WPS, pdf for print and for the file."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

from portal import drawing
from schemas.errors import ConfigError

Row = dict[str, Any]


# ------------------------------------------------------------------------------------------------- docx
def docx(title: str, content: Row) -> bytes:
    """The briefing as a Word document with the margins of official papers (37/35/28/26 mm)."""
    from docx import Document
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn
    from docx.shared import Mm, Pt

    paper = Document()
    page = paper.sections[0]
    page.page_width, page.page_height = Mm(210), Mm(297)
    page.top_margin, page.bottom_margin, page.left_margin, page.right_margin = Mm(37), Mm(35), Mm(28), Mm(26)

    def write(
        text: str,
        font: str,
        size: float,
        *,
        bold: bool = False,
        centre: bool = False,
        indent: bool = False,
        keep: bool = False,
    ) -> None:
        line = paper.add_paragraph()
        run = line.add_run(text)
        run.font.size, run.font.bold, run.font.name = Pt(size), bold, font
        run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)
        line.paragraph_format.line_spacing = 1.5
        line.paragraph_format.keep_with_next = keep
        if centre:
            line.alignment = WD_ALIGN_PARAGRAPH.CENTER
        if indent:
            line.paragraph_format.first_line_indent = Pt(size * 2)

    write(title, "方正小标宋简体", 22, centre=True)
    write(content["scope"], "楷体", 12, centre=True)
    for section in content["sections"]:
        write(section["title"], "黑体", 16, keep=True)
        for text in section["paragraphs"]:
            write(text, "仿宋", 16, indent=True)
        for chart in section.get("charts", ()):
            paper.add_picture(io.BytesIO(drawing.png(chart["option"], *_size(chart["option"]))), width=Mm(156))
            write(chart["says"], "楷体", 12)
        for table in section["tables"]:
            write(table["title"], "楷体", 14, bold=True, keep=True)
            lines = [table["head"], *table["rows"]]
            grid = paper.add_table(rows=len(lines), cols=len(table["head"]), style="Table Grid")
            grid.autofit = False
            weights, right = _weights(table), table.get("right", [False] * len(table["head"]))
            widths = [Mm(156 * weight / sum(weights)) for weight in weights]
            for column, width in zip(grid.columns, widths, strict=True):
                column.width = width
            for at, (row, line) in enumerate(zip(grid.rows, lines, strict=True)):
                kept = row._tr.get_or_add_trPr()
                kept.append(OxmlElement("w:cantSplit"))
                if at == 0:
                    kept.append(kept.makeelement(qn("w:tblHeader"), {qn("w:val"): "true"}))
                for cell, text, numeric, width in zip(row.cells, line, right, widths, strict=True):
                    cell.width = width
                    if numeric:
                        cell.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.RIGHT
                    run = cell.paragraphs[0].add_run(text)
                    run.font.size, run.font.bold, run.font.name = Pt(12), at == 0, "仿宋"
                    run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), "仿宋")
    _number_pages(page)
    write(f"生成时间 {content['made_at']}，由通衢自动汇总，数字可在门户看板逐级核对。", "仿宋", 12)
    target = io.BytesIO()
    paper.save(target)
    return target.getvalue()


def _weights(table: Row) -> list[int]:
    """How wide each column is to the others: by its longest text, a Chinese character counted as two, within bounds."""
    lines = [table["head"], *table["rows"]]
    longest = [
        max(sum(2 if ord(c) > 0x2E7F else 1 for c in str(line[i])) for line in lines) for i in range(len(table["head"]))
    ]
    return [min(max(width, 8), 26) + 3 for width in longest]


def _size(option: Row) -> tuple[int, int]:
    """Pixels of a chart on paper: as high as its bars need."""
    rows = len(option["yAxis"].get("data", ())) if option["yAxis"]["type"] == "category" else 0
    return 760, max(280, 90 + 26 * rows)


def _number_pages(section: Any) -> None:
    """Page numbers in the foot, as a field the word processor fills."""
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn
    from docx.shared import Pt

    line = section.footer.paragraphs[0]
    line.alignment = WD_ALIGN_PARAGRAPH.CENTER
    for kind, text in (("begin", ""), ("", "PAGE"), ("end", "")):
        run = line.add_run()
        run.font.size = Pt(14)
        part = OxmlElement("w:fldChar" if kind else "w:instrText")
        if kind:
            part.set(qn("w:fldCharType"), kind)
        else:
            part.text = text
        run._element.append(part)


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
  for chart in section.charts {{
    figure(image(chart.file, width: 100%), caption: none)
    text(9pt, fill: luma(90), chart.says)
  }}
  for each in section.tables {{
    v(4pt)
    block(sticky: true, text(11pt, weight: "bold", each.title))
    let right = each.at("right", default: each.head.map(h => false))
    table(columns: each.weights.map(w => w * 1fr), align: (x, y) => if right.at(x) {{ end }} else {{ start }}, stroke: 0.5pt + luma(160), inset: 5pt, fill: (x, y) => if y == 0 {{ luma(240) }},
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
        sections = []
        for at, section in enumerate(content["sections"]):
            charts = []
            for place, chart in enumerate(section.get("charts", ())):
                file = f"{at}-{place}.png"
                (Path(folder) / file).write_bytes(drawing.png(chart["option"], *_size(chart["option"])))
                charts.append({"file": file, "says": chart["says"]})
            sections.append(
                section | {"charts": charts, "tables": [t | {"weights": _weights(t)} for t in section["tables"]]}
            )
        text = json.dumps(content | {"title": title, "sections": sections}, ensure_ascii=False)
        (Path(folder) / "content.json").write_text(text, encoding="utf-8")
        listed = "(" + ", ".join(json.dumps(f) for f in fonts) + ",)"
        (Path(folder) / "main.typ").write_text(_PAGE.format(fonts=listed), encoding="utf-8")
        return bytes(typst.compile(str(Path(folder) / "main.typ")))
