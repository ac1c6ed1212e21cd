/**
 * How many agents one cloud carries: 10,000 simulated ones over loopback, the cloud in a process of its own. Prints each
 * figure beside its aim, and fails when one is missed. Takes under four minutes and listens on 127.0.0.1 only.
 *
 *   join all ─▶ each asks every 4.5 s, so 2,250 ask in a second (p99) ─▶ answered at once (most per second) ─▶ kill -9 ─▶ all back
 *
 * Dispatch is the time from an agent's `ready` to its job, as agents see it. Two processes simulate the crowd, and what they see holds
 * their own haste, too; so every twentieth agent lives in a third process that has little to do, and the aim is for what these see. Beside
 * it stands what the cloud itself took, from reading to writing, and how busy each process was.
 *
 * `--agents N` takes fewer agents at the same rate; the aims for the rest stay.
 */
import { fork } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Sqlite from 'better-sqlite3';

const { values } = parseArgs({ options: { agents: { type: 'string', default: '10000' } } });
const agentCount = Number(values.agents);
const classCount = 100;
/** Agents asking in a second, sentinels among what they get. */
const asksPerSecond = 2250;
/** By process: the crowd in two, those whose dispatch is judged in the last. */
const watcherCount = Math.ceil(agentCount / 20);
const crowdCount = Math.floor((agentCount - watcherCount) / 2);
const processAgentCounts = [agentCount - watcherCount - crowdCount, crowdCount, watcherCount];

const aims = {
  'agents joined': [agentCount, 'at least', ''],
  'agents lost before the kill': [0, 'at most', ''],
  'heartbeats answered': [0.99, 'at least', ' of those sent'],
  assignments: [2000, 'at least', ' /s'],
  'assignments while dispatch is judged': [2000, 'at least', ' /s'],
  'dispatch, p99': [100, 'at most', ' ms'],
  'memory held by the cloud': [1000, 'at most', ' MB'],
  'all back after kill -9': [60, 'at most', ' s'],
};
let missed = false;
function report(name, value) {
  const [aim, direction, unit] = aims[name];
  const isMet = direction === 'at least' ? value >= aim : value <= aim;
  missed ||= !isMet;
  console.log(
    `${isMet ? 'ok    ' : 'MISSED'}  ${name.padEnd(38)} ${value.toFixed(2)}${unit} (${direction} ${aim}${unit})`,
  );
}

/** A process that is told commands and answers them. */
class Worker {
  #waiting = new Map();
  #count = 0;

