/**
 * The fleet against a model: agents that come, go and die, results that come twice and late, leases that run out, sentinels
 * that drift, a cloud that is killed and opens the same file again, in any order. Nothing is lost, nothing is counted twice,
 * and whatever happened, the queue runs dry as soon as agents stay.
 */
import { join } from 'node:path';
import { JobQueue } from '@bespoke/cloud/fleet/queue.js';
import { type AgentLink, type PresentAgent, Registry } from '@bespoke/cloud/fleet/registry.js';
import { sentinel } from '@bespoke/cloud/store/sentinel.js';
import { openStore, type Store } from '@bespoke/cloud/store/store.js';
import type { MeasurementOutcome } from '@bespoke/shared/latency/measurement.js';
import { workloadKey } from '@bespoke/shared/latency/workload.js';
import type { CloudMessage, JobMessage } from '@bespoke/shared/protocol/agent.js';
import Sqlite from 'better-sqlite3';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { device, runtime, success, workload } from '../../support/fleet.js';
import { temporaryFolder } from '../../support/folder.js';

const settings = { jobTimeoutMs: 1000, leaseGraceMs: 500, maxAttempts: 3 };
const agentCount = 3;
const workloadCount = 30;
const isSentinel = (job: JobMessage) => workloadKey(job.workload) === workloadKey(sentinel);

interface Sent {
  readonly job: JobMessage;
  readonly outcome: MeasurementOutcome;
}

/** An agent as agent/agent.ts is one: it keeps results until they are acknowledged, and is ready when it does not measure. */
class Agent implements AgentLink {
  at: PresentAgent | undefined;
  job: JobMessage | undefined;
  readonly kept = new Map<string, Sent>();

  constructor(
    readonly id: string,
    private readonly fleet: Fleet,
  ) {}

  connect(): void {
    this.at ??= this.fleet.registry.join({ ...device, id: this.id, name: this.id }, this);
  }

  disconnect(onPurpose = false): void {
    if (this.at) this.fleet.registry.leave(this.at, `${this.id} was lost`, onPurpose);
    this.at = undefined;
  }

  die(): void {
    this.disconnect();
    this.job = undefined;
    this.kept.clear();
  }

  finish(outcome: MeasurementOutcome): void {
    if (!this.job) return;
    const sent = { job: this.job, outcome };
    this.kept.set(this.job.leaseId, sent);
    this.job = undefined;
    this.deliver(sent);
    if (this.at) this.fleet.registry.ready(this.at);
  }

  deliver({ job: { jobId, leaseId }, outcome }: Sent): void {
    if (!this.at) return;
    this.fleet.registry.result(this.at, { type: 'result', jobId, leaseId, outcome });
  }

  welcome(): void {
    if (!this.at) return;
    for (const sent of this.kept.values()) this.deliver(sent);
    if (!this.job) this.fleet.registry.ready(this.at);
  }

  send(message: CloudMessage): void {
    if (!this.at) return; // it was on its way when the connection broke
    if (message.type === 'job') {
      expect(this.job, 'a job for an agent that measures').toBeUndefined();
      this.job = message;
    }
    if (message.type !== 'resultAck') return;
    for (const [leaseId, sent] of this.kept) {
      if (sent.job.jobId !== message.jobId) continue;
      this.kept.delete(leaseId);
      this.fleet.acknowledged.push({ by: this.id, ...sent });
    }
  }

  close(): void {
    this.disconnect();
  }

  refuse(error: unknown): void {
    throw error;
  }
}

class Fleet {
  store: Store;
  queue: JobQueue;
  registry: Registry;
  readonly agents = Array.from({ length: agentCount }, (_, index) => new Agent(`agent-00${index}`, this));
  readonly acknowledged: (Sent & { by: string })[] = [];
  readonly sent: [Agent, Sent][] = [];
  readonly asked = new Set<number>();
  readonly database: Sqlite.Database;
  valueMs = 1;
  /** Of the device, as the agents know it. */
  quietestMs: number | null = null;

  constructor(readonly folder: string) {
    [this.store, this.queue, this.registry] = this.#open();
    this.database = new Sqlite(join(folder, 'bespoke.sqlite'), { readonly: true });
  }

