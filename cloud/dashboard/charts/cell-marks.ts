/** Marks on the cells of a heatmap, drawn over it: hatching where nobody measured, a corner where a number is in doubt, a frame around the one that is chosen. */
import type { CustomSeriesOption } from 'echarts/charts';
import type { ChartTheme } from './theme.js';

type RenderItem = NonNullable<CustomSeriesOption['renderItem']>;
export type DrawApi = Parameters<RenderItem>[1];

/** A cell at [column, row], with what it says on hover. */
export interface MarkedCell {
  readonly column: number;
  readonly row: number;
  readonly tooltip: string;
}

interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The diagonals that hatch a rectangle, `stepPx` apart, as an SVG path. */
export function hatchPath({ x, y, width, height }: Rect, stepPx: number): string {
  const lines: string[] = [];
  for (let offset = stepPx; offset < width + height; offset += stepPx) {
    // From the left or bottom edge up to the top or right edge.
    const [fromX, fromY] = offset <= height ? [x, y + offset] : [x + offset - height, y + height];
    const [toX, toY] = offset <= width ? [x + offset, y] : [x + width, y + offset - width];
    lines.push(`M${fromX} ${fromY}L${toX} ${toY}`);
  }
  return lines.join('');
}

/** The pixels of the cell whose column and row are the item's first two values. */
function cellRect(api: DrawApi, marginPx: number): Rect {
  const [middleX, middleY] = api.coord([api.value(0), api.value(1)]) as [number, number];
  const [width, height] = api.size!([1, 1]) as [number, number];
  return {
    x: middleX - width / 2 + marginPx,
    y: middleY - height / 2 + marginPx,
    width: width - 2 * marginPx,
    height: height - 2 * marginPx,
  };
}

function dataOf(cells: readonly MarkedCell[]) {
  return cells.map(({ column, row, tooltip }) => ({ value: [column, row], tooltip: { formatter: tooltip } }));
}

/** Hatched cells. */
export function hatchedCells(cells: readonly MarkedCell[], theme: ChartTheme): CustomSeriesOption {
  return {
    type: 'custom',
    name: 'not measured',
    data: dataOf(cells),
    renderItem: (_params, api) => {
      const shape = cellRect(api, 1);
      return {
        type: 'group',
        children: [
          { type: 'rect', shape: { ...shape, r: 3 }, style: { fill: theme.empty } },
          {
            type: 'path',
            silent: true,
            shape: { pathData: hatchPath(shape, 7) },
            style: { stroke: theme.hatch, lineWidth: 1, fill: 'none' },
          },
        ],
      };
    },
  };
}

/** A frame around each cell, over its neighbours' edges. */
export function framedCells(cells: readonly MarkedCell[], theme: ChartTheme): CustomSeriesOption {
  return {
    type: 'custom',
    name: 'selected',
    silent: true,
    z: 6,
    data: dataOf(cells),
    renderItem: (_params, api) => ({
      type: 'rect',
      shape: { ...cellRect(api, 0), r: 3 },
      style: { fill: 'none', stroke: theme.text, lineWidth: 3 },
    }),
  };
}

/** A corner at the top right of each cell. */
export function corneredCells(cells: readonly MarkedCell[], theme: ChartTheme): CustomSeriesOption {
  return {
    type: 'custom',
    name: 'in doubt',
    silent: true,
    z: 5,
    data: dataOf(cells),
    renderItem: (_params, api) => {
      const { x, y, width, height } = cellRect(api, 1);
      const side = Math.min(13, width / 2, height / 2);
      const right = x + width;
      return {
        type: 'polygon',
        shape: {
          points: [
            [right - side, y],
            [right, y],
            [right, y + side],
          ],
        },
        style: { fill: theme.doubt, stroke: theme.surface, lineWidth: 1.5 },
      };
    },
  };
}
