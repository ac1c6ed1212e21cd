/** `bespoke study` and `bespoke demo`: a study from start to file, in the terminal. */
import { AppError } from '@bespoke/shared/base/errors.js';
import {
  type EstimateView,
  type StudyDetail,
  type StudyResult,
  type StudyView,
  timedThing,
} from '@bespoke/shared/protocol/api.js';
import { type Command, Option } from 'commander';
import { stringify } from 'yaml';
import type { Cloud } from '../compose.js';
import { type LocalAgent, startLocalAgent } from '../local-agent.js';
import { rejudgingSpec } from '../search/eeea/archive-of.js';
import { formatError } from '../search/predictor.js';
import { presetNames } from '../search/presets.js';
import { parseSpec, resolveSpec, type StudySpec, writeSpec } from '../search/spec.js';
import { type MethodName, methodNames } from '../search/spec-schema.js';
import { openStore } from '../store/store.js';
import { estimateStudy } from '../study-estimate.js';
import { placesFor } from '../study-places.js';
import { readTextFile } from '../train/files.js';
import { dataDirectoryOption } from './data-folder.js';
import { formatRows, positiveNumber, printResult, wholeNumber } from './output.js';
import { createProgress, formatDuration } from './progress.js';
import { startWithStudies } from './start.js';

interface DemoOptions {
  readonly data: string;
  readonly minutes: number;
  readonly budgetMs?: number;
  readonly seed: number;
  readonly threads: number;
  readonly method: MethodName;
  readonly space: (typeof presetNames)[number];
  readonly backend: NonNullable<StudySpec['backend']>;
  readonly dataDirectory: string;
}

export function registerStudy(program: Command): void {
  program
    .command('demo')
    .description('measure this machine, search, train, export, measure the file: one study with all defaults')
    .option('--data <source>', 'folder or zip of images by class, cifar10, cifar100, or synthetic', 'synthetic')
    .option('--minutes <minutes>', 'for everything', positiveNumber, 10)
    .option(
      '--budget-ms <ms>',
      'latency budget; without it, half-way, in equal factors, from the fastest to the slowest network',
      positiveNumber,
    )
    .option('--seed <number>', 'of everything random', wholeNumber(0, 2 ** 31 - 1), 0)
    .option('--threads <count>', "threads of this machine's runtime", wholeNumber(1, 256), 1)
    .addOption(
      new Option('--method <name>', 'search by gradients (ProxylessNAS) or by evolution (EEEA-Net)')
        .choices(methodNames)
        .default('proxyless'),
    )
    .addOption(
      new Option('--space <preset>', 'search space of proxyless; eeea evolves cells')
        .choices(presetNames.filter((name) => name !== 'custom'))
        .default('small'),
    )
    .addOption(
      new Option('--backend <name>', 'training backend').choices(['auto', 'tensorflow', 'wasm']).default('auto'),
    )
    .option(...dataDirectoryOption)
    .action(demo);

  const study = program.command('study').description('run and list studies');
  study
    .command('run')
    .description('run the study of a YAML file in this terminal')
    .argument('<file>', 'the specification; see docs/search.md')
    .option(...dataDirectoryOption)
    .action(async (file: string, { dataDirectory }: { dataDirectory: string }) => {
      await runInTerminal(await readTextFile(file), dataDirectory);
    });
  study
    .command('estimate')
    .description('what the study of a YAML file would have to measure on its device, and how long that takes')
    .argument('<file>', 'the specification; see docs/search.md')
    .option(...dataDirectoryOption)
    .option('--json', 'one line of JSON')
    .action(async (file: string, options: { dataDirectory: string; json?: boolean }) => {
      const spec = resolveSpec(parseSpec(await readTextFile(file)));
      const store = openStore(options.dataDirectory);
      try {
        const estimate = await estimateStudy({ store, config: options }, spec, placesFor({ store }, spec)[0]!, 1);
        printResult(options, estimate, describeEstimate(estimate));
      } finally {
        store.close();
      }
    });
  study
    .command('rejudge')
    .description(
      'print a specification that judges the networks of a finished evolution anew: fill in device and budget, and run it',
    )
    .argument('<id>')
    .option(...dataDirectoryOption)
    .action((id: string, options: { dataDirectory: string }) => {
      const store = openStore(options.dataDirectory);
      const detail = store.studies.detail(id);
      store.close();
      if (!detail) throw new AppError('NOT_FOUND', { what: 'study', id });
      const spec = resolveSpec(parseSpec(detail.specYaml));
      process.stdout.write(writeSpec(rejudgingSpec(id, { status: detail.status, spec })));
    });
  study
    .command('ls')
    .description('all studies, latest first')
    .option(...dataDirectoryOption)
    .option('--json', 'one line of JSON')
    .action((options: { dataDirectory: string; json?: boolean }) => {
      const store = openStore(options.dataDirectory);
      const studies = store.studies.all();
      store.close();
      printResult(
        options,
        studies,
        studies.map(describe).join('\n') || 'no studies yet; start one with `bespoke demo` or in the dashboard',
      );
    });
  study
    .command('show')
    .description('one study with its specification, its log and its result')
    .argument('<id>')
    .option(...dataDirectoryOption)
    .option('--json', 'one line of JSON')
    .action((id: string, options: { dataDirectory: string; json?: boolean }) => {
      const store = openStore(options.dataDirectory);
      const detail = store.studies.detail(id);
      store.close();
      if (!detail) throw new AppError('NOT_FOUND', { what: 'study', id });
      printResult(
        options,
        detail,
        [
          describe(detail),
          '',
          detail.specYaml,
          ...detail.log,
          ...(detail.result ? ['', resultTable(detail.result, detail.predictionError)] : []),
        ].join('\n'),
      );
    });
}