  #open(): [Store, JobQueue, Registry] {
    const store = openStore(this.folder, () => new Date(0));
    store.devices.save(device);
    const queue = new JobQueue(store, settings);
    return [store, queue, new Registry(store, queue, settings, () => {})];
  }

  /** kill -9: what was not stored is gone, so are all timers, watchers and connections. */
  restart(): void {
    this.store.close();
    vi.clearAllTimers();
    for (const agent of this.agents) agent.at = undefined;
    [this.store, this.queue, this.registry] = this.#open();
    this.ask([...this.asked], 'after the restart');
  }

  ask(indices: readonly number[], requester: string): void {
    for (const index of indices) this.asked.add(index);
    const ended = new Set<string>();
    this.queue.request(requester, device.id, runtime, indices.map(workload), (job) => {
      expect(ended, 'an end that was told before').not.toContain(job.id);
      ended.add(job.id);
      expect(['queued', 'leased', 'provisional']).not.toContain(job.state);
    });
  }

  /** A number that no other measurement has. */
  outcome(): MeasurementOutcome {
    this.valueMs += 1e-6;
    const outcome = success(1);
    return { ...outcome, samplesMs: [this.valueMs], host: { ...outcome.host, quietestMs: this.quietestMs } };
  }

  /** All that was said has been stored and answered. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 6; turn++) await new Promise(setImmediate);
  }

  query<T>(sql: string): T[] {
    return this.database.prepare<[], T>(sql).all();
  }

  check(): void {
    type Counted = { id: string; state: string; verdicts: string | null };
    const jobs = this.query<Counted>(
      `SELECT j.id, j.state, GROUP_CONCAT(m.verdict) AS verdicts FROM jobs j
       LEFT JOIN measurements m ON m.job_id = j.id AND m.verdict <> 'void' GROUP BY j.id`,
    );
    const allowed: Record<string, (string | null)[]> = { measured: ['good', 'doubtful'], provisional: ['provisional'] };
    for (const { id, state, verdicts } of jobs) expect(allowed[state] ?? [null], `${state} ${id}`).toContain(verdicts);

    type Stored = { leaseId: string; jobId: string; by: string; ms: number };
    const stored = this.query<Stored>(
      // What a run took; what is told of it changes when the device turns out quieter than it was known to be.
      'SELECT lease_id AS leaseId, job_id AS jobId, measured_by AS "by", median_ms * slowness AS ms FROM measurements',
    );
    const byLease = new Map(stored.map((row) => [row.leaseId, row]));
    expect(byLease.size, 'measurements per lease').toBe(stored.length);
    const settled = new Set(jobs.filter(({ verdicts }) => verdicts !== null).map(({ id }) => id));
    const over = new Set(jobs.filter(({ state }) => state === 'failed').map(({ id }) => id));
    for (const { job, outcome, by } of this.acknowledged) {
      if (!outcome.ok || isSentinel(job)) continue;
      const row = byLease.get(job.leaseId);
      const ms = expect.closeTo(outcome.samplesMs[0]!, 9);
      if (row) expect(row).toEqual({ leaseId: job.leaseId, jobId: job.jobId, by, ms });
      else expect(settled.has(job.jobId) || over.has(job.jobId), 'an acknowledged result is lost').toBe(true);
    }
  }
}

/** Nothing is known of what will happen, only of what holds then. */
type Model = Record<string, never>;
const act = (name: string, run: (fleet: Fleet) => unknown): fc.AsyncCommand<Model, Fleet> => ({
  check: () => true,
  toString: () => name,
  async run(_, fleet) {
    await run(fleet);
    await fleet.settle();
    fleet.check();
  },
});

const index = fc.nat(agentCount - 1);
const failure = { ok: false, reason: 'crashed', log: 'signal 11' } as const;
const finish = (fleet: Fleet, agent: Agent, drift: number) => {
  if (!agent.job) return;
  const outcome = isSentinel(agent.job) ? { ...success(1), samplesMs: [0.3 * drift] } : fleet.outcome();
  fleet.sent.push([agent, { job: agent.job, outcome }]);
  agent.finish(outcome);
};
/** All agents, or all but one that is slow, finish what they have, so many times. */
async function work(fleet: Fleet, rounds: number, slow: number | null): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const [i, agent] of fleet.agents.entries()) if (i !== slow) finish(fleet, agent, 1);
    await fleet.settle();
  }
}

