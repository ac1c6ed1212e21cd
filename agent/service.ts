/** `bespoke-agent service`: the agent as a systemd service, so that a device measures from its boot on. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '@bespoke/shared/base/errors.js';
import type { Command } from 'commander';
import { defaultStatePath, readIdentity } from './state.js';

export interface Unit {
  /** Absolute. */
  readonly statePath: string;
  /** Options of `bespoke-agent run` besides the state. */
  readonly runOptions: readonly string[];
  /** A unit of the user's own manager; else of the system's, running as `user`. */
  readonly scope: { readonly kind: 'user' } | { readonly kind: 'system'; readonly user: string };
}

interface ScopeOptions {
  readonly user?: true;
}

interface InstallOptions extends ScopeOptions {
  readonly print?: true;
  readonly state?: string;
}

const unitName = 'bespoke-agent.service';
const program = fileURLToPath(new URL('./main.js', import.meta.url));

export function registerService(parent: Command): void {
  const service = parent.command('service').description('run the agent as a systemd service, from boot on');
  const userOption = ['--user', "a service of this user's own, without root"] as const;
  service
    .command('install')
    .description('write the unit, enable and start it')
    .argument('[run-options...]', 'options of `run`, behind --, e.g. -- --threads 4')
    .option(...userOption)
    .option('--print', 'show the unit and install nothing')
    .option('--state <file>', 'the state file of the paired agent (default: where `pair` puts it)')
    .action(install);
  const verb = (name: string, description: string, action: (options: ScopeOptions) => void) =>
    service
      .command(name)
      .description(description)
      .option(...userOption)
      .action(action);
  verb('status', 'whether it runs', (options) => systemd('systemctl', options, ['status', '--no-pager', unitName]));
  verb('logs', 'what it said last', (options) =>
    systemd('journalctl', options, ['--no-pager', '-n', '200', '-u', unitName]),
  );
  verb('uninstall', 'stop it and remove the unit; the pairing stays', uninstall);
}

/** The text of the unit file. The agent writes to the folder of its state and nowhere else; systemd holds it to that. */
export function unitText({ statePath, runOptions, scope }: Unit): string {
  const command = [process.execPath, program, 'run', '--state', statePath, ...runOptions].map(quote).join(' ');
  const folder = dirname(statePath);
  // What needs root's manager: another user's rights, a priority above the usual, and namespaces.
  const ofSystem =
    scope.kind === 'user'
      ? []
      : [
          `User=${scope.user}`,
          'Nice=-5',
          'ProtectSystem=strict',
          'ProtectHome=read-only',
          `ReadWritePaths=${quote(folder)}`,
          'PrivateTmp=yes',
        ];
  return `${[
    '[Unit]',
    'Description=Bespoke measurement agent',
    'Wants=network-online.target',
    'After=network-online.target',
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    `ExecStart=${command}`,
    'Restart=always',
    'RestartSec=5',
    'CPUWeight=900',
    'NoNewPrivileges=yes',
    ...ofSystem,
    '',
    '[Install]',
    `WantedBy=${scope.kind === 'user' ? 'default.target' : 'multi-user.target'}`,
  ].join('\n')}\n`;
}

/** A word of a unit's line: specifiers and variables stand for themselves. */
function quote(word: string): string {
  const plain = word.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@%+=:,./-]+$/.test(plain) ? plain : `"${plain}"`;
}

function install(runOptions: readonly string[], { state, user, print }: InstallOptions): void {
  // Under sudo the service runs as who asked for it: theirs is the state.
  const account = process.env.SUDO_USER || userInfo().username;
  const statePath = resolve(state ?? defaultStatePath(homeOf(account)));
  const text = unitText({ statePath, runOptions, scope: user ? { kind: 'user' } : { kind: 'system', user: account } });
  if (print) return void process.stdout.write(text);
  requireSystemd();
  readIdentity(statePath);
  const path = unitPath({ user });
  writeUnit(path, text);
  systemd('systemctl', { user }, ['daemon-reload']);
  systemd('systemctl', { user }, ['enable', '--now', unitName]);
  const lingering = user ? '; to have it run while you are not logged in: loginctl enable-linger' : '';
  process.stderr.write(`${path} is written and started${lingering}\n`);
}

function homeOf(account: string): string {
  if (account === userInfo().username) return homedir();
  return spawnSync('getent', ['passwd', account], { encoding: 'utf8' }).stdout?.split(':')[5] || homedir();
}

function uninstall({ user }: ScopeOptions): void {
  systemd('systemctl', { user }, ['disable', '--now', unitName]);
  rmSync(unitPath({ user }), { force: true });
  systemd('systemctl', { user }, ['daemon-reload']);
}

function unitPath({ user }: ScopeOptions): string {
  if (!user) return join('/etc/systemd/system', unitName);
  return join(process.env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'systemd', 'user', unitName);
}

/** Throws `SERVICE_UNAVAILABLE`. */
function writeUnit(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  } catch (cause) {
    const problem = `${path} cannot be written (${(cause as Error).message})`;
    const remedy = 'run it with sudo, or with --user for a service of your own';
    throw new AppError('SERVICE_UNAVAILABLE', { problem, remedy }, { cause });
  }
}

/** Runs it with its output shown, and takes over its exit code. Throws `SERVICE_UNAVAILABLE`. */
function systemd(command: 'systemctl' | 'journalctl', { user }: ScopeOptions, args: readonly string[]): void {
  requireSystemd();
  const { status } = spawnSync(command, [...(user ? ['--user'] : []), ...args], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = status ?? 1;
}

function requireSystemd(): void {
  if (existsSync('/run/systemd/system')) return;
  throw new AppError('SERVICE_UNAVAILABLE', {
    problem: 'systemd does not run this machine',
    remedy: 'have its own init system start `bespoke-agent run`',
  });
}
