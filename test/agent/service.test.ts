import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { unitText } from '@bespoke/agent/service.js';
import { describe, expect, it } from 'vitest';
import { runToEnd } from '../support/command.js';
import { temporaryFolder } from '../support/folder.js';

const program = join(import.meta.dirname, '..', '..', 'agent', 'dist', 'main.js');

describe('unitText', () => {
  it('writes a unit of the system that may write its state and nothing else', () => {
    const scope = { kind: 'system', user: 'pi' } as const;
    expect(unitText({ statePath: '/var/lib/bespoke/agent.json', runOptions: ['--threads', '4'], scope })).toBe(
      `[Unit]
Description=Bespoke measurement agent
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart=${process.execPath} ${program} run --state /var/lib/bespoke/agent.json --threads 4
Restart=always
RestartSec=5
CPUWeight=900
NoNewPrivileges=yes
User=pi
Nice=-5
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths=/var/lib/bespoke
PrivateTmp=yes

[Install]
WantedBy=multi-user.target
`,
    );
  });

  it('asks nothing of a user manager that only root can give', () => {
    const text = unitText({ statePath: '/s/agent.json', runOptions: [], scope: { kind: 'user' } });
    expect(text).toContain('WantedBy=default.target');
    expect(text).not.toMatch(/^(User|Nice|Protect\w+|PrivateTmp)=/m);
  });

  it("takes a path's blanks, quotes, percents and dollars as they are", () => {
    const text = unitText({ statePath: '/my "disk"/100% $HOME/a.json', runOptions: [], scope: { kind: 'user' } });
    expect(text).toContain(' run --state "/my \\"disk\\"/100%% $$HOME/a.json"\n');
  });

  const verifier = spawnSync('systemd-analyze', ['--version']).status === 0;
  if (!verifier) console.warn('SKIPPED: systemd-analyze is not here to verify the unit: apt-get install -y systemd');
  it.skipIf(!verifier)('writes what systemd understands', () => {
    const folder = join(temporaryFolder(), 'a folder');
    mkdirSync(folder);
    for (const scope of [{ kind: 'user' }, { kind: 'system', user: userInfo().username }] as const) {
      const path = join(folder, '..', 'bespoke-agent.service');
      writeFileSync(path, unitText({ statePath: join(folder, 'agent.json'), runOptions: ['--threads', '2'], scope }));
      const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' });
      expect([status, stderr.split('\n').filter((line) => line.includes('bespoke-agent'))]).toEqual([0, []]);
      writeFileSync(path, `${unitText({ statePath: '/s', runOptions: [], scope })}NoSuchKey=1\n`);
      const bad = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' });
      expect(bad.stderr).toContain('NoSuchKey');
    }
  });
});

describe('bespoke-agent service', () => {
  it('shows the unit without installing it', async () => {
    const args = ['service', 'install', '--print', '--user', '--state', '/s/agent.json', '--', '--threads', '4'];
    const { code, stdout } = await runToEnd('bespoke-agent', args);
    expect(code).toBe(0);
    expect(stdout).toBe(
      unitText({ statePath: '/s/agent.json', runOptions: ['--threads', '4'], scope: { kind: 'user' } }),
    );
  });

  it('under sudo takes the state of who asked, and runs as them', async () => {
    const env = { SUDO_USER: 'nobody', XDG_STATE_HOME: '' };
    const { stdout } = await runToEnd('bespoke-agent', ['service', 'install', '--print'], '', env);
    const home = spawnSync('getent', ['passwd', 'nobody'], { encoding: 'utf8' }).stdout.split(':')[5];
    expect(home).not.toBe(process.env.HOME);
    expect(stdout).toContain(`run --state ${home}/.local/state/bespoke/agent.json\n`);
    expect(stdout).toContain('User=nobody\n');
  });

  const systemdRuns = existsSync('/run/systemd/system');
  if (systemdRuns) console.warn('SKIPPED: systemd runs here, so what is said where it does not cannot be seen');
  it.skipIf(systemdRuns).each(['install', 'status', 'logs', 'uninstall'])(
    '%s says in one sentence where there is no systemd',
    async (verb) => {
      expect(await runToEnd('bespoke-agent', ['service', verb])).toEqual({
        code: 1,
        stdout: '',
        stderr:
          'bespoke-agent: expected to manage a system service, but systemd does not run this machine; have its own init system start `bespoke-agent run` [SERVICE_UNAVAILABLE]\n',
      });
    },
  );
});
