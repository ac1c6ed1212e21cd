import { GraphBuilder } from '@bespoke/shared/graph/graph.js';
import { type CellPair, cellBlocks, cellPaths, lowerCell } from '@bespoke/shared/network/cell.js';
import { lower } from '@bespoke/shared/network/lower.js';
import { zooNetwork } from '@bespoke/shared/network/zoo/zoo.js';
import { describe, expect, it } from 'vitest';

describe('cellPaths', () => {
  function pathsOf(reduction: boolean) {
    const builder = new GraphBuilder();
    const inputs = [builder.input('s0', [8, 8, 4]), builder.input('s1', [8, 8, 4])];
    const pairs: readonly CellPair[] = [
      ['max_pool_3x3', 0],
      ['skip_connect', 1],
      ['inv_res_3x3', 2],
      ['skip_connect', 0],
    ];
    const block = { channels: 4, reduction, pairs, concat: [3], squeezeExcite: true };
    return cellPaths(builder.build([lowerCell(builder, 'cells/7', block, inputs)[1]!]));
  }

  it('are the results of ops, but of those that hand a state on', () => {
    expect(pathsOf(false)).toEqual(['cells/7/0a', 'cells/7/1a-residual']);
  });

  it('are all of them in a reduction cell, where no state goes through as it is', () => {
    expect(pathsOf(true)).toEqual(['cells/7/0a', 'cells/7/0b-norm', 'cells/7/1a-residual', 'cells/7/1b-norm']);
  });

  it('are none in networks without cells, though they add', () => {
    const graph = lower(zooNetwork('mobilenet-v2'));
    expect(graph.nodes.some(({ op }) => op === 'add')).toBe(true);
    expect(cellPaths(graph)).toEqual([]);
    expect(cellBlocks(graph)).toEqual([]);
  });
});

describe('cellBlocks', () => {
  it('are the cells of a network, in order', () => {
    const { blocks } = zooNetwork('eeea-a', { cells: 5 });
    const cells = blocks.filter(({ kind }) => kind === 'cell').map(({ id }) => id);
    expect(cells).toHaveLength(5);
    expect(cellBlocks(lower(zooNetwork('eeea-a', { cells: 5 })))).toEqual(cells);
  });
});

describe('lowerCell', () => {
  it('says which images cells can halve where a map is odd', () => {
    const { input, ...rest } = zooNetwork('eeea-a');
    const of = (side: number) => () => lower({ ...rest, input: { ...input, height: side, width: side } });
    expect(of(36)).not.toThrow();
    for (const side of [33, 34])
      expect(of(side)).toThrow(
        /^illegal network at .* expected a map of even height and width to halve \(take images .* multiple of 4 .*, but got \d+x\d+$/,
      );
  });
});
