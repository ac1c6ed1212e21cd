/** Charts as ECharts would draw them in the page, without one. */
import { init } from 'echarts';
import type { ChartModel } from '../../cloud/dashboard/charts/model.js';

/** As SVG; throws where an option is refused. */
export function draw(model: ChartModel, widthPx: number): string {
  const chart = chartOf(model, widthPx);
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

/** Where a point of the chart's axes stands in its picture. */
export function pixelOf(model: ChartModel, widthPx: number, point: [x: number, y: number]): { x: number; y: number } {
  const chart = chartOf(model, widthPx);
  const [x, y] = chart.convertToPixel('grid', point) as [number, number];
  chart.dispose();
  return { x, y };
}

function chartOf({ option, heightPx }: ChartModel, widthPx: number): ReturnType<typeof init> {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: widthPx, height: heightPx });
  chart.setOption(option);
  return chart;
}
