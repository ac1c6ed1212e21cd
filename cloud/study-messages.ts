/** What the cloud and the process of a study say to each other, over the channel between parent and child. */
import { AppError, type ErrorCode, type ErrorDetails, isAppError } from '@bespoke/shared/base/errors.js';
import type { LatencyEntry } from '@bespoke/shared/latency/table.js';
import type { Workload } from '@bespoke/shared/latency/workload.js';
import type { StoppablePhase, StudyResult } from '@bespoke/shared/protocol/api.js';
import type { ResolvedSpec } from './search/spec.js';
import type { StudyPorts, StudyUpdate } from './search/study-ports.js';

/** What a study's process is given to run. */
export interface StudyTask {
  readonly spec: ResolvedSpec;
  readonly devices: StudyPorts['devices'];
  /** When the study began, its pauses left out; in ms since the epoch. */
  readonly startMs: number;
  /** Is to end with what it has; null for none. */
  readonly stoppingPhase: StoppablePhase | null;
  /** The study's own folder. */
  readonly directory: string;
  /** Where packed data sets lie, shared by all studies. */
  readonly datasetsDirectory: string;
}

/** An AppError, or any other failure by its text, as a message can carry it. */
export type Failure = { readonly code: ErrorCode; readonly details: unknown } | { readonly text: string };

export type ToStudy =
  | { readonly type: 'start'; readonly task: StudyTask }
  | { readonly type: 'stop'; readonly phase: StoppablePhase }
  | {
      readonly type: 'measured';
      readonly requestId: number;
      /** One table for each device that was asked. */
      readonly tables: readonly (readonly (readonly [string, LatencyEntry])[])[];
    }
  | { readonly type: 'measureFailed'; readonly requestId: number; readonly failure: Failure };

export type FromStudy =
  | { readonly type: 'update'; readonly update: StudyUpdate }
  | { readonly type: 'engine'; readonly engine: string }
  /** The exported file stands at `path`: keep it for agents and the user. */
  | { readonly type: 'model'; readonly path: string }
  /** On the first `deviceCount` of the study's devices. */
  | {
      readonly type: 'measure';
      readonly requestId: number;
      readonly workloads: readonly Workload[];
      readonly deviceCount: number;
    }
  | { readonly type: 'finished'; readonly result: StudyResult }
  | { readonly type: 'failed'; readonly failure: Failure };

export function toFailure(error: unknown): Failure {
  if (isAppError(error)) return { code: error.code, details: error.details };
  return { text: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

export function fromFailure(failure: Failure): Error {
  if ('text' in failure) return new Error(failure.text);
  return new AppError(failure.code, failure.details as ErrorDetails[ErrorCode]);
}
