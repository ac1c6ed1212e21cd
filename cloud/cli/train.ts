/** `bespoke train`: a network trained through a pipeline of processes, in the terminal. */
import { basename, join } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import { countMacs } from '@bespoke/shared/cost/macs.js';
import { encodeSafetensors } from '@bespoke/shared/graph/safetensors.js';
import { countParams, type Weights } from '@bespoke/shared/graph/weights.js';
import { lower } from '@bespoke/shared/network/lower.js';
import type { Network } from '@bespoke/shared/network/network.js';
import { type Command, Option } from 'commander';
import { exportChecked } from '../model-file.js';
import { lockFolder } from '../store/lock.js';
import { packDataset } from '../train/data/pack.js';
import type { PackedDataset } from '../train/data/packed.js';
import type { Engine } from '../train/engine.js';
import { replaceFile } from '../train/files.js';
import { readHosts } from '../train/gpipe/hosts.js';
import type { PipelineSettings } from '../train/gpipe/pipeline-settings.js';
import { type Remat, remats, type ScheduleChoice, scheduleChoices } from '../train/gpipe/schedule.js';
import { trainPipelined } from '../train/gpipe/trainer.js';
import type { TrainRecipe } from '../train/recipe.js';
import { defaultStepCount, recipeFromPreset } from '../train/recipe-presets.js';
import { type RecipePresetName, recipePresetNames } from '../train/recipe-schema.js';
import { openTfjsEngine } from '../train/tfjs/engine.js';
import { dataDirectoryOption } from './data-folder.js';
import { networkArgument, networkForData, readNetworkSource } from './network-source.js';
import { formatRows, positiveNumber, printResult, wholeNumber } from './output.js';
import { createProgress, formatDuration, type Progress, packingShown } from './progress.js';
import { TrainingProgress } from './training-progress.js';

interface TrainCall {
  readonly data: string;
  readonly resolution?: number;
  readonly pipeline?: number;
  readonly hosts?: string;
  readonly microBatches: number | 'auto';
  readonly schedule: ScheduleChoice;
  readonly remat: Remat;
  readonly memoryCapMb?: number;
  readonly threads?: number;
  readonly recipe: RecipePresetName;
  readonly steps?: number;
  readonly epochs?: number;
  readonly batchSize?: number;
  readonly learningRate?: number;
  readonly seed: number;
  readonly backend: 'auto' | 'tensorflow' | 'wasm';
  readonly checkpointSeconds: number;
  readonly out?: string;
  readonly dataDirectory: string;
  readonly json?: boolean;
}

const countOrAuto = (text: string) => (text === 'auto' ? text : wholeNumber(1, 65_536)(text));

export function registerTrain(program: Command): void {
  program
    .command('train')
    .description('train a network through a pipeline of processes (GPipe); the same call goes on where it was stopped')
    .argument('<network>', networkArgument)
    .option('--data <source>', 'folder or zip of images by class, cifar10, cifar100, or synthetic', 'synthetic')
    .option('--resolution <pixels>', 'resize every image to this height and width', wholeNumber(8, 1024))
    .option(
      '--pipeline <count>',
      'stages (K), each a process of its own; 1, or as many as --hosts has',
      wholeNumber(1, 64),
    )
    .option('--hosts <file>', 'YAML that says on which machine each stage runs (docs/training.md)')
    .option('--micro-batches <count>', 'parts of a mini-batch (M), or auto: by measurement', countOrAuto, 'auto')
    .addOption(
      new Option('--schedule <name>', 'order of forwards and backwards, or auto: the fastest by prediction')
        .choices(scheduleChoices)
        .default('auto'),
    )
    .addOption(
      new Option('--remat <what>', 'activations to compute again instead of keeping').choices(remats).default('none'),
    )
    .option('--memory-cap-mb <megabytes>', 'what a stage may hold, for the plan', positiveNumber)
    .option('--threads <count>', 'of each stage; without it, the processors dealt out to them', wholeNumber(1, 256))
    .addOption(new Option('--recipe <preset>', 'how it is trained').choices(recipePresetNames).default('default'))
    .option(
      '--steps <count>',
      `how many mini-batches; ${defaultStepCount} where the recipe has no epochs`,
      wholeNumber(1, 1e7),
    )
    .option('--epochs <count>', 'how often all samples are seen, instead of steps', positiveNumber)
    .option('--batch-size <samples>', "of a mini-batch (N); the recipe's if absent", wholeNumber(2, 4096))
    .option('--learning-rate <rate>', "the highest, after the warm-up; the recipe's if absent", positiveNumber)
    .option('--seed <number>', 'of everything random', wholeNumber(0, 2 ** 31 - 1), 0)
    .addOption(new Option('--backend <name>', 'what computes').choices(['auto', 'tensorflow', 'wasm']).default('auto'))
    .option('--checkpoint-seconds <seconds>', 'between two checkpoints', positiveNumber, 60)
    .option('--out <folder>', 'where checkpoints and results lie; trainings/<network> in the data directory if absent')
    .option(...dataDirectoryOption)
    .option('--json', 'one line of JSON')
    .action(train);
}

