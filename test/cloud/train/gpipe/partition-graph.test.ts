import { partitionNetwork } from '@bespoke/cloud/train/gpipe/partition-graph.js';
import { declareWeights } from '@bespoke/shared/graph/weights.js';
import { lower } from '@bespoke/shared/network/lower.js';
import { describe, expect, it } from 'vitest';
import { networks } from './local-pipeline.js';

describe('partitionNetwork', () => {
  const names = ['mbconv', 'cells'] as const;
  it.each(names)('has every node and weight once, each output the next input: %s', (name) => {
    const { network, cuts } = networks[name];
    const whole = lower(network);
    for (const cut of cuts) {
      const graphs = partitionNetwork(network, cut);
      expect(graphs).toHaveLength(cut.length + 1);
      expect(graphs.flatMap(({ nodes }) => nodes)).toEqual(whole.nodes);
      expect(graphs.flatMap((graph) => [...declareWeights(graph)])).toEqual([...declareWeights(whole)]);
      for (const [index, { outputs }] of graphs.slice(0, -1).entries())
        expect(graphs[index + 1]!.inputs.map(({ id }) => id)).toEqual(outputs);
    }
  });

  it('hands two tensors over between cells', () => {
    const { network, cuts } = networks.cells;
    expect(partitionNetwork(network, cuts[3]).map(({ outputs }) => outputs.length)).toEqual([1, 2, 2, 1]);
  });

  it('counts a block without nodes, on either side of a cut', () => {
    const { network } = networks.mbconv; // its block 2 is an identity
    const nodesOf = (cuts: readonly number[]) => partitionNetwork(network, cuts).map(({ nodes }) => nodes);
    expect(nodesOf([2])).toEqual(nodesOf([3]));
    expect(nodesOf([2])).not.toEqual(nodesOf([4]));
  });

  it.each([
    ['a partition of an identity alone', [2, 3]],
    ['an empty partition', [3, 3]],
    ['cuts that fall', [4, 1]],
    ['a cut before the first block', [0]],
    ['a cut behind the last block', [6]],
    ['a cut within a block', [1.5]],
  ])('refuses %s', (_, cuts) => {
    expect(() => partitionNetwork(networks.mbconv.network, cuts)).toThrow(
      expect.objectContaining({ code: 'GRAPH_ILLEGAL', message: expect.stringContaining(`[${cuts}]`) }),
    );
  });
});
