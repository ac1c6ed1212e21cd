/**
 * Batch norm's running statistics under micro-batches (GPipe 2.2): each micro-batch is normalized by its own, the running averages follow those of the whole mini-batch.
 *
 * A stage notes the statistics of every forward (not of one that is computed again) and merges them once, at the commit: in float64, in the order of the micro-batches,
 * weighted by their counts. So there is one commit a step, and the result does not depend on where the network is cut or what is computed again.
 * Where the recipe keeps running means of the weights, the running statistics have such means as well: they belong to each other.
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
  /** Means of the running statistics themselves; empty before the first commit that keeps them. */
  private averages: ReadonlyMap<string, WeightTensor> = new Map();
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
    this.running = this.#pick((name) => initial.get(name));
  }

  /** The running averages as `value:<name>`, means of them as `average:<name>`: those of the last commit. */
  get state(): Weights {
    const values = [...this.running].map(([name, weight]) => [`value:${name}`, weight] as const);
    const averages = [...this.averages].map(([name, weight]) => [`average:${name}`, weight] as const);
    return new Map([...values, ...averages]);
  }

  /** Goes on from `state`, which has all values. */
  restore(state: Weights): void {
    this.running = this.#pick((name) => state.get(`value:${name}`));
    this.averages = this.#pick((name) => state.get(`average:${name}`));
  }

  /** Notes the statistics of a micro-batch, [C] for each batch norm in the order of the nodes, the variances unbiased; the tensors stay the caller's. Call it in the order of the micro-batches. */
  note(sampleCount: number, means: readonly Tensor[], variances: readonly Tensor[]): void {
    if (this.norms.length === 0) return;
    const join = (tensors: readonly Tensor[]) => this.tf.keep(this.tf.concat([...tensors]));
    this.noted.push({ sampleCount, means: join(means), variances: join(variances) });
  }

  /** Reads back what was noted, and resolves to what moves the running averages, and means of them with this share of the old where one is given. */
  async read(): Promise<(averageDecay?: number) => void> {
    if (this.noted.length === 0) return () => {};
    const merged = (await Promise.all(this.noted.map((noted) => this.#momentsOf(noted)))).reduce((a, b) =>
      a.map((moments, index) => mergeMoments(moments, b[index]!)),
    );
    return (averageDecay) => {
      const before = this.running;
      this.running = new Map(this.norms.flatMap((norm, index) => this.#moved(norm, merged[index]!)));
      if (averageDecay !== undefined) {
        this.averages = new Map(
          [...this.running].map(([name, weight]) => {
            const old = this.averages.get(name) ?? before.get(name)!;
            return [name, { ...old, values: follow(old.values, weight.values, 1 - averageDecay) }];
          }),
        );
      }
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
      const squares = new Float64Array(allVariances.subarray(begin, end)).map((variance) => variance * (count - 1));
      return { count, mean: new Float64Array(allMeans.subarray(begin, end)), squares };
    });
  }

  #moved({ id }: Norm, { count, mean, squares }: ChannelMoments): [string, WeightTensor][] {
    const moved = (name: string, news: Float64Array): [string, WeightTensor] => {
      const { shape, values } = this.running.get(name)!;
      return [name, { shape, values: follow(values, news, newShare) }];
    };
    const unbiased = squares.map((sum) => sum / Math.max(count - 1, 1));
    return [moved(`${id}/mean`, mean), moved(`${id}/variance`, unbiased)];
  }

  /** Of all statistics by name, those that there are. */
  #pick(find: (name: string) => WeightTensor | undefined): ReadonlyMap<string, WeightTensor> {
    const names = this.norms.flatMap(({ id }) => [`${id}/mean`, `${id}/variance`]);
    return new Map(
      names.flatMap((name) => {
        const found = find(name);
        return found ? [[name, found] as const] : [];
      }),
    );
  }
}

/** A running mean, moved by this share of the way to `news`. */
function follow(values: Float32Array, news: ArrayLike<number>, share: number): Float32Array {
  return values.map((value, index) => value + share * (news[index]! - value));
}
