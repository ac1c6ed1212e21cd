import { piecesOf } from '@bespoke/shared/latency/workload.js';
import { type BlockBody, blockBodySchema } from '@bespoke/shared/network/block.js';
import type { CellPart } from '@bespoke/shared/network/cell-part.js';
import { lower, lowerSingle } from '@bespoke/shared/network/lower.js';
import type { Network } from '@bespoke/shared/network/network.js';
import { zooNetwork } from '@bespoke/shared/network/zoo/zoo.js';
import { describe, expect, it } from 'vitest';

const body = (part: CellPart): BlockBody => ({ kind: 'cell-part', part });
const shapeOf = (part: CellPart, ...inputs: number[][]) => lowerSingle('p', body(part), inputs).nodes.at(-1)!.shape;

describe('cell-part', () => {
  it('is each piece of a cell alone', () => {
    expect(shapeOf({ kind: 'preprocess', channels: 8, halves: false }, [16, 16, 24])).toEqual([16, 16, 8]);
    expect(shapeOf({ kind: 'preprocess', channels: 8, halves: true }, [16, 16, 24])).toEqual([8, 8, 8]);
    expect(shapeOf({ kind: 'op', op: 'sep_conv_3x3', stride: 2 }, [16, 16, 8])).toEqual([8, 8, 8]);
    expect(shapeOf({ kind: 'add' }, [8, 8, 4], [8, 8, 4])).toEqual([8, 8, 4]);
    expect(shapeOf({ kind: 'concat', count: 3 }, [8, 8, 4])).toEqual([8, 8, 12]);
    expect(shapeOf({ kind: 'squeezeExcite' }, [8, 8, 32])).toEqual([8, 8, 32]);
  });

  it('is refused where a field is wrong', () => {
    expect(blockBodySchema.safeParse(body({ kind: 'concat', count: 2 })).success).toBe(true);
    expect(blockBodySchema.safeParse(body({ kind: 'concat', count: 0 })).success).toBe(false);
    expect(blockBodySchema.safeParse(body({ kind: 'op', op: 'sep_conv_3x3', stride: 3 as 2 })).success).toBe(false);
  });
});

describe('piecesOf', () => {
  it('has every node of a network of cells in one of its pieces', () => {
    const network = zooNetwork('eeea-a', { cells: 5, channels: 16 });
    const pieces = piecesOf(network);
    const nodeCount = pieces.reduce(
      (sum, piece) => sum + lowerSingle('p', piece.body, piece.inputShapes).nodes.length,
      0,
    );
    expect(nodeCount).toBe(lower(network).nodes.length);
    expect(pieces.filter(({ body: { kind } }) => kind !== 'cell-part').map(({ body: { kind } }) => kind)).toEqual([
      'cell-stem',
      'head',
    ]);
  });

  it('leaves out what runs nothing', () => {
    const network: Network = {
      version: 1,
      name: 'n',
      input: { height: 8, width: 8, channels: 4 },
      blocks: [
        { kind: 'identity', id: 'skip' },
        { kind: 'head', id: 'head', classes: 2 },
      ],
    };
    expect(piecesOf(network).map(({ body: { kind } }) => kind)).toEqual(['head']);
  });
});
