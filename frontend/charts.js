// The charts the boards draw, and nothing else of ECharts. The server draws the same options as SVG (portal/drawing.py).
import * as echarts from "echarts/core";
import { BarChart, LineChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { CanvasRenderer, SVGRenderer } from "echarts/renderers";

echarts.use([
  BarChart, LineChart, AriaComponent, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent, CanvasRenderer,
  SVGRenderer,
]);
globalThis.echarts = { init: echarts.init };
