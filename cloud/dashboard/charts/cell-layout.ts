/**
 * cellLayout: where the parts of a cell stand in its picture. Inputs left, output right, between them a box per step with its two
 * ops one over the other; dagre finds the places. A wire ends at the op that reads the state.
 */

import type { CellPair } from '@bespoke/shared/network/cell.js';
import type { CellOp } from '@bespoke/shared/network/cell-op.js';
import { graphlib, layout } from '@dagrejs/dagre';
import { cellOpLooks } from './cell-ops.js';
import type { DataTable } from './model.js';

/** One of a genotype's two cells. */
export interface CellParts {
  /** Two (op, state) pairs per step. */
  readonly pairs: readonly CellPair[];
  readonly concat: readonly number[];
}

export interface CellBox {
  /** `0` and `1` are the inputs, `2` the first step's state; `out` is the output. */
  readonly id: string;
  /** A step's two ops; none in an input and in the output. */
  readonly ops: readonly CellOp[];
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface CellLayout {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly CellBox[];
  /** As paths of SVG. */
  readonly wires: readonly string[];
}

interface Point {
  readonly x: number;
  readonly y: number;
}

interface Wire {
  readonly from: string;
  readonly to: string;
  /** Which of a step's ops it leads to. */
  readonly side: number;
}

export const opHeight = 24;
/** Above a step, for its number. */
const captionHeight = 14;
const stepWidth = 62;
const endWidth = 36;
const marginPx = 4;
/** Not drawn: tied to both inputs, it keeps them in one column, whichever step reads them first. */
const start = 'start';
/** A narrower page has its columns close together. */
const closeBelowPx = 420;

export function cellLayout(cell: CellParts, widthPx: number): CellLayout {
  const wires = wiresOf(cell);
  const graph = placed(cell, wires, widthPx < closeBelowPx ? 20 : 44);
  const all = graph
    .nodes()
    .filter((id) => id !== start)
    .map((id) => boxOf(id, graph.node(id) as Omit<CellBox, 'id' | 'ops'>, cell.pairs));
  // The start, left of all boxes, leaves a gap.
  const gapPx = Math.min(...all.map(({ x }) => x)) - marginPx;
  const boxes = all.map((box) => ({ ...box, x: box.x - gapPx }));
  const byId = new Map(boxes.map((box) => [box.id, box]));
  const { width, height } = graph.graph() as { width: number; height: number };
  return {
    width: width - gapPx,
    height,
    boxes,
    wires: wires.map(({ from, to, side }) => {
      const { points } = graph.edge({ v: from, w: to, name: String(side) }) as { points: readonly Point[] };
      return wirePath([outlet(byId.get(from)!), ...between(points, gapPx), inlet(byId.get(to)!, side)]);
    }),
  };
}

/** The cell as dagre places it. */
function placed({ pairs }: CellParts, wires: readonly Wire[], ranksep: number): graphlib.Graph {
  const graph = new graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: 'LR', nodesep: 12, ranksep, edgesep: 10, marginx: marginPx, marginy: marginPx });
  graph.setNode(start, { width: 0, height: 0 });
  for (const id of ['0', '1', 'out']) graph.setNode(id, { width: endWidth, height: opHeight });
  for (let state = 2; state < pairs.length / 2 + 2; state++)
    graph.setNode(String(state), { width: stepWidth, height: captionHeight + 2 * opHeight });
  for (const input of ['0', '1']) graph.setEdge(start, input, { width: 0, height: 0, weight: 100 });
  for (const { from, to, side } of wires) graph.setEdge(from, to, { width: 0, height: 0 }, String(side));
  layout(graph);
  return graph;
}

function wiresOf({ pairs, concat }: CellParts): Wire[] {
  return [
    ...pairs.map(([, state], index) => ({
      from: String(state),
      to: String(Math.floor(index / 2) + 2),
      side: index % 2,
    })),
    ...concat.map((state) => ({ from: String(state), to: 'out', side: 0 })),
  ];
}

/** dagre places centres, SVG corners. */
function boxOf(id: string, { x, y, width, height }: Omit<CellBox, 'id' | 'ops'>, pairs: CellParts['pairs']): CellBox {
  const first = 2 * (Number(id) - 2);
  const ops = first >= 0 ? pairs.slice(first, first + 2).map(([op]) => op) : [];
  const caption = ops.length === 0 ? 0 : captionHeight;
  return { id, ops, x: x - width / 2, y: y - height / 2 + caption, width, height: height - caption };
}

function outlet({ x, y, width, height }: CellBox): Point {
  return { x: x + width, y: y + height / 2 };
}

function inlet({ x, y, ops, height }: CellBox, side: number): Point {
  return { x, y: ops.length === 0 ? y + height / 2 : y + opHeight * (side + 0.5) };
}

/** Where a wire crosses a column of boxes, straight from side to side. dagre bends it in the columns and, for labels, between them. */
function between(points: readonly Point[], gapPx: number): Point[] {
  return points
    .slice(1, -1)
    .filter((_, index) => index % 2 === 1)
    .flatMap(({ x, y }) => [
      { x: x - gapPx - stepWidth / 2, y },
      { x: x - gapPx + stepWidth / 2, y },
    ]);
}

/** From left to right through all points, level at each. */
function wirePath(points: readonly Point[]): string {
  const curves = points.slice(1).map((point, index) => {
    const before = points[index]!;
    const middle = (before.x + point.x) / 2;
    return `C${middle} ${before.y} ${middle} ${point.y} ${point.x} ${point.y}`;
  });
  return `M${points[0]!.x} ${points[0]!.y}${curves.join('')}`;
}

/** `2 = sep 3×3 of 0 + skip of 1; out = 2` */
export function cellText({ pairs, concat }: CellParts): string {
  const terms = pairs.map(([op, state]) => `${cellOpLooks[op].label} of ${state}`);
  const steps = Array.from(
    { length: pairs.length / 2 },
    (_, step) => `${step + 2} = ${terms[2 * step]} + ${terms[2 * step + 1]}`,
  );
  return [...steps, `out = ${concat.join(', ')}`].join('; ');
}

export function cellTable({ pairs, concat }: CellParts): DataTable {
  return {
    columns: [{ label: 'state', format: String }, { label: 'op' }, { label: 'reads', format: String }],
    rows: [
      ...pairs.map(([op, state], index) => [Math.floor(index / 2) + 2, cellOpLooks[op].label, state]),
      ...concat.map((state) => ['out', 'concatenated', state]),
    ],
  };
}
