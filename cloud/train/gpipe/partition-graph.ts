/** Partitions of a Network: where shared/graph/split.ts cuts, said in blocks of the Network, of which some have no nodes. */
import { AppError } from '@bespoke/shared/base/errors.js';
import type { Graph } from '@bespoke/shared/graph/graph.js';
import { blocksOf, split } from '@bespoke/shared/graph/split.js';
import { lower } from '@bespoke/shared/network/lower.js';
import type { Network } from '@bespoke/shared/network/network.js';
import type { TrainRecipe } from '../recipe.js';
import { trainingGraph } from '../tfjs/auxiliary-head.js';

/**
 * One Graph per partition of `network` as `recipe` trains it, cut before the blocks at the indices `cuts` (rising, 1..blocks-1; none for a single partition).
 * The outputs of one are the inputs of the next, in the same order: what a partition does not read itself it hands on. Weights have the names that they have in the whole.
 * Throws `GRAPH_ILLEGAL` where the cuts do not rise or leave a partition without a node, `NETWORK_ILLEGAL` as `lower` does.
 */
export function partitionNetwork(
  network: Network,
  cuts: readonly number[],
  recipe: Pick<TrainRecipe, 'auxiliaryWeight'> = {},
): readonly Graph[] {
  const graph = trainingGraph(lower(network), recipe);
  const withNodes = new Set(blocksOf(graph));
  const edges = [0, ...cuts, network.blocks.length];
  const balance = edges
    .slice(1)
    .map((end, index) => network.blocks.slice(edges[index], end).filter(({ id }) => withNodes.has(id)).length);
  const rises = edges.every((edge, index) => Number.isInteger(edge) && (index === 0 || edge > edges[index - 1]!));
  if (!rises || balance.includes(0)) {
    throw new AppError('GRAPH_ILLEGAL', {
      where: 'cuts',
      expected: `rising indices of ${network.blocks.length} blocks with a block that computes in every partition`,
      got: `[${cuts}]`,
    });
  }
  return split(graph, balance);
}
