import {
  type BlockWorkload,
  type ChainWorkload,
  graphOf,
  maxChainLength,
  type NetworkWorkload,
  workloadKey,
  workloadSchema,
  workloadsOf,
} from '@bespoke/shared/latency/workload.js';
import type { Block, BlockBody } from '@bespoke/shared/network/block.js';
import { describe, expect, it } from 'vitest';

const mbconv: BlockBody<'mbconv'> = {
  kind: 'mbconv',
  outChannels: 24,
  kernelSize: 3,
  stride: 2,
  expandRatio: 3,
  activation: 'relu6',
  squeezeExcite: false,
};
const common = { dtype: 'float32', batch: 1 } as const;
const block: BlockWorkload = { kind: 'block', body: mbconv, inputShapes: [[32, 32, 16]], ...common };
const chain: ChainWorkload = { kind: 'chain', bodies: [mbconv, mbconv], inputShapes: [[32, 32, 16]], ...common };
const networkOf = (...blocks: readonly Block[]): NetworkWorkload => ({
  kind: 'network',
  network: { version: 1, name: 'any', input: { height: 32, width: 32, channels: 16 }, blocks },
  ...common,
});
const network = networkOf({ ...mbconv, id: 'a' }, { kind: 'head', id: 'h', classes: 10 });

describe('workloadKey', () => {
  it('is what it was in every release, for each kind', () => {
    // Tables in the field are keyed by these: a change here would orphan them.
    expect(workloadKey(block)).toBe('231145c8ee5f9d66836c4204775537c6');
    expect(workloadKey(chain)).toBe('a73cf469ce8da8fab7ce4b0c7c36f79c');
    expect(workloadKey(network)).toBe('befbb2c9cf6fb80031835c54e15cf34d');
    expect(workloadKey({ kind: 'file', format: 'tflite', sha256: '0'.repeat(64), byteCount: 1000 })).toBe(
      'f4cea3dcc1246ef93d89efda521216ac',
    );
  });

  it('does not depend on names, nor on the order of members', () => {
    const renamed = networkOf({ id: 'other', ...mbconv }, { id: 'end', classes: 10, kind: 'head' });
    expect(workloadKey({ ...renamed, network: { ...renamed.network, name: 'else' } })).toBe(workloadKey(network));
  });

  it('tells the order of a chain apart', () => {
    const conv: BlockBody = { kind: 'conv', outChannels: 16, kernelSize: 3, stride: 1, activation: 'relu6' };
    expect(workloadKey({ ...chain, bodies: [conv, mbconv] })).not.toBe(
      workloadKey({ ...chain, bodies: [mbconv, conv] }),
    );
  });
});

describe('workloadSchema', () => {
  it('takes each kind as it is', () => {
    for (const workload of [block, chain, network]) expect(workloadSchema.parse(workload)).toEqual(workload);
  });

  it('refuses chains of one block and of more than the limit', () => {
    const bodiesOf = (count: number) => ({ ...chain, bodies: Array.from({ length: count }, () => mbconv) });
    expect(workloadSchema.safeParse(bodiesOf(1)).success).toBe(false);
    expect(workloadSchema.safeParse(bodiesOf(maxChainLength)).success).toBe(true);
    expect(workloadSchema.safeParse(bodiesOf(maxChainLength + 1)).success).toBe(false);
  });
});

describe('graphOf', () => {
  it('lowers a chain to one graph, each block reading the one before', () => {
    const { inputs, nodes, outputs } = graphOf(chain);
    expect(inputs.map(({ shape }) => shape)).toEqual([[32, 32, 16]]);
    expect(nodes.find(({ id }) => id === 'block1/expand')!.inputs).toEqual(['block0/project-norm']);
    expect(nodes.at(-1)).toMatchObject({ id: outputs[0], shape: [8, 8, 24] });
  });

  it('hands both outputs of a cell on within a chain', () => {
    const cell: BlockBody = {
      kind: 'cell',
      channels: 8,
      reduction: false,
      pairs: [
        ['max_pool_3x3', 0],
        ['skip_connect', 1],
      ],
      concat: [2],
      squeezeExcite: false,
    };
    const { nodes } = graphOf({
      ...chain,
      bodies: [cell, cell],
      inputShapes: [
        [8, 8, 4],
        [8, 8, 6],
      ],
    });
    expect(nodes.find(({ id }) => id === 'block1/pre0-relu')!.inputs).toEqual(['input1']);
    expect(nodes.find(({ id }) => id === 'block1/pre1-relu')!.inputs).toEqual(['block0/0']);
  });

  it('names the block of a chain that does not fit', () => {
    const head: BlockBody = { kind: 'head', classes: 10 };
    expect(() => graphOf({ ...chain, bodies: [head, mbconv] })).toThrow(/illegal graph at block1\/expand/);
  });
});

describe('workloadsOf', () => {
  it('lists the blocks of a network with what each reads', () => {
    expect(workloadsOf(network.network).map(({ body, inputShapes }) => [body.kind, inputShapes])).toEqual([
      ['mbconv', [[32, 32, 16]]],
      ['head', [[16, 16, 24]]],
    ]);
  });
});
