/**
 * From minutes to steps: how the time that a study has left becomes warm-up, joint phase and training.
 *
 *   |<------ remaining ------------------------------------>|
 *   | search: timeShare of it          | training            | reserved: export, verify |
 *   | warm-up 30% of steps | joint     |
 *
 * Pure functions of step times that the caller measured. The outcome is stored with the study: a resumed study
 * does not plan again, so its schedules (learning rates, gates) are those that it began with.
 */
import { AppError } from '@bespoke/shared/base/errors.js';
import { stepCountOf } from '../train/recipe-presets.js';
import type { ResolvedSpec } from './spec.js';

export interface StepCounts {
  /** Weight steps of the search, warm-up included. */
  readonly stepCount: number;
  readonly warmupStepCount: number;
}

export interface SearchTimes {
  /** From now to the end of the study's minutes. */
  readonly remainingMs: number;
  /** For export and verification, kept out of both phases. */
  readonly reservedMs: number;
  /** One weight step of an average path. */
  readonly weightStepMs: number;
  /** One architecture step in the mode of the specification. */
  readonly gateStepMs: number;
}

export interface TrainTimes {
  /** Of split `train`. */
  readonly sampleCount: number;
  readonly remainingMs: number;
  readonly reservedMs: number;
  readonly trainStepMs: number;
}

/** Fewer steps than this are not worth the name of a search or a training. */
const leastSteps = 40;

/** Share of the search's steps that go to the warm-up; the paper has 40 of 160 epochs. */
const warmupShare = 0.3;

/** Steps of the search: those of the specification where it has them, else what fits. Throws `PLAN_TOO_SHORT`. */
export function planSearch(spec: ResolvedSpec, times: SearchTimes): StepCounts {
  const { steps, warmupSteps, timeShare, architectureEvery } = spec.search;
  const perStepMs = times.weightStepMs + ((1 - warmupShare) * times.gateStepMs) / architectureEvery;
  const availableMs = timeShare * (times.remainingMs - times.reservedMs);
  const stepCount = steps ?? fit(spec, availableMs / perStepMs, perStepMs / timeShare);
  return { stepCount, warmupStepCount: Math.min(warmupSteps ?? Math.round(warmupShare * stepCount), stepCount - 1) };
}

/** Steps of the training: those of the specification where it has them or epochs, else what fits. Throws `PLAN_TOO_SHORT`. */
export function planTraining(spec: ResolvedSpec, times: TrainTimes): number {
  const { sampleCount, remainingMs, reservedMs, trainStepMs } = times;
  return stepCountOf(spec.train, sampleCount) ?? fit(spec, (remainingMs - reservedMs) / trainStepMs, trainStepMs);
}

export interface EvolutionTimes {
  readonly remainingMs: number;
  readonly reservedMs: number;
  /** Of one individual of middling size. */
  readonly evaluationMs: number;
}

/** Individuals of an evolution that fit: whole generations where they are bred in generations. Throws `PLAN_TOO_SHORT`. */
export function planEvolution(spec: ResolvedSpec, { remainingMs, reservedMs, evaluationMs }: EvolutionTimes): number {
  const { population, workers, timeShare, mode } = spec.evolution;
  const availableMs = timeShare * (remainingMs - reservedMs);
  const msPerIndividual = evaluationMs / workers;
  const count = Math.floor(availableMs / msPerIndividual);
  const batch = mode === 'generational' ? population : 1;
  if (count >= 2 * population) return Math.floor(count / batch) * batch;
  const minutes = spec.minutes ?? 0;
  const missingMs = ((2 * population - count) * msPerIndividual) / timeShare;
  throw new AppError('PLAN_TOO_SHORT', { minutes, neededMinutes: minutes + missingMs / 60_000 });
}

function fit(spec: ResolvedSpec, stepCount: number, msPerStep: number): number {
  if (stepCount >= leastSteps) return Math.floor(stepCount);
  const minutes = spec.minutes ?? 0;
  throw new AppError('PLAN_TOO_SHORT', {
    minutes,
    neededMinutes: minutes + ((leastSteps - stepCount) * msPerStep) / 60_000,
  });
}
