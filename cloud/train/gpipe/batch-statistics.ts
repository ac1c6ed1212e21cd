/**
 * Batch norm's running statistics under micro-batches (GPipe 2.2): each micro-batch is normalized by its own, the running averages follow those of the whole mini-batch.
 *
 * A stage notes the statistics of every forward (not of one that is computed again) and merges them once, at the commit: in float64, in the order of the micro-batches,
 * weighted by their counts. So there is one commit a step, and the result does not depend on where the network is cut or what is computed again.
 */
import type { Graph, TensorId } from '@bespoke/shared/graph/graph.js';
import { elementCount } from '@bespoke/shared/graph/tensor.js';
import type { Weights, WeightTensor } from '@bespoke/shared/graph/weights.js';
import type { Tensor, Tf } from '@bespoke/shared/tfjs/tf.js';

/** The share of the new in a running average; PyTorch's default. */
const newShare = 0.1;

/** Statistics of `count` values for each channel; `squares` are the sums of squared deviations from the mean. */
export interface ChannelMoments {
  readonly count: number;
  readonly mean: Float64Array;
  readonly squares: Float64Array;
}

/** The statistics of two sets of values together (Chan, Golub, LeVeque 1979). */
export function mergeMoments(a: ChannelMoments, b: ChannelMoments): ChannelMoments {
  const count = a.count + b.count;
  const differences = a.mean.map((mean, channel) => b.mean[channel]! - mean);
  return {
    count,
    mean: a.mean.map((mean, channel) => mean + (differences[channel]! * b.count) / count),
    squares: a.squares.map(
      (squares, channel) => squares + b.squares[channel]! + (differences[channel]! ** 2 * a.count * b.count) / count,
    ),
  };
}

interface Norm {
  readonly id: TensorId;
  readonly channelCount: number;
  /** How many values of a channel one sample has. */
  readonly valuesPerSample: number;
}

interface Noted {
  readonly sampleCount: number;
  /** Of all norms, end to end. */
  readonly means: Tensor;
  readonly variances: Tensor;
}

export class BatchStatistics {
  private readonly norms: readonly Norm[];
  private running: ReadonlyMap<string, WeightTensor>;
  private noted: Noted[] = [];

  /** `initial` holds `<nodeId>/mean` and `<nodeId>/variance` of every batch norm of `graph`. */
  constructor(
    private readonly tf: Tf,
    graph: Graph,
    initial: Weights,
  ) {
    this.norms = graph.nodes
      .filter(({ op }) => op === 'batchNorm')
      .map(({ id, shape }) => {
        const channelCount = shape.at(-1)!;
        return { id, channelCount, valuesPerSample: elementCount(shape) / channelCount };
      });
    this.running = this.#pick(initial);
  }

  /** The running averages by name, those of the last commit. */
  get values(): Weights {
    return this.running;
  }

  /** Goes on from `values`. */
  restore(values: Weights): void {
    this.running = this.#pick(values);
  }

  /** Notes the statistics of a micro-batch, [C] for each batch norm in the order of the nodes, the variances unbiased; the tensors stay the caller's. Call it in the order of the micro-batches. */
  note(sampleCount: number, means: readonly Tensor[], variances: readonly Tensor[]): void {
    if (this.norms.length === 0) return;
    const join = (tensors: readonly Tensor[]) => this.tf.keep(this.tf.concat([...tensors]));
    this.noted.push({ sampleCount, means: join(means), variances: join(variances) });
  }

  /** Reads back what was noted, and resolves to what moves the running averages. */
  async read(): Promise<() => void> {
    if (this.noted.length === 0) return () => {};
    const merged = (await Promise.all(this.noted.map((noted) => this.#momentsOf(noted)))).reduce((a, b) =>
      a.map((moments, index) => mergeMoments(moments, b[index]!)),
    );
    return () => {
      this.running = new Map(this.norms.flatMap((norm, index) => this.#moved(norm, merged[index]!)));
      this.discard();
    };
  }

  /** Forgets what was noted since the last commit. */
  discard(): void {
    for (const { means, variances } of this.noted) this.tf.dispose([means, variances]);
    this.noted = [];
  }

  async #momentsOf({ sampleCount, means, variances }: Noted): Promise<ChannelMoments[]> {
    const [allMeans, allVariances] = [await means.data(), await variances.data()];
    let at = 0;
    return this.norms.map(({ channelCount, valuesPerSample }) => {
      const [begin, end] = [at, at + channelCount];
      at = end;
      const count = sampleCount * valuesPerSample;
      const squares = Float64Array.from(allVariances.subarray(begin, end), (variance) => variance * (count - 1));
      return { count, mean: Float64Array.from(allMeans.subarray(begin, end)), squares };
    });
  }

  #moved({ id }: Norm, { count, mean, squares }: ChannelMoments): [string, WeightTensor][] {
    const follow = (name: string, news: Float64Array): [string, WeightTensor] => {
      const { shape, values } = this.running.get(name)!;
      const moved = values.map((value, channel) => value + newShare * (news[channel]! - value));
      return [name, { shape, values: moved }];
    };
    const unbiased = squares.map((sum) => sum / Math.max(count - 1, 1));
    return [follow(`${id}/mean`, mean), follow(`${id}/variance`, unbiased)];
  }

  #pick(values: Weights): ReadonlyMap<string, WeightTensor> {
    const names = this.norms.flatMap(({ id }) => [`${id}/mean`, `${id}/variance`]);
    return new Map(names.map((name) => [name, values.get(name)!]));
  }
}
