/**
 * StageHost: the coordinator's hold on the process of one stage, wherever it runs: calls, and the notice of its end. Made once per process: a stage that is gone is started
 * again as another one (launch-stage.ts).
 */
import { AppError } from '@bespoke/shared/base/errors.js';
import { describeShortage, roomRemedy } from './memory-shortage.js';
import type { StageCall, StageCalls } from './stage-messages.js';

export interface StageHost {
  readonly stage: number;
  /** How the process ended, or how it was lost; null while it lives. */
  readonly gone: string | null;
  /** On the machine that it runs on; NaN until that machine has said so. */
  readonly processId: number;
  /** The end of what it wrote to stderr. */
  readonly lastWords: string;
  /** What a person may do about its end, as the end of a sentence. */
  readonly remedy: string;
  /**
   * Throws `STAGE_FAILED` for what the stage's own code throws and when it ended for want of memory, `HOST_REFUSED`; rejects with a `StageFault` when the process or a link of it is gone. The process is killed
   * when it does not answer within `timeoutMs`.
   */
  call<C extends StageCall>(
    call: C,
    argument: StageCalls[C]['argument'],
    timeoutMs: number,
  ): Promise<StageCalls[C]['answer']>;
  /** Ends the process, and what it kept for being started again. */
  close(): Promise<void>;
}

/** A stage is gone, or its link is: what the coordinator recovers from. */
export class StageFault extends Error {
  constructor(
    readonly stage: number,
    readonly how: string,
  ) {
    super(`stage ${stage}: ${how}`);
  }
}

/** For the calls of a stage that ended like this: a fault to recover from, or `STAGE_FAILED` where it had no memory, for then it would most likely end like that again. */
export function errorOfEnd({ stage, lastWords }: Pick<StageHost, 'stage' | 'lastWords'>, how: string): Error {
  const problem = describeShortage(lastWords);
  return problem === null ? new StageFault(stage, how) : new AppError('STAGE_FAILED', { stage, problem });
}

export const memoryRemedy = `where memory is short, ${roomRemedy}`;
