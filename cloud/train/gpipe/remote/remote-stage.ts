/**
 * RemoteStage: a stage on another machine, by one connection to the training host there, which runs it as a LocalStage of its own and passes calls and answers on.
 *
 *   dialling ──both have proved themselves──▶ linked ──the stage's end, or the connection's, or no sign of the host for 3 s──▶ gone
 *
 * The host watches the stage's heart, this side watches the host. Files go by their content: state to begin with and data to the host, saved state back. What a trace says
 * is translated to this machine's clock.
 */
import { join } from 'node:path';
import { AppError, isAppError } from '@bespoke/shared/base/errors.js';
import { formatHostPort, type HostPort } from '@bespoke/shared/protocol/address.js';
import { readManifest } from '../../data/packed.js';
import { errorOfEnd, memoryRemedy, StageFault, type StageHost } from '../stage-host.js';
import type { StageCall, StageCalls, StageOpening } from '../stage-messages.js';
import { dialHost, type HostAddress } from './dial-host.js';
import { fetchFile, identifyFile, readPiece } from './file-pieces.js';
import { HostClient, HostFailure, type OfferedFile } from './host-client.js';
import type { RemoteCalls } from './host-messages.js';

export class RemoteStage implements StageHost {
  gone: string | null = null;
  processId = Number.NaN;
  lastWords = '';
  remedy = memoryRemedy;
  readonly #dialling = new AbortController();
  readonly #client: Promise<HostClient>;
  /** Paths of what the host may pull. */
  readonly #offered = new Map<OfferedFile, string>();

  /** Dials for `dialForMs` at most. */
  constructor(
    readonly stage: number,
    private readonly host: HostAddress,
    private readonly threadCount: number,
    dialForMs: number,
  ) {
    this.#client = this.#dial(dialForMs);
    this.#client.catch(() => {}); // thrown by the calls
  }

  async call<C extends StageCall>(
    call: C,
    argument: StageCalls[C]['argument'],
    timeoutMs: number,
  ): Promise<StageCalls[C]['answer']> {
    if (this.gone !== null) throw errorOfEnd(this, this.gone);
    const client = await this.#client;
    try {
      return await this.#calls[call](client, argument, timeoutMs);
    } catch (error) {
      if (error instanceof HostFailure) throw this.#failed(client, error);
      throw this.gone === null ? error : errorOfEnd(this, this.gone);
    }
  }

  async close(): Promise<void> {
    this.#dialling.abort();
    const client = await this.#client.catch(() => null); // never linked: there is nothing to end
    if (this.gone === null) await client?.close();
  }

  readonly #calls: {
    readonly [C in StageCall]: (
      client: HostClient,
      argument: StageCalls[C]['argument'],
      timeoutMs: number,
    ) => Promise<StageCalls[C]['answer']>;
  } = {
    open: async (client, opening, timeoutMs) => {
      const { processId, address, ...standing } = await client.ask('open', await this.#offer(opening), timeoutMs);
      this.processId = processId;
      return { ...standing, address: { ...address, host: this.host.host } }; // it may listen on all of its addresses
    },
    link: (client, { epoch, next }, timeoutMs) =>
      client.ask('link', { epoch, next: next as HostPort | null }, timeoutMs), // launch-stage.ts has it listen on TCP
    run: async (client, argument, timeoutMs) => {
      const { figures, trace } = await client.ask('run', argument, timeoutMs);
      const toLocal = ({ startMs, endMs }: { startMs: number; endMs: number }) => ({
        startMs: client.toLocalMs(startMs),
        endMs: client.toLocalMs(endMs),
      });
      return { figures, trace: trace.map((event) => ({ ...event, ...toLocal(event) })) };
    },
    commit: (client, argument, timeoutMs) => client.ask('commit', argument, timeoutMs),
    abort: (client, argument, timeoutMs) => client.ask('abort', argument, timeoutMs),
    restore: (client, argument, timeoutMs) => client.ask('restore', argument, timeoutMs),
    save: async (client, { path }, timeoutMs) => {
      const saved = await client.ask('save', null, timeoutMs);
      await fetchFile(path, saved, (offset) =>
        client.pull(offset).catch((error: Error) => {
          throw this.#lose(`is lost (${error.message})`);
        }),
      );
      return saved;
    },
  };

  /** What is said of files here goes by their content; from then on the host may pull them. */
  async #offer(opening: StageOpening): Promise<RemoteCalls['open']['argument']> {
    const { stage, stageCount, run, linkSecret, options, snapshotEvery, operationTimeoutMs, from } = opening;
    const common = { stage, stageCount, run, linkSecret, options, snapshotEvery, operationTimeoutMs };
    const { dataDirectory } = (options ?? {}) as { readonly dataDirectory?: string };
    if (from) this.#offered.set('from', from.path);
    if (dataDirectory) this.#offered.set('data', join(dataDirectory, 'data.bin'));
    return {
      ...common,
      threadCount: this.threadCount,
      from: from && { step: from.step, ...(await identifyFile(from.path)) },
      data: dataDirectory ? await readManifest(dataDirectory) : null,
    };
  }

  async #dial(dialForMs: number): Promise<HostClient> {
    const socket = await dialHost(this.host, dialForMs, this.#dialling.signal).catch((error: Error) => {
      if (isAppError(error)) throw error;
      throw this.#lose(`does not answer (${error.message})`);
    });
    return new HostClient(socket, {
      readPiece: (file, offset) => readPiece(this.#offered.get(file)!, offset),
      lost: (how) => this.#lose(`is lost (${how})`),
    });
  }

  /** The host is out of reach, unless the stage had ended before. */
  #lose(how: string): StageFault {
    const name = formatHostPort(this.host);
    if (this.gone === null) {
      this.gone = `the host ${name} ${how}`;
      this.remedy = `does \`npx bespoke train-host\` run on ${name}, and does the way there work? Start it, or name another host in the hosts file`;
    }
    return new StageFault(this.stage, this.gone);
  }

  #failed(client: HostClient, { failure: { problem, isFault, gone, lastWords } }: HostFailure): Error {
    if (gone !== null) {
      this.gone = gone;
      this.lastWords = lastWords;
      client.leave();
    }
    return isFault ? new StageFault(this.stage, problem) : new AppError('STAGE_FAILED', { stage: this.stage, problem });
  }
}
