/** The logic of the training's charts, without a browser. */
import type { PipelineStepView } from '@bespoke/shared/protocol/pipeline.js';
import { describe, expect, it } from 'vitest';
import { gantt } from '../../cloud/dashboard/charts/gantt.js';
import { idleSplit, splitText } from '../../cloud/dashboard/charts/idle-split.js';
import { cutsText, planLayout, planTable } from '../../cloud/dashboard/charts/plan-layout.js';
import { themes } from '../../cloud/dashboard/charts/theme.js';
import { draw } from './draw.js';
import { plan, step } from './training-scenario.js';

const wide = { theme: themes.light, widthPx: 1200 };
const narrow = { theme: themes.dark, widthPx: 330 };
const shares = { busy: 0.62, bubble: 0.2, imbalance: 0.1, transport: 0.05, other: 0.03 };

/** Two stages, one micro-batch. */
const small: PipelineStepView = {
  step: 3,
  stepMs: 12,
  medianStepMs: 12,
  shares,
  spans: [
    { stage: 0, kind: 'forward', microBatch: 0, startMs: 0, endMs: 2 },
    { stage: 0, kind: 'send', microBatch: 0, startMs: 2, endMs: 3 },
    { stage: 1, kind: 'recv', microBatch: 0, startMs: 2, endMs: 3 },
    { stage: 1, kind: 'forward', microBatch: 0, startMs: 3, endMs: 5 },
    { stage: 1, kind: 'backward', microBatch: 0, startMs: 5, endMs: 9 },
    { stage: 0, kind: 'backward', microBatch: 0, startMs: 9, endMs: 12 },
  ],
};

interface Series {
  name: string;
  data: { value: number[]; tooltip: { formatter: string } }[];
}
const seriesOf = (view: PipelineStepView) => gantt(view, 13, wide).option.series as unknown as Series[];
const tipsOf = (name: string) =>
  seriesOf(small)
    .find((series) => series.name === name)!
    .data.map(({ tooltip }) => tooltip.formatter);

describe('gantt', () => {
  it('has a series for each kind that ran, idle time and transfers', () => {
    expect(seriesOf(small).map(({ name, data }) => [name, data.length])).toEqual([
      ['idle', 3],
      ['forward', 2],
      ['backward', 2],
      ['transfer', 2],
    ]);
    expect(seriesOf(step(8)).map(({ name }) => name)).toContain('recompute');
  });

  it('tells the halves of a backward apart, by names for people and colours of their own', () => {
    const halves = ['inputGradients', 'weightGradients'] as const;
    const spans = halves.map((kind, index) => {
      return { stage: 1, kind, microBatch: 0, startMs: 5 + 2 * index, endMs: 7 + 2 * index };
    });
    const view = { ...small, spans: [...small.spans.filter(({ stage }) => stage === 0), ...spans] };
    const { option, table } = gantt(view, 13, wide);
    const series = option.series as unknown as (Series & { itemStyle: { color: string } })[];
    expect(series.map(({ name }) => name)).toEqual(expect.arrayContaining(['input gradient', 'weight gradient']));
    expect(new Set(series.map(({ itemStyle }) => itemStyle.color)).size).toBe(series.length);
    expect(table.rows.map(([, what]) => what)).toEqual(
      expect.arrayContaining(['input gradient', 'weight gradient', 'send']),
    );
  });

  it('says of each span what it is and how long it took', () => {
    expect(tipsOf('backward')).toEqual([
      'stage 0\nbackward of micro-batch 0\n3.00 ms, from 9.00 to 12.0 ms',
      'stage 1\nbackward of micro-batch 0\n4.00 ms, from 5.00 to 9.00 ms',
    ]);
    expect(tipsOf('transfer')).toEqual([
      'stage 0\nsends micro-batch 0\n1.00 ms, from 2.00 to 3.00 ms',
      'stage 1\nreceives micro-batch 0\n1.00 ms, from 2.00 to 3.00 ms',
    ]);
    expect(tipsOf('idle')[0]).toBe('stage 0\nidle\n7.00 ms, from 2.00 to 9.00 ms');
  });

  it('has all of it in its table, and a sentence for who does not see it', () => {
    const { option, table } = gantt(small, 13, wide);
    expect(table.rows).toHaveLength(9);
    expect(table.rows[1]).toEqual([0, 'backward', 0, 9, 12, 3]);
    expect(table.rows.at(-1)).toEqual([1, 'idle', '', 9, 12, 3]);
    expect(option.aria).toMatchObject({
      label: { description: 'Step 3 on 2 stages: 2 forward, 2 backward operations in 12.0 ms, 38.0% idle.' },
    });
  });

  it('numbers the blocks that have room, and draws every block', () => {
    const [large, tight] = [wide, narrow].map((context) => draw(gantt(step(8), 600, context), context.widthPx));
    // The axis has a 0, too.
    const labels = (svg: string) => svg.match(/>[0-7]<\/text>/g)!.length - 1;
    const blocks = (svg: string, color: string) => svg.split(`fill="${color}"`).length - 1;
    // 4 stages x (8 forwards, 7 computed again, 8 backwards)
    expect(labels(large!)).toBe(92);
    expect(labels(tight!)).toBeLessThan(92);
    expect(labels(tight!)).toBeGreaterThan(20);
    expect(blocks(tight!, themes.dark.first)).toBeGreaterThanOrEqual(32);
    expect(blocks(large!, themes.light.first)).toBeGreaterThanOrEqual(32);
  });

  it('marks the step that was predicted, and has room for it', () => {
    expect(draw(gantt(small, 40, wide), 1200)).toContain('>predicted<');
    expect(gantt(small, 40, wide).option.xAxis).toMatchObject({ max: 40.4 });
    expect(gantt(small, 1, wide).option.xAxis).toMatchObject({ max: expect.closeTo(12.12, 9) });
  });

  it('grows with its stages', () => {
    const heightOf = (view: PipelineStepView) => gantt(view, 13, wide).heightPx;
    expect(heightOf(step(8)) - heightOf(small)).toBe(2 * 56);
  });
});

