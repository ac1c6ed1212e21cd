/**
 * Weights to measure with: uniform numbers scaled by fan in, so that activations keep their size through any depth. Initial
 * weights of training do not (fan out, and depthwise filters count all channels): without batch norm's statistics, activations
 * would sink to denormals, on which processors are many times slower.
 */
import type { Graph, Node } from '@bespoke/shared/graph/graph.js';
import type { OpKind } from '@bespoke/shared/graph/op.js';
import { elementCount, type Shape } from '@bespoke/shared/graph/tensor.js';
import { declareWeights, type WeightTensor } from '@bespoke/shared/graph/weights.js';

/** How many inputs each output sums over, from the filter's shape; other ops have no filter. */
const fanIn: { readonly [K in OpKind]?: (filter: Shape) => number } = {
  conv2d: (filter) => elementCount(filter.slice(0, -1)),
  depthwiseConv2d: (filter) => filter[0]! * filter[1]!,
  dense: (filter) => filter[0]!,
};

/** For every weight of a training Graph, the same on every call. Batch norms keep x as it is. */
export function scaledWeights(graph: Graph): Map<string, WeightTensor> {
  const filters = new Map(graph.nodes.map((node: Node) => [`${node.id}/filter`, fanIn[node.op]]));
  const next = uniforms();
  const weights = new Map<string, WeightTensor>();
  for (const [name, { shape, initializer }] of declareWeights(graph)) {
    const values = new Float32Array(elementCount(shape));
    const inputCount = filters.get(name)?.(shape);
    if (inputCount === undefined) values.fill(initializer.kind === 'constant' ? initializer.value : 0);
    else {
      const bound = Math.sqrt(3 / inputCount); // variance 1 / fan in: halved by each relu, doubled by each shortcut
      for (let i = 0; i < values.length; i++) values[i] = (next() * 2 - 1) * bound;
    }
    weights.set(name, { shape, values });
  }
  return weights;
}

/** Numbers in 0..1 (xorshift32): quick enough for hundreds of millions of weights; nothing depends on their quality. */
function uniforms(): () => number {
  let state = 0x9e3779b9;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4294967296;
  };
}
