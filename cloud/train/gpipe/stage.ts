/**
 * Stage: what one partition of a network computes in a step of the pipeline, on tfjs. It knows nothing of the other stages, of schedules or of transport: whoever drives it
 * brings what the neighbours made.
 *
 *   begin(n) ─▶ forward, recompute, backward of the micro-batches ─▶ finish ─▶ commit(n) ─▶ begin(n + 1)
 *                                    └────────────── abort ──────────────┘ (as if begin had not been called)
 *
 * All that a step computes is a function of the committed state, its number and the inputs. Forwards must come in the order of the micro-batches. Gradients are added in
 * the order of the backwards: given the same order they are the same, bit for bit, wherever the network is cut (docs/training.md).
 */
import { declareWeights, initializeWeights, verifyWeights, type Weights } from '@bespoke/shared/graph/weights.js';
import { execute } from '@bespoke/shared/tfjs/execute.js';
import type { Tensor, Tf } from '@bespoke/shared/tfjs/tf.js';
import { learningRateAt } from '../recipe.js';
import { clipScale, squaredNorms } from '../tfjs/clipping.js';
import { lossOf, scoreLogits } from '../tfjs/loss.js';
import { applyGradients, averageDecayAt } from '../tfjs/optimizer.js';
import { Variables } from '../tfjs/variables.js';
import { BatchStatistics } from './batch-statistics.js';
import { GradientSum } from './gradient-sum.js';
import { MiniBatch, type MiniBatchOptions } from './mini-batch.js';
import { type Remat, recomputedCount } from './schedule.js';
import type { Figures, StageRunner, StageTensor } from './stage-runner.js';
import { Tape } from './tape.js';

export interface StageOptions extends MiniBatchOptions {
  readonly remat: Remat;
}

/** Sums over the mini-batch: cross-entropy without smoothing, and how many samples are right. */
export type LossFigures = Figures & { readonly lossSum: number; readonly correctCount: number };

/** What a micro-batch keeps between its forward and its backward: its inputs, or the tape. */
type Held = { readonly inputs: readonly Tensor[] } | { readonly tape: Tape };

export class Stage implements StageRunner {
  private readonly variables: Variables;
  private readonly statistics: BatchStatistics;
  private readonly gradients: GradientSum;
  private readonly batch: MiniBatch;
  /** Of the trained weights. */
  private readonly names: readonly string[];
  private readonly held = new Map<number, Held>();
  private figures: LossFigures = { lossSum: 0, correctCount: 0 };

  /** Starts from the initial weights of `recipe.seed`. */
  constructor(
    private readonly tf: Tf,
    private readonly options: StageOptions,
  ) {
    const { graph, recipe } = options;
    const initial = initializeWeights(graph, recipe.seed);
    this.names = [...declareWeights(graph)].filter(([, { trainable }]) => trainable).map(([name]) => name);
    this.variables = new Variables(tf, new Map(this.names.map((name) => [name, initial.get(name)!])));
    this.statistics = new BatchStatistics(tf, graph, initial);
    this.gradients = new GradientSum(tf);
    this.batch = new MiniBatch(tf, options);
  }

  /** Opens step `step`, 1 for the first one. */
  async begin(step: number): Promise<void> {
    this.batch.open(step - 1);
  }

  /** The outputs for the next stage, none at the last; the first stage gets no inputs. */
  async forward(microBatch: number, inputs: readonly StageTensor[]): Promise<readonly StageTensor[]> {
    const { isFirst, remat, microBatchSizes } = this.options;
    const xs = isFirst
      ? [this.batch.images(microBatch)]
      : inputs.map(({ shape, values }) => this.tf.tensor(values, [...shape]));
    if (microBatch < recomputedCount({ remat, microBatchCount: microBatchSizes.length })) {
      this.held.set(microBatch, { inputs: xs });
      return this.#handOn(
        microBatch,
        this.tf.tidy(() => this.#compute(microBatch, xs, true)),
      );
    }
    return this.#handOn(microBatch, this.#record(microBatch, xs, true));
  }

