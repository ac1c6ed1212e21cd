/** The headless agent: `bespoke-agent pair URL CODE`, then `bespoke-agent run`. */
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { isAppError } from '@bespoke/shared/base/errors.js';
import { parseRuntimeNames, type RuntimeName, runtimeNames } from '@bespoke/shared/latency/table.js';
import { Command, InvalidArgumentError } from 'commander';
import { runAgent } from './agent.js';
import { examineRuntimes } from './doctor.js';
import { createMeasurer } from './measurer.js';
import { pairAgent } from './pair.js';
import { registerRuntime } from './runtime-packages.js';
import { registerService } from './service.js';
import { defaultStatePath, readIdentity } from './state.js';

interface PairCall {
  readonly state: string;
  readonly name: string;
  readonly ca?: string;
  readonly tlsName?: string;
  readonly insecurePlain?: true;
}

interface RunOptions {
  readonly threads: readonly number[];
  readonly runtimes: readonly RuntimeName[];
  readonly state: string;
  readonly exitWithParent?: number;
}

/** How often to look whether the parent still lives. */
const parentCheckMs = 500;

const program = new Command('bespoke-agent').description(
  'Measures neural networks on this device for a Bespoke cloud.',
);
program
  .command('pair')
  .description('make this device known to a cloud')
  .argument('<url>', 'the address of the cloud, as its dashboard shows it', parseUrl)
  .argument('[code]', 'the pairing code; without it, it is read from stdin')
  .option('--name <name>', 'what to call this device', hostname().slice(0, 200) || 'device')
  .option('--ca <file>', 'certificate (PEM) of the cloud or of its authority, where the system does not know it')
  .option('--tls-name <name>', "the name that the cloud's certificate bears, where that is not its address")
  .option('--insecure-plain', 'allow an unencrypted connection beyond this machine')
  .option('--state <file>', 'where this device keeps its id and key', defaultStatePath())
  .action(pair);

program
  .command('run')
  .description('connect to the cloud that it was paired with and measure what it asks for, until stopped')
  .option('--threads <counts>', 'numbers of threads to offer, e.g. 1,2', parseThreads, [1])
  .option(
    '--runtimes <names>',
    `which runtimes to offer where they load, of ${runtimeNames.join(', ')}`,
    parseRuntimes,
    ['tflite'],
  )
  .option('--state <file>', 'where this device keeps its id and key', defaultStatePath())
  .option('--exit-with-parent <pid>', 'stop when the process with this id, which started this one, ends', parsePid)
  .action(run);

registerService(program);
registerRuntime(program);

program
  .command('doctor')
  .description('which runtimes work here and, for each that does not, the command that mends it')
  .option('--json', 'one line of JSON')
  .action(examine);

async function examine({ json }: { json?: true }): Promise<void> {
  const measurer = createMeasurer({ threads: [1] });
  const findings = await examineRuntimes(measurer);
  await measurer.close();
  const lines = findings.map(
    ({ part, ok, detail, remedy }) =>
      `${ok ? 'ok' : 'missing'}  ${part}  ${detail}${remedy ? `; to get it: ${remedy}` : ''}`,
  );
  process.stdout.write(`${json ? JSON.stringify(findings) : lines.join('\n')}\n`);
}

async function pair(url: string, code: string | undefined, options: PairCall): Promise<void> {
  const { ca, tlsName, insecurePlain, state: statePath, name } = options;
  const cloud = {
    url,
    ...(ca !== undefined && { caPath: resolve(ca) }),
    ...(tlsName !== undefined && { tlsName }),
    ...(insecurePlain && { insecurePlain }),
  };
  await pairAgent({ cloud, code: code ?? (await readLine('pairing code: ')), statePath, name });
  process.stderr.write(`paired with ${url} as ${name}; start the agent with: bespoke-agent run\n`);
}

async function readLine(prompt: string): Promise<string> {
  if (process.stdin.isTTY) process.stderr.write(prompt);
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) return line;
  return '';
}

async function run(options: RunOptions): Promise<void> {
  const identity = readIdentity(options.state);
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  if (options.exitWithParent !== undefined) stopWithParent(options.exitWithParent, stop);
  const measurer = createMeasurer({ threads: options.threads, runtimes: options.runtimes });
  stop.signal.addEventListener('abort', () => void measurer.close()); // it may be loading one runtime after another
  try {
    const log = (line: string) =>
      void process.stderr.write(`${new Date().toISOString()} agent ${identity.name}: ${line}\n`);
    await runAgent({ identity, measurer, signal: stop.signal, log });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    await measurer.close();
  }
}

/** An orphan gets another parent: that is how it learns. The parent says who it is, for it may end before this process looks. */
function stopWithParent(pid: number, stop: AbortController): void {
  const check = setInterval(() => process.ppid !== pid && stop.abort(), parentCheckMs);
  check.unref();
}

/** What a browser shows is http(s); the agent speaks ws(s) there. */
function parseUrl(text: string): string {
  const url = text.replace(/^http/, 'ws');
  if (URL.canParse(url) && /^wss?:$/.test(new URL(url).protocol)) return new URL('/', url).href.replace(/\/$/, '');
  throw new InvalidArgumentError('expected an address like https://cloud.example:8420');
}

function parsePid(text: string): number {
  const pid = Number(text);
  if (Number.isInteger(pid) && pid > 0) return pid;
  throw new InvalidArgumentError('expected a process id');
}

/** So many at most: with each, most runtimes are offered once more, and a cloud takes 32 of an agent. */
const maxThreadCounts = 4;

function parseThreads(text: string): number[] {
  const counts = [...new Set(text.split(',').map(Number))];
  const fit = counts.every((count) => Number.isInteger(count) && count >= 1 && count <= 256);
  if (fit && counts.length <= maxThreadCounts) return counts;
  throw new InvalidArgumentError(`expected up to ${maxThreadCounts} whole numbers from 1 to 256, with commas between`);
}

function parseRuntimes(text: string): RuntimeName[] {
  const names = parseRuntimeNames(text);
  if (names) return names;
  throw new InvalidArgumentError(`expected names of ${runtimeNames.join(', ')}, with commas between`);
}

try {
  await program.parseAsync();
} catch (error) {
  if (!isAppError(error)) throw error;
  process.stderr.write(`bespoke-agent: ${error.message} [${error.code}]\n`);
  process.exitCode = 1;
}
