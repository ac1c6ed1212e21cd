/**
 * Real clouds, real agents and real connections, killed at random while a campaign runs; then every workload must have been
 * counted exactly once, with its own number. Prints a line of JSON with what was done.
 *
 *   4 agents, twins of each other ──▶ proxy that cuts connections ──▶ cloud
 *
 * `--kills N` (30), `--seed S` (1), `--workloads N` (10 per kill).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pairAgent } from '@bespoke/agent/pair.js';
import { newPairingCode } from '@bespoke/cloud/server/agent-access.js';
import { openStore } from '@bespoke/cloud/store/store.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import Sqlite from 'better-sqlite3';

const text = (fallback) => ({ type: 'string', default: fallback });
const { values } = parseArgs({ options: { kills: text('30'), seed: text('1'), workloads: text('') } });
const killCount = Number(values.kills);
const workloadCount = Number(values.workloads || 10 * killCount);
const agentCount = 4;
const measureMs = 20;
/** Between two faults the fleet measures so much more, at most; or it may be that nothing goes on, for so long. */
const mostMeasured = 6;
const mostPauseMs = 20_000;

const stream = randomStream(Number(values.seed), 'faults');
const folder = mkdtempSync(join(tmpdir(), 'bespoke-faults-'));
const children = new Set();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 }); // what was killed may write yet
});
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A program beside this one that is started again whenever it is killed. */
class Immortal {
  killedCount = 0;

  constructor(file, args) {
    this.start = () => {
      const program = fileURLToPath(new URL(file, import.meta.url));
      this.child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
      this.stderr = '';
      this.child.stderr.on('data', (data) => {
        this.stderr = (this.stderr + data).slice(-2000);
      });
      children.add(this.child);
      this.child.on('exit', (code, signal) => {
        children.delete(this.child);
        if (signal === 'SIGKILL') return;
        process.stderr.write(`${file} ended by itself with ${code ?? signal}: ${this.stderr}\n`);
        process.exit(1);
      });
    };
    this.start();
  }

  async kill() {
    this.killedCount++;
    const { child } = this;
    child.kill('SIGKILL');
    await once(child, 'exit');
    this.start();
  }
}

async function listening(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}

// A port that is free now, so that the cloud can come back on it.
const placeholder = createServer();
const cloudPort = await listening(placeholder);
await new Promise((resolve) => placeholder.close(resolve));

const links = new Set();
const proxyPort = await listening(
  createServer((near) => {
    const far = connect(cloudPort, '127.0.0.1');
    const cut = () => {
      near.destroy();
      far.destroy();
      links.delete(cut);
    };
    links.add(cut);
    for (const socket of [near, far]) socket.on('error', cut).on('close', cut);
    near.pipe(far).pipe(near);
  }),
);

const data = join(folder, 'data');
const gate = join(folder, 'gate');
writeFileSync(gate, '');
const cloud = new Immortal('cloud-process.mjs', [data, String(cloudPort), String(workloadCount)]);
const url = `ws://127.0.0.1:${proxyPort}`;
while (!existsSync(join(data, 'address'))) await pause(10);
const store = openStore(data);
const statePaths = Array.from({ length: agentCount }, (_, index) => join(folder, `agent-${index}.json`));
for (const statePath of statePaths)
  await pairAgent({ cloud: { url }, code: newPairingCode(store.secrets).code, statePath, name: 'test device' });
store.close();
const agents = statePaths.map(
  (statePath) => new Immortal('agent-process.mjs', [url, '', statePath, gate, String(measureMs)]),
);

let cutCount = 0;
const faults = {
  cloud: () => cloud.kill(),
  agent: () => agents[stream.integer(agentCount)].kill(),
  connection: () => {
    const [cut] = [...links].slice(stream.integer(Math.max(links.size, 1)));
    cut?.();
    cutCount += cut ? 1 : 0;
  },
};
const often = ['cloud', 'agent', 'agent', 'connection', 'connection'];

const startMs = performance.now();
const killedCount = (all) => all.reduce((sum, program) => sum + program.killedCount, 0);
const path = join(data, 'bespoke.sqlite');
while (!existsSync(path) || links.size === 0) await pause(10);
const database = new Sqlite(path, { readonly: true });
const one = (sql) => Object.values(database.prepare(sql).get())[0];
const measuredCount = () => one('SELECT COUNT(*) FROM measurements');

while (killedCount([cloud, ...agents]) + cutCount < killCount) {
  const goal = measuredCount() + stream.integer(mostMeasured + 1);
  const untilMs = performance.now() + mostPauseMs;
  while (measuredCount() < goal && performance.now() < untilMs) await pause(5);
  await faults[often[stream.integer(often.length)]]();
}
const faultsMs = performance.now() - startMs;

const isDone = () =>
  one("SELECT COUNT(DISTINCT workload_key) FROM measurements WHERE verdict IN ('good', 'doubtful')") ===
    workloadCount && one("SELECT COUNT(*) FROM jobs WHERE state IN ('queued', 'leased', 'provisional')") === 0;
while (!isDone()) await pause(200);

const wrong = {
  countedTwice: one(
    "SELECT COUNT(*) FROM (SELECT workload_key FROM measurements WHERE verdict <> 'void' GROUP BY workload_key HAVING COUNT(*) <> 1)",
  ),
  leasesWithTwo: one('SELECT COUNT(*) FROM (SELECT lease_id FROM measurements GROUP BY lease_id HAVING COUNT(*) > 1)'),
  otherNumbers: one(
    `SELECT COUNT(*) FROM measurements m JOIN workloads w ON w.key = m.workload_key
     WHERE median_ms <> json_extract(workload, '$.body.outChannels') + 1000 * (json_extract(workload, '$.inputShapes[0][2]') - 3)`,
  ),
};
const done = {
  workloads: workloadCount,
  cloudKills: cloud.killedCount,
  agentKills: killedCount(agents),
  cutConnections: cutCount,
  measurements: measuredCount(),
  void: one("SELECT COUNT(*) FROM measurements WHERE verdict = 'void'"),
  doubtful: one("SELECT COUNT(*) FROM measurements WHERE verdict = 'doubtful'"),
  deaths: one("SELECT COUNT(*) FROM leases WHERE reason = 'crashed'"),
  faultsSeconds: Math.round(faultsMs / 1000),
  seconds: Math.round((performance.now() - startMs) / 1000),
  ...wrong,
};
process.stdout.write(`${JSON.stringify(done)}\n`);
process.exit(Object.values(wrong).every((count) => count === 0) ? 0 : 1);
