/**
 * BlockKeeper: what a device does next, a job or the sentinel, and what becomes of the blocks that these make (sentinel.ts
 * has the picture). Each change is stored before anyone hears of it: a cloud that is killed finds its blocks open, and a
 * device that comes back within `leaseGraceMs` closes its block with the sentinel; of one that stays away it is void.
 */
import { randomUUID } from 'node:crypto';
import type { MeasurementOutcome } from '@bespoke/shared/latency/measurement.js';
import { summarize } from '@bespoke/shared/latency/statistics.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import type { CloudConfig } from '../config.js';
import type { Block } from '../store/blocks.js';
import type { Store } from '../store/store.js';
import { checkRuntime, type JobQueue, type Lease, type Worker } from './queue.js';
import {
  abandoned,
  type BlockView,
  doubtOfBlock,
  freshMs,
  maxRepeats,
  recentBlockCount,
  repeatsAfter,
  type Step,
  stepOf,
  unguarded,
} from './sentinel.js';

/** What a device is given to do. */
export type Task =
  | { readonly kind: 'job'; readonly lease: Lease }
  | { readonly kind: 'sentinel'; readonly id: string; readonly runtime: RuntimeKey };

interface OpenBlock {
  stored: Block;
  jobCount: number;
  hasMeasured: boolean;
  interrupted: boolean;
}

/** Named one by one: two objects spread into one become a dictionary of 2 KB, thousands of times a second. */
function viewOf({ stored: { state, sentinelAttempts }, jobCount, hasMeasured, interrupted }: OpenBlock): BlockView {
  return { state, sentinelAttempts, jobCount, hasMeasured, interrupted };
}

export class BlockKeeper {
  /** By device. */
  readonly #blocks = new Map<string, OpenBlock>();
  /** Of devices that are away and have a block open: when it is given up. */
  readonly #absences = new Map<string, NodeJS.Timeout>();
  /** By device: the sentinel that closed its last block. */
  readonly #lastSentinels = new Map<string, { runtime: RuntimeKey; ms: number; atMs: number }>();

  constructor(
    private readonly store: Pick<Store, 'blocks' | 'latencies' | 'transaction'>,
    private readonly queue: JobQueue,
    private readonly settings: Pick<CloudConfig, 'leaseGraceMs'>,
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    for (const stored of store.blocks.open()) {
      const hasMeasured = store.blocks.hasMeasured(stored.id);
      this.#blocks.set(stored.deviceId, { stored, jobCount: 0, hasMeasured, interrupted: true });
      this.left(stored.deviceId);
    }
  }

  /** What an idle device does now; undefined when there is nothing. `onExpired` is called if a job's lease runs out. */
  next(worker: Worker, runtimes: readonly RuntimeKey[], onExpired: () => void): Task | undefined {
    for (;;) {
      const block = this.#blocks.get(worker.deviceId);
      const runtime = this.queue.peek(worker, block ? [block.stored.runtime] : runtimes);
      const step = stepOf(block ? viewOf(block) : null, runtime !== undefined);
      if (step === 'rest') return undefined;
      if (step === 'sentinel') return this.#sentinel(block!);
      if (step === 'job') {
        block!.jobCount++;
        const lease = this.queue.take(worker, block!.stored.runtime, block!.stored.id, onExpired)!;
        return { kind: 'job', lease };
      }
      this.#take(step, worker.deviceId, block, runtime);
    }
  }

