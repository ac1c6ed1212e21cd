/** rewrite: a graph made anew node by node, some of them by others. */
import { type Graph, GraphBuilder, type Node, type TensorId } from './graph.js';

/** Walks the graph in order; `visit` adds what stands for a node and returns the tensor that its readers now read. */
export function rewrite(
  graph: Graph,
  visit: (builder: GraphBuilder, node: Node, inputs: readonly TensorId[]) => TensorId,
): Graph {
  const builder = new GraphBuilder();
  const renamed = new Map<TensorId, TensorId>();
  for (const input of graph.inputs) renamed.set(input.id, builder.input(input.id, input.shape));
  for (const node of graph.nodes)
    renamed.set(
      node.id,
      visit(
        builder,
        node,
        node.inputs.map((id) => renamed.get(id)!),
      ),
    );
  return builder.build(graph.outputs.map((id) => renamed.get(id)!));
}
