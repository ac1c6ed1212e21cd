/** The logic of the charts about cells, without a browser. */
import { cellOps } from '@bespoke/shared/network/cell-op.js';
import type { IndividualView } from '@bespoke/shared/protocol/api.js';
import { describe, expect, it } from 'vitest';
import { cellLayout, cellTable, cellText } from '../../cloud/dashboard/charts/cell-layout.js';
import { cellOpLooks } from '../../cloud/dashboard/charts/cell-ops.js';
import { countOps, opShares } from '../../cloud/dashboard/charts/op-shares.js';
import { themes } from '../../cloud/dashboard/charts/theme.js';
import { individuals } from './evolution-scenario.js';

const wide = { theme: themes.light, widthPx: 1200 };

describe('opShares', () => {
  it('counts the ops of both cells, a generation a bar', () => {
    const [first] = individuals as [IndividualView];
    const [counted] = countOps([first]);
    expect(counted!.total).toBe(16);
    const [op] = first.genotype!.normal[0]!;
    const expected = [...first.genotype!.normal, ...first.genotype!.reduce].filter(([each]) => each === op).length;
    expect(counted!.counts.get(op)).toBe(expected);
    expect(countOps(individuals).map(({ generation, total }) => [generation, total])).toEqual(
      Array.from({ length: 6 }, (_, generation) => [generation, 320]),
    );
  });

  it('has shares that add up to 100%, and leaves out individuals without cells', () => {
    const { genotype: _, ...geneless } = individuals[0]!;
    expect(countOps([geneless])).toEqual([]);
    const series = opShares(individuals, wide).option.series as { data: number[] }[];
    expect(series.reduce((sum, { data }) => sum + data[3]!, 0)).toBeCloseTo(100, 0);
  });
});

describe('cellLayout', () => {
  const cell = {
    pairs: [
      ['sep_conv_3x3', 0],
      ['sep_conv_3x3', 0],
      ['skip_connect', 1],
      ['max_pool_3x3', 0],
      ['dil_conv_5x5', 2],
      ['inv_res_3x3', 1],
    ],
    concat: [3, 4],
  } as const;

  it('has a box per state and the output, in reading order, apart from each other and within the picture', () => {
    for (const widthPx of [320, 700]) {
      const { boxes, width, height } = cellLayout(cell, widthPx);
      expect(boxes.map(({ id }) => id).sort()).toEqual(['0', '1', '2', '3', '4', 'out']);
      const at = new Map(boxes.map((box) => [box.id, box]));
      for (const [before, after] of [
        ['0', '2'],
        ['1', '3'],
        ['2', '4'],
        ['4', 'out'],
      ] as const)
        expect(at.get(before)!.x + at.get(before)!.width).toBeLessThan(at.get(after)!.x);
      for (const [index, a] of boxes.entries()) {
        expect([a.x >= 0, a.y >= 0, a.x + a.width <= width, a.y + a.height <= height]).not.toContain(false);
        for (const b of boxes.slice(index + 1))
          expect(a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y).toBe(
            true,
          );
      }
    }
  });

  it('has both inputs in one column, whichever step reads them first', () => {
    const { boxes } = cellLayout(
      {
        pairs: [
          ['skip_connect', 0],
          ['skip_connect', 0],
          ['skip_connect', 2],
          ['skip_connect', 1],
        ],
        concat: [3],
      },
      700,
    );
    const ends = boxes.filter(({ id }) => id === '0' || id === '1').map(({ x }) => x);
    expect(ends).toEqual([4, 4]);
  });

  it('leads a wire to the op that reads, two where both ops read one state', () => {
    const { wires, boxes } = cellLayout(cell, 700);
    expect(wires).toHaveLength(8);
    const [step] = boxes.filter(({ id }) => id === '2');
    expect(wires.slice(0, 2).map((path) => path.split(' ').slice(-2).map(Number))).toEqual([
      [step!.x, step!.y + 12],
      [step!.x, step!.y + 36],
    ]);
  });

  it('fits a phone where a step reads no further back than EEEA-Net allows', () => {
    for (const { genotype } of individuals)
      expect(cellLayout({ pairs: genotype!.normal, concat: genotype!.normalConcat }, 320).width).toBeLessThanOrEqual(
        330,
      );
  });

  it('can be read as a sentence and as a table', () => {
    expect(cellText(cell)).toBe(
      '2 = sep 3×3 of 0 + sep 3×3 of 0; 3 = skip of 1 + max 3×3 of 0; 4 = dil 5×5 of 2 + inv 3×3 of 1; out = 3, 4',
    );
    expect(cellTable(cell).rows).toHaveLength(8);
    expect(cellTable(cell).rows[4]).toEqual([4, 'dil 5×5', 2]);
  });
});

describe('cellOpLooks', () => {
  it('tells all ops apart', () => {
    for (const look of ['label', 'color'] as const)
      expect(new Set(cellOps.map((op) => cellOpLooks[op][look])).size).toBe(cellOps.length);
  });
});
