/** What the coordinator asks of a stage's process, over the channel between parent and child: calls with one answer each. */
import type { Operation, OperationKind } from './schedule.js';
import type { Figures } from './stage-runner.js';

/** Where a stage listens for the stage before it: a Unix socket, or TCP with the same frames. */
export type Address = { readonly path: string } | { readonly host: string; readonly port: number };

export interface StageOpening {
  readonly stage: number;
  readonly stageCount: number;
  /** The id of this run, whose stages belong together: letters, digits, dashes. */
  readonly run: string;
  /** 32 hexadecimal digits that neighbours greet one another with: who does not have them is none. */
  readonly linkSecret: string;
  /** The module that exports `openStage`, as a file URL, and what to give it. */
  readonly module: string;
  readonly options: unknown;
  /** State to begin with instead of the runner's initial one. */
  readonly from: { readonly step: number; readonly path: string } | null;
  /** Where its snapshots lie. */
  readonly directory: string;
  readonly snapshotEvery: number;
  readonly address: Address;
  readonly operationTimeoutMs: number;
}

/** What the stage can go on from: the step that its state is at, and the steps of which it has whole snapshots. */
export interface Standing {
  readonly step: number;
  readonly kept: readonly number[];
}

/** A span of a stage's time: an operation, or a transfer to or from a neighbour. In ms of the host's monotonic clock, common to all stages. */
export interface TraceEvent {
  readonly stage: number;
  readonly kind: OperationKind | 'send' | 'recv';
  readonly microBatch: number;
  readonly startMs: number;
  readonly endMs: number;
}

export interface SavedFile {
  readonly sha256: string;
  readonly byteCount: number;
}

export interface StageCalls {
  /** Answered once the heart has beaten. `address` in the answer is where it listens: with the port that it got. */
  open: { argument: StageOpening; answer: Standing & { readonly address: Address } };
  /** Connects to the next stage, anew; messages of earlier epochs count no more. */
  link: { argument: { readonly epoch: number; readonly next: Address | null }; answer: null };
  run: {
    argument: { readonly step: number; readonly operations: readonly Operation[] };
    answer: { readonly figures: Figures; readonly trace: readonly TraceEvent[] };
  };
  commit: { argument: { readonly step: number; readonly figures: Figures }; answer: null };
  /** Drops the open step, once the operation under way has ended. */
  abort: { argument: null; answer: Standing };
  /** Goes back to an earlier step of its standing. */
  restore: { argument: { readonly step: number }; answer: null };
  /** Writes the state of the last commit to `path`. */
  save: { argument: { readonly path: string }; answer: SavedFile };
}
export type StageCall = keyof StageCalls;

export interface ToStage<C extends StageCall = StageCall> {
  readonly id: number;
  readonly call: C;
  readonly argument: StageCalls[C]['argument'];
}

export type FromStage =
  | { readonly id: number; readonly answer: unknown }
  /** `isFault`: a neighbour is gone or the call was aborted, which says nothing against the stage itself. */
  | { readonly id: number; readonly problem: string; readonly isFault: boolean };

/** The descriptor of the pipe that a stage's heart beats on, a byte each time. */
export const heart = { fd: 4, beatMs: 250, alive: 1, overdue: 2 } as const;
