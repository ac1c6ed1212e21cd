/**
 * The supernet of a search space on tfjs: every candidate lowered alone, one path of them run at a time (ProxylessNAS §1.1).
 *
 * Weights off the path lie still; memory is that of one path and, for gate gradients, one candidate more.
 */
import { AppError } from '@bespoke/shared/base/errors.js';
import { hashJson } from '@bespoke/shared/base/json.js';
import { initializeWeight } from '@bespoke/shared/graph/weights.js';
import type { Tensor, Tf } from '@bespoke/shared/tfjs/tf.js';
import type { SearchSpace } from '../../search/space.js';
import { type Loader, noAugmentation, openLoader } from '../data/loader.js';
import type { PackedDataset } from '../data/packed.js';
import type { Evaluation, GateGradients, Path, StepResult, Supernet } from '../engine.js';
import { learningRateAt, type SupernetRecipe } from '../recipe.js';
import { type Candidate, lowerSpace, runCandidate, variablesOf } from './candidates.js';
import { readCheckpoint, writeCheckpoint } from './checkpoint.js';
import { measureGates } from './gates.js';
import { meanScore, scoreLogits } from './loss.js';
import { descend, imageTensor, type StepContext, targetTensor, yieldToEvents } from './step.js';
import { Variables } from './variables.js';

export class TfjsSupernet implements Supernet {
  private readonly slots: readonly (readonly Candidate[])[];
  private readonly context: StepContext;
  private readonly trainLoader: Loader;
  private readonly searchLoader: Loader;
  /** What a checkpoint must agree with. */
  private readonly identity: string;

  /** Starts from the initial weights of `recipe.seed`. Throws `GRAPH_ILLEGAL` where candidates do not fit. */
  constructor(
    tf: Tf,
    private readonly space: SearchSpace,
    data: PackedDataset,
    private readonly recipe: SupernetRecipe,
  ) {
    const { manifest } = data;
    const { seed, batchSize, augmentation, shareWeights } = recipe;
    const { slots, variables } = lowerSpace(space, shareWeights);
    this.slots = slots;
    const initial = [...variables].map(
      ([name, declaration]) => [name, initializeWeight(name, declaration, seed)] as const,
    );
    this.context = { tf, variables: new Variables(tf, new Map(initial)), manifest };
    this.identity = hashJson({ space, shareWeights, sha256: manifest.sha256 });
    this.trainLoader = openLoader(data, { split: 'train', seed, batchSize, augmentation });
    this.searchLoader = openLoader(data, { split: 'search', seed, batchSize, augmentation: noAugmentation });
  }

  async weightStep(path: Path, step: number): Promise<StepResult> {
    const candidates = this.choose(path);
    await yieldToEvents();
    return descend(this.context, this.trainLoader.batchAt(step), {
      ...this.recipe,
      names: variablesOf(candidates),
      forward: (x) => [this.forward(candidates, x)],
      stepsDone: step,
      learningRate: learningRateAt(this.recipe, step),
    });
  }

  async gateGradients(path: Path, candidates: readonly (readonly number[])[], step: number): Promise<GateGradients> {
    const gates = this.choose(path).map((active, slot) => ({
      active,
      asked: candidates[slot]!.map((index) => this.candidate(slot, index)),
    }));
    await yieldToEvents();
    const { context } = this;
    const batch = this.searchLoader.batchAt(step);
    const numbers = context.tf.tidy(() =>
      measureGates(context, gates, imageTensor(context, batch), targetTensor(context, batch, 0)),
    );
    const values = (await numbers.data()) as Float32Array;
    numbers.dispose();

    const classCount = context.manifest.classes.length;
    let next = batch.count * classCount;
    const gradients = candidates.map(({ length }) => {
      next += length;
      return [...values.subarray(next - length, next)];
    });
    return { ...meanScore(values.subarray(0, batch.count * classCount), batch.labels, classCount), gradients };
  }

  /** In whole, shuffled batches: batch norm by the statistics of a short or one-class batch would judge the batch, not the path. */
  async validate(path: Path, limit = this.searchLoader.sampleCount): Promise<Evaluation> {
    const candidates = this.choose(path);
    const { tf, manifest } = this.context;
    const { batchSize } = this.recipe;
    const batchCount = Math.max(Math.floor(Math.min(limit, this.searchLoader.sampleCount) / batchSize), 1);
    let lossSum = 0;
    let correct = 0;
    for (let step = 0; step < batchCount; step++) {
      await yieldToEvents();
      const batch = this.searchLoader.batchAt(step);
      const logits = tf.tidy(() => this.forward(candidates, imageTensor(this.context, batch)));
      const score = scoreLogits((await logits.data()) as Float32Array, batch.labels, manifest.classes.length);
      logits.dispose();
      lossSum += score.lossSum;
      correct += score.correct;
    }
    const count = batchCount * batchSize;
    return { loss: lossSum / count, accuracy: correct / count, count };
  }

  async save(directory: string): Promise<void> {
    await writeCheckpoint(directory, {
      identity: this.identity,
      step: 0,
      state: await this.context.variables.readState(),
    });
  }

  /** Throws `CHECKPOINT_INVALID` where there is none, or one of another space or data set. */
  async restore(directory: string): Promise<void> {
    const checkpoint = await readCheckpoint(directory);
    if (!checkpoint) throw new AppError('CHECKPOINT_INVALID', { directory, problem: 'there is none' });
    if (checkpoint.identity !== this.identity) {
      throw new AppError('CHECKPOINT_INVALID', { directory, problem: 'it is of another search space or data set' });
    }
    this.context.variables.writeState(checkpoint.state);
  }

  dispose(): void {
    this.context.variables.dispose();
  }

  private choose(path: Path): Candidate[] {
    return this.slots.map((_, slot) => this.candidate(slot, path[slot]!));
  }

  private candidate(slot: number, index: number): Candidate {
    const candidates = this.slots[slot]!;
    const found = candidates[index];
    if (found) return found;
    throw new AppError('SPACE_CHOICE_INVALID', {
      slot: this.space.slots[slot]!.id,
      candidates: candidates.length,
      got: index,
    });
  }

  /** x [N, H, W, C] -> logits [N, classes] along one path. */
  private forward(candidates: readonly Candidate[], x: Tensor): Tensor {
    let tensors: readonly Tensor[] = [x];
    for (const candidate of candidates) tensors = runCandidate(this.context, candidate, tensors);
    return tensors.at(-1)!;
  }
}