describe('idleSplit', () => {
  it('puts the parts end to end', () => {
    const parts = idleSplit(shares, themes.light);
    expect(parts.map(({ name }) => name)).toEqual(['busy', 'bubble', 'imbalance', 'transport', 'other']);
    for (const [index, { from }] of parts.slice(1).entries())
      expect(from).toBeCloseTo(parts[index]!.from + parts[index]!.share, 12);
    expect(new Set(parts.map(({ color }) => color)).size).toBe(5);
  });

  it('is a sentence, too', () => {
    expect(splitText(shares)).toBe('62.0% busy, 38.0% idle: bubble 20.0%, imbalance 10.0%, transport 5.0%, other 3.0%');
  });
});

describe('planLayout', () => {
  it('gives a stage the width of its time, recomputation included, and its blocks equal parts of that', () => {
    const { stages, cuts } = planLayout(plan, 836);
    const ms = plan.stages.map(({ forwardMs, backwardMs }) => 2 * forwardMs + backwardMs);
    const total = ms.reduce((sum, each) => sum + each, 0);
    for (const [stage, box] of stages.entries()) {
      expect(box.width).toBeCloseTo((800 * ms[stage]!) / total, 9);
      expect(box.blocks.map(({ id }) => id)).toEqual(plan.stages[stage]!.blocks);
      expect(box.blocks.at(-1)!.x + box.blocks.at(-1)!.width).toBeCloseTo(box.x + box.width, 9);
    }
    expect(stages.at(-1)!.x + stages.at(-1)!.width).toBeCloseTo(836, 9);
    expect(cuts.map(({ id }) => id)).toEqual(plan.stages.slice(1).map(({ blocks }) => blocks[0]));
    for (const [index, { x }] of cuts.entries()) {
      expect(x).toBeGreaterThan(stages[index]!.x + stages[index]!.width);
      expect(x).toBeLessThan(stages[index + 1]!.x);
    }
  });

  it('counts forwards once where nothing is computed again', () => {
    const [first] = planLayout({ ...plan, remat: 'none' }, 836).stages;
    expect(first!.ms).toBeCloseTo(plan.stages[0]!.forwardMs + plan.stages[0]!.backwardMs, 12);
  });
});

describe('cutsText', () => {
  it('names the blocks before which it is cut', () => {
    const [, second, third, last] = plan.stages.map(({ blocks }) => blocks[0]);
    expect(cutsText(plan)).toBe(`cut before ${second}, before ${third}, before ${last}`);
    expect(cutsText({ ...plan, stages: plan.stages.slice(0, 1) })).toBe('not cut');
  });
});

describe('planTable', () => {
  it('says what a stage may take, or that it may take any memory', () => {
    expect(planTable(plan).rows[0]!.slice(-2)).toEqual([plan.stages[0]!.byteCount, 128e6]);
    expect(planTable({ ...plan, capBytes: null }).rows[0]!.at(-1)).toBe('any');
  });
});
