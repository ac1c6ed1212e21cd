/**
 * A supernet without images: a deterministic stand-in for the Supernet interface whose best network is known.
 *
 * It pretends that a network's loss is a base less its candidates' qualities, where a candidate reaches its quality
 * only by being trained, and that every batch adds noise. So the gates' gradients are as a real supernet's: noisy,
 * unfair to what was trained little, and right in the mean. It remembers how often each candidate was trained,
 * in a file when saved, so that a resumed search meets exactly what it left.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Evaluation, GateGradients, Path, StepResult, Supernet } from '@bespoke/cloud/train/engine.js';
import { randomStream } from '@bespoke/shared/base/random.js';

export interface PretendProblem {
  /** How much each candidate lowers the loss once trained, [slot][candidate]. */
  readonly qualities: readonly (readonly number[])[];
  readonly latencyMs: readonly (readonly number[])[];
  /** Standard deviation of a gate gradient's noise. */
  readonly noise: number;
  readonly seed: number;
}

/** Steps after which a candidate has 63% of its quality. */
const trainingTime = 40;

export class PretendSupernet implements Supernet {
  private trained: number[][];
  gateCalls = 0;

  constructor(private readonly problem: PretendProblem) {
    this.trained = problem.qualities.map((row) => row.map(() => 0));
  }

  async weightStep(path: Path, step: number): Promise<StepResult> {
    path.forEach((candidate, slot) => {
      this.trained[slot]![candidate]! += 1;
    });
    return this.result(path, 'train', step);
  }

  async gateGradients(path: Path, candidates: readonly (readonly number[])[], step: number): Promise<GateGradients> {
    this.gateCalls += 1;
    const stream = randomStream(this.problem.seed, 'gate-noise', step);
    const gradients = candidates.map((asked, slot) =>
      asked.map((candidate) => this.problem.noise * stream.normal() - this.quality(slot, candidate)),
    );
    return { ...this.result(path, 'search', step), gradients };
  }

  async validate(path: Path): Promise<Evaluation> {
    return { ...this.result(path, 'validate', 0), count: 1 };
  }

  async save(directory: string): Promise<void> {
    await mkdir(`${directory}.new`, { recursive: true });
    await writeFile(join(`${directory}.new`, 'trained.json'), JSON.stringify(this.trained));
    await rename(`${directory}.new`, directory);
  }

  async restore(directory: string): Promise<void> {
    this.trained = JSON.parse(await readFile(join(directory, 'trained.json'), 'utf8'));
  }

  dispose(): void {
    this.trained = [];
  }

  private quality(slot: number, candidate: number): number {
    const share = 1 - Math.exp(-this.trained[slot]![candidate]! / trainingTime);
    return this.problem.qualities[slot]![candidate]! * share;
  }

  private result(path: Path, purpose: string, step: number): StepResult {
    const gained = path.reduce((sum, candidate, slot) => sum + this.quality(slot, candidate), 0);
    const loss = 2.3 - gained + 0.1 * randomStream(this.problem.seed, purpose, step).normal();
    return { loss, accuracy: Math.min(1, Math.max(0, Math.exp(-loss))) };
  }
}

/** Quality of a finished network: what its candidates lower the loss by once trained. */
export function pathQuality(problem: PretendProblem, path: readonly number[]): number {
  return path.reduce((sum, candidate, slot) => sum + problem.qualities[slot]![candidate]!, 0);
}

/** The best quality within the budget, by trying every network. */
export function bestQuality({ qualities, latencyMs }: PretendProblem, budgetMs: number): number {
  const visit = (slot: number, ms: number, quality: number): number => {
    if (ms > budgetMs) return Number.NEGATIVE_INFINITY;
    if (slot === qualities.length) return quality;
    return Math.max(
      ...qualities[slot]!.map((gain, index) => visit(slot + 1, ms + latencyMs[slot]![index]!, quality + gain)),
    );
  };
  return visit(0, 0, 0);
}
