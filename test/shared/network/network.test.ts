import { countParams } from '@bespoke/shared/graph/weights.js';
import type { BlockBody } from '@bespoke/shared/network/block.js';
import { cellOps } from '@bespoke/shared/network/cell-op.js';
import { parseGenotype } from '@bespoke/shared/network/genotype.js';
import { lower, lowerSingle } from '@bespoke/shared/network/lower.js';
import { parseNetwork } from '@bespoke/shared/network/network.js';
import { treeOps } from '@bespoke/shared/network/tree.js';
import { zooNetwork } from '@bespoke/shared/network/zoo/zoo.js';
import { describe, expect, it } from 'vitest';
import { refusal, spoiled } from '../refusal.js';

const outputShape = (body: BlockBody, ...inputs: number[][]) => lowerSingle('b', body, inputs).nodes.at(-1)!.shape;

describe('parseNetwork', () => {
  const network = zooNetwork('eeea-a', { cells: 3 });

  it.each([
    ['$.version', ['version'], 2],
    ['$.input.height', ['input', 'height'], 0],
    ['$.blocks[0].downsample', ['blocks', 0, 'downsample'], undefined],
    ['$.blocks[1].kind', ['blocks', 1, 'kind'], 'transformer'],
    ['$.blocks[1].pairs[3][0]', ['blocks', 1, 'pairs', 3, 0], 'sep_conv_9x9'],
    ['$.blocks[2].id', ['blocks', 2, 'id'], 'cell0'],
    ['$.blocks[4].classes', ['blocks', 4, 'classes'], 1],
  ])('refuses a bad field with its path: %s', (where, path, field) => {
    const message = refusal(() => parseNetwork(spoiled(network, path, field)));
    expect(message).toContain(`NETWORK_ILLEGAL: illegal network at ${where}: `);
  });

  it('names an unknown key', () => {
    const message = refusal(() => parseNetwork(spoiled(network, ['blocks', 4, 'dropout'], 0.2)));
    expect(message).toBe('NETWORK_ILLEGAL: illegal network at $.blocks[4]: Unrecognized key: "dropout"');
  });
});

describe('lower', () => {
  it('names the block that does not fit', () => {
    const network = zooNetwork('eeea-a', { resolution: 4, cells: 3 });
    const broken = {
      ...network,
      blocks: [
        ...network.blocks,
        { kind: 'conv', id: 'late', outChannels: 8, kernelSize: 3, stride: 1, activation: 'none' } as const,
      ],
    };
    expect(refusal(() => lower(broken))).toBe(
      'NETWORK_ILLEGAL: illegal network at $.blocks[5] (late): illegal graph at late/conv (conv2d): expected a map [H, W, C], but got 10',
    );
  });
});

