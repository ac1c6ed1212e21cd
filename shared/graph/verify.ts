/**
 * What every legal Graph obeys, checked after each pass:
 * names are used once; a node reads only what stands before it; shapes are those that its op computes;
 * every node is needed by an output; outputs exist; an inference Graph holds no batchNorm.
 */
import { AppError } from '../base/errors.js';
import { canonicalJson } from '../base/json.js';
import type { Graph, TensorId } from './graph.js';
import { outputShape } from './shape.js';
import { equalShapes, formatShape, type Shape } from './tensor.js';

/** Throws `GRAPH_ILLEGAL` naming the node. */
export function verifyGraph(graph: Graph): void {
  const shapes = new Map<TensorId, Shape>();
  const define = (id: TensorId, shape: Shape) => {
    if (shapes.has(id)) illegal(id, 'a name used once', 'a second use');
    shapes.set(id, shape);
  };
  for (const input of graph.inputs) define(input.id, input.shape);
  for (const node of graph.nodes) {
    const inputs = node.inputs.map(
      (id) => shapes.get(id) ?? illegal(node.id, 'inputs that are defined before it', `"${id}"`),
    );
    const expected = outputShape(node.id, node.op, node.attributes as never, inputs);
    if (!equalShapes(expected, node.shape)) illegal(node.id, `shape ${formatShape(expected)}`, formatShape(node.shape));
    define(node.id, node.shape);
  }

  if (graph.outputs.length === 0) illegal('outputs', 'at least one output', 'none');
  for (const output of graph.outputs)
    if (!shapes.has(output)) illegal('outputs', 'tensors of the graph', `"${output}"`);

  const needed = new Set<TensorId>(graph.outputs);
  for (const node of [...graph.nodes].reverse()) {
    if (!needed.has(node.id)) illegal(node.id, 'a node that an output needs', 'a dead node');
    for (const input of node.inputs) needed.add(input);
  }
}

/** Throws `GRAPH_ILLEGAL` unless the graph is in inference form: batch norm folded away. */
export function verifyInference(graph: Graph): void {
  verifyGraph(graph);
  const node = graph.nodes.find(({ op }) => op === 'batchNorm');
  if (node) illegal(node.id, 'an inference graph without batchNorm', canonicalJson(node.attributes));
}

function illegal(where: string, expected: string, got: string): never {
  throw new AppError('GRAPH_ILLEGAL', { where, expected, got });
}
