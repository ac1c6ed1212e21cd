/** A cloud as a user starts it: `bespoke start` in a process of its own, spoken to over HTTP. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ApiCalls, StudyDetail } from '@bespoke/shared/protocol/api.js';
import { cookieFor } from './sign-in.js';
import { until } from './until.js';

export const bespoke = fileURLToPath(new URL('../../cloud/bin/bespoke.js', import.meta.url));

export interface CloudProcess {
  readonly url: string;
  readonly process: ChildProcess;
  /** Of a signed-in session, `name=value`. */
  readonly cookie: string;
  call<C extends keyof ApiCalls>(call: C, id?: string, body?: ApiCalls[C]['body']): Promise<ApiCalls[C]['result']>;
  /** kill -9, and waits until it is dead. */
  kill(): Promise<void>;
}

/** Starts it on a free port and signs in with the address that it prints. */
export async function startCloudProcess(dataDirectory: string, ...options: string[]): Promise<CloudProcess> {
  const child = spawn(
    process.execPath,
    [bespoke, 'start', '--port', '0', '--data-directory', dataDirectory, ...options],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const address = await new Promise<string>((resolve, reject) => {
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      const found = /http:\/\/\S+token=\S+/.exec(output);
      if (found) resolve(found[0]);
    });
    child.once('exit', (code) => reject(new Error(`bespoke start ended with ${code}: ${errors}`)));
  });
  const cookie = await cookieFor(address);
  const url = new URL(address).origin;
  return {
    url,
    process: child,
    cookie,
    async call(call, id = '', body) {
      const [method, path] = call.split(' ') as [string, string];
      const response = await fetch(url + path.replace(':id', id), {
        method,
        headers: { cookie, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const answer = await response.json();
      if (!response.ok) throw new Error(`${call}: ${response.status} ${JSON.stringify(answer)}`);
      return answer as never;
    },
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** For what a study measures. No aim: on a machine that others use as well, the agent measures until its figures agree. */
export const patienceMs = 800_000;

/** The study's detail once it is finished. Throws the sentence with which it failed. */
export function finishedStudy(cloud: CloudProcess, id: string): Promise<StudyDetail> {
  return until(
    'the study',
    async () => {
      const study = await cloud.call('GET /api/studies/:id', id);
      if (study.status === 'failed') throw new Error(study.error!);
      return study.status === 'finished' ? study : null;
    },
    patienceMs,
  );
}
