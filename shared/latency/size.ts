/**
 * Size: whether a workload is one that a device can hold. The cloud asks before it queues a workload and the agent before it
 * builds one; both by this function, which allocates nothing of that size.
 */
import { AppError } from '../base/errors.js';
import type { Graph } from '../graph/graph.js';
import { bytesPerElement, elementCount } from '../graph/tensor.js';
import { countParams } from '../graph/weights.js';
import { type GraphWorkload, graphOf } from './workload.js';

/** More than any network for a small device has; beyond them a job would bring the device down, not measure it. */
export const limits = { params: 200e6, activationBytes: 2 ** 30 } as const;

/** The training Graph of a workload that is not a file. Throws `WORKLOAD_TOO_LARGE`, `GRAPH_ILLEGAL`, `NETWORK_ILLEGAL`. */
export function lowerWorkload(workload: GraphWorkload): Graph {
  const graph = graphOf(workload);
  requireWithin('params', limits.params, countParams(graph));
  requireWithin('bytes of activations', limits.activationBytes, countActivationBytes(graph, workload.batch));
  return graph;
}

/** All tensors of a run at once. */
function countActivationBytes(graph: Graph, batch: number): number {
  const elements = [...graph.inputs, ...graph.nodes].reduce((sum, { shape }) => sum + elementCount(shape), 0);
  return elements * batch * bytesPerElement.float32;
}

function requireWithin(what: string, limit: number, got: number): void {
  if (got > limit) throw new AppError('WORKLOAD_TOO_LARGE', { what, limit, got });
}
