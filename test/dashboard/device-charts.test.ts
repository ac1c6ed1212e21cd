/** The logic of the device page's charts, without a browser. */
import { unknownHost } from '@bespoke/shared/latency/measurement.js';
import { blockKinds } from '@bespoke/shared/network/block.js';
import type { LatencyView, MeasurementView, SentinelPoint } from '@bespoke/shared/protocol/api.js';
import { describe, expect, it } from 'vitest';
import { hatchPath } from '../../cloud/dashboard/charts/cell-marks.js';
import { latencyAxis } from '../../cloud/dashboard/charts/latency-axis.js';
import {
  compareLatencies,
  comparisonText,
  latencyDiff,
  rankCorrelation,
} from '../../cloud/dashboard/charts/latency-diff.js';
import { latencyGrid } from '../../cloud/dashboard/charts/latency-grid.js';
import { latencyHeatmap } from '../../cloud/dashboard/charts/latency-heatmap.js';
import { axisRange, sampleBox } from '../../cloud/dashboard/charts/measurement-boxes.js';
import { predictionScatter } from '../../cloud/dashboard/charts/prediction-scatter.js';
import { driftOf, driftText, sentinelDrift } from '../../cloud/dashboard/charts/sentinel-drift.js';
import { colorAt, divergingStops, themes } from '../../cloud/dashboard/charts/theme.js';
import { formatAge } from '../../cloud/dashboard/format.js';
import { holdOutText, newestPredictors, predictorOfStudy } from '../../cloud/dashboard/predictors.js';
import { measuredRuntimes } from '../../cloud/dashboard/state.js';
import { oneThreadLatencies, otherLatencies, partLatencies, predictor } from './device-scenario.js';
import { latencies, result, runtime } from './scenario.js';

const wide = { theme: themes.light, widthPx: 1200 };
type Items = { name: string; data: { name: string; value: number[]; tooltip: { formatter: string } }[] }[];
const pair = { ownName: 'pi', own: partLatencies, otherName: 'laptop', other: otherLatencies };

/** The first latency with other figures. */
function latency(changes: Partial<LatencyView>): LatencyView {
  return { ...latencies[1]!, ...changes };
}

describe('latencyGrid', () => {
  it('has a gap where another op of the same kind has a latency, and nowhere else', () => {
    const { blocks, shapes, gaps } = latencyGrid(partLatencies);
    expect(gaps.map(({ block, shape }) => [blocks[block], shapes[shape]])).toEqual([
      ['k3 e6', '8×8×80→80'],
      ['k5 e6', '32×32×24→24'],
    ]);
  });

  it('leaves out kinds that differ in too much for a row each', () => {
    const bodies = blockKinds.filter((kind) => ['cell', 'tree', 'identity'].includes(kind));
    expect(bodies).toHaveLength(3);
    const views = bodies.map((kind) =>
      latency({ workload: { ...latencies[1]!.workload, body: { kind } } as LatencyView['workload'] }),
    );
    expect(latencyGrid(views).cells).toEqual([]);
  });
});

describe('latencyHeatmap', () => {
  it('marks gaps, doubts and the chosen cell, and says why a number is in doubt', () => {
    const doubtful = partLatencies[5]!;
    const series = latencyHeatmap(partLatencies, doubtful.key, wide).option.series as Items;
    expect(series.map(({ name, data }) => [name, data.length])).toEqual([
      ['cells', 60],
      ['not measured', 2],
      ['in doubt', 3],
      ['selected', 1],
    ]);
    const cell = series[0]!.data.find(({ name }) => name === doubtful.key)!;
    expect(cell.tooltip.formatter).toMatch(/\nin doubt: the sentinel drifted by 7\.9% while this was measured$/);
    expect(series[1]!.data[0]!.tooltip.formatter).toBe('k3 e6   8×8×80→80\nnot measured');
  });
});

