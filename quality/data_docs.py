"""Data Docs as a county can read them: no outside addresses, Chinese words, one way in, and an end to their number.

Great Expectations writes each page with scripts and styles from eight public hosts, which a government network
either blocks, so that the page is bare, or serves, so that outsiders learn who reads what. Its own index needs those
scripts and reads every result again. Here the pages are stripped and given the site's own style, and the index is
written from a small ledger:

    results.jsonl    one line per kept result: page, dataset, title, origin, at, verdict, failed
"""

from __future__ import annotations

import json
import re
import shutil
from collections import defaultdict
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path

LEDGER = "results.jsonl"

_OUTSIDE = re.compile(
    r"<script\b.*?</script>|<link\b[^>]*href=\"https?://[^>]*>|<img\b[^>]*src=\"https?://[^>]*>|<footer\b.*?</footer>"
    r"|url\('https?://[^)]*\)[^;]*;?",
    re.DOTALL,
)
_INERT = re.compile(r"<div class=\"card mb-3\">.*?</label>\s*</div>\s*</div>\s*</div>\s*</div>\s*</div>", re.DOTALL)
_OUTSIDE_TEXT = re.compile(r"<(p|div|a)\b[^>]*>(?:(?!<\1\b).)*?https?://.*?</\1>", re.DOTALL)
_WORD = re.compile(r"(?<=>)(\s*)([^<>]+?)(\s*)(?=<)")
_BAD_ROWS = re.compile(r"([\d,]+) unexpected values? found\. ([\d.<≈%]+) of ([\d,]+) total rows\.")
_WORDS = {
    "Data documentation compiled by Great Expectations": "整批质检",
    "Home": "目录",
    "Expectation Validation Result": "整批质检结果",
    "Evaluates whether a batch of data matches expectations.": "一次交付是否合乎数据契约的整批要求。",
    "Expectation Suite": "整批要求",
    "Expectation Suite:": "数据集：",
    "Expectation Suite Name": "数据集",
    "A collection of Expectations defined for batches of data.": "数据契约对每次交付的整批要求。",
    "Table of Contents": "目录",
    "Overview": "概况",
    "Table-Level Expectations": "整批",
    "_refused": "逐行质检",
    "Statistics": "统计",
    "Evaluated Expectations": "检查项",
    "Successful Expectations": "通过",
    "Unsuccessful Expectations": "未通过",
    "Success Percent": "通过率",
    "Status:": "结论：",
    "Status": "结论",
    "Expectation": "要求",
    "Observed Value": "实际",
    "Succeeded": "通过",
    "Failed": "未通过",
    "Data asset: None": "",
    "Show more info...": "其他",
    "Info": "说明",
    "Great Expectations Version": "Great Expectations 版本",
    "Run Name": "来源",
    "Run Time": "质检时间（UTC）",
    "Batch Markers": "标记",
    "Notes": "备注",
}
_STYLE = """
body{font:15px/1.6 "Source Han Sans SC","Noto Sans CJK SC","Microsoft YaHei",sans-serif;color:#1f2933;margin:0 auto;
max-width:1080px;padding:24px}
a{color:#1d5fa8;text-decoration:none}h1{font-size:22px}h4{font-size:20px;margin:.2em 0}h5{font-size:16px;margin:1.4em 0 .3em}
nav ol,nav ul{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:4px 14px;font-size:13px}.card-header{display:none}
table{border-collapse:collapse;width:100%;margin:4px 0}th,td{border-bottom:1px solid #e4e7eb;padding:5px 10px;text-align:left;
vertical-align:top}th{font-weight:600;color:#52606d;font-size:13px}td:first-child{width:9em}
.fa-times::before{content:"✗ 未通过";color:#b42318}.fa-check-circle::before{content:"✓ 通过";color:#147d4f}
.fa-exclamation-triangle::before{content:"! 未算成";color:#b54708}i{font-style:normal}.collapse{display:block}
.held{color:#b42318}.warned{color:#b54708}.passed{color:#147d4f}summary{cursor:pointer;color:#52606d}
"""
_VERDICTS = {"passed": "通过", "warned": "有提醒", "held": "整批拦下"}


