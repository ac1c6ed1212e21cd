/**
 * LocalStage: a stage as a child process on this machine.
 *
 *   starting ──first beat──▶ alive ──exit, or no beat for 3 s (10 s while it starts), or an operation beyond its deadline (then killed)──▶ gone
 *
 * The beats come from a thread that no computation blocks, so that only a stopped process misses them. Misses are counted by this process's own timer: when it was itself
 * kept from running, that is one miss.
 */
import { type ChildProcess, fork } from 'node:child_process';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { AppError } from '@bespoke/shared/base/errors.js';
import { lastWordsOf } from '../last-words.js';
import { computeProcess } from '../threads.js';
import { errorOfEnd, memoryRemedy, StageFault, type StageHost } from './stage-host.js';
import { type FromStage, heart, type StageCall, type StageCalls, type ToStage } from './stage-messages.js';

interface Pending {
  resolve(answer: never): void;
  reject(error: Error): void;
}

/** Before the first beat Node itself has to start, maybe from a cold disk. */
const maxMissedBeats = { starting: 40, alive: 12 } as const;
const entry = fileURLToPath(new URL('./stage-process.js', import.meta.url));

export class LocalStage implements StageHost {
  readonly remedy = memoryRemedy;
  readonly #process: ChildProcess;
  readonly #lastWords: () => string;
  readonly #pending = new Map<number, Pending>();
  readonly #exited: Promise<void>;
  readonly #watch: NodeJS.Timeout;
  #callCount = 0;
  #killedBecause: string | null = null;
  #gone: string | null = null;

  constructor(
    readonly stage: number,
    threadCount: number,
  ) {
    this.#process = fork(entry, {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc', 'pipe'],
      ...computeProcess(threadCount),
    });
    this.#process.on('message', (message: FromStage) => this.#answered(message));
    this.#lastWords = lastWordsOf(this.#process.stderr!);
    this.#exited = new Promise((resolve) => {
      const ended = (how: string) => {
        this.#ended(how);
        resolve();
      };
      this.#process.once('close', (code, signal) => ended(this.#killedBecause ?? signal ?? `exit code ${code}`));
      this.#process.once('error', (error) => ended(`it did not start: ${error.message}`));
    });
    this.#watch = this.#watchHeart(this.#process.stdio[heart.fd] as Readable);
  }

  get gone(): string | null {
    return this.#gone;
  }

  get processId(): number {
    return this.#process.pid!;
  }

  get lastWords(): string {
    return this.#lastWords().trim();
  }

  call<C extends StageCall>(
    call: C,
    argument: StageCalls[C]['argument'],
    timeoutMs: number,
  ): Promise<StageCalls[C]['answer']> {
    if (this.#gone !== null) return Promise.reject(errorOfEnd(this, this.#gone));
    const id = this.#callCount++;
    const message: ToStage<C> = { id, call, argument };
    const timer = setTimeout(() => this.#kill(`no answer to ${call} within ${timeoutMs} ms`), timeoutMs);
    return new Promise<StageCalls[C]['answer']>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#process.send(message, () => {}); // an error means that the process is going: its exit is heard
    }).finally(() => clearTimeout(timer));
  }

  async close(): Promise<void> {
    this.#kill('closed');
    await this.#exited;
  }

  #kill(why: string): void {
    this.#killedBecause ??= why;
    this.#process.kill('SIGKILL');
  }

  #watchHeart(beats: Readable): NodeJS.Timeout {
    let maxMissed: number = maxMissedBeats.starting;
    let missedCount = 0;
    beats.on('error', () => {}); // of a process that is going: its exit is heard
    beats.on('data', (bytes: Uint8Array) => {
      maxMissed = maxMissedBeats.alive;
      missedCount = 0;
      if (bytes.includes(heart.overdue)) this.#kill('hangs: an operation is beyond its deadline');
    });
    return setInterval(() => {
      if (++missedCount >= maxMissed) this.#kill(`hangs: no heartbeat for ${maxMissed * heart.beatMs} ms`);
    }, heart.beatMs);
  }

  #answered(message: FromStage): void {
    const { resolve, reject } = this.#pending.get(message.id)!;
    this.#pending.delete(message.id);
    if ('answer' in message) resolve(message.answer as never);
    else if (message.isFault) reject(new StageFault(this.stage, message.problem));
    else reject(new AppError('STAGE_FAILED', { stage: this.stage, problem: message.problem }));
  }

  #ended(how: string): void {
    if (this.#gone !== null) return; // `close` comes after `error`, too
    this.#gone = how;
    clearInterval(this.#watch);
    for (const { reject } of this.#pending.values()) reject(errorOfEnd(this, how));
    this.#pending.clear();
  }
}