const one = fc.constant(null);
const often = <T>(times: number, arbitrary: T): T[] => Array.from({ length: times }, () => arbitrary);
const commands = [
  ...often(
    2,
    fc
      .tuple(fc.uniqueArray(fc.nat(workloadCount - 1), { minLength: 1, maxLength: 8 }), fc.constantFrom('a', 'b'))
      .map(([some, requester]) => act(`ask(${some}, ${requester})`, (fleet) => fleet.ask(some, requester))),
  ),
  ...often(
    3,
    index.map((i) => act(`connect(${i})`, ({ agents }) => agents[i]!.connect())),
  ),
  ...often(
    3,
    fc
      .tuple(fc.integer({ min: 1, max: 8 }), fc.option(index))
      .map(([rounds, slow]) => act(`work(${rounds}, ${slow})`, (fleet) => work(fleet, rounds, slow))),
  ),
  ...often(
    2,
    index.map((i) =>
      act(`blink(${i})`, async (fleet) => {
        fleet.agents[i]!.disconnect();
        await fleet.settle();
        fleet.agents[i]!.connect();
      }),
    ),
  ),
  index.map((i) => act(`finish(${i})`, (fleet) => finish(fleet, fleet.agents[i]!, 1))),
  ...often(
    2,
    index.map((i) => act(`finishDrifted(${i})`, (fleet) => finish(fleet, fleet.agents[i]!, 1.2))),
  ),
  index.map((i) => act(`crash(${i})`, ({ agents }) => agents[i]!.finish(failure))),
  index.map((i) => act(`disconnect(${i})`, ({ agents }) => agents[i]!.disconnect())),
  index.map((i) => act(`bye(${i})`, ({ agents }) => agents[i]!.disconnect(true))),
  index.map((i) => act(`die(${i})`, ({ agents }) => agents[i]!.die())),
  ...often(
    2,
    one.map(() =>
      act('sendAllAgain', ({ sent }) => {
        for (const [agent, result] of sent.slice(-20)) agent.deliver(result);
      }),
    ),
  ),
  fc.constantFrom(400, 600, 1600).map((ms) => act(`wait(${ms})`, () => vi.advanceTimersByTime(ms))),
  ...often(
    2,
    fc.constantFrom(null, 0.05, 0.045, 0.04, 0.035).map((ms) =>
      act(`quietest(${ms})`, (fleet) => {
        fleet.quietestMs = ms;
      }),
    ),
  ),
  one.map(() => act('restart', (fleet) => fleet.restart())),
  index.map((i) =>
    act(`finishAndRestart(${i})`, (fleet) => {
      finish(fleet, fleet.agents[i]!, 1);
      fleet.restart();
    }),
  ),
];

describe('the fleet', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  it('loses nothing, counts nothing twice and runs dry, whatever happens in whatever order', async () => {
    const folder = temporaryFolder();
    let run = 0;
    const property = fc.asyncProperty(fc.commands(commands, { size: 'max', maxCommands: 60 }), async (some) => {
      const fleet = new Fleet(join(folder, String(run++)));
      try {
        await fc.asyncModelRun(() => ({ model: {}, real: fleet }), some);
        await drain(fleet);
      } finally {
        fleet.database.close();
        fleet.store.close();
        vi.clearAllTimers();
      }
    });
    await fc.assert(property, { numRuns: 40, seed: 1, endOnFailure: false });
    expect(run).toBeGreaterThanOrEqual(40);
  }, 120_000);
});

/** One agent stays and measures, the others are gone: then every job ends. */
async function drain(fleet: Fleet): Promise<void> {
  const isOpen = () => fleet.store.jobs.countOpen(device.id) > 0;
  const [last, ...others] = fleet.agents;
  for (const agent of others) agent.die();
  last!.connect();
  await fleet.settle();
  // Leases and blocks of those that are gone, and of what the last one was cut off from.
  vi.advanceTimersByTime(1600);
  for (let round = 0; round < 400 && isOpen(); round++) {
    last!.connect();
    await fleet.settle();
    finish(fleet, last!, 1);
    await fleet.settle();
  }
  fleet.check();
  expect(isOpen(), 'open jobs that nobody is given').toBe(false);
  const ended = fleet.query<{ key: string }>(
    "SELECT DISTINCT workload_key AS key FROM jobs WHERE state IN ('measured', 'failed', 'quarantined')",
  );
  const keys = new Set(ended.map(({ key }) => key));
  for (const asked of fleet.asked) expect(keys).toContain(workloadKey(workload(asked)));
}
