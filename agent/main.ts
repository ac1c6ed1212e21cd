/** The headless agent: `node agent/dist/main.js run --url ws://127.0.0.1:8420 --token-file FILE`. */
import { hostname } from 'node:os';
import { isAppError } from '@bespoke/shared/base/errors.js';
import { parseRuntimeNames, type RuntimeName, runtimeNames } from '@bespoke/shared/latency/table.js';
import { Command, InvalidArgumentError } from 'commander';
import { runAgent } from './agent.js';
import { defaultStatePath } from './device.js';
import { examineRuntimes } from './doctor.js';
import { createMeasurer } from './measurer.js';

interface RunOptions {
  readonly url: string;
  readonly tokenFile: string;
  readonly name: string;
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
  .command('run')
  .description('connect to a cloud and measure what it asks for, until stopped')
  .requiredOption('--url <url>', 'the address of the cloud, ws:// or wss://', parseUrl)
  .requiredOption('--token-file <file>', "the cloud's agent token (agent-token in its data folder)")
  .option('--name <name>', 'what to call this device', hostname().slice(0, 200) || 'device')
  .option('--threads <counts>', 'numbers of threads to offer, e.g. 1,2', parseThreads, [1])
  .option(
    '--runtimes <names>',
    `which runtimes to offer where they load, of ${runtimeNames.join(', ')}`,
    parseRuntimes,
    ['tflite'],
  )
  .option('--state <file>', 'where this device keeps its id', defaultStatePath())
  .option('--exit-with-parent <pid>', 'stop when the process with this id, which started this one, ends', parsePid)
  .action(run);

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

async function run(options: RunOptions): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  if (options.exitWithParent !== undefined) stopWithParent(options.exitWithParent, stop);
  const measurer = createMeasurer({ threads: options.threads, runtimes: options.runtimes });
  stop.signal.addEventListener('abort', () => void measurer.close()); // it may be loading one runtime after another
  try {
    const { url, tokenFile: tokenPath, state: statePath, name } = options;
    const log = (line: string) => void process.stderr.write(`${new Date().toISOString()} agent ${name}: ${line}\n`);
    await runAgent({ url, tokenPath, statePath, name, measurer, signal: stop.signal, log });
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

function parseUrl(text: string): string {
  if (URL.canParse(text) && /^wss?:$/.test(new URL(text).protocol)) return text;
  throw new InvalidArgumentError('expected an address like ws://127.0.0.1:8420');
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
