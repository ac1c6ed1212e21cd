/**
 * Dropout before the classifier (Srivastava et al. 2014) and drop path in cells (Larsson et al. 2017): masks that outputs of nodes are multiplied by while a network is trained. They are no part
 * of its Graph, which is what is counted, exported and measured.
 *
 * Masks are drawn for the whole mini-batch by (seed, step, node), sample after sample: so they are the same for every cut into partitions or micro-batches, when a forward is computed again,
 * and when a step is.
 */
import { randomStream } from '@bespoke/shared/base/random.js';
import type { Graph, TensorId } from '@bespoke/shared/graph/graph.js';
import { elementCount, type Shape } from '@bespoke/shared/graph/tensor.js';
import { cellPaths } from '@bespoke/shared/network/cell.js';
import type { Tensor, Tf } from '@bespoke/shared/tfjs/tf.js';
import type { TrainRecipe } from '../recipe.js';

/** A node whose output is masked. */
interface Site {
  readonly id: TensorId;
  /** Of a sample's mask, which broadcasts to the output. */
  readonly shape: Shape;
  /** With which probability a number of the mask is 0 in a step. */
  probabilityAt(step: number): number;
}

interface Drawn {
  readonly shape: Shape;
  /** Of all samples of the mini-batch. */
  readonly values: Float32Array;
}

export class DropMasks {
  private readonly sites: readonly Site[];
  private drawn: ReadonlyMap<TensorId, Drawn> = new Map();

  /** `graph` may be a partition. */
  constructor(
    graph: Graph,
    private readonly recipe: TrainRecipe,
  ) {
    const { dropout = 0, dropPath = 0, stepCount } = recipe;
    const features = classifierInput(graph);
    this.sites = [
      ...(dropout > 0 && features ? [{ ...features, probabilityAt: () => dropout }] : []),
      ...(dropPath > 0 ? cellPaths(graph) : []).map((id) => ({
        id,
        shape: [1, 1, 1],
        probabilityAt: (step: number) => (dropPath * step) / stepCount,
      })),
    ];
  }

  /** Draws those of step `step`, 0 for the first one. */
  draw(step: number): void {
    const { seed, batchSize } = this.recipe;
    this.drawn = new Map(
      this.sites.flatMap(({ id, shape, probabilityAt }) => {
        const probability = probabilityAt(step);
        if (probability === 0) return [];
        const stream = randomStream(seed, 'drop', step, id);
        const values = new Float32Array(batchSize * elementCount(shape));
        for (let at = 0; at < values.length; at++)
          values[at] = stream.uniform() < probability ? 0 : 1 / (1 - probability);
        return [[id, { shape, values }] as const];
      }),
    );
  }

  /** Those of samples [first, first + count) of the mini-batch, as `execute` takes them; the caller's. */
  tensors(tf: Tf, first = 0, count = this.recipe.batchSize): ReadonlyMap<TensorId, Tensor> {
    return new Map(
      [...this.drawn].map(([id, { shape, values }]) => {
        const size = elementCount(shape);
        return [id, tf.tensor(values.subarray(first * size, (first + count) * size), [count, ...shape])];
      }),
    );
  }
}

/** The node that the classifier reads: that of the dense layer which gives the graph's output; none in a partition without it. */
function classifierInput({ nodes, outputs }: Graph): Pick<Site, 'id' | 'shape'> | undefined {
  const classifier = nodes.find(({ id, op }) => op === 'dense' && id === outputs[0]);
  return nodes.find(({ id }) => id === classifier?.inputs[0]);
}