async function train(source: string, call: TrainCall): Promise<void> {
  const startMs = performance.now();
  const bar = createProgress();
  const out = call.out ?? join(call.dataDirectory, 'trainings', basename(source, '.json'));
  let unlock = () => {};
  try {
    const settings = await settingsOf(call);
    readNetworkSource(source, {}); // before the data are packed, which may take minutes
    unlock = lockFolder(out, 'train.lock', (cause) => new AppError('TRAINING_IN_USE', { directory: out }, { cause }));
    const engine = await openTfjsEngine(call.backend === 'auto' ? undefined : call.backend);
    const { backend, version } = engine.describe();
    const datasets = join(call.dataDirectory, 'datasets');
    const data = await packDataset(call.data, datasets, { resolution: call.resolution }, packingShown(bar));
    const network = networkForData(source, data.manifest, {});
    bar.log(`${network.name} on ${data.manifest.name}, ${backend} ${version}; checkpoints in ${out}`);
    const progress = new TrainingProgress(bar, network);
    const weights = await interruptible(bar, out, (signal) =>
      trainPipelined(network, data, recipeOf(call, data), settings, backend, {
        checkpointDirectory: join(out, 'checkpoints'),
        checkpointEveryMs: 1000 * call.checkpointSeconds,
        signal,
        ...progress.hooks,
      }),
    );
    const result = await finish(engine, network, weights, data, out, bar);
    bar.end();
    const { stepMs } = progress;
    const seconds = (performance.now() - startMs) / 1000;
    printResult(call, { ...result, stepMs, seconds }, `${progress.gantt}${table({ ...result, stepMs, seconds })}`);
  } finally {
    unlock();
    bar.end();
  }
}

async function settingsOf(call: TrainCall): Promise<PipelineSettings> {
  const places = call.hosts === undefined ? undefined : await readHosts(call.hosts);
  const stageCount = call.pipeline ?? places?.length ?? 1;
  if (places && places.length !== stageCount) {
    const problem = `it has ${places.length} stages and --pipeline says ${stageCount}: leave --pipeline out, or make them agree`;
    throw new AppError('HOSTS_INVALID', { path: call.hosts!, line: 1, where: 'stages', problem });
  }
  return {
    stageCount,
    microBatchCount: call.microBatches,
    schedule: call.schedule,
    remat: call.remat,
    memoryCapBytes: call.memoryCapMb === undefined ? null : call.memoryCapMb * 1e6,
    threadCount: call.threads ?? null,
    ...(places && { places }),
  };
}

/** The preset, with what the call says over it. */
function recipeOf(
  { recipe, seed, steps, epochs, batchSize, learningRate }: TrainCall,
  data: PackedDataset,
): TrainRecipe {
  const overrides = {
    ...(steps !== undefined && { steps }),
    ...(epochs !== undefined && { epochs }),
    ...(batchSize !== undefined && { batchSize }),
    ...(learningRate !== undefined && { learningRate }),
  };
  return recipeFromPreset(recipe, { ...overrides, seed }, data.manifest.counts.train);
}

/** The first interrupt while `work` is under way ends it as soon as nothing is lost by that; a second one ends the process. */
async function interruptible<T>(bar: Progress, out: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const interrupt = () => {
    bar.log('stopping: a step that is under way is finished and kept');
    controller.abort(new AppError('TRAINING_STOPPED', { directory: out }));
    process.once('SIGINT', () => process.exit(130));
  };
  process.once('SIGINT', interrupt);
  return work(controller.signal).finally(() => process.off('SIGINT', interrupt));
}

interface TrainResult {
  readonly network: string;
  readonly accuracy: number;
  readonly params: number;
  readonly macs: number;
  readonly weights: string;
  readonly model: string;
}

/** Writes weights and model file, and judges them on the test split. */
async function finish(
  engine: Engine,
  network: Network,
  weights: Weights,
  data: PackedDataset,
  out: string,
  bar: Progress,
): Promise<TrainResult> {
  const graph = lower(network);
  bar.update('exporting', 0);
  const { bytes, parity } = await exportChecked(engine, graph, weights, data, network.name);
  bar.log(`parity of file and engine: ${parity}`);
  const at = (name: string) => join(out, name);
  await replaceFile(at('network.json'), `${JSON.stringify(network, null, 2)}\n`);
  await replaceFile(at('weights.safetensors'), encodeSafetensors(weights));
  await replaceFile(at('model.tflite'), bytes);
  const { accuracy } = await engine.evaluate(graph, weights, data, 'test');
  return {
    network: network.name,
    accuracy,
    params: countParams(graph),
    macs: countMacs(graph),
    weights: at('weights.safetensors'),
    model: at('model.tflite'),
  };
}

function table(result: TrainResult & { stepMs: number | null; seconds: number }): string {
  const rows: [string, string][] = [
    ['network', result.network],
    ['accuracy', `${(100 * result.accuracy).toFixed(2)}% on the test split`],
    ['params', result.params.toLocaleString('en-US')],
    ['MACs', result.macs.toLocaleString('en-US')],
    ['step', result.stepMs === null ? 'none was left to make' : `${result.stepMs.toFixed(0)} ms`],
    ['total', formatDuration(1000 * result.seconds)],
    ['weights', result.weights],
    ['model', result.model],
  ];
  return formatRows(rows);
}
