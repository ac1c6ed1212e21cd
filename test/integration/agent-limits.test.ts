/** What an agent never does, seen from outside while the real one measures for a real cloud: docs/security.md lists it. */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runToEnd } from '../support/command.js';
import { testCloud, workload } from '../support/fleet.js';
import { temporaryFolder } from '../support/folder.js';
import { until } from '../support/until.js';

const root = join(import.meta.dirname, '..', '..');
const agentFolder = join(root, 'agent');

/** Sockets of the process that others could connect to. */
function listeningCount(pid: number | string): number {
  const listening = ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === '0A')
      .map((fields) => `socket:[${fields[9]}]`),
  );
  const own = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return ''; // closed in between
    }
  });
  return own.filter((link) => listening.includes(link)).length;
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}

describe('an agent that measures', () => {
  it('listens on no port, and writes to its state file alone', { timeout: 90_000 }, async () => {
    const home = temporaryFolder();
    for (const name of ['tmp', 'state']) mkdirSync(join(home, name));
    const env = { ...process.env, HOME: home, TMPDIR: join(home, 'tmp'), XDG_STATE_HOME: join(home, 'state') };
    const statePath = join(home, 'state', 'bespoke', 'agent.json');
    const cloud = await testCloud();
    const paired = await runToEnd('bespoke-agent', ['pair', cloud.url], cloud.newPairingCode().code, env);
    expect(paired.code).toBe(0);
    const startMs = Date.now();
    const agent = spawn(process.execPath, [join(agentFolder, 'bin', 'bespoke-agent.js'), 'run'], {
      env,
      cwd: home,
      stdio: 'ignore',
    });
    onTestFinished(() => void agent.kill('SIGKILL'));
    const device = await until('it joins', () => cloud.store.devices.all()[0]);
    await cloud.ensureMeasured(device.id, device.runtimes[0]!, [workload(7)]);

    const children = readFileSync(`/proc/${agent.pid}/task/${agent.pid}/children`, 'utf8').trim().split(' ');
    expect([agent.pid!, ...children].map(listeningCount)).toEqual([0, ...children.map(() => 0)]);
    const server = createServer().listen(0, '127.0.0.1');
    await until('a server listens', () => server.listening);
    expect(listeningCount(process.pid)).toBeGreaterThan(0); // this is how it would look
    server.close();

    expect(filesUnder(home)).toEqual([statePath]);
    expect(statSync(statePath).mtimeMs).toBeLessThan(startMs);
    expect(filesUnder(agentFolder).filter((path) => statSync(path).mtimeMs > startMs)).toEqual([]);
  });
});

describe('the sources of agent and shared', () => {
  it('hold nothing that runs code from elsewhere, and start only programs that they name', () => {
    const sources = ['agent', 'shared'].flatMap((folder) =>
      filesUnder(join(root, folder)).filter(
        (path) => path.endsWith('.ts') && !/\/(dist|build|node_modules)\//.test(path),
      ),
    );
    expect(sources.length).toBeGreaterThan(50);
    const using = (pattern: RegExp) =>
      sources.filter((path) => pattern.test(readFileSync(path, 'utf8'))).map((path) => path.slice(root.length + 1));
    expect(using(/\beval\(|\bnew Function\b|node:vm|\bWebAssembly\.(compile|instantiate)|\bimport\([^'"]/)).toEqual([]);
    expect(using(/node:child_process/).sort()).toEqual([
      'agent/host-state.ts', // vcgencmd, which says whether a Raspberry Pi throttles
      'agent/isolate.ts', // its own measuring process
      'agent/runtime-packages.ts', // npm, when somebody types `runtime add`
      'agent/service.ts', // systemctl and journalctl, when somebody types `service`
    ]);
  });
});