function describeEstimate({ totalCount, missingCount, jobCount, remainingMs }: EstimateView): string {
  const known = `${totalCount - missingCount} of ${totalCount} workloads are known`;
  if (jobCount === 0) return `${known}: nothing to measure`;
  const time = remainingMs === null ? 'nothing was measured on it yet' : `about ${formatDuration(remainingMs)}`;
  return `${known}; ${jobCount} measurements on one device: ${time}`;
}

async function demo({
  data: source,
  minutes,
  budgetMs,
  seed,
  threads,
  method,
  space,
  backend,
  dataDirectory,
}: DemoOptions): Promise<void> {
  const spec: StudySpec = {
    version: 1,
    method,
    name: 'demo',
    data: { source },
    space,
    minutes,
    seed,
    threads,
    backend,
    budgetMs: budgetMs ?? null,
  };
  await runInTerminal(stringify(spec), dataDirectory);
}

/** Cloud, agent and study in this process's care; prints the table and, last on stdout, the result as one line of JSON. */
async function runInTerminal(yaml: string, dataDirectory: string): Promise<void> {
  const startMs = Date.now();
  const { threads, runtime } = resolveSpec(parseSpec(yaml));
  const cloud = await startWithStudies({ dataDirectory, port: 0 });
  let agent: LocalAgent | undefined;
  try {
    process.stderr.write(`watch it in a browser: ${cloud.newLoginUrl()}\n`);
    agent = await startLocalAgent(cloud, { threads, runtimes: [runtime] });
    const { id } = await cloud.studies.create(stringify({ ...parseSpec(yaml), device: agent.device.id }));
    const study = await follow(cloud, id);
    if (study.status !== 'finished') throw new AppError('STUDY_FAILED', { id, why: study.error ?? study.status });
    process.stdout.write(
      `${resultTable(study.result!, cloud.store.studies.detail(id)!.predictionError)}\n  total      ${formatDuration(Date.now() - startMs)}\n${JSON.stringify(study.result)}\n`,
    );
  } finally {
    agent?.stop();
    await cloud.close();
  }
}

const pollMs = 200;

/** Shows the study's progress and log until it ends. */
async function follow({ store }: Cloud, id: string): Promise<StudyView> {
  const bar = createProgress();
  let shownLines = 0;
  while (true) {
    const study = store.studies.get(id)!;
    const { log } = store.studies.detail(id)!;
    for (const line of log.slice(shownLines)) bar.log(line);
    shownLines = log.length;
    bar.update(study.phase, study.progress, study.remainingMs, study.engine ?? '');
    if (study.status !== 'running') {
      bar.end();
      return study;
    }
    await new Promise((done) => setTimeout(done, pollMs));
  }
}

function describe({ id, name, status, phase, progress, result }: StudyView): string {
  const state = status === 'running' ? `${phase} ${Math.round(100 * progress)}%` : status;
  const found = result ? `  ${(100 * result.accuracy).toFixed(1)}% at ${result.measuredMs.toFixed(3)} ms` : '';
  return `${id}  ${name.padEnd(20)}  ${state.padEnd(14)}${found}`;
}

function resultTable(result: StudyResult, predictionError: StudyDetail['predictionError']): string {
  const rows: [string, string][] = [
    ['device', `${result.device}, ${result.runtime}, ${result.threads} thread(s)`],
    ['budget', `${result.budgetMs.toFixed(3)} ms`],
    ['predicted', `${result.predictedMs.toFixed(3)} ms${predictionError ? ` ${formatError(predictionError)}` : ''}`],
    ['measured', `${result.measuredMs.toFixed(3)} ms (${timedThing(result)}, on the device)`],
    ['accuracy', `${(100 * result.accuracy).toFixed(2)}% on the test split`],
    ['params', result.params.toLocaleString('en-US')],
    ['MACs', result.macs.toLocaleString('en-US')],
    ['model', result.model],
  ];
  return formatRows(rows);
}