describe('cell', () => {
  const cell = (pairs: BlockBody<'cell'>['pairs'], concat: number[], reduction = false): BlockBody<'cell'> => ({
    kind: 'cell',
    channels: 8,
    reduction,
    pairs,
    concat,
    squeezeExcite: false,
  });

  it.each(cellOps)('keeps the size of %s, and halves it in a reduction cell', (op) => {
    const pairs = [
      [op, 0],
      [op, 1],
    ] as const;
    expect(outputShape(cell(pairs, [2]), [6, 6, 4], [6, 6, 4])).toEqual([6, 6, 8]);
    expect(outputShape(cell(pairs, [2], true), [6, 6, 4], [6, 6, 4])).toEqual([3, 3, 8]);
  });

  // eeea.md's formulas at C = 8, two ops of a kind each, besides the two preprocesses of (8 * 8 + 2 * 8).
  it.each([
    ['max_pool_3x3', 0],
    ['avg_pool_3x3', 0],
    ['skip_connect', 0],
    ['sep_conv_3x3', 2 * (8 * 9 + 64 + 16)],
    ['sep_conv_5x5', 2 * (8 * 25 + 64 + 16)],
    ['sep_conv_7x7', 2 * (8 * 49 + 64 + 16)],
    ['dil_conv_3x3', 8 * 9 + 64 + 16],
    ['dil_conv_5x5', 8 * 25 + 64 + 16],
    ['inv_res_3x3', 2 * 64 + 8 * 9 + 48],
    ['inv_res_5x5', 2 * 64 + 8 * 25 + 48],
    ['conv_7x1_1x7', 14 * 64 + 16],
  ] as const)('has the params of %s', (op, params) => {
    const graph = lowerSingle(
      'b',
      cell(
        [
          [op, 0],
          [op, 1],
        ],
        [2],
      ),
      [
        [6, 6, 8],
        [6, 6, 8],
      ],
    );
    expect(countParams(graph)).toBe(2 * params + 2 * (64 + 16));
  });

  it('halves a first state that is larger than the second', () => {
    const body = cell(
      [
        ['skip_connect', 0],
        ['skip_connect', 1],
      ],
      [2],
    );
    expect(outputShape(body, [8, 8, 4], [4, 4, 16])).toEqual([4, 4, 8]);
  });

  it('reads one input as both states', () => {
    expect(
      outputShape(
        cell(
          [
            ['skip_connect', 0],
            ['avg_pool_3x3', 1],
          ],
          [0, 2],
        ),
        [4, 4, 3],
      ),
    ).toEqual([4, 4, 16]);
  });

  it('refuses a state that leads nowhere', () => {
    const body = cell(
      [
        ['skip_connect', 0],
        ['skip_connect', 1],
        ['skip_connect', 0],
        ['skip_connect', 1],
      ],
      [3],
    );
    expect(refusal(() => outputShape(body, [4, 4, 3]))).toContain('state 2 leads to no output');
  });
});

describe('tree', () => {
  const tree = (op: (typeof treeOps)[number], stride: number): BlockBody<'tree'> => ({
    kind: 'tree',
    outChannels: 16,
    stride,
    ops: Array(12).fill(op),
  });

  it.each(treeOps)('widens with zeros and strides, with %s on every edge', (op) => {
    expect(outputShape(tree(op, 1), [6, 6, 8])).toEqual([6, 6, 16]);
    expect(outputShape(tree(op, 2), [6, 6, 16])).toEqual([3, 3, 16]);
  });

  it('counts entry, root, halves and exit', () => {
    // BN 16 and 1x1 8 -> 4; BN 8 and grouped 3x3; two BN 8; BN 8 and 1x1 4 -> 16; BN 32; 12 ops of BN 8, 9 * 4, 16.
    const params = 16 + 32 + (8 + 2 * 9 * 2 * 4) + 2 * 8 + (8 + 64) + 32 + 12 * (8 + 36 + 16);
    expect(countParams(lowerSingle('b', tree('dwsep3', 1), [[6, 6, 8]]))).toBe(params);
  });
});

describe('parseGenotype', () => {
  const genotype = {
    normal: [
      ['sep_conv_3x3', 0],
      ['skip_connect', 1],
      ['max_pool_3x3', 2],
      ['skip_connect', 1],
    ],
    normalConcat: [3],
    reduce: [
      ['sep_conv_3x3', 0],
      ['skip_connect', 1],
    ],
    reduceConcat: [2],
  };

  it('reads a legal one', () => {
    expect(parseGenotype(genotype)).toEqual(genotype);
  });

  it.each([
    ['$.normal[1][0]', 'Invalid option', ['normal', 1, 0], 'sep_conv_9x9'],
    ['$.normal[1][1]', 'expected a state from 0 to 1, but got 2', ['normal', 1, 1], 2],
    ['$.normal', 'expected two pairs per step, but got 3 pairs', ['normal'], genotype.normal.slice(1)],
    ['$.normalConcat[1]', 'state 3 is named twice', ['normalConcat'], [3, 3]],
    ['$.reduceConcat[0]', 'expected a state from 0 to 2, but got 4', ['reduceConcat'], [4]],
    ['$.normalConcat', 'state 3 leads to no output', ['normalConcat'], [2]],
    ['$.reduceConcat', 'Invalid input', ['reduceConcat'], undefined],
  ])('refuses a bad field with its path: %s', (where, problem, path, field) => {
    const message = refusal(() => parseGenotype(spoiled(genotype, path, field)));
    expect(message).toContain(`NETWORK_ILLEGAL: illegal network at ${where}: ${problem}`);
  });
});