  static async start(file, ...args) {
    const worker = new Worker();
    worker.child = fork(fileURLToPath(new URL(file, import.meta.url)), args.map(String));
    worker.child.on('message', ({ id, result }) => worker.#waiting.get(id)?.(result));
    worker.started = await new Promise((resolve, reject) => {
      worker.#waiting.set(0, resolve);
      worker.child.once('exit', (code) => reject(new Error(`${file} ended with ${code}`)));
    });
    return worker;
  }

  tell(command, input) {
    const id = ++this.#count;
    this.child.send({ id, command, input });
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  async kill() {
    this.child.removeAllListeners('exit');
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const ascending = (a, b) => a - b;
const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const folder = mkdtempSync(join(tmpdir(), 'bespoke-fleet-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const port = await freePort();
let cloud = await Worker.start('fleet-server.mjs', folder, port);
const { agentUrl } = cloud.started;
const key = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
letIn();
const clients = await Promise.all(
  processAgentCounts.map((count, index) => {
    const first = processAgentCounts.slice(0, index).reduce((sum, before) => sum + before, 0);
    return Worker.start('fleet-agents.mjs', agentUrl, JSON.stringify(key), first, count, classCount);
  }),
);
const tellAll = (command, input) => Promise.all(clients.map((client) => client.tell(command, input)));

async function agentFigures() {
  const all = await tellAll('figures');
  const sum = (name) => all.reduce((total, figures) => total + figures[name], 0);
  return {
    welcomed: sum('welcomedCount'),
    lost: sum('lostCount'),
    beats: sum('beatCount'),
    beatsAnswered: sum('answeredCount'),
    dispatchesMs: all.flatMap((figures) => figures.dispatchesMs).sort(ascending),
    watchedMs: all.at(-1).dispatchesMs.sort(ascending),
    busyShares: all.map((figures) => figures.busyShare),
  };
}

/** Makes the key known for every agent, without the codes of pairing, each of which takes long to hash on purpose. */
function letIn() {
  const database = new Sqlite(join(folder, 'bespoke.sqlite'));
  const insert = database.prepare("INSERT INTO agents (id, public_key, paired) VALUES (?, ?, '')");
  database.transaction(() => {
    for (let number = 0; number < agentCount; number++) insert.run(`agent-${String(number).padStart(6, '0')}`, key.x);
  })();
  database.close();
}

/** Waits until all agents are welcome; gives how long that took, or the limit. */
async function allWelcome(limitMs) {
  const startMs = performance.now();
  while (performance.now() - startMs < limitMs) {
    if ((await agentFigures()).welcomed === agentCount) break;
    await pause(200);
  }
  return performance.now() - startMs;
}

let mostRssBytes = 0;
async function cloudFigures() {
  const figures = await cloud.tell('figures');
  mostRssBytes = Math.max(mostRssBytes, figures.rssBytes);
  return { ...figures, atMs: performance.now() };
}

console.log(`        ${availableParallelism()} processors, load average ${loadavg()[0].toFixed(1)} before`);

// Join.
await tellAll('dial', { perSecond: 1000 });
const joinMs = await allWelcome(30_000);
const joined = await agentFigures();
console.log(`        joined ${(joinMs / 1000).toFixed(1)} s after the last dialled`);
report('agents joined', joined.welcomed);
await cloudFigures();

/** Lets the agents work for a time; gives what happened within it, the first seconds left out. */
async function work(periodMs, settleMs, watchMs) {
  await tellAll('work', { periodMs });
  await pause(settleMs);
  await agentFigures();
  const before = await cloudFigures();
  await pause(watchMs);
  const after = await cloudFigures();
  const { dispatchesMs, watchedMs, busyShares } = await agentFigures();
  const seconds = (after.atMs - before.atMs) / 1000;
  const perSecond = (name) => (after[name] - before[name]) / seconds;
  return {
    jobsPerSecond: perSecond('grantedCount'),
    allPerSecond: dispatchesMs.length / seconds,
    dispatchesMs,
    watchedMs,
    withinMs: after.withinMs.sort(ascending),
    cpuShare: perSecond('cpuMs') / 1000,
    systemShare: perSecond('systemCpuMs') / 1000,
    cloudBusyShare: after.busyShare,
    busyShares,
  };
}
const percent = (share) => `${(100 * share).toFixed(0)}%`;
const spread = (sorted) => `p50 ${quantile(sorted, 0.5).toFixed(1)} ms, p99 ${quantile(sorted, 0.99).toFixed(1)} ms`;
function print(what, figures) {
  const { jobsPerSecond, allPerSecond, cpuShare, systemShare, cloudBusyShare, busyShares } = figures;
  const cpuUs = (1e6 * cpuShare) / allPerSecond;
  console.log(
    `        ${what}: ${jobsPerSecond.toFixed(0)} jobs/s, ${allPerSecond.toFixed(0)} with sentinels, ${cpuUs.toFixed(0)} us of the cloud's processor each\n` +
      `          cloud: ${percent(cpuShare)} of a core, ${percent(systemShare)} in the system; busy or at the disk ${percent(cloudBusyShare)} of the time\n` +
      `          agents' processes: busy ${busyShares.map(percent).join(', ')} of the time, the last is the one that is judged\n` +
      `          dispatch: judged ${spread(figures.watchedMs)}; all agents ${spread(figures.dispatchesMs)}; within the cloud ${spread(figures.withinMs)}`,
  );
}

// Steady: every agent asks at its beat.
await cloud.tell('measure', { first: 0, count: 1000 });
const steady = await work((1000 * agentCount) / asksPerSecond, 6000, 12_000);
print('steady', steady);
report('assignments while dispatch is judged', steady.jobsPerSecond);
report('dispatch, p99', quantile(steady.watchedMs, 0.99));

// Rush: they answer at once, all of them, so that the cloud is never idle.
await cloud.tell('measure', { first: 1000, count: 1000 });
const rush = await work(0, 3000, 10_000);
print('rush', rush);
report('assignments', rush.jobsPerSecond);

await tellAll('work', { periodMs: null });
let figures = await agentFigures();
// What the rush left waiting is answered yet.
for (const limitMs = performance.now() + 15_000; performance.now() < limitMs; figures = await agentFigures()) {
  if (figures.beatsAnswered >= 0.99 * figures.beats) break;
  await pause(500);
}
report('agents lost before the kill', figures.lost);
report('heartbeats answered', figures.beatsAnswered / figures.beats);
report('memory held by the cloud', mostRssBytes / 1e6);

// Restart.
await cloud.kill();
const killedMs = performance.now();
await pause(1000);
cloud = await Worker.start('fleet-server.mjs', folder, port);
await allWelcome(90_000);
report('all back after kill -9', (performance.now() - killedMs) / 1000);

for (const worker of [...clients, cloud]) await worker.kill();
process.exit(missed ? 1 : 0);
