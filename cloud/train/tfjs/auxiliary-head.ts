/**
 * The auxiliary head of a network of cells (EEEA-Net 4.1, after DARTS's code): a second classifier, of the cell at two thirds of the way, whose loss counts by a weight while the network is trained.
 *
 *   cell ─ ReLU ─ average 5x5, stride 3 ─ 1x1 to 128, BN, ReLU ─ 2x2 to 768, BN, ReLU ─ average ─ dense ─▶ logits
 *
 * It is part of the Graph that is trained, and of no other. Its nodes are of the cell's block, so a pipeline is cut as without it; its logits are handed on to the last stage, where the losses
 * are, like any tensor that is read behind a cut. Windows are padded as everywhere here, where DARTS's are not: on a map of 8x8 the average at the end is over 3x3 instead of one place.
 */
import { blockOf, type Graph, GraphBuilder, type TensorId, tensorShapes } from '@bespoke/shared/graph/graph.js';
import { cellBlocks } from '@bespoke/shared/network/cell.js';
import { CellBuilder } from '@bespoke/shared/network/cell-builder.js';
import type { TrainRecipe } from '../recipe.js';

/** The Graph that is trained by a recipe: `graph`, and a second output where the recipe has an auxiliary head and the network cells. */
export function trainingGraph(graph: Graph, { auxiliaryWeight }: Pick<TrainRecipe, 'auxiliaryWeight'>): Graph {
  const cells = cellBlocks(graph);
  const block = cells[Math.floor((2 * cells.length) / 3)];
  if (auxiliaryWeight === undefined || block === undefined) return graph;
  const end = graph.nodes.findLastIndex(({ id }) => blockOf(id) === block) + 1;
  const classCount = tensorShapes(graph).get(graph.outputs[0]!)![0]!;
  const builder = new GraphBuilder();
  const add = (nodes: Graph['nodes']) => {
    for (const { id, op, attributes, inputs } of nodes) builder.addNode(id, op, attributes as never, inputs);
  };
  for (const { id, shape } of graph.inputs) builder.input(id, shape);
  add(graph.nodes.slice(0, end));
  const logits = addHead(builder, block, graph.nodes[end - 1]!.id, classCount);
  add(graph.nodes.slice(end));
  return builder.build([...graph.outputs, logits]);
}

function addHead(builder: GraphBuilder, block: string, x: TensorId, classCount: number): TensorId {
  const cell = new CellBuilder(builder, block);
  const name = (part: string) => `auxiliary-${part}`;
  const relu = cell.relu(name('relu'), x);
  const pooled = cell.pool('avgPool', name('pool'), 5, 3, relu);
  const narrow = cell.norm(name('narrow-norm'), cell.pointwise(name('narrow'), 128, pooled));
  const wide = cell.conv(name('wide'), 768, [2, 2], [1, 1], cell.relu(name('narrow-relu'), narrow));
  const features = cell.relu(name('wide-relu'), cell.norm(name('wide-norm'), wide));
  const average = builder.add(block, name('average'), 'globalAvgPool', {}, features);
  const dense = { units: classCount, bias: true, fused: 'none' } as const;
  return builder.add(block, name('classifier'), 'dense', dense, average);
}
