/** Draws a chart as ECharts would in the page, without one; throws where an option is refused. */
import { init } from 'echarts';
import type { ChartModel } from '../../cloud/dashboard/charts/model.js';

export function draw({ option, heightPx }: ChartModel, widthPx: number): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: widthPx, height: heightPx });
  chart.setOption(option);
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
