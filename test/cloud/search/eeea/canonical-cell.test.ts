import { canonicalCell } from '@bespoke/cloud/search/eeea/canonical-cell.js';
import type { CellPair } from '@bespoke/shared/network/cell.js';
import { describe, expect, it } from 'vitest';

const cell = (text: string): CellPair[] =>
  text.split(', ').map((pair) => {
    const [op, state] = pair.split(' ') as [CellPair[0], string];
    return [op, Number(state)];
  });

const same = (a: string, b: string) => canonicalCell(cell(a)) === canonicalCell(cell(b));

describe('canonicalCell', () => {
  it('does not mind which pair of a step is written first', () => {
    expect(
      same(
        'max_pool_3x3 0, inv_res_3x3 1, skip_connect 2, sep_conv_3x3 0',
        'inv_res_3x3 1, max_pool_3x3 0, sep_conv_3x3 0, skip_connect 2',
      ),
    ).toBe(true);
  });

  it('does not mind the order of steps that do not read each other', () => {
    expect(
      same(
        'max_pool_3x3 0, max_pool_3x3 1, sep_conv_3x3 0, sep_conv_3x3 1, skip_connect 2, dil_conv_3x3 3',
        'sep_conv_3x3 0, sep_conv_3x3 1, max_pool_3x3 0, max_pool_3x3 1, skip_connect 3, dil_conv_3x3 2',
      ),
    ).toBe(true);
  });

  it('tells two equal steps, each read once, from one that is read twice', () => {
    expect(
      same(
        'sep_conv_3x3 0, sep_conv_3x3 1, sep_conv_3x3 0, sep_conv_3x3 1, skip_connect 2, skip_connect 3',
        'sep_conv_3x3 0, sep_conv_3x3 1, sep_conv_3x3 0, sep_conv_3x3 1, skip_connect 2, skip_connect 2',
      ),
    ).toBe(false);
  });

  it('follows both orders of two equal steps that are read by different ops', () => {
    expect(
      same(
        'sep_conv_3x3 0, sep_conv_3x3 1, sep_conv_3x3 0, sep_conv_3x3 1, max_pool_3x3 2, max_pool_3x3 0, dil_conv_3x3 3, dil_conv_3x3 0',
        'sep_conv_3x3 0, sep_conv_3x3 1, sep_conv_3x3 0, sep_conv_3x3 1, max_pool_3x3 3, max_pool_3x3 0, dil_conv_3x3 2, dil_conv_3x3 0',
      ),
    ).toBe(true);
  });

  it('tells cells apart that differ in an op or in what is read', () => {
    const one = 'max_pool_3x3 0, inv_res_3x3 1, skip_connect 2, sep_conv_3x3 0';
    expect(same(one, 'avg_pool_3x3 0, inv_res_3x3 1, skip_connect 2, sep_conv_3x3 0')).toBe(false);
    expect(same(one, 'max_pool_3x3 1, inv_res_3x3 0, skip_connect 2, sep_conv_3x3 0')).toBe(false);
    expect(same(one, 'max_pool_3x3 0, inv_res_3x3 1, skip_connect 1, sep_conv_3x3 2')).toBe(false);
  });
});
