/** The phase with trainings that are none. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSpec, resolveSpec } from '@bespoke/cloud/search/spec.js';
import type { StudyPorts, StudyUpdate } from '@bespoke/cloud/search/study-ports.js';
import { runTraining } from '@bespoke/cloud/search/training.js';
import type { TrainHooks } from '@bespoke/cloud/train/engine.js';
import type { PipelineHooks, PipelineSettings } from '@bespoke/cloud/train/gpipe/pipeline-settings.js';
import type { TrainRecipe } from '@bespoke/cloud/train/recipe.js';
import type { Weights } from '@bespoke/shared/graph/weights.js';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../support/folder.js';
import { tinyNetwork, tinyPlan } from '../../support/pipeline.js';

const weights: Weights = new Map([['stem/conv/filter', { shape: [1], values: new Float32Array([7]) }]]);
const steps = 400;
const specOf = (train = '') => resolveSpec(parseSpec(`{version: 1, train: {steps: ${steps}${train}}}`));

/** Steps up to `lastStep`, each as `report` makes it of its number. */
function trainUpTo<S>(lastStep: number, hooks: { checkpointDirectory?: string }, report: (step: number) => S): Weights {
  mkdirSync(hooks.checkpointDirectory!, { recursive: true });
  writeFileSync(join(hooks.checkpointDirectory!, 'state'), '');
  for (let step = 1; step <= lastStep; step++) report(step);
  return weights;
}

function portsOf(lastStep: number, stop = new AbortController().signal) {
  const directory = temporaryFolder();
  const told: StudyUpdate[] = [];
  const asked: { settings?: PipelineSettings; saved?: Weights; stop?: AbortSignal | undefined } = {};
  const pointOf = (step: number) => ({ step, stepCount: steps, loss: step, accuracy: step / steps });
  const ports = {
    directory,
    stops: { search: AbortSignal.abort(), train: stop },
    data: { manifest: { counts: { train: 100 } } },
    engine: {
      async train(_graph: unknown, _data: unknown, _recipe: TrainRecipe, hooks: TrainHooks) {
        asked.stop = hooks.stop;
        return trainUpTo(lastStep, hooks, (step) => hooks.onProgress!(pointOf(step)));
      },
    },
    async trainPipelined(_network: unknown, _recipe: TrainRecipe, settings: PipelineSettings, hooks: PipelineHooks) {
      Object.assign(asked, { settings, stop: hooks.stop });
      hooks.onPlan!(tinyPlan);
      return trainUpTo(lastStep, hooks, (step) => hooks.onStep!({ ...pointOf(step), stepMs: 5, trace: [] }));
    },
    saveWeights: async (_path: string, saved: Weights) => {
      asked.saved = saved;
    },
    tell: (update: StudyUpdate) => told.push(update),
    startMs: 0,
    now: () => 0,
  } as unknown as StudyPorts;
  const of = <T extends StudyUpdate['type']>(type: T) =>
    told.filter((update): update is Extract<StudyUpdate, { type: T }> => update.type === type);
  return { ports, asked, of, directory };
}

const run = (spec: ReturnType<typeof specOf>, ports: StudyPorts) =>
  runTraining(spec, { network: tinyNetwork, trainStepMs: 100, weightsPath: join(ports.directory, 'weights') }, ports);

describe('runTraining', () => {
  it.each([
    ['one process', ''],
    ['a pipeline', ', pipeline: {stages: 2}'],
  ])('tells 200 points of the curve and keeps the weights: %s', async (_, keys) => {
    const { ports, asked, of, directory } = portsOf(steps);
    expect(await run(specOf(keys), ports)).toEqual({ stepCount: steps, isStopped: false });
    const points = of('train').map(({ point }) => point);
    expect(points).toHaveLength(200);
    expect(points[0]).toEqual({ step: 2, stepCount: steps, loss: 1.5, accuracy: 1.5 / steps });
    expect(of('progress').at(-1)).toMatchObject({ phase: 'train', progress: 1 });
    expect(asked.saved).toBe(weights);
    expect(existsSync(join(directory, 'train'))).toBe(false);
  });

  it('trains in a pipeline where the specification says so, and tells its plan', async () => {
    const { ports, asked, of } = portsOf(steps);
    await run(specOf(', pipeline: {stages: 2, microBatches: 4, memoryMB: 1}'), ports);
    expect(asked.settings).toMatchObject({ stageCount: 2, microBatchCount: 4, memoryCapBytes: 1e6 });
    expect(of('pipelinePlan').map(({ plan }) => [plan.stages.length, plan.capBytes])).toEqual([[2, 1e6]]);
  });

  it('says where the network has fewer blocks than stages were asked for', async () => {
    const { ports, asked, of } = portsOf(steps);
    await run(specOf(', pipeline: {stages: 3}'), ports);
    expect(asked.settings!.stageCount).toBe(2);
    expect(of('log')[0]!.line).toBe('2 stages instead of 3: the network has no more blocks');
  });

  it.each(['', ', pipeline: {stages: 2}'])('ends as asked with what it has%s', async (keys) => {
    const stopping = new AbortController();
    stopping.abort();
    const { ports, asked, of } = portsOf(7, stopping.signal);
    expect(await run(specOf(keys), ports)).toEqual({ stepCount: steps, isStopped: true });
    expect(asked).toMatchObject({ stop: stopping.signal, saved: weights });
    expect(of('log').at(-1)!.line).toBe(
      `the training was ended as asked, after step 7 of ${steps}: the weights are those that it had by then`,
    );
  });
});
