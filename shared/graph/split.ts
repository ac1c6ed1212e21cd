/** split: cuts a Graph at block edges into partitions, GPipe's unit of placement. */
import { AppError } from '../base/errors.js';
import { blockOf, type Graph, GraphBuilder, type TensorId, tensorShapes } from './graph.js';

/** The blocks of a graph, in order. Throws `GRAPH_ILLEGAL` where a block's nodes do not stand together. */
export function blocksOf(graph: Graph): readonly string[] {
  const blocks: string[] = [];
  for (const { id } of graph.nodes) {
    const block = blockOf(id);
    if (block === blocks.at(-1)) continue;
    if (blocks.includes(block))
      throw new AppError('GRAPH_ILLEGAL', {
        where: id,
        expected: 'the nodes of a block side by side',
        got: `${blocks.at(-1)} between`,
      });
    blocks.push(block);
  }
  return blocks;
}

/**
 * Partitions of `balance[0]`, `balance[1]`, … blocks each. The outputs of one are the inputs of the next, in the same order:
 * every tensor that is still read behind the cut; what a partition does not read itself it hands on.
 * Throws `GRAPH_ILLEGAL` unless the balance is of positive integers that add up to the number of blocks.
 */
export function split(graph: Graph, balance: readonly number[]): readonly Graph[] {
  const blocks = blocksOf(graph);
  if (
    !balance.every((count) => Number.isInteger(count) && count > 0) ||
    balance.reduce((sum, count) => sum + count, 0) !== blocks.length
  ) {
    throw new AppError('GRAPH_ILLEGAL', {
      where: 'balance',
      expected: `positive integers that add up to ${blocks.length} blocks`,
      got: `[${balance}]`,
    });
  }
  const shapes = tensorShapes(graph);
  const isReadFrom = (first: number) => {
    const read = new Set([...graph.nodes.slice(first).flatMap((node) => node.inputs), ...graph.outputs]);
    return (id: TensorId) => read.has(id);
  };

  let inputs: readonly TensorId[] = graph.inputs.map(({ id }) => id);
  let blockEnd = 0;
  let nodeBegin = 0;
  return balance.map((count) => {
    blockEnd += count;
    const next = graph.nodes.findIndex(({ id }) => blockOf(id) === blocks[blockEnd]);
    const nodes = graph.nodes.slice(nodeBegin, next < 0 ? undefined : next);
    nodeBegin += nodes.length;

    const builder = new GraphBuilder();
    for (const id of inputs) builder.input(id, shapes.get(id)!);
    for (const node of nodes) builder.addNode(node.id, node.op, node.attributes as never, node.inputs);
    inputs =
      blockEnd === blocks.length
        ? graph.outputs
        : [...inputs, ...nodes.map(({ id }) => id)].filter(isReadFrom(nodeBegin));
    return builder.build(inputs);
  });
}