describe('hatchPath', () => {
  it('draws diagonals from edge to edge', () => {
    expect(hatchPath({ x: 0, y: 0, width: 8, height: 4 }, 4)).toBe('M0 4L4 0M4 4L8 0');
    expect(hatchPath({ x: 10, y: 10, width: 4, height: 8 }, 6)).toBe('M10 16L14 12');
  });
});

describe('compareLatencies', () => {
  it('pairs what both have, and says what one lacks', () => {
    const other = [latency({ key: latencies[1]!.key, medianMs: 3 * latencies[1]!.medianMs })];
    const { ratios, lacking } = compareLatencies({ ...pair, own: latencies.slice(0, 3), other });
    expect(ratios.map(({ ratio }) => ratio)).toEqual([expect.closeTo(3, 9)]);
    // The stem and the third block stand on one side only.
    expect(lacking).toHaveLength(2);
  });
});

describe('comparisonText', () => {
  it('sums up, or says that there is nothing in common', () => {
    const other = latencies.slice(0, 20).map((each) => ({ ...each, medianMs: 2 * each.medianMs }));
    expect(comparisonText({ ...pair, own: latencies, other })).toBe(
      'laptop takes 2.00× the time of pi (median of 20 blocks), rank correlation 1.000.',
    );
    expect(comparisonText({ ...pair, other: [] })).toBe('laptop and pi have no workload in common yet.');
  });
});

describe('latencyDiff', () => {
  it('colours equal in the middle, and as far down as up', () => {
    const [a, b] = [latency({ medianMs: 1 }), { ...latencies[2]!, medianMs: 1 }];
    const other = [
      { ...a, medianMs: 1 },
      { ...b, medianMs: 4 },
    ];
    const [cells] = latencyDiff({ ...pair, own: [a, b], other }, wide).option.series as Items;
    expect(cells!.data.map(({ value }) => value[2])).toEqual([0.5, 1]);
    expect(colorAt(divergingStops, 0.5)).toBe('#f7f7f7');
  });
});

describe('rankCorrelation', () => {
  it('is 1 for the same order, -1 for its reverse, and shares ranks among equals', () => {
    expect(rankCorrelation([1, 2, 30], [4, 5, 6])).toBeCloseTo(1, 12);
    expect(rankCorrelation([1, 2, 3], [9, 4, 1])).toBeCloseTo(-1, 12);
    // scipy.stats.spearmanr([1, 2, 2, 4], [1, 3, 2, 4])
    expect(rankCorrelation([1, 2, 2, 4], [1, 3, 2, 4])).toBeCloseTo(0.9486832980505139, 12);
    expect(rankCorrelation([1, 2], [1, 2])).toBeNull();
    expect(rankCorrelation([5, 5, 5], [1, 2, 3])).toBeNull();
  });
});

describe('sampleBox', () => {
  const host = unknownHost;
  const measurement = (samplesMs: number[]): MeasurementView => {
    return { samplesMs, overheadMs: 0, batchSize: 1, host, doubt: null, measuredAt: '2026-11-24T09:00:00.000Z' };
  };
  const hundred = Array.from({ length: 101 }, (_, index) => 100 + index);

  it('has quartiles, whiskers and the samples beyond them', () => {
    const box = sampleBox(measurement(hundred));
    expect(box).toMatchObject({ p5Ms: 105, quarterMs: 125, medianMs: 150, threeQuartersMs: 175, p95Ms: 195 });
    expect(box.outliersMs).toEqual([100, 101, 102, 103, 104, 196, 197, 198, 199, 200]);
  });

  it('does not let one long sample flatten the boxes', () => {
    const range = axisRange([sampleBox(measurement([...hundred, 5000]))]);
    expect(range.min).toBeLessThan(100);
    expect(range.max).toBeGreaterThan(200);
    expect(range.max).toBeLessThan(300);
    expect(axisRange([])).toEqual({ min: 0, max: 1 });
  });
});

