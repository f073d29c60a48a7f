"""Tables the readers are tried on, and how programs write them."""

from __future__ import annotations

import csv
import io
import zipfile

import xlsxwriter

HEADER = ["DATE", "TIME", "Qty", "PRODUCTID", "Price", "Product Description", "TOTAL"]
ROWS = [
    ["9/1/2018", "00:05", "10", "ABC-1", "1,150.20", 'Cable "flat", 5 m', "11502.00"],
    ["9/1/2018", "00:16", "2", "ABC-2", "0.90", "Bolt\nM4", "1.80"],
    ["9/2/2018", "00:57", "7", "ABC-3", "12.00", "It's a nut; steel", "84.00"],
    ["9/2/2018", "01:12", "", "ABC-4", "3.50", "", "0.00"],
    ["9/3/2018", "11:30", "4", "ABC-5", "2.25", "Washer | zinc", "9.00"],
]


def written(rows=ROWS, header=HEADER, lines="\n", **dialect):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=lines, **dialect)
    writer.writerows([header, *rows] if header else rows)
    return text.getvalue()


def book(rows, **options):
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, options) as workbook:
        sheet = workbook.add_worksheet("城关镇")
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                if value is not None:
                    sheet.write(number, column, value)
        workbook.add_worksheet("水泉乡").write(0, 0, "x")
    return made.getvalue()


def packed(files):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return made.getvalue()


TOWNS = ["东镇", "西镇", "南镇", "北镇", "河镇"]
FIGURES = [[town, n * 7 + 11, n + 0.5] for n, town in enumerate(TOWNS)]
SPELT = [[town, str(n * 7 + 11), f"{n + 0.5:g}"] for n, town in enumerate(TOWNS)]

H = ["乡镇", "户数", "人口"]
MORE = [[town, n * 3 + 10, n * 7 + 100] for n, town in enumerate([*TOWNS, "湖镇"])]
MORE_SPELT = [[str(cell) for cell in row] for row in MORE]
