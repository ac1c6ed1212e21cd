import { trainingGraph } from '@bespoke/cloud/train/tfjs/auxiliary-head.js';
import { blockOf, tensorShapes } from '@bespoke/shared/graph/graph.js';
import { blocksOf } from '@bespoke/shared/graph/split.js';
import { countParams } from '@bespoke/shared/graph/weights.js';
import { lower } from '@bespoke/shared/network/lower.js';
import { zooNetwork } from '@bespoke/shared/network/zoo/zoo.js';
import { describe, expect, it } from 'vitest';
import { networks } from '../gpipe/local-pipeline.js';

const recipe = { auxiliaryWeight: 0.4 };

describe('trainingGraph', () => {
  it('has a second classifier, of the cell at two thirds of the way, in that cell', () => {
    const graph = lower(networks.deep.network);
    const trained = trainingGraph(graph, recipe);
    expect(trained.outputs).toEqual([...graph.outputs, 'c/auxiliary-classifier']);
    expect(blocksOf(trained)).toEqual(blocksOf(graph));
    const added = trained.nodes.filter(({ id }) => id.includes('/auxiliary-'));
    expect(trained.nodes.filter((node) => !added.includes(node))).toEqual(graph.nodes);
    expect(added.map(({ id }) => blockOf(id))).toEqual(added.map(() => 'c'));
    // The cell has 8 channels at 4x4, two classes.
    const shapes = tensorShapes(trained);
    expect(shapes.get('c/auxiliary-pool')).toEqual([2, 2, 8]);
    expect(shapes.get('c/auxiliary-wide')).toEqual([2, 2, 768]);
    expect(countParams(trained) - countParams(graph)).toBe(8 * 128 + 2 * 128 + 4 * 128 * 768 + 2 * 768 + 768 * 2 + 2);
  });

  it('has it behind the second reduction of published networks', () => {
    const { blocks } = zooNetwork('eeea-a', { cells: 20 });
    const reductions = blocks.filter((block) => block.kind === 'cell' && block.reduction);
    const trained = trainingGraph(lower(zooNetwork('eeea-a', { cells: 20 })), recipe);
    expect(blockOf(trained.outputs[1]!)).toBe(reductions[1]!.id);
  });

  it('is the graph itself without a weight, or without cells', () => {
    const graph = lower(networks.deep.network);
    expect(trainingGraph(graph, {})).toBe(graph);
    const chain = lower(networks.mbconv.network);
    expect(trainingGraph(chain, recipe)).toBe(chain);
  });
});