describe('driftOf', () => {
  const at = (minute: number) => `2026-11-24T09:0${minute}:00.000Z`;
  const point = (medianMs: number, minute: number, doubt: string | null = null): SentinelPoint => {
    return { runtime, medianMs, lowMs: null, highMs: null, doubt, measuredAt: at(minute) };
  };

  it('finds the quiet level, what strays from it, and the spans that are void', () => {
    const medians = [100, 101, 110, 108, 100, 100, 102, 96];
    const drift = driftOf(medians.map((ms, minute) => point(ms, minute, minute === 2 ? '9% apart' : null)));
    expect(drift.quietMs).toBe(100);
    expect(drift.points.map(({ drifted }) => drifted)).toEqual([false, false, true, true, false, false, false, true]);
    expect(drift.voided).toEqual([{ from: at(1), to: at(2), doubt: '9% apart' }]);
    expect(driftText(drift)).toBe('8 readings around 100 ms, at most 10.0% off; 3 beyond 3.0%; 1 void span.');
  });

  it('goes without intervals, and without readings', () => {
    const model = sentinelDrift([point(100, 0), point(101, 1)], wide);
    expect(model.table.rows.map((row) => row[2])).toEqual(['not kept', 'not kept']);
    expect((model.option.series as Items).find(({ name }) => name === '95% interval')!.data).toEqual([]);
    expect(driftText(driftOf([]))).toBe('No readings yet.');
    expect(sentinelDrift([], wide).table.rows).toEqual([]);
  });
});

describe('latencyAxis', () => {
  it('is linear over a short range and logarithmic over a long one, with round ticks', () => {
    expect(latencyAxis([10, 20])).toMatchObject({ logarithmic: false, ticksMs: [10, 12, 14, 16, 18, 20] });
    expect(latencyAxis([1.1, 9])).toMatchObject({ logarithmic: true, ticksMs: [1, 1.5, 2, 3, 5, 7, 10] });
    expect(latencyAxis([0.06, 90])).toMatchObject({ ticksMs: [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100] });
  });
});

describe('predictionScatter', () => {
  it('tells fitted networks from those held out', () => {
    const { option, table } = predictionScatter(predictor, wide);
    const count = (name: string) => (option.series as Items).find((series) => series.name === name)!.data.length;
    expect([count('fitted'), count('held out'), count('95% interval')]).toEqual([30, 12, 42]);
    expect(table.rows.filter(([part]) => part === 'held out')).toHaveLength(12);
  });
});

describe('predictors', () => {
  const older = { ...predictor, fittedAt: '2026-01-01T00:00:00.000Z' };
  const one = { ...older, runtime: { ...runtime, threads: 1 } };

  it('are one per space, the newest', () => {
    const mobile = { ...older, space: 'mobile 224x224x3' };
    expect(newestPredictors([older, one, mobile, predictor], runtime)).toEqual([predictor, mobile]);
  });

  it('speak for the runtime that measured the result', () => {
    expect(predictorOfStudy([one, predictor], { result: { ...result, threads: 1 } })).toBe(one);
    expect(predictorOfStudy([one], { result })).toBeNull();
    expect(predictorOfStudy([one, predictor], { result: null })).toBe(predictor);
  });

  it('say how they held', () => {
    const holdOut = { count: 12, meanError: 0.0213, worstError: 0.046, spearman: 0.9931, within10Share: 1 };
    expect(holdOutText(holdOut)).toBe(
      'mean error 2.1%, worst 4.6%, 100.0% within 10%, Spearman 0.993, on 12 networks held out',
    );
  });
});

describe('measuredRuntimes', () => {
  it('has the fullest table first', () => {
    expect(measuredRuntimes([...oneThreadLatencies, ...partLatencies])).toEqual([
      'tflite 2.9.0, xnnpack, 2 threads',
      'tflite 2.9.0, xnnpack, 1 thread',
    ]);
  });
});

describe('formatAge', () => {
  it('rounds down to what people say', () => {
    const minute = 60_000;
    expect([30_000, 12 * minute, 200 * minute, 72 * 60 * minute].map(formatAge)).toEqual([
      'just now',
      '12 min ago',
      '3 h ago',
      '3 days ago',
    ]);
  });
});
