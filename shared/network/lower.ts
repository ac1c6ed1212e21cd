/** Lowering: a Network, or one block of it, becomes a training Graph. The only walk over a Network's blocks. */
import { AppError, isAppError } from '../base/errors.js';
import { type Graph, GraphBuilder, type TensorId } from '../graph/graph.js';
import type { Shape } from '../graph/tensor.js';
import { type BlockBody, lowerBlock } from './block.js';
import type { Network } from './network.js';

/** The id of a Network's input tensor. */
export const inputId = 'input';

/**
 * The training Graph of a network: input [height, width, channels] -> the last block's last output.
 * `visit` is told each block's input tensors before it is lowered, e.g. to list the workloads of a network.
 * Throws `NETWORK_ILLEGAL` naming the block that does not fit.
 */
export function lower(
  network: Network,
  visit?: (block: Network['blocks'][number], inputShapes: readonly Shape[]) => void,
): Graph {
  const builder = new GraphBuilder();
  const { height, width, channels } = network.input;
  let tensors: readonly TensorId[] = [builder.input(inputId, [height, width, channels])];
  network.blocks.forEach((block, index) => {
    visit?.(
      block,
      tensors.map((tensor) => builder.shape(tensor)),
    );
    try {
      tensors = lowerBlock(builder, block.id, block, tensors);
    } catch (error) {
      if (!isAppError(error, 'GRAPH_ILLEGAL')) throw error;
      throw new AppError(
        'NETWORK_ILLEGAL',
        { path: `$.blocks[${index}] (${block.id})`, problem: error.message },
        { cause: error },
      );
    }
  });
  return builder.build([tensors.at(-1)!]);
}

/** The training Graph of a single block on the given input shapes; its inputs are named `input0`, `input1`. Throws `GRAPH_ILLEGAL`. */
export function lowerSingle(id: string, body: BlockBody, inputShapes: readonly Shape[]): Graph {
  return lowerAll([[id, body]], inputShapes);
}

/** As lowerSingle, of blocks one after another, named `block0`, `block1`, … Throws `GRAPH_ILLEGAL`. */
export function lowerChain(bodies: readonly BlockBody[], inputShapes: readonly Shape[]): Graph {
  return lowerAll(
    bodies.map((body, index) => [`block${index}`, body]),
    inputShapes,
  );
}

function lowerAll(blocks: readonly (readonly [id: string, body: BlockBody])[], inputShapes: readonly Shape[]): Graph {
  const builder = new GraphBuilder();
  const inputs: readonly TensorId[] = inputShapes.map((shape, index) => builder.input(`input${index}`, shape));
  const outputs = blocks.reduce((tensors, [id, body]) => lowerBlock(builder, id, body, tensors), inputs);
  return builder.build([outputs.at(-1)!]);
}
