import { ganttText } from '@bespoke/cloud/train/gpipe/gantt-text.js';
import { type PipelineLayout, pipelineOperations } from '@bespoke/cloud/train/gpipe/schedule.js';
import { simulate } from '@bespoke/cloud/train/gpipe/simulator.js';
import { describe, expect, it } from 'vitest';

const layout: PipelineLayout = { schedule: 'gpipe', remat: 'none', stageCount: 2, microBatchCount: 3 };

/** Every operation takes 1 ms, a backward twice as long. */
function trace(of: PipelineLayout) {
  const all = (ms: number) => Array<number>(of.stageCount).fill(ms);
  const durations = { forwardMs: all(1), backwardMs: all(2), weightGradientMs: all(1), transferMs: all(0).slice(1) };
  return simulate(pipelineOperations(of), durations).stages.flat();
}

const drawn = (of: PipelineLayout, width: number) => ganttText(trace(of), of.stageCount, width).split('\n');

describe('ganttText', () => {
  it('draws a row for each stage, as wide as it is told', () => {
    // 12 ms in 24 columns.
    expect(drawn(layout, 33)).toEqual(['stage 0  F0F1F2······B0──B1──B2──', 'stage 1  ··F0F1F2B0──B1──B2──····']);
  });

  it('draws what is computed again', () => {
    expect(drawn({ ...layout, remat: 'always' }, 39)).toEqual([
      'stage 0  F0F1F2R0······B0──R1B1──R2B2──',
      'stage 1  ··F0F1F2R0B0──R1B1──R2B2──····',
    ]);
  });

  it('draws the two halves of a backward', () => {
    expect(drawn({ ...layout, schedule: 'zero-bubble' }, 29)).toEqual([
      'stage 0  F0F1F2B0──B1──B2──··',
      'stage 1  ··F0I0F1I1F2I2W0W1W2',
    ]);
  });

  it('leaves out numbers that have no room, and bars that have none', () => {
    const twelve = drawn({ ...layout, microBatchCount: 12 }, 9 + 39 * 2);
    expect(twelve[0]).toContain('F9F─F─');
    expect(twelve[0]).toContain('B10─B11─');
    expect(drawn(layout, 9 + 12)).toEqual(['stage 0  FFF···B0B1B2', 'stage 1  ·FFFB0B1B2··']);
    for (const line of drawn(layout, 9 + 5)) expect(line).toHaveLength(9 + 5);
  });

  it('aligns the names of many stages', () => {
    const lines = drawn({ ...layout, stageCount: 11 }, 10 + 78);
    expect([lines[0]!.slice(0, 12), lines[10]!.slice(0, 10)]).toEqual(['stage 0   F0', 'stage 10  ']);
  });
});
