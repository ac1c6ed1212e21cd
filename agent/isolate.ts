/**
 * Isolate: a child process that answers one request at a time, each within a deadline. A native library that crashes or hangs
 * in it fails that one request, with what it wrote last; the next request gets a fresh process.
 *
 *            call              answer
 *   none ──────────▶ working ──────────▶ idle ──(call)──▶ working
 *     ▲                 │ exit: crashed    │ exit, close, worn out, too long idle, or a call of another kind
 *     └── deadline: killed ┴───────────────┘
 *
 * There is never more than one process, because a small board has memory for one.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { maxLogLength } from '@bespoke/shared/latency/measurement.js';

export interface IsolateOptions {
  /** Module that the process runs: for each message it gets, it sends one back. */
  readonly entry: string;
  /** A process is replaced after so many answers, because what a library leaks ends with it. */
  readonly callsPerProcess?: number;
  /** An idle process ends after this long, because its libraries hold memory. */
  readonly idleMs?: number;
}

export type IsolateAnswer<Response> =
  | { readonly ok: true; readonly response: Response }
  | { readonly ok: false; readonly reason: 'crashed' | 'timeout'; readonly log: string };

export interface Isolate<Request, Response> {
  /**
   * Calls wait for one another; the deadline starts when it is this call's turn. A process answers calls of one kind only: what
   * one loads must not be in another's way.
   */
  call(request: Request, timeoutMs: number, kind?: string): Promise<IsolateAnswer<Response>>;
  /** Ends the process for good; a call under way fails as crashed, and so do those that come after. */
  close(): Promise<void>;
}

/** Characters of the process's output that are kept for the log. */
const outputLength = maxLogLength - 500;

interface Child {
  readonly process: ChildProcess;
  readonly kind: string;
  output: string;
  callCount: number;
}

export function createIsolate<Request extends object, Response>(options: IsolateOptions): Isolate<Request, Response> {
  let child: Child | null = null;
  let turn: Promise<unknown> = Promise.resolve();
  let idle: NodeJS.Timeout | undefined;
  let closed = false;

  const end = async () => {
    clearTimeout(idle);
    const ending = child;
    child = null;
    if (!ending || ending.process.exitCode !== null || ending.process.signalCode !== null) return;
    const exited = once(ending.process, 'exit');
    ending.process.kill('SIGKILL');
    await exited;
  };

  const answer = async (request: Request, timeoutMs: number, kind: string): Promise<IsolateAnswer<Response>> => {
    clearTimeout(idle);
    if (closed) return { ok: false, reason: 'crashed', log: 'the measuring process was closed' };
    if (child && child.kind !== kind) await end();
    child ??= spawn(options, kind, (gone) => {
      if (child === gone) child = null;
    });
    const current = child;
    current.output = '';
    const result = await exchange<Response>(current, request, timeoutMs);
    current.callCount++;
    if (!result.ok || current.callCount >= (options.callsPerProcess ?? 50)) await end();
    else idle = setTimeout(() => void end(), options.idleMs ?? 30_000).unref();
    return result;
  };

  return {
    call(request, timeoutMs, kind = '') {
      const result = turn.then(() => answer(request, timeoutMs, kind));
      turn = result.catch(() => {}); // the caller gets the error; the next call starts afresh
      return result;
    },
    close() {
      closed = true;
      return end();
    },
  };
}

function spawn({ entry }: IsolateOptions, kind: string, onExit: (child: Child) => void): Child {
  const process = fork(entry, {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    serialization: 'advanced', // files travel as bytes
    execArgv: ['--expose-gc', '--single-threaded-gc'], // its helpers would take turns on the cores with what is measured
  });
  const child: Child = { process, kind, output: '', callCount: 0 };
  for (const stream of [process.stdout!, process.stderr!]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      child.output = (child.output + text).slice(-outputLength);
    });
  }
  process.once('exit', () => onExit(child));
  return child;
}

/** Sends the request; settles with the first of: the answer, the process's end, the deadline. */
function exchange<Response>(child: Child, request: object, timeoutMs: number): Promise<IsolateAnswer<Response>> {
  return new Promise((resolve) => {
    const settle = (answer: IsolateAnswer<Response>) => {
      clearTimeout(timer);
      child.process.off('message', onMessage).off('close', onClose).off('error', onError);
      resolve(answer);
    };
    const fail = (reason: 'crashed' | 'timeout', sentence: string) =>
      settle({ ok: false, reason, log: `${sentence}\n${child.output}`.trim() });
    const onMessage = (response: unknown) => settle({ ok: true, response: response as Response });
    // `close` comes after the last of the output, `exit` may come before it.
    const onClose = (code: number | null, signal: string | null) =>
      fail(
        'crashed',
        `the measuring process ended ${signal ? `by ${signal}` : `with code ${code}`} before it answered`,
      );
    const onError = (error: Error) => fail('crashed', `the measuring process failed: ${error.message}`);
    const timer = setTimeout(
      () => fail('timeout', `the measuring process did not answer within ${timeoutMs} ms`),
      timeoutMs,
    );
    child.process.on('message', onMessage).on('close', onClose).on('error', onError);
    child.process.send(request);
  });
}
