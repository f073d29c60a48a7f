"""A briefing's content on paper: docx for Word and WPS, pdf for print and for the file."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from portal import drawing
from schemas.errors import ConfigError

Row = dict[str, Any]


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
        text: str,
        font: str,
        size: float,
        *,
        bold: bool = False,
        centre: bool = False,
        indent: bool = False,
        keep: bool = False,
        above: float = 0,
    ) -> None:
        line = paper.add_paragraph()
        run = line.add_run(text)
        run.font.size, run.font.bold, run.font.name = Pt(size), bold, font
        run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)
        line.paragraph_format.line_spacing = 1.5
        line.paragraph_format.keep_with_next = keep
        line.paragraph_format.space_before = Pt(above)
        if centre:
            line.alignment = WD_ALIGN_PARAGRAPH.CENTER
        if indent:
            line.paragraph_format.first_line_indent = Pt(size * 2)

    write(title, "方正小标宋简体", 22, centre=True)
    write(content["scope"], "楷体", 12, centre=True)
    for section in content["sections"]:
        write(section["title"], "黑体", 16, keep=True, above=12)
        for text in section["paragraphs"]:
            write(text, "仿宋", 16, indent=True)
        for chart in section.get("charts", ()):
            if chart.get("title"):  # briefings kept before charts had titles have none
                write(chart["title"], "楷体", 14, bold=True, keep=True)
            paper.add_picture(io.BytesIO(drawing.png(chart["option"], *_size(chart["option"]))), width=Mm(156))
            write(chart["says"], "楷体", 12)
        for table in section["tables"]:
            write(table["title"], "楷体", 14, bold=True, keep=True, above=8)
            paper.element.body[-1].addprevious(_grid(table, Mm(156).twips))
    _number_pages(page)
    write(f"生成时间 {content['made_at']}，由通衢自动汇总，数字可在门户看板逐级核对。", "仿宋", 12, above=12)
    target = io.BytesIO()
    paper.save(target)
    return target.getvalue()


_WORD = re.compile(r"[!-~]+")  # what has no place to break: a number, a code, a day
_HALF, _LINE = 120, 104  # twips of half a character in docx, half characters on a line of a pdf's table
_MARGINS = 3  # half characters a cell keeps free
_NOT_XML = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]")
_CELL = (
    '<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/></w:tcPr><w:p><w:pPr><w:jc w:val="{side}"/></w:pPr><w:r><w:rPr>'
    '<w:rFonts w:ascii="仿宋" w:hAnsi="仿宋" w:eastAsia="仿宋"/>{bold}<w:sz w:val="24"/></w:rPr><w:t xml:space="preserve">{text}</w:t></w:r></w:p></w:tc>'
)


def _grid(table: Row, width: int) -> Any:
    """The table as one piece of XML, `width` twips wide: made cell by cell through python-docx, a row of six costs 8 ms."""
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls

    weights, right = _weights(table, width // _HALF), table.get("right", [False] * len(table["head"]))
    widths = [width * weight // sum(weights) for weight in weights]
    sides = ["right" if numeric else "left" for numeric in right]

    def line(texts: Sequence[str], repeated: str = "", bold: str = "") -> str:
        cells = (
            _CELL.format(width=w, side=s, bold=bold, text=escape(_NOT_XML.sub("", str(text))))
            for w, s, text in zip(widths, sides, texts, strict=True)
        )
        return f"<w:tr><w:trPr><w:cantSplit/>{repeated}</w:trPr>{''.join(cells)}</w:tr>"

    head = line(table["head"], "<w:tblHeader/>", "<w:b/>")
    columns = "".join(f'<w:gridCol w:w="{w}"/>' for w in widths)
    return parse_xml(
        f'<w:tbl {nsdecls("w")}><w:tblPr><w:tblStyle w:val="TableGrid"/><w:tblW w:w="0" w:type="auto"/><w:tblLayout w:type="fixed"/></w:tblPr>'
        f"<w:tblGrid>{columns}</w:tblGrid>{head}{''.join(map(line, table['rows']))}</w:tbl>"
    )


def _weights(table: Row, room: int) -> list[int]:
    """How wide each column is to the others, in half characters of the `room` a line has.

    None is narrower than its longest number or code, which would be broken in two; longer texts share what is left.
    """
    columns = [[str(line[i]) for line in (table["head"], *table["rows"])] for i in range(len(table["head"]))]
    longest = [min(max(sum(2 if ord(c) > 0x2E7F else 1 for c in text) for text in texts), 26) for texts in columns]
    # A font that stands in for 仿宋 may have digits a quarter wider.
    whole = [max((len(word) * 5 / 4 for text in texts for word in _WORD.findall(text)), default=2) for texts in columns]
    least = [width + _MARGINS for width in whole]
    left, wanted = room - sum(least), [max(a - b, 0) for a, b in zip(longest, whole, strict=True)]
    share = max(left, 0) / max(sum(wanted), 1)
    return [round(10 * (a + b * share)) for a, b in zip(least, wanted, strict=True)]


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
    block(breakable: false, {{
      if chart.title != "" {{ block(sticky: true, text(11pt, weight: "bold", chart.title)) }}
      image(chart.file, width: 100%)
      text(9pt, fill: luma(90), chart.says)
    }})
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
                file = f"{at}-{place}.svg"
                (Path(folder) / file).write_text(drawing.on_paper(chart["option"], *_size(chart["option"])), "utf-8")
                charts.append({"file": file, "title": chart.get("title", ""), "says": chart["says"]})
            sections.append(
                section | {"charts": charts, "tables": [t | {"weights": _weights(t, _LINE)} for t in section["tables"]]}
            )
        text = json.dumps(content | {"title": title, "sections": sections}, ensure_ascii=False)
        (Path(folder) / "content.json").write_text(text, encoding="utf-8")
        listed = "(" + ", ".join(json.dumps(f) for f in fonts) + ",)"
        (Path(folder) / "main.typ").write_text(_PAGE.format(fonts=listed), encoding="utf-8")
        return bytes(typst.compile(str(Path(folder) / "main.typ")))
