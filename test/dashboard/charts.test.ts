/** The charts' logic, without a browser: what stands where, in which colour, with which words. */
import { parseSpec } from '@bespoke/cloud/search/spec.js';
import { partsOf, piecesOf, runs, workloadKey, workloadsOf } from '@bespoke/shared/latency/workload.js';
import { zooNetwork } from '@bespoke/shared/network/zoo/zoo.js';
import { describe, expect, it } from 'vitest';
import { ApiFailure, callApi, modelPath, requestOf } from '../../cloud/dashboard/api.js';
import { architectureProbabilities } from '../../cloud/dashboard/charts/architecture-probabilities.js';
import { expectedLatency } from '../../cloud/dashboard/charts/expected-latency.js';
import { latencyDiff } from '../../cloud/dashboard/charts/latency-diff.js';
import { latencyGrid } from '../../cloud/dashboard/charts/latency-grid.js';
import { latencyHeatmap } from '../../cloud/dashboard/charts/latency-heatmap.js';
import { latencyVerdict } from '../../cloud/dashboard/charts/latency-verdict.js';
import { learningCurve } from '../../cloud/dashboard/charts/learning-curve.js';
import { measurementBoxes } from '../../cloud/dashboard/charts/measurement-boxes.js';
import { type ChartModel, toCsv } from '../../cloud/dashboard/charts/model.js';
import { networkLayout } from '../../cloud/dashboard/charts/network-layout.js';
import { paddedRange } from '../../cloud/dashboard/charts/padded-range.js';
import { predictionScatter } from '../../cloud/dashboard/charts/prediction-scatter.js';
import { sentinelDrift } from '../../cloud/dashboard/charts/sentinel-drift.js';
import { logShare, textOn, themes, viridis } from '../../cloud/dashboard/charts/theme.js';
import { defaultSpec } from '../../cloud/dashboard/default-spec.js';
import { blockLabel, formatBytes, formatCount, formatDuration, formatMs } from '../../cloud/dashboard/format.js';
import { parseRoute, withChoices } from '../../cloud/dashboard/route.js';
import { measurementsOf, otherLatencies, partLatencies, predictor, sentinel } from './device-scenario.js';
import { draw } from './draw.js';
import { finishedStudy, latencies, network, result, slots } from './scenario.js';

const wide = { theme: themes.light, widthPx: 1200 };
const narrow = { theme: themes.light, widthPx: 340 };

describe('latencyGrid', () => {
  it('orders kind by kind, blocks by kernel and expansion, shapes from large maps to small', () => {
    const grid = latencyGrid(latencies);
    expect(grid.blocks).toEqual(['conv k3', 'k3 e3', 'k3 e6', 'k5 e3', 'k5 e6', 'k7 e3', 'k7 e6', 'head']);
    expect(grid.shapes.slice(0, 3)).toEqual(['32×32×3→16', '32×32×16→24', '32×32×24→24']);
    expect(grid.shapes.slice(-2)).toEqual(['4×4×192→192', '4×4×192→10']);
  });
});

describe('latencyHeatmap', () => {
  it('has one cell per measured block, and all workloads in its table', () => {
    const model = latencyHeatmap(latencies, null, wide);
    expect((model.option.series as { data: unknown[] }[])[0]!.data).toHaveLength(62);
    expect(model.table.rows).toHaveLength(62);
  });

  it('stands upright on narrow pages', () => {
    const { option } = latencyHeatmap(latencies, null, narrow);
    expect((option.xAxis as { data: string[] }).data[0]).toBe('conv k3');
  });

  it('says median, interval and count in a cell', () => {
    const first = latencies
      .slice(1, 2)
      .map((latency) => ({ ...latency, medianMs: 1.5, lowMs: 1.49, highMs: 1.52, count: 40 }));
    const [series] = latencyHeatmap(first, null, wide).option.series as [
      { data: [{ tooltip: { formatter: string } }] },
    ];
    expect(series.data[0].tooltip.formatter).toBe(
      'k3 e3   32×32×16→24\nmedian 1.50 ms\n95% interval 1.49 to 1.52 ms\nn = 40 samples',
    );
  });
});

