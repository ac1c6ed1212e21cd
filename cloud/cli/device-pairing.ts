/** `bespoke device pair` and `revoke`: who may join, and who may not come back. They work beside a cloud that runs, or without. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import { isLoopback } from '@bespoke/shared/protocol/address.js';
import type { Command } from 'commander';
import { newPairingCode } from '../server/agent-access.js';
import { openStore } from '../store/store.js';
import { dataDirectoryOption } from './data-folder.js';
import { printResult } from './output.js';

interface Options {
  readonly dataDirectory: string;
  readonly json?: boolean;
}

export function registerPairing(device: Command): void {
  device
    .command('pair')
    .description('make a code that lets one device join, within ten minutes')
    .option(...dataDirectoryOption)
    .option('--json', 'one line of JSON')
    .action(pair);
  device
    .command('revoke')
    .description('send a device away for good; what it measured stays')
    .argument('<id-or-name>')
    .option(...dataDirectoryOption)
    .option('--json', 'one line of JSON')
    .action(revoke);
}

function pair(options: Options): void {
  const store = openStore(options.dataDirectory);
  const made = newPairingCode(store.secrets);
  store.close();
  const url = addressIn(options.dataDirectory);
  const alone = isLoopback(new URL(url).hostname)
    ? '\nThis cloud listens on this machine only; for other devices, start it with --host, --tls-cert and --tls-key (docs/security.md).'
    : '';
  printResult(
    options,
    { ...made, url },
    `On the device, within ten minutes:\n\n  npx bespoke agent pair ${url} ${made.code}\n${alone}`,
  );
}

/** The address that the cloud had at its last start. Throws `FILE_UNREADABLE`. */
function addressIn(dataDirectory: string): string {
  const path = join(dataDirectory, 'address');
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    const problem = `${(cause as Error).message}; start the cloud first, it writes the file`;
    throw new AppError('FILE_UNREADABLE', { path, problem }, { cause });
  }
}

/** A cloud that runs on this data folder sees it within a moment and ends the connection. */
function revoke(wanted: string, options: Options): void {
  const store = openStore(options.dataDirectory);
  const known = store.devices.all().find(({ id, name }) => id === wanted || name === wanted);
  if (known) store.agents.revoke(known.id);
  store.close();
  if (!known) throw new AppError('NOT_FOUND', { what: 'device', id: wanted });
  printResult(
    options,
    { id: known.id, revoked: true },
    `${known.name} may not connect any more; what it measured stays`,
  );
}