  /** Computes again what backward of a micro-batch needs, where its forward did not keep it. */
  async recompute(microBatch: number): Promise<void> {
    const held = this.held.get(microBatch)!;
    if ('inputs' in held) this.tf.dispose([...this.#record(microBatch, held.inputs, false)]);
  }

  /** Adds to the gradients of the step; returns those of the inputs, none at the first stage. `gradients` are those of the outputs, none at the last stage. */
  async backward(microBatch: number, gradients: readonly StageTensor[]): Promise<readonly StageTensor[]> {
    const { tape } = await this.#opened(microBatch);
    this.held.delete(microBatch);
    const dxs = tape.backward(this.#given(gradients));
    this.gradients.add(dxs.slice(0, this.names.length));
    return download(dxs.slice(this.names.length));
  }

  /** The half of `backward` that the stage before waits for: returns the gradients of the inputs. */
  async inputGradients(microBatch: number, gradients: readonly StageTensor[]): Promise<readonly StageTensor[]> {
    const { tape } = await this.#opened(microBatch);
    return download(tape.backward(this.#given(gradients), tape.xs.slice(this.names.length)));
  }

  /** The other half: adds to the gradients of the step. */
  async weightGradients(microBatch: number): Promise<void> {
    const { tape } = await this.#opened(microBatch);
    this.held.delete(microBatch);
    this.gradients.add(tape.backward([], tape.xs.slice(0, this.names.length)));
  }

  /** What the micro-batches between their forward and their backward keep, beyond their inputs and the weights. */
  get savedBytes(): number {
    return [...this.held.values()].reduce((sum, held) => sum + ('tape' in held ? held.tape.savedBytes : 0), 0);
  }

  /** After the last backward: at the last stage what the step came to, and at all, where gradients are clipped, their squared norms. */
  async finish(): Promise<Figures> {
    const { isLast, recipe } = this.options;
    const norms = recipe.clipNorm === undefined ? {} : await squaredNorms(this.names, this.gradients.total);
    return { ...(isLast ? this.figures : {}), ...norms };
  }

  /** Moves weights and running statistics to those after step `step`; `figures` are those of all stages, wanted where gradients are clipped. */
  async commit(step: number, figures: Figures): Promise<void> {
    const { recipe } = this.options;
    const { clipNorm, averageDecay } = recipe;
    const stepsDone = step - 1;
    const moveStatistics = await this.statistics.read();
    applyGradients(this.tf, this.variables, this.names, this.gradients.take(), {
      ...recipe,
      stepsDone,
      learningRate: learningRateAt(recipe, stepsDone),
      gradientScale: clipNorm === undefined ? 1 : clipScale(clipNorm, figures),
    });
    moveStatistics(averageDecay === undefined ? undefined : averageDecayAt(averageDecay, stepsDone));
    this.#close();
  }

  /** Forgets the open step, if there is one. */
  async abort(): Promise<void> {
    this.#close();
  }

  /** What a commit moves, by global names: `value:<name>` for weights and running statistics, `<slot>:<name>` for what is remembered of them. `trainedWeights` reads it. */
  async state(): Promise<Weights> {
    return new Map([...(await this.variables.readState()), ...this.statistics.state]);
  }

  /** Goes on from what `state` gave, of this partition or of any that hold its blocks. Throws `WEIGHTS_MISMATCH`. */
  async restore(state: Weights): Promise<void> {
    const { graph } = this.options;
    const values = new Map(
      [...declareWeights(graph).keys()].flatMap((name) => {
        const value = state.get(`value:${name}`);
        return value ? [[name, value] as const] : [];
      }),
    );
    verifyWeights(graph, values);
    this.#close();
    this.variables.writeState(state);
    this.statistics.restore(state);
  }

  dispose(): void {
    this.#close();
    this.variables.dispose();
  }

  /** With its tape, computed again where need be. */
  async #opened(microBatch: number): Promise<{ readonly tape: Tape }> {
    await this.recompute(microBatch);
    return this.held.get(microBatch) as { tape: Tape };
  }

  /** Of the outputs; at the last stage the loss is its own. */
  #given(gradients: readonly StageTensor[]): readonly Tensor[] {
    return this.options.isLast
      ? [this.tf.ones([])]
      : gradients.map(({ shape, values }) => this.tf.tensor(values, [...shape]));
  }

  #close(): void {
    for (const held of this.held.values()) {
      if ('tape' in held) held.tape.dispose();
      else this.tf.dispose([...held.inputs]);
    }
    this.held.clear();
    this.gradients.dispose();
    this.statistics.discard();
    this.figures = { lossSum: 0, correctCount: 0 };
  }

  /** Runs the partition with its tape open, which then takes the place of the inputs. */
  #record(microBatch: number, inputs: readonly Tensor[], isFirstTime: boolean): readonly Tensor[] {
    const { values } = this.variables;
    const weights = this.names.map((name) => values.get(name)!);
    const xs = this.options.isFirst ? weights : [...weights, ...inputs];
    const { tape, ys } = Tape.record(this.tf, xs, () => this.#compute(microBatch, inputs, isFirstTime));
    this.tf.dispose([...inputs]);
    this.held.set(microBatch, { tape });
    return ys;
  }

  /** The outputs; at the last stage the loss's share and the logits. Statistics are noted the first time only. */
  #compute(microBatch: number, inputs: readonly Tensor[], isFirstTime: boolean): Tensor[] {
    const { graph, isLast, recipe, microBatchSizes } = this.options;
    const [means, variances]: [Tensor[], Tensor[]] = [[], []];
    const outputs = execute(
      this.tf,
      graph,
      new Map(graph.inputs.map(({ id }, index) => [id, inputs[index]!])),
      this.variables.values,
      {
        training: true,
        masks: this.batch.masks(microBatch),
        onStatistics: (_, mean, variance) => {
          means.push(mean);
          variances.push(variance);
        },
      },
    );
    if (isFirstTime) this.statistics.note(microBatchSizes[microBatch]!, means, variances);
    if (!isLast) return outputs;
    const targets = this.batch.targets(microBatch);
    return [lossOf(this.tf, outputs, targets, recipe.auxiliaryWeight), outputs[0]!];
  }

  async #handOn(microBatch: number, outputs: readonly Tensor[]): Promise<readonly StageTensor[]> {
    const read = await download(outputs);
    if (!this.options.isLast) return read;
    const { labels } = this.batch.labels(microBatch);
    const { lossSum, correct } = scoreLogits(read[1]!.values, labels, this.options.data.manifest.classes.length);
    this.figures = { lossSum: this.figures.lossSum + lossSum, correctCount: this.figures.correctCount + correct };
    return [];
  }
}

/** Reads tensors back and disposes of them. */
async function download(tensors: readonly Tensor[]): Promise<StageTensor[]> {
  const read: StageTensor[] = [];
  for (const tensor of tensors) read.push({ shape: tensor.shape, values: (await tensor.data()) as Float32Array });
  for (const tensor of tensors) tensor.dispose();
  return read;
}
