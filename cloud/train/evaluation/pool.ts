/**
 * EvaluationPool: worker processes that each train and judge one network at a time.
 *
 *   tasks ─▶ queue ─▶ idle worker ─▶ busy ──answer──▶ idle ─▶ next task
 *                        ▲            │
 *                        └── new ◀────┴ died: its task goes to the front of the queue, twice at most
 *
 * Processes, because tfjs keeps a thread to itself and native code may die: that costs the one evaluation that was under way.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AppError } from '@bespoke/shared/base/errors.js';
import { lastWordsOf } from '../last-words.js';
import type { BackendName } from '../tfjs/backend.js';
import { computeProcess } from '../threads.js';
import type { Evaluated, EvaluationTask, Evaluator } from './evaluator.js';

export interface PoolOptions {
  readonly workerCount: number;
  /** Threads of each worker's native backend. */
  readonly threadCount: number;
  readonly backend: BackendName;
  /** Of the packed data set. */
  readonly dataDirectory: string;
  /** The module that workers run; another one in tests. */
  readonly entry?: string;
}

/** What a worker is told and answers. */
export interface WorkerTask {
  readonly task: EvaluationTask;
  readonly backend: BackendName;
  readonly dataDirectory: string;
}
export type WorkerAnswer = { readonly evaluated: Evaluated } | { readonly problem: string };

interface Waiting {
  readonly task: EvaluationTask;
  attempts: number;
  resolve(evaluated: Evaluated): void;
  reject(error: Error): void;
}

interface Worker {
  readonly process: ChildProcess;
  busyWith: Waiting | null;
  readonly lastWords: () => string;
}

const maxAttempts = 3;

export function openEvaluationPool(options: PoolOptions): Evaluator {
  const entry = options.entry ?? fileURLToPath(new URL('./worker.js', import.meta.url));
  const queue: Waiting[] = [];
  const workers = new Set<Worker>();

  function next(): void {
    while (queue.length > 0) {
      const idle = [...workers].find(({ busyWith }) => busyWith === null);
      const worker = idle ?? (workers.size < options.workerCount ? start() : null);
      if (worker === null) return;
      worker.busyWith = queue.shift()!;
      worker.busyWith.attempts++;
      const message: WorkerTask = {
        task: worker.busyWith.task,
        backend: options.backend,
        dataDirectory: options.dataDirectory,
      };
      worker.process.send(message);
    }
  }

  function start(): Worker {
    const child = fork(entry, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], ...computeProcess(options.threadCount) });
    const worker: Worker = { process: child, busyWith: null, lastWords: lastWordsOf(child.stderr!) };
    workers.add(worker);
    child.on('message', (answer: WorkerAnswer) => {
      const { resolve, reject } = worker.busyWith!;
      worker.busyWith = null;
      if ('evaluated' in answer) resolve(answer.evaluated);
      else reject(new Error(answer.problem));
      next();
    });
    child.on('close', (code, signal) => {
      if (workers.delete(worker)) died(worker, signal ?? `exit code ${code}`);
    });
    return worker;
  }

  function died({ busyWith, lastWords }: Worker, how: string): void {
    if (busyWith !== null && busyWith.attempts === maxAttempts) {
      busyWith.reject(new AppError('EVALUATION_DIED', { attempts: maxAttempts, how, lastWords: lastWords() }));
    } else if (busyWith !== null) queue.unshift(busyWith);
    next();
  }

  return {
    workerCount: options.workerCount,
    evaluate: (task) =>
      new Promise((resolve, reject) => {
        queue.push({ task, attempts: 0, resolve, reject });
        next();
      }),
    async close() {
      const ending = [...workers];
      workers.clear();
      await Promise.all(
        ending.map(({ process: child }) => new Promise((resolve) => child.once('exit', resolve).kill('SIGKILL'))),
      );
    },
  };
}
