/** planLayout: a network cut into stages, as a strip. A stage is as wide as a micro-batch is predicted to take on it; its blocks share that width. */
import type { PipelinePlanView, PipelineStageView } from '@bespoke/shared/protocol/pipeline.js';
import { formatMB, formatSignificant } from '../format.js';
import type { DataTable } from './model.js';

export interface StageBox {
  readonly stage: number;
  readonly x: number;
  readonly width: number;
  /** Of a micro-batch, with what is computed again. */
  readonly ms: number;
  readonly blocks: readonly { readonly id: string; readonly x: number; readonly width: number }[];
}

export interface PlanLayout {
  readonly stages: readonly StageBox[];
  /** Where the network is cut: between two stages, before the block `id`. */
  readonly cuts: readonly { readonly x: number; readonly id: string }[];
}

/** Between two stages. */
const gapPx = 12;

export function planLayout({ stages, remat }: PipelinePlanView, widthPx: number): PlanLayout {
  const times = stages.map((stage) => microBatchMs(stage, remat));
  const totalMs = times.reduce((sum, ms) => sum + ms, 0);
  const roomPx = widthPx - gapPx * (stages.length - 1);
  let next = 0;
  const boxes = stages.map(({ blocks }, stage) => {
    const [x, width] = [next, (roomPx * times[stage]!) / totalMs];
    next += width + gapPx;
    const each = width / blocks.length;
    const places = blocks.map((id, index) => ({ id, x: x + index * each, width: each }));
    return { stage, x, width, ms: times[stage]!, blocks: places };
  });
  const cuts = boxes.slice(1).map(({ x, blocks }) => ({ x: x - gapPx / 2, id: blocks[0]!.id }));
  return { stages: boxes, cuts };
}

function microBatchMs({ forwardMs, backwardMs }: PipelineStageView, remat: PipelinePlanView['remat']): number {
  return (remat === 'none' ? 1 : 2) * forwardMs + backwardMs;
}

/** `cut before b3 and before b7`, or that it is not. */
export function cutsText({ stages }: PipelinePlanView): string {
  const cuts = stages.slice(1).map(({ blocks }) => `before ${blocks[0]}`);
  return cuts.length === 0 ? 'not cut' : `cut ${cuts.join(', ')}`;
}

export function planTable({ stages, capBytes }: PipelinePlanView): DataTable {
  return {
    columns: [
      { label: 'stage', format: String },
      { label: 'first block' },
      { label: 'last block' },
      { label: 'blocks', format: String },
      { label: 'forward (ms)', format: formatSignificant },
      { label: 'backward (ms)', format: formatSignificant },
      { label: 'peak memory', format: formatMB },
      { label: 'allowed', format: formatMB },
    ],
    rows: stages.map(({ blocks, forwardMs, backwardMs, byteCount }, stage) => [
      stage,
      blocks[0]!,
      blocks.at(-1)!,
      blocks.length,
      forwardMs,
      backwardMs,
      byteCount,
      capBytes ?? 'any',
    ]),
  };
}
