/** Execution: runs a Graph, in training or inference form, with a given tfjs; differentiable with tf.grads and tf.variableGrads. */
import { AppError } from '../base/errors.js';
import type { Graph, TensorId } from '../graph/graph.js';
import { ensureKernels } from './kernels/register.js';
import { type Moments, runNode } from './ops.js';
import type { Tensor, Tf } from './tf.js';

export interface ExecuteOptions {
  /** Batch norm by the batch's own statistics (true) or by the moving ones among the weights (false). */
  readonly training: boolean;
  /**
   * Told the statistics of the batch at each batchNorm node, each [C], variance unbiased (n / (n - 1)): what moving averages are made of.
   * The tensors are the callee's: it disposes of them, or a tidy around `execute` does.
   */
  readonly onStatistics?: (nodeId: TensorId, mean: Tensor, variance: Tensor) => void;
  /** What the outputs of nodes are multiplied by, each [N, ...] as broadcasts to the output: dropout and the like. */
  readonly masks?: ReadonlyMap<TensorId, Tensor>;
}

/**
 * Runs `graph`: inputs by id, each [N, ...shape]; weights by full name, in the layouts of graph/weights.ts.
 * Returns a new tensor [N, ...shape] per output, in their order. Inputs, weights and masks stay; what is made in between is disposed of
 * as soon as nothing reads it any more (a gradient tape keeps what it needs).
 * Throws `GRAPH_ILLEGAL` for a missing input, `WEIGHTS_MISMATCH` for a missing weight.
 */
export function execute(
  tf: Tf,
  graph: Graph,
  inputs: ReadonlyMap<TensorId, Tensor>,
  weights: ReadonlyMap<string, Tensor>,
  options: ExecuteOptions,
): Tensor[] {
  ensureKernels(tf);
  const live = new LiveTensors(graph, inputs);
  for (const node of graph.nodes) {
    const { output, moments } = runNode(tf, node, {
      inputs: node.inputs.map((id) => live.read(id, node.id)),
      weight: (name) => findWeight(weights, `${node.id}/${name}`),
      training: options.training,
    });
    reportMoments(node.id, moments, options);
    const mask = options.masks?.get(node.id);
    live.define(node.id, mask ? multiply(tf, output, mask) : output);
    for (const id of node.inputs) live.release(id);
  }
  return graph.outputs.map((id) => live.take(id));
}

/** x * mask; disposes of x. */
function multiply(tf: Tf, x: Tensor, mask: Tensor): Tensor {
  const product = tf.mul(x, mask);
  x.dispose();
  return product;
}

function reportMoments(nodeId: TensorId, moments: Moments | undefined, { onStatistics }: ExecuteOptions): void {
  if (!moments) return;
  if (onStatistics) onStatistics(nodeId, moments.mean, moments.variance);
  else {
    moments.mean.dispose();
    moments.variance.dispose();
  }
}

function findWeight(weights: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const weight = weights.get(name);
  if (!weight) throw new AppError('WEIGHTS_MISMATCH', { name, expected: 'a tensor', got: 'nothing' });
  return weight;
}

/** The tensors that a run still needs, with how many reads each has before it. */
class LiveTensors {
  private readonly tensors: Map<TensorId, Tensor>;
  private readonly readsLeft = new Map<TensorId, number>();

  constructor(
    graph: Graph,
    private readonly given: ReadonlyMap<TensorId, Tensor>,
  ) {
    this.tensors = new Map(given);
    for (const id of [...graph.nodes.flatMap((node) => node.inputs), ...graph.outputs]) {
      this.readsLeft.set(id, (this.readsLeft.get(id) ?? 0) + 1);
    }
  }

  read(id: TensorId, where: string): Tensor {
    const tensor = this.tensors.get(id);
    if (!tensor) throw new AppError('GRAPH_ILLEGAL', { where, expected: `a tensor for input "${id}"`, got: 'none' });
    return tensor;
  }

  define(id: TensorId, tensor: Tensor): void {
    this.tensors.set(id, tensor);
  }

  /** Counts one read as done; after the last one a tensor made here is disposed of. */
  release(id: TensorId): void {
    const left = this.readsLeft.get(id)! - 1;
    this.readsLeft.set(id, left);
    if (left === 0 && !this.given.has(id)) this.tensors.get(id)!.dispose();
  }

  /** Hands an output over as the caller's own tensor. */
  take(id: TensorId): Tensor {
    const tensor = this.read(id, 'outputs');
    if (!this.given.has(id) && this.readsLeft.get(id) === 1) return tensor;
    const copy = tensor.clone();
    this.release(id);
    return copy;
  }
}
