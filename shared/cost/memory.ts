/** Peak memory of the activations, from how long each tensor of a Graph lives. */
import type { Graph, TensorId } from '../graph/graph.js';
import { bytesPerElement, type Dtype, elementCount, type Shape } from '../graph/tensor.js';

/**
 * The most bytes of activations that are alive at once for one sample when nodes run in the Graph's order: a tensor lives
 * from the node that makes it to its last reader; inputs live from the start, outputs to the end. Weights and a runtime's scratch are not counted.
 */
export function countPeakBytes(graph: Graph, dtype: Dtype = 'float32'): number {
  const bytes = (shape: Shape) => elementCount(shape) * bytesPerElement[dtype];
  const lastReader = new Map<TensorId, number>();
  graph.nodes.forEach((node, index) => {
    for (const input of node.inputs) lastReader.set(input, index);
  });
  for (const output of graph.outputs) lastReader.set(output, graph.nodes.length);

  const alive = new Map<TensorId, number>(graph.inputs.map((input) => [input.id, bytes(input.shape)]));
  let aliveBytes = [...alive.values()].reduce((sum, size) => sum + size, 0);
  let peakBytes = aliveBytes;
  graph.nodes.forEach((node, index) => {
    alive.set(node.id, bytes(node.shape));
    aliveBytes += bytes(node.shape);
    peakBytes = Math.max(peakBytes, aliveBytes);
    for (const input of new Set(node.inputs)) {
      if (lastReader.get(input) !== index) continue;
      aliveBytes -= alive.get(input)!;
      alive.delete(input);
    }
  });
  return peakBytes;
}
