/** `bespoke train-host`: runs stages of pipelines on this machine for `bespoke train` on another one. */
import { join } from 'node:path';
import { formatHostPort, type HostPort, parseHostPort } from '@bespoke/shared/protocol/address.js';
import { type Command, InvalidArgumentError } from 'commander';
import { keepToken } from '../train/gpipe/remote/host-token.js';
import { startTrainHost } from '../train/gpipe/remote/train-host.js';
import { trainingProgram } from '../train/gpipe/training-stage.js';
import { dataDirectoryOption } from './data-folder.js';

interface Options {
  readonly listen: HostPort;
  readonly dataDirectory: string;
  readonly insecurePlain?: boolean;
}

export function registerTrainHost(program: Command): void {
  program
    .command('train-host')
    .description('run stages of a pipelined training on this machine, for `bespoke train --hosts` on another one')
    .option('--listen <host:port>', 'address to listen on; port 0 lets the system choose', hostPort, {
      host: '127.0.0.1',
      port: 7420,
    })
    .option(...dataDirectoryOption)
    .option('--insecure-plain', 'allow an address beyond this machine: what goes over it is not encrypted')
    .action(host);
}

async function host({ listen, dataDirectory, insecurePlain }: Options): Promise<void> {
  const tokenPath = join(dataDirectory, 'train-host', 'token');
  const token = keepToken(tokenPath);
  const running = await startTrainHost({
    listen,
    insecurePlain,
    token,
    runDirectory: join(dataDirectory, 'train-host', 'runs'),
    datasetDirectory: join(dataDirectory, 'datasets'),
    program: trainingProgram,
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void running.close().then(() => process.exit(0)));
  process.stdout.write(
    `\n  Stages of other machines can run here: ${formatHostPort(running.address)}\n  Token, for the tokenFile of a hosts file there: ${token}\n  (kept in ${tokenPath})\n\n`,
  );
}

function hostPort(text: string): HostPort {
  const parsed = parseHostPort(text);
  if (parsed) return parsed;
  throw new InvalidArgumentError('Expected an address with a port, e.g. 192.168.0.12:7420.');
}