@dataclass(frozen=True)
class Kept:
    """One kept result. `page` is relative to data_docs/, `at` UTC text, `verdict` passed | warned | held."""

    page: str
    dataset: str  # name of the suite
    title: str
    origin: str
    at: str
    verdict: str
    failed: int


def publish(folder: Path, kept: Kept, titles: dict[str, str], *, keep: int) -> None:
    """Make the new page fit to be read, enter it in the ledger and the index, and drop what is past `keep` per origin.

    `titles` are the Chinese names of the fields, put beside their code names.
    """
    site = folder / "data_docs"
    for page in (site / kept.page, site / "expectations" / f"{kept.dataset}.html"):
        if page.exists():
            _replace(page, readable(page.read_text(encoding="utf-8"), titles))
    ledger = folder / LEDGER
    lines = ledger.read_text(encoding="utf-8").splitlines() if ledger.exists() else []
    results = [kept, *(Kept(**json.loads(line)) for line in lines)]
    results, dropped = _newest(results, keep)
    for old in dropped:
        shutil.rmtree((site / old.page).parent, ignore_errors=True)
        shutil.rmtree((folder / old.page).parent, ignore_errors=True)
    _replace(ledger, "".join(json.dumps(asdict(r), ensure_ascii=False) + "\n" for r in results))
    _replace(site / "index.html", index(results))


def readable(html: str, titles: dict[str, str]) -> str:
    """A page of Great Expectations without outside addresses and in Chinese; applied twice it stays as it is."""
    html = _OUTSIDE.sub("", _INERT.sub("", html))
    html = _OUTSIDE_TEXT.sub("", html)
    html = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    words = _WORDS | {name: f"{title}（{name}）" for name, title in titles.items()}
    html = _WORD.sub(lambda m: m[1] + words.get(m[2], m[2]) + m[3], html)
    html = _BAD_ROWS.sub(r"\3 行中有 \1 行不合（\2）。", html)
    html = html.replace("% unexpected", "% 不合").replace("% not null", "% 有值")
    return html.replace("</head>", f"<style>{_STYLE}</style></head>", 1)


def index(results: list[Kept]) -> str:
    """The way in: each dataset with its newest result per source, the older ones folded away."""
    datasets: dict[str, list[Kept]] = defaultdict(list)
    for result in results:
        datasets[result.dataset].append(result)
    parts = ["<h1>整批质检</h1><p>每次交付是否合乎数据契约的整批要求；只有数目和比例，没有任何一行的内容。</p>"]
    for dataset, found in sorted(datasets.items()):
        suite = f'<a href="expectations/{escape(dataset)}.html">{escape(found[0].title)}（{escape(dataset)}）</a>'
        newest = list({r.origin: r for r in reversed(found)}.values())
        older = [r for r in found if r not in newest]
        parts.append(f"<h5>{suite}</h5>{_table(newest)}")
        if older:
            parts.append(f"<details><summary>更早的 {len(older)} 次</summary>{_table(older)}</details>")
    body = "".join(parts)
    return f'<!DOCTYPE html><html lang="zh-CN"><head><meta charset="UTF-8"><title>整批质检</title><style>{_STYLE}</style></head><body>{body}</body></html>'


def _table(results: list[Kept]) -> str:
    rows = "".join(
        f'<tr><td class="{r.verdict}">{_VERDICTS[r.verdict]}</td><td>{escape(r.origin)}</td>'
        f'<td><a href="{escape(r.page)}">{escape(r.at)}</a></td><td>{r.failed or ""}</td></tr>'
        for r in results
    )
    return f"<table><tr><th>结论</th><th>来源</th><th>质检时间（UTC）</th><th>未通过项</th></tr>{rows}</table>"


def _newest(results: list[Kept], keep: int) -> tuple[list[Kept], list[Kept]]:
    seen: dict[tuple[str, str], int] = defaultdict(int)
    kept: list[Kept] = []
    dropped: list[Kept] = []
    for result in results:
        seen[result.dataset, result.origin] += 1
        (kept if seen[result.dataset, result.origin] <= keep else dropped).append(result)
    return kept, dropped


def _replace(path: Path, text: str) -> None:
    """Write beside and rename, so that a reader never sees half a page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
