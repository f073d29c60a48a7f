"""Charts drawn without a browser: the same ECharts options as SVG, for print and pdf, and as PNG, for docx.

The bundle the browser gets runs in a small JavaScript engine kept in one thread of its own: an engine belongs to the
thread that made it. A chart takes some 20 ms as SVG and 150 ms more as PNG, which only docx needs.
"""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from schemas.errors import ConfigError

_BUNDLE = Path(__file__).parent / "static" / "vendor" / "charts.js"
# The engine has no timers; ECharts asks for one only to animate and to free what one drawing never uses again.
# A rope string does not cross into Python, one made by JSON.stringify does.
_DRAW = """
globalThis.setTimeout = () => 0; globalThis.clearTimeout = () => {};
globalThis.draw = (option, width, height) => {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width, height });
  chart.setOption(JSON.parse(option));
  const text = chart.renderToSVGString();
  chart.dispose();
  return JSON.stringify(text);
};
"""
_FONTS = ("Source Han Sans SC", "Noto Sans CJK SC", "Noto Sans SC", "Microsoft YaHei", "WenQuanYi Zen Hei")
_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="charts")


@cache
def _engine() -> Any:
    import quickjs  # type: ignore[import-untyped]

    engine = quickjs.Context()
    engine.eval(_BUNDLE.read_text(encoding="utf-8"))
    engine.eval(_DRAW)
    return engine


def svg(option: dict[str, Any], width: int = 760, height: int = 320) -> str:
    """The chart of an ECharts option as SVG text, `width` × `height` pixels, without animation."""
    text = json.dumps(option | {"animation": False}, ensure_ascii=False, default=float)
    return str(json.loads(_thread.submit(lambda: _engine().get("draw")(text, width, height)).result()))


def data_uri(option: dict[str, Any], width: int = 760, height: int = 320) -> str:
    """The chart for the `src` of an image: no second request, no style in the page."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg(option, width, height).encode()).decode()


@cache
def _font() -> tuple[str, tuple[str, ...]]:
    """A Chinese family of this machine and its files: looking at every font there is takes a second a picture."""
    import typst

    here = typst.Fonts()
    family = next((name for name in _FONTS if name in here.families()), None)
    if family is None:
        raise ConfigError("图表", "这台机器没有中文字体", "请安装 fonts-noto-cjk")
    return family, tuple({str(f.path) for f in here.fonts() if f.family == family and f.path})


def on_paper(option: dict[str, Any], width: int = 760, height: int = 320) -> str:
    """The chart as SVG in a font of this machine: the option's own list begins with fonts a server does not have.

    Raises:
        ConfigError: no Chinese font is here; all words would be left out without a word.
    """
    return svg(option | {"textStyle": {**option.get("textStyle", {}), "fontFamily": _font()[0]}}, width, height)


def png(option: dict[str, Any], width: int = 760, height: int = 320) -> bytes:
    """The chart as PNG at twice the size, on white.

    Raises:
        ConfigError: as `on_paper`.
    """
    return _raster(json.dumps(option, ensure_ascii=False, default=float), width, height)


@lru_cache(maxsize=64)  # a briefing keeps its figures, and is taken away more than once
def _raster(option: str, width: int, height: int) -> bytes:
    import resvg_py

    family, files = _font()
    drawn = on_paper(json.loads(option), width, height)
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=drawn, zoom=2, background="#ffffff", skip_system_fonts=True, font_files=list(files), font_family=family, sans_serif_family=family
        )
    )  # fmt: skip