describe('charts', () => {
  const charts = {
    latencyHeatmap: (context) => latencyHeatmap(latencies, null, context),
    learningCurve: (context) => learningCurve(finishedStudy.trainPoints, 400, context),
    expectedLatency: (context) => expectedLatency(finishedStudy.searchPoints, 20, context),
    architectureProbabilities: (context) => architectureProbabilities(slots, finishedStudy.probabilities, context),
    latencyVerdict: (context) => latencyVerdict(result, context),
    latencyDiff: (context) =>
      latencyDiff({ ownName: 'pi', own: partLatencies, otherName: 'laptop', other: otherLatencies }, context),
    measurementBoxes: (context) => measurementBoxes(measurementsOf(latencies[3]!), context),
    sentinelDrift: (context) => sentinelDrift(sentinel, context),
    predictionScatter: (context) => predictionScatter(predictor, context),
  } satisfies Record<string, (context: typeof wide) => ChartModel>;

  it.each(Object.entries(charts))('%s draws, wide and narrow, and tells screen readers what it shows', (_, build) => {
    for (const context of [wide, narrow]) {
      const model = build(context);
      expect(draw(model, context.widthPx)).toMatch(/^<svg/);
      expect(model.option.aria).toMatchObject({ enabled: true, label: { description: expect.stringMatching(/\.$/) } });
      expect(model.table.rows.length).toBeGreaterThan(0);
    }
  });

  it('draw before the first point, too', () => {
    expect(draw(learningCurve([], 0, wide), 1200)).toMatch(/^<svg/);
    expect(draw(expectedLatency([], null, wide), 1200)).toMatch(/^<svg/);
    expect(draw(latencyHeatmap([], null, wide), 1200)).toMatch(/^<svg/);
    expect(draw(measurementBoxes([], wide), 1200)).toMatch(/^<svg/);
    expect(draw(sentinelDrift([], wide), 1200)).toMatch(/^<svg/);
  });
});

describe('paddedRange', () => {
  it('holds the budget with a margin, rounded outwards', () => {
    expect(paddedRange([16.3, 19.2, 20.8])).toEqual({ min: 15, max: 22 });
    expect(paddedRange([0.42])).toEqual({ min: 0.39, max: 0.45 });
    expect(paddedRange([])).toEqual({});
  });
});

describe('architectureProbabilities', () => {
  it('has a series per candidate, skip last, and shares that add up to 100%', () => {
    const { option } = architectureProbabilities(slots, finishedStudy.probabilities, wide);
    const series = option.series as { name: string; data: number[] }[];
    expect(series.map(({ name }) => name)).toEqual(['k3 e3', 'k3 e6', 'k5 e3', 'k5 e6', 'k7 e3', 'k7 e6', 'skip']);
    expect(series.reduce((sum, { data }) => sum + data[1]!, 0)).toBeCloseTo(100, 1);
  });

  it('leaves out slots without a choice', () => {
    const fixed = { id: 'stem', candidates: ['conv k3'], latenciesMs: [0.1] };
    const { table } = architectureProbabilities([fixed, slots[0]!], [[1], finishedStudy.probabilities[0]!], wide);
    expect(table.rows.map(([slot]) => slot)).toEqual(Array(6).fill('stage1-1'));
  });
});

describe('networkLayout', () => {
  const table = new Map(latencies.map((latency) => [latency.key, latency]));

  it('keeps every box within the width, and boxes of a row apart', () => {
    for (const widthPx of [320, 700, 1300]) {
      const { boxes } = networkLayout(network, table, widthPx);
      expect(boxes).toHaveLength(network.blocks.length);
      for (const [index, box] of boxes.entries()) {
        expect(box.x + box.width).toBeLessThanOrEqual(widthPx);
        const next = boxes[index + 1];
        if (next && next.x > box.x) expect(next.x).toBeGreaterThan(box.x + box.width);
      }
    }
  });

  it('says what each block is and how long the device took for it', () => {
    const { boxes } = networkLayout(network, table, 1300);
    expect(boxes[0]).toMatchObject({ lines: ['conv', 'k3'], input: '32x32x3', outChannels: 16 });
    expect(boxes.at(-1)).toMatchObject({ lines: ['head'], outChannels: 10 });
    expect(boxes.reduce((sum, { latencyMs }) => sum + latencyMs!, 0)).toBeCloseTo(result.predictedMs, 9);
    expect(networkLayout(network, new Map(), 1300).boxes[0]!.latencyMs).toBeNull();
  });

  it('adds up the parts of a cell, as cells are measured by their parts', () => {
    const cells = zooNetwork('eeea-a');
    const pieces = piecesOf(cells).map((piece) => workloadKey(piece));
    const measured = new Map(pieces.map((key) => [key, { ...latencies[0]!, key, medianMs: 0.25 }]));
    const { boxes } = networkLayout(cells, measured, 1300);
    expect(boxes.reduce((sum, { latencyMs }) => sum + latencyMs!, 0)).toBeCloseTo(0.25 * pieces.length, 9);
    const cell = boxes.findIndex(({ kind }) => kind === 'cell');
    const [part] = partsOf(workloadsOf(cells)[cell]!).filter(runs);
    measured.delete(workloadKey(part!));
    expect(networkLayout(cells, measured, 1300).boxes[cell]!.latencyMs).toBeNull();
  });
});

