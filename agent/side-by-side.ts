/**
 * Side by side: a model's graph so many times over in one, each on the same inputs, with outputs of its own, behind a prelude.
 *
 * What an invocation costs once, however much it computes (threads that sleep after the last operator and have to be woken for the first), is in
 * the time of few copies as in that of many, and drops out of their difference: but only where the threads are awake before the first copy begins. While one wakes, the
 * others do its work, and of few short copies all. So blocks that take longer than waking come first (but for the last addition of theirs, which the order of a file may put last,
 * shared/format/delegate-order.ts: it wakes nobody). Copies in a row would need outputs that fit the inputs.
 *
 *   first thread   │ prelude ▒▒▒▒▒▒▒▒│copy│copy│ …
 *   another        │ wakes ┈┈┈┈▒▒▒▒▒▒│copy│copy│ …
 */
import type { Node, TensorId } from '@bespoke/shared/graph/graph.js';
import { graphModelOf } from './graph-model.js';
import { referenceBlock } from './reference-block.js';
import type { GraphModel } from './runtime/runtime.js';

/** Blocks in a row: 0.05 to 0.1 ms with two threads of a server's processor, which wake within 0.02. */
const preludeBlockCount = 4;

/** Made once, by the first that needs it. */
let prelude: GraphModel | undefined;
function makePrelude(): GraphModel {
  const { body, ...block } = referenceBlock;
  return graphModelOf({ ...block, kind: 'chain', bodies: Array.from({ length: preludeBlockCount }, () => body) });
}

/** The prelude's input comes first, and so does its output. */
export function sideBySide({ graph, weights, ...rest }: GraphModel, count: number): GraphModel {
  const shared = new Set(graph.inputs.map(({ id }) => id));
  const copies = Array.from({ length: count }, (_, copy) => {
    return renamed({ graph, weights }, (id) => (shared.has(id) ? id : `${copy}/${id}`));
  });
  prelude ??= makePrelude();
  const opening = renamed(prelude, (id) => `prelude/${id}`);
  const parts = [opening, ...copies];
  return {
    ...rest,
    graph: {
      ...graph,
      inputs: [...opening.inputs, ...graph.inputs],
      nodes: parts.flatMap(({ nodes }) => nodes),
      outputs: parts.flatMap(({ outputs }) => outputs),
    },
    weights: new Map(parts.flatMap((part) => part.weights)),
  };
}

/** A graph's parts by other names. */
function renamed({ graph, weights }: Pick<GraphModel, 'graph' | 'weights'>, rename: (id: TensorId) => TensorId) {
  return {
    inputs: graph.inputs.map((input) => ({ ...input, id: rename(input.id) })),
    nodes: graph.nodes.map((node): Node => ({ ...node, id: rename(node.id), inputs: node.inputs.map(rename) })),
    outputs: graph.outputs.map(rename),
    weights: [...weights].map(([name, weight]) => [rename(name), weight] as const), // <node>/<weight>
  };
}
