/**
 * HostedStage: a training host's end of the connection to a coordinator: it runs one stage as a LocalStage, in folders of its own, and ends it with the connection.
 *
 *   <directory>/<run>/stage-<k>/          snapshots: a stage that is started again by the same run goes on from there
 *   <directory>/<run>/stage-<k>.from      state to begin with, as the coordinator sent it
 *   <directory>/<run>/stage-<k>.saved     state as it was saved last, for the coordinator to pull
 */
import { mkdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError, isAppError } from '@bespoke/shared/base/errors.js';
import type { HostPort } from '@bespoke/shared/protocol/address.js';
import type { WebSocket } from 'ws';
import { clockMs } from '../clock.js';
import { LocalStage } from '../local-stage.js';
import { StageFault } from '../stage-host.js';
import type { StageCall } from '../stage-messages.js';
import { fetchFile, type Pull, readPiece } from './file-pieces.js';
import type { HostDatasets } from './host-datasets.js';
import { HostLink } from './host-link.js';
import {
  decodeToHost,
  type FromHost,
  hostLimits,
  parseArgument,
  type RemoteCalls,
  type ToHost,
} from './host-messages.js';

/** What a host runs: always the same module, whoever asks. */
export interface StageProgram {
  /** File URL. */
  readonly module: string;
  /** Holds what a coordinator sent to what the module takes. Throws an `AppError`. */
  parseOptions(json: unknown): object;
}

export interface Workplace {
  readonly program: StageProgram;
  /** Where runs have their folders. */
  readonly directory: string;
  readonly datasets: HostDatasets;
  /** Where stages listen for their neighbours. */
  readonly listenHost: string;
  /** A coordinator that has said nothing for so long is gone. */
  readonly silenceMs: number;
  /** The latest of each stage of each run: a stage has one process at most. */
  readonly stages: Map<string, HostedStage>;
}

export class HostedStage {
  readonly #link: HostLink<ToHost, FromHost>;
  #stage: LocalStage | null = null;
  /** `<directory>/<run>/stage-<k>`, once it is opened. */
  #base: string | null = null;
  /** Resolves when the one before it, of the same stage of the same run, has ended. */
  #earlier: Promise<void> = Promise.resolve();
  /** Whether the coordinator may pull what was saved. */
  #hasSaved = false;
  #isOver = false;
  #heardMs = clockMs();

