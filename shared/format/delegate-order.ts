/**
 * Delegate order: the order in which a .tflite file's operators serve the XNNPACK delegate's threads best.
 *
 * TensorFlow Lite cuts a graph into parts that the delegate takes and parts that it leaves, by turns; each part holds all that can be computed by then, in the file's order. After a part's
 * last operator the delegate sends its threads to sleep, and the next part wakes them, which takes as long as one or two operators of a small network. But they are told so together with
 * their share of the work, and an addition has none: it runs on the caller's thread alone. So of the operators that can end a part, an addition does, and the threads stay awake through what is left to
 * the built-in kernels:
 *
 *   as built        add conv │ concat │ conv …          caller   ▒ ▒▒▒▒ │ concat │ wakes ▒▒▒▒
 *                                                       another    ▒▒▒▒ │ sleeps ┈┈┈┈┈ ▒▒▒▒
 *   as written      conv add │ concat │ conv …          caller   ▒▒▒▒ ▒ │ concat │ ▒▒▒▒
 *                                                       another  ▒▒▒▒ ┈┈┈┈┈┈┈┈┈┈┈┈┈ ▒▒▒▒
 *
 * One thread runs either as fast (test/experiments/delegate-order.mjs; docs/measurement.md, "Two threads, five things").
 */
import type { Graph, Node, TensorId } from '../graph/graph.js';
import type { OpKind } from '../graph/op.js';

/**
 * What the delegate of TensorFlow Lite 2.9 leaves to the built-in kernels, by our nodes: it leaves pools of 1x1 as well, and takes the two reshapes of a shuffle, so parts are here and there others than
 * these, which costs a waking. Newer ones take some of it and have fewer parts; for them any order does.
 */
const leftOps: ReadonlySet<OpKind> = new Set(['concat', 'slice', 'shuffleChannels']);

/** All nodes, in another topological order. */
export function delegateOrder({ nodes }: Pick<Graph, 'nodes'>): Node[] {
  return delegateParts(nodes).flatMap(additionLast);
}

/** Parts as TensorFlow Lite cuts them, taken and left by turns; the first holds what the first node is. */
function delegateParts(nodes: readonly Node[]): Node[][] {
  const parts: Node[][] = [];
  const partOf = new Map<TensorId, number>();
  const kindOf = ({ op }: Node) => Number(leftOps.has(op));
  for (const node of nodes) {
    const ready = Math.max(0, ...node.inputs.map((id) => partOf.get(id) ?? 0));
    const part = (ready + kindOf(nodes[0]!)) % 2 === kindOf(node) ? ready : ready + 1;
    partOf.set(node.id, part);
    parts[part] ??= [];
    parts[part].push(node);
  }
  return parts;
}

/** The last addition that nothing else in the part reads goes to its end, where there is one. */
function additionLast(part: Node[]): Node[] {
  const read = new Set(part.flatMap(({ inputs }) => inputs));
  const last = part.findLast(({ id, op }) => op === 'add' && !read.has(id));
  return last ? [...part.filter((node) => node !== last), last] : part;
}