  /** What came of the sentinel. A failure is tried again. */
  sentinelDone(deviceId: string, outcome: MeasurementOutcome): void {
    const block = this.#blocks.get(deviceId)!;
    const checked = checkRuntime(block.stored.runtime, outcome);
    if (!checked.ok) return;
    const { medianMs } = summarize(checked.samplesMs);
    const { runtime, state, openingMs } = block.stored;
    this.store.latencies.retell(deviceId, runtime, checked.host.quietestMs);
    if (state === 'opening') {
      this.#change(block, { state: 'open', openingMs: medianMs, sentinelAttempts: 0 });
      return;
    }
    const recentMs = this.store.blocks.levelsMs(deviceId, runtime, recentBlockCount);
    const doubt = doubtOfBlock(openingMs, medianMs, recentMs);
    if (doubt === null) this.#lastSentinels.set(deviceId, { runtime, ms: medianMs, atMs: this.nowMs() });
    this.#end(block.stored, medianMs, doubt);
  }

  /** A measurement of the device counts in its block. */
  measured(deviceId: string): void {
    const block = this.#blocks.get(deviceId);
    if (block) block.hasMeasured = true;
  }

  /** The device is back: its block waits for the sentinel. */
  joined(deviceId: string): void {
    clearTimeout(this.#absences.get(deviceId));
    this.#absences.delete(deviceId);
  }

  /** The device is gone: if it stays away, its block is void. */
  left(deviceId: string): void {
    this.#lastSentinels.delete(deviceId);
    const block = this.#blocks.get(deviceId);
    if (!block) return;
    block.interrupted = true;
    const giveUp = () => {
      this.#absences.delete(deviceId);
      this.store.transaction(() => this.#giveUp(deviceId, block, abandoned));
    };
    this.#absences.set(deviceId, setTimeout(giveUp, this.settings.leaseGraceMs));
  }

  /** Forgets the timers; blocks stay stored. */
  close(): void {
    for (const timer of this.#absences.values()) clearTimeout(timer);
    this.#absences.clear();
  }

  #take(step: Step, deviceId: string, block: OpenBlock | undefined, runtime: RuntimeKey | undefined): void {
    const steps: { readonly [S in Step]?: () => void } = {
      begin: () => this.#begin(deviceId, runtime!),
      openUnguarded: () => this.#change(block!, { state: 'open', sentinelAttempts: 0 }),
      close: () => this.#change(block!, { state: 'closing', sentinelAttempts: 0 }),
      drop: () => this.#giveUp(deviceId, block!, unguarded),
      giveUp: () => this.#giveUp(deviceId, block!, unguarded),
    };
    steps[step]!();
  }

  #begin(deviceId: string, runtime: RuntimeKey): void {
    const last = this.#lastSentinels.get(deviceId);
    this.#lastSentinels.delete(deviceId); // it opens one block at most
    const isFresh = last?.runtime === runtime && this.nowMs() - last.atMs < freshMs;
    const stored = this.store.blocks.add(deviceId, runtime, isFresh ? last.ms : null);
    this.#blocks.set(deviceId, { stored: { ...stored, runtime }, jobCount: 0, hasMeasured: false, interrupted: false });
  }

  #sentinel(block: OpenBlock): Task {
    this.#change(block, { sentinelAttempts: block.stored.sentinelAttempts + 1 });
    return { kind: 'sentinel', id: randomUUID(), runtime: block.stored.runtime };
  }

  #change(block: OpenBlock, change: Parameters<Store['blocks']['change']>[1]): void {
    block.stored = this.store.blocks.change(block.stored, change);
  }

  #giveUp(deviceId: string, { stored, hasMeasured }: OpenBlock, doubt: string): void {
    if (hasMeasured) {
      this.#end(stored, null, doubt);
      return;
    }
    this.#blocks.delete(deviceId);
    this.store.blocks.drop(stored.id);
  }

  #end({ id, deviceId, runtime }: Block, closingMs: number | null, doubt: string | null): void {
    this.#blocks.delete(deviceId);
    const { blocks } = this.store;
    // That an agent left, or its sentinel failed, says nothing of the next try.
    const mostRepeats =
      closingMs === null ? maxRepeats : repeatsAfter(blocks.wereVoid(deviceId, runtime, recentBlockCount));
    this.queue.judged(blocks.end(id, closingMs, doubt, mostRepeats));
  }
}
