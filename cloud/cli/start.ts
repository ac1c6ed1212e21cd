/** `bespoke start`: the cloud with its dashboard, and an agent for this machine beside it. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '@bespoke/shared/base/errors.js';
import { type RuntimeName, runtimeNames } from '@bespoke/shared/latency/table.js';
import type { Command } from 'commander';
import { pino } from 'pino';
import { type Cloud, startCloud } from '../compose.js';
import type { CloudSettings } from '../config.js';
import { measureFirstTable } from '../first-table.js';
import { startLocalAgent } from '../local-agent.js';
import { createStudyService, type RunningStudies } from '../study-service.js';
import { dataDirectoryOption } from './data-folder.js';
import { runtimeList, wholeNumber } from './output.js';

/** The built dashboard. */
export const dashboardDirectory = fileURLToPath(new URL('../../dashboard/dist', import.meta.url));

interface StartOptions {
  readonly dataDirectory: string;
  readonly host: string;
  readonly port: number;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly insecurePlain?: boolean;
  readonly threads: number;
  readonly runtimes: readonly RuntimeName[];
  readonly agent: boolean;
}

export function registerStart(program: Command): void {
  program
    .command('start')
    .description('start the cloud, the dashboard and an agent for this machine')
    .option(...dataDirectoryOption)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port to listen on; 0 lets the system choose', wholeNumber(0, 65_535), 8420)
    .option('--tls-cert <file>', 'certificate with its chain, PEM: serves https and wss only')
    .option('--tls-key <file>', 'key of the certificate, PEM')
    .option('--insecure-plain', 'allow a host beyond this machine without encryption')
    .option('--threads <count>', "threads of this machine's runtime", wholeNumber(1, 256), 1)
    .option('--runtimes <names>', `this machine's runtimes, of ${runtimeNames.join(', ')}`, runtimeList, ['tflite'])
    .option('--no-agent', 'start no agent for this machine')
    .action(start);
}

/** A cloud with studies. */
export async function startWithStudies(
  settings: Omit<CloudSettings, 'dashboardDirectory'>,
): Promise<Cloud & { studies: RunningStudies }> {
  let studies: RunningStudies | undefined;
  const cloud = await startCloud({
    ...settings,
    dashboardDirectory,
    log: pino({ level: 'warn' }, pino.destination(2)),
    studies: (parts) => {
      studies = createStudyService(parts);
      return studies;
    },
  });
  const running = studies!;
  return {
    ...cloud,
    studies: running,
    async close() {
      running.close();
      await cloud.close();
    },
  };
}

async function start(options: StartOptions): Promise<void> {
  const { dataDirectory, host, port, insecurePlain, threads, runtimes, agent } = options;
  const cloud = await startWithStudies({ dataDirectory, host, port, insecurePlain, ...tlsOf(options) });
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void cloud.close().then(() => process.exit(0)));
  process.stdout.write(
    `\n  Bespoke is ready. Open ${cloud.newLoginUrl()}\n  (the address signs one browser in; data in ${join(dataDirectory)})\n\n`,
  );
  cloud.studies.resumeAll();
  if (!agent) return;
  const { device } = await startLocalAgent(cloud, { threads, runtimes });
  process.stderr.write(`this machine joined as ${device.name}\n`);
  await measureFirstTable(cloud, device);
}

/** Throws `CONFIG_INVALID` where only one of the two files is given. */
function tlsOf({ tlsCert: certPath, tlsKey: keyPath }: StartOptions): Pick<CloudSettings, 'tls'> {
  if (certPath !== undefined && keyPath !== undefined) return { tls: { certPath, keyPath } };
  if (certPath === undefined && keyPath === undefined) return {};
  throw new AppError('CONFIG_INVALID', {
    path: '$.tls',
    problem: 'expected both --tls-cert and --tls-key, but got one',
  });
}
