/**
 * Side by side: a model's graph so many times over in one, each on the same inputs, with outputs of its own.
 *
 * What an invocation costs once, however much it computes (threads that sleep after the last operator and have to be woken for the first), is in
 * the time of few copies as in that of many, and drops out of their difference. Copies in a row would need outputs that fit the inputs.
 */
import type { Node, TensorId } from '@bespoke/shared/graph/graph.js';
import type { GraphModel } from './runtime/runtime.js';

export function sideBySide({ graph, weights, ...rest }: GraphModel, count: number): GraphModel {
  const shared = new Set(graph.inputs.map(({ id }) => id));
  const copies = Array.from({ length: count }, (_, copy) => {
    const renamed = (id: TensorId) => (shared.has(id) ? id : `${copy}/${id}`);
    return {
      nodes: graph.nodes.map((node): Node => ({ ...node, id: renamed(node.id), inputs: node.inputs.map(renamed) })),
      outputs: graph.outputs.map(renamed),
      weights: [...weights].map(([name, weight]) => [`${copy}/${name}`, weight] as const), // <node>/<weight>
    };
  });
  return {
    ...rest,
    graph: {
      ...graph,
      nodes: copies.flatMap(({ nodes }) => nodes),
      outputs: copies.flatMap(({ outputs }) => outputs),
    },
    weights: new Map(copies.flatMap((copy) => copy.weights)),
  };
}