describe('theme', () => {
  it('runs viridis from purple to yellow', () => {
    expect([-1, 0, 1 / 9, 1, 2].map(viridis)).toEqual(['#440154', '#440154', '#482878', '#fde725', '#fde725']);
  });

  it('writes dark on light and light on dark', () => {
    expect([textOn('#440154'), textOn('#fde725')]).toEqual(['#ffffff', '#10161d']);
  });

  it('places values on a log scale', () => {
    expect([logShare(1, 1, 100), logShare(10, 1, 100), logShare(5, 5, 5)]).toEqual([0, 0.5, 0.5]);
  });
});

describe('toCsv', () => {
  it('quotes what needs quotes, as RFC 4180 says', () => {
    const table = { columns: [{ label: 'a' }, { label: 'b (ms)' }], rows: [['x, "y"', 1.5]] };
    expect(toCsv(table)).toBe('a,b (ms)\r\n"x, ""y""",1.5\r\n');
  });
});

describe('format', () => {
  it('keeps three significant digits and the unit', () => {
    expect([formatMs(0.00873), formatMs(1.2345), formatMs(123.4), formatMs(0)]).toEqual([
      '0.00873 ms',
      '1.23 ms',
      '123 ms',
      '0 ms',
    ]);
    expect([formatCount(9_999), formatCount(1_462_378), formatCount(1_213_155_872)]).toEqual([
      '9,999',
      '1.46 M',
      '1.21 G',
    ]);
    expect([formatBytes(512), formatBytes(8 * 2 ** 30)]).toEqual(['512 B', '8.00 GiB']);
    expect([formatDuration(4_400), formatDuration(200_000), formatDuration(7_500_000)]).toEqual([
      '4 s',
      '3 min 20 s',
      '2 h 5 min',
    ]);
  });

  it('names blocks by kernel and expansion', () => {
    expect(network.blocks.slice(0, 2).map(blockLabel)).toEqual(['conv k3', slots[0]!.candidates[4]!]);
  });
});

describe('parseRoute', () => {
  it('reads deep links', () => {
    expect(parseRoute('')).toEqual({ page: 'home' });
    expect(parseRoute('#/studies/a%2Fb')).toEqual({ page: 'study', id: 'a/b' });
    expect(parseRoute('#/devices/pi')).toEqual({ page: 'device', id: 'pi' });
    expect(parseRoute('#/devices/pi?with=laptop&cell=a/b')).toEqual({ page: 'device', id: 'pi' });
    expect(parseRoute('#/nowhere')).toEqual({ page: 'unknown', hash: '#/nowhere' });
  });
});

describe('withChoices', () => {
  it('adds, changes and leaves out what the reader chose', () => {
    const one = withChoices('#/devices/pi', { runtime: 'tflite 2.9.0, 1 thread' });
    expect(one).toBe('#/devices/pi?runtime=tflite+2.9.0%2C+1+thread');
    expect(withChoices(one, { runtime: null, with: 'b' })).toBe('#/devices/pi?with=b');
    expect(withChoices('#/devices/pi?with=b', { with: '' })).toBe('#/devices/pi');
  });
});

describe('requestOf', () => {
  it('puts the query behind the path', () => {
    const query = { runtime: '{"threads":1}', key: 'ab' };
    expect(requestOf('GET /api/devices/:id/measurements', { id: 'pi', query })).toEqual({
      method: 'GET',
      path: '/api/devices/pi/measurements?runtime=%7B%22threads%22%3A1%7D&key=ab',
    });
  });

  it('puts the id into the path', () => {
    expect(requestOf('POST /api/studies/:id/cancel', { id: 'a/b' })).toEqual({
      method: 'POST',
      path: '/api/studies/a%2Fb/cancel',
    });
    expect(modelPath('s1')).toBe('/api/studies/s1/model');
  });
});

describe('callApi', () => {
  it('says that the cloud does not answer', async () => {
    // Outside a page a path alone is no address, so the call cannot reach anything.
    await expect(callApi('GET /api/devices')).rejects.toThrow(ApiFailure);
    await expect(callApi('GET /api/devices')).rejects.toThrow('the cloud does not answer');
  });
});

describe('defaultSpec', () => {
  it('is one that the cloud takes', () => {
    expect(parseSpec(defaultSpec)).toMatchObject({ name: 'first-light', minutes: 10 });
  });
});