  /** The coordinator has proved itself. */
  constructor(
    socket: WebSocket,
    private readonly workplace: Workplace,
  ) {
    this.#link = new HostLink<ToHost, FromHost>(socket, {
      limitBytes: hostLimits.fromHostBytes,
      decode: decodeToHost,
      receive: (message) => {
        this.#heardMs = clockMs();
        this.#receive[message.type](message as never);
      },
      closed: () => {
        clearInterval(watch);
        void this.end();
      },
    });
    const watch = setInterval(() => {
      if (clockMs() - this.#heardMs > workplace.silenceMs) this.#link.terminate();
    }, workplace.silenceMs / 4);
  }

  /** Ends the connection; resolves when the stage's process has ended. Its files stay. */
  async end(): Promise<void> {
    this.#isOver = true;
    this.#link.terminate();
    await this.#earlier;
    await this.#stage?.close();
    const { stages } = this.workplace;
    if (this.#base !== null && stages.get(this.#base) === this) stages.delete(this.#base);
  }

  readonly #receive: { readonly [T in ToHost['type']]: (message: Extract<ToHost, { type: T }>) => void } = {
    hello: () => this.#link.terminate(), // of a greeting that is over
    ping: ({ id }) => this.#link.send({ type: 'pong', id, clockMs: clockMs() }),
    call: (message) => void this.#answer(message),
    pull: ({ offset }) => void this.#sendSaved(offset),
    close: () => {
      this.#forget()
        .catch(() => {}) // what could not be removed is removed at another start
        .finally(() => this.#link.terminate());
    },
  };

  readonly #calls: {
    readonly [C in StageCall]: (
      argument: RemoteCalls[C]['argument'],
      timeoutMs: number,
    ) => Promise<RemoteCalls[C]['answer']>;
  } = {
    open: (opening, timeoutMs) => this.#open(opening, timeoutMs),
    link: (argument, timeoutMs) => this.#opened('link').call('link', argument, timeoutMs),
    run: (argument, timeoutMs) => this.#opened('run').call('run', argument, timeoutMs),
    commit: (argument, timeoutMs) => this.#opened('commit').call('commit', argument, timeoutMs),
    abort: (argument, timeoutMs) => this.#opened('abort').call('abort', argument, timeoutMs),
    restore: (argument, timeoutMs) => this.#opened('restore').call('restore', argument, timeoutMs),
    save: async (_, timeoutMs) => {
      const saved = await this.#opened('save').call('save', { path: `${this.#base}.saved` }, timeoutMs);
      this.#hasSaved = true;
      return saved;
    },
  };

  async #answer({ id, call, argument, timeoutMs }: Extract<ToHost, { type: 'call' }>): Promise<void> {
    try {
      const work = this.#calls[call] as (argument: unknown, timeoutMs: number) => Promise<unknown>;
      this.#link.send({ type: 'answer', id, answer: await work(parseArgument(call, argument), timeoutMs) });
    } catch (error) {
      const { gone = null, lastWords = '' } = this.#stage ?? {};
      this.#link.send({ type: 'failure', id, ...describeFailure(error as Error), gone, lastWords });
    }
  }

  async #sendSaved(offset: number): Promise<void> {
    if (!this.#hasSaved) return this.#link.terminate(); // it asks for what it was not told of
    await readPiece(`${this.#base}.saved`, offset).then(
      (piece) => this.#link.sendPiece(piece),
      () => this.#link.terminate(), // the coordinator tries again
    );
  }

  async #open(opening: RemoteCalls['open']['argument'], timeoutMs: number): Promise<RemoteCalls['open']['answer']> {
    if (this.#base !== null) throw new AppError('MESSAGE_INVALID', { path: 'open', problem: 'it is opened already' });
    const { run, stage, threadCount, options: given, from, data, ...common } = opening;
    const base = await this.#takePlace(run, stage);
    if (from) await fetchFile(`${base}.from`, from, this.#pull('from'));
    const { program, datasets, listenHost } = this.workplace;
    const dataDirectory = data ? await datasets.provide(data, this.#pull('data')) : undefined;
    const options = program.parseOptions({ ...(given as object), dataDirectory }); // never the coordinator's path
    if (this.#isOver) throw new StageFault(stage, 'the coordinator is gone');
    this.#stage = new LocalStage(stage, threadCount);
    const { address, ...standing } = await this.#stage.call(
      'open',
      {
        ...common,
        run,
        stage,
        options,
        module: program.module,
        from: from && { step: from.step, path: `${base}.from` },
        directory: base,
        address: { host: listenHost, port: 0 },
      },
      timeoutMs,
    );
    return { ...standing, address: address as HostPort, processId: this.#stage.processId };
  }

  /** Ends whoever ran this stage before, and makes its folders. */
  async #takePlace(run: string, stage: number): Promise<string> {
    const { stages, directory } = this.workplace;
    const base = join(directory, run, `stage-${stage}`);
    this.#base = base;
    this.#earlier = stages.get(base)?.end() ?? Promise.resolve();
    stages.set(base, this);
    await this.#earlier;
    await mkdir(base, { recursive: true });
    return base;
  }

  #pull(file: Extract<FromHost, { type: 'pull' }>['file']): Pull {
    return (offset) => this.#link.pull({ type: 'pull', file, offset });
  }

  #opened(call: StageCall): LocalStage {
    if (this.#stage) return this.#stage;
    throw new AppError('MESSAGE_INVALID', { path: call, problem: 'open comes first' });
  }

  /** The run is over: nothing of this stage is needed again. */
  async #forget(): Promise<void> {
    this.#isOver = true;
    await this.#stage?.close();
    if (this.#base !== null) {
      const files = ['', '.from', '.saved'].map((ending) => `${this.#base}${ending}`);
      await Promise.all(files.map((path) => rm(path, { recursive: true, force: true })));
      await rmdir(dirname(this.#base)).catch(() => {}); // other stages of the run are still there
    }
  }
}

function describeFailure(error: Error): { problem: string; isFault: boolean } {
  if (error instanceof StageFault) return { problem: error.how, isFault: true };
  const problem = isAppError(error, 'STAGE_FAILED') ? error.details.problem : error.message;
  return { problem: problem.slice(0, hostLimits.textLength), isFault: false };
}
