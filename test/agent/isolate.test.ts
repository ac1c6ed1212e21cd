import { fileURLToPath } from 'node:url';
import { createIsolate, type Isolate } from '@bespoke/agent/isolate.js';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../support/until.js';

type Request = { kind: 'echo' | 'pid' | 'crash' | 'leave' | 'hang'; text?: string };
type Response = { text?: string; pid?: number };

let isolate: Isolate<Request, Response>;
const open = (limits: { callsPerProcess?: number; idleMs?: number } = {}) => {
  const entry = fileURLToPath(new URL('./fixtures/unruly.mjs', import.meta.url));
  isolate = createIsolate<Request, Response>({ entry, ...limits });
  return isolate;
};
const longMs = 20_000;
const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('createIsolate', () => {
  afterEach(() => isolate.close());

  it('answers calls in order from one process', async () => {
    const { call } = open();
    const answers = await Promise.all(['a', 'b', 'c'].map((text) => call({ kind: 'echo', text }, longMs)));
    expect(answers.map((answer) => answer.ok && answer.response.text)).toEqual(['a', 'b', 'c']);
    expect(await call({ kind: 'pid' }, longMs)).toEqual(await call({ kind: 'pid' }, longMs));
  });

  it('fails one call of a process that crashes, with what it wrote, and costs no other', async () => {
    const { call } = open();
    const [before, crash, after] = await Promise.all([
      call({ kind: 'echo', text: 'before' }, longMs),
      call({ kind: 'crash' }, longMs),
      call({ kind: 'echo', text: 'after' }, longMs),
    ]);
    expect(before).toEqual({ ok: true, response: { text: 'before' } });
    expect(crash).toMatchObject({ ok: false, reason: 'crashed' });
    expect(!crash.ok && crash.log).toMatch(
      /^the measuring process ended by SIGABRT before it answered\nasked to crash/,
    );
    expect(after).toEqual({ ok: true, response: { text: 'after' } });
  });

  it('tells the code of a process that leaves', async () => {
    const answer = await open().call({ kind: 'leave' }, longMs);
    expect(!answer.ok && answer.log).toContain('ended with code 3');
  });

  it('kills a process that hangs at the deadline, and costs no other call', async () => {
    const { call } = open();
    const pid = await call({ kind: 'pid' }, longMs);
    const [hang, after] = await Promise.all([
      call({ kind: 'hang' }, 300),
      call({ kind: 'echo', text: 'after' }, longMs),
    ]);
    expect(hang).toMatchObject({ ok: false, reason: 'timeout' });
    expect(!hang.ok && hang.log).toBe('the measuring process did not answer within 300 ms\nasked to hang');
    expect(after).toEqual({ ok: true, response: { text: 'after' } });
    expect(pid.ok && isAlive(pid.response.pid!)).toBe(false);
  });

  it('replaces a process that has answered often enough', async () => {
    const { call } = open({ callsPerProcess: 2 });
    const pids = [];
    for (let i = 0; i < 4; i++) {
      const answer = await call({ kind: 'pid' }, longMs);
      pids.push(answer.ok && answer.response.pid);
    }
    expect(pids[0]).toBe(pids[1]);
    expect(pids[2]).toBe(pids[3]);
    expect(pids[1]).not.toBe(pids[2]);
  });

  it('replaces a process for a call of another kind, after it has ended', async () => {
    const { call } = open();
    const first = await call({ kind: 'pid' }, longMs, 'one');
    expect(await call({ kind: 'pid' }, longMs, 'one')).toEqual(first);
    const second = await call({ kind: 'pid' }, longMs, 'other');
    expect(second.ok && second.response.pid).not.toBe(first.ok && first.response.pid);
    expect(first.ok && isAlive(first.response.pid!)).toBe(false);
  });

  it('ends a process that is idle too long; the next call gets another', async () => {
    const { call } = open({ idleMs: 50 });
    const first = await call({ kind: 'pid' }, longMs);
    await until('the idle process ends', () => first.ok && !isAlive(first.response.pid!));
    expect(await call({ kind: 'echo', text: 'again' }, longMs)).toEqual({ ok: true, response: { text: 'again' } });
  });

  it('starts no process once it is closed', async () => {
    const { call, close } = open();
    await close();
    expect(await call({ kind: 'pid' }, longMs)).toEqual({
      ok: false,
      reason: 'crashed',
      log: 'the measuring process was closed',
    });
  });
});
