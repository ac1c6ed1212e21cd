/**
 * networkLayout: where each block of a Network stands in its picture. A chain read like text: left to right, wrapping
 * into rows; a box is as tall as its map is high and as wide as its channels are many (both by square root).
 */
import type { LatencyTable } from '@bespoke/shared/latency/table.js';
import { type BlockWorkload, partsOf, runs, workloadKey, workloadsOf } from '@bespoke/shared/latency/workload.js';
import type { Network } from '@bespoke/shared/network/network.js';
import { blockLabel } from '../format.js';

export interface BlockBox {
  readonly id: string;
  readonly kind: string;
  /** Lines inside the box, e.g. `k5`, `e6`. */
  readonly lines: readonly string[];
  /** Input shape, e.g. `32x32x16`. */
  readonly input: string;
  readonly outChannels: number;
  /** Predicted, null where the device has not measured it. */
  readonly latencyMs: number | null;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface NetworkLayout {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly BlockBox[];
  /** Blocks that read maps of one resolution, row by row: the brackets above the boxes. */
  readonly stages: readonly {
    readonly label: string;
    readonly x: number;
    readonly y: number;
    readonly width: number;
  }[];
  /** From the end of each box to the start of the next. */
  readonly links: readonly string[];
}

const gap = 12;
/** Above the boxes: the resolution and its bracket. */
const captionHeight = 26;
/** Below the boxes: channels and milliseconds. */
const footHeight = 34;
const rowGap = 14;
const leastHeight = 34;
const mostHeight = 84;
const leastWidth = 38;
const mostWidth = 66;

/** Lays the network out in `widthPx`; latencies come from the device's table. */
export function networkLayout(network: Network, table: LatencyTable, widthPx: number): NetworkLayout {
  const sizes = blockSizes(network, table);
  const boxes: BlockBox[] = [];
  const rowPitch = captionHeight + mostHeight + footHeight + rowGap;
  let [x, row] = [0, 0];
  for (const size of sizes) {
    if (x > 0 && x + size.width > widthPx) [x, row] = [0, row + 1];
    boxes.push({ ...size, x, y: row * rowPitch + captionHeight + (mostHeight - size.height) / 2 });
    x += size.width + gap;
  }
  const width = Math.max(...boxes.map((box) => box.x + box.width));
  return {
    width,
    height: (row + 1) * rowPitch - rowGap,
    boxes,
    stages: stagesOf(boxes, rowPitch),
    links: linksOf(boxes, rowPitch),
  };
}

type SizedBlock = Omit<BlockBox, 'x' | 'y'>;

function blockSizes(network: Network, table: LatencyTable): SizedBlock[] {
  const workloads = workloadsOf(network);
  return network.blocks.map((block, index) => {
    const workload = workloads[index]!;
    const shape = workload.inputShapes.at(-1)!;
    const outChannels =
      workloads[index + 1]?.inputShapes.at(-1)?.[2] ?? (block.kind === 'head' ? block.classes : shape[2]!);
    const height = leastHeight + (mostHeight - leastHeight) * Math.sqrt(shape[0]! / network.input.height);
    const width = leastWidth + (mostWidth - leastWidth) * Math.min(1, Math.sqrt(outChannels / 512));
    return {
      id: block.id,
      kind: block.kind,
      lines: blockLabel(block).split(' '),
      input: shape.join('x'),
      outChannels,
      latencyMs: latencyOf(workload, table),
      width,
      height: Math.min(mostHeight, height),
    };
  });
}

/** Of what of it runs, a cell's parts one by one, for that is how cells are measured; null where one of them was not. */
function latencyOf(workload: BlockWorkload, table: LatencyTable): number | null {
  const measured = partsOf(workload)
    .filter(runs)
    .map((part) => table.get(workloadKey(part))?.medianMs);
  return measured.reduce<number | null>((sum, ms) => (sum === null || ms === undefined ? null : sum + ms), 0);
}

function stagesOf(boxes: readonly BlockBox[], rowPitch: number): NetworkLayout['stages'] {
  const stages: { label: string; x: number; y: number; width: number }[] = [];
  for (const box of boxes) {
    const label = box.input.split('x').slice(0, 2).join('×');
    const y = Math.floor(box.y / rowPitch) * rowPitch;
    const last = stages.at(-1);
    if (last && last.label === label && last.y === y) last.width = box.x + box.width - last.x;
    else stages.push({ label, x: box.x, y, width: box.width });
  }
  return stages;
}

function linksOf(boxes: readonly BlockBox[], rowPitch: number): string[] {
  return boxes.slice(1).map((box, index) => {
    const from = boxes[index]!;
    const fromY = from.y + from.height / 2;
    const toY = box.y + box.height / 2;
    const start = `M${from.x + from.width} ${fromY}`;
    if (Math.floor(from.y / rowPitch) === Math.floor(box.y / rowPitch)) return `${start}H${box.x}`;
    // To the next row: a short stub at the end and one at the start say that the chain goes on.
    return `${start}h8M${box.x - 8} ${toY}h8`;
  });
}
