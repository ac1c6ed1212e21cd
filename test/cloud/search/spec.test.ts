import { parseSpec, resolveSpec, writeSpec } from '@bespoke/cloud/search/spec.js';
import { describe, expect, it } from 'vitest';

const yaml = `version: 1
name: flowers
device: kitchen
data:
  source: ./flowers.zip
  resolution: 32
space:
  preset: custom
  kernelSizes: [3, 5]
  stages:
    - {width: 16, depth: 2, stride: 1}
    - {width: 32, depth: 2, stride: 2}
budgetMs: 1.5
minutes: 10
search:
  mode: two
seed: 7
`;

describe('parseSpec', () => {
  it('reads what is written', () => {
    expect(parseSpec(yaml)).toMatchObject({ name: 'flowers', budgetMs: 1.5, search: { mode: 'two' } });
  });

  it.each([
    [
      'version: 1\nbudgetms: 2\n',
      'study specification, line 2: expected a key of the specification, but got "budgetms"; did you mean "budgetMs"?',
    ],
    [
      'version: 1\nsearch:\n  steps: 100\n  warmpSteps: 5\n',
      'study specification, line 4: expected a key of "search", but got "warmpSteps"; did you mean "warmupSteps"?',
    ],
    [
      'version: 1\nspace:\n  preset: custom\n  stages:\n    - width: 16\n      deph: 2\n      depth: 1\n      stride: 1\n',
      'study specification, line 6: expected a key of "space.stages[0]", but got "deph"; did you mean "depth"?',
    ],
    [
      'version: 1\ntrain:\n  augmentation: {flp: true}\n',
      'study specification, line 3: expected a key of "train.augmentation", but got "flp"; did you mean "flip"?',
    ],
  ])('names an unknown key, its line and the nearest valid key (%#)', (text, message) => {
    expect(() => parseSpec(text)).toThrow(message);
  });

  it.each([
    [
      'version: 1\n\nseed: many\n',
      'study specification, line 3, seed: Invalid input: expected number, received string',
    ],
    [
      'version: 1\nsearch:\n  latencyLoss:\n    kind: cubic\n',
      'study specification, line 4, search.latencyLoss.kind: Invalid option: expected one of "lagrangian"|"hinge"|"linear"|"none"',
    ],
    [
      'version: 1\nspace: tiny\n',
      'study specification, line 2, space.preset: Invalid option: expected one of "small"|"mobile-small"|"custom"',
    ],
    ['name: x\n', 'study specification, line 1, version: Invalid input: expected 1'],
    [
      'version: 1\nbudgetMs: 3\nbudgetFraction: 0.5\n',
      'study specification, line 3, budgetFraction: expected either budgetMs or budgetFraction, but got both',
    ],
    [
      'version: 1\nspace:\n  preset: custom\n',
      'study specification, line 2, space: expected "stages" in a custom space',
    ],
    [
      'version: 1\nsearch: {steps: 10, warmupSteps: 10}\n',
      'study specification, line 2, search.warmupSteps: expected fewer warm-up steps than steps',
    ],
    [
      'version: 1\nspace: {preset: small, kernelSizes: [3, 3]}\n',
      'study specification, line 2, space.kernelSizes: expected each kernel size once',
    ],
    ['version: 1\nseed: 1\nseed: 2\n', 'study specification, line 3, $: not YAML: Map keys must be unique'],
    [
      'version: 1\nseed: [1\n',
      'study specification, line 3, $: not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
    ['', 'study specification, line 1, the specification: Invalid input: expected object, received null'],
  ])('names the line, the place and what was expected (%#)', (text, message) => {
    expect(() => parseSpec(text)).toThrow(message);
  });
});

describe('resolveSpec', () => {
  it('fills every default', () => {
    expect(resolveSpec({ version: 1 })).toEqual({
      version: 1,
      method: 'proxyless',
      name: 'study',
      device: null,
      data: { source: 'synthetic', resolution: null, searchShare: 0.1, testShare: 0.2 },
      space: {
        preset: 'small',
        stemWidth: 16,
        stemStride: null,
        stages: [
          { width: 24, depth: 3, stride: null },
          { width: 40, depth: 3, stride: 2 },
          { width: 80, depth: 3, stride: 2 },
        ],
        kernelSizes: [3, 5, 7],
        expandRatios: [3, 6],
        zero: true,
        activation: 'relu6',
        squeezeExcite: false,
        featureWidth: 160,
        featureActivation: 'relu6',
      },
      budgetMs: null,
      budgetFraction: 0.5,
      minutes: null,
      search: {
        mode: 'full',
        steps: 2000,
        warmupSteps: null,
        timeShare: 0.4,
        architectureEvery: 4,
        architectureLearningRate: null,
        latencyLoss: { kind: 'lagrangian', damping: 4, ascent: 0.1, weight: 0.1 },
        leastBudgetShare: 0.8,
        shareWeights: true,
        batchSize: 64,
        learningRate: 0.05,
        rampSteps: null,
        momentum: 0.9,
        weightDecay: 4e-5,
        labelSmoothing: 0,
        augmentation: { flip: true, cropPaddingPixels: 2, cutoutPixels: 0 },
      },
      evolution: {
        preset: 'default',
        archiveOf: null,
        cells: {
          preset: 'cells',
          ops: [
            'max_pool_3x3',
            'avg_pool_3x3',
            'sep_conv_3x3',
            'sep_conv_5x5',
            'dil_conv_3x3',
            'dil_conv_5x5',
            'inv_res_3x3',
            'inv_res_5x5',
            'skip_connect',
          ],
          steps: 4,
          reads: 'all',
          concat: 'loose-ends',
          channels: 16,
          cells: 8,
          proxy: { channels: 8, cells: 5 },
        },
        population: 20,
        evaluations: 400,
        mode: 'generational',
        objectives: ['error', 'latency', 'params'],
        alsoOn: [],
        latencyOver: 'each',
        crossoverProbability: 0.9,
        mutatedGroups: 1,
        candidates: 10,
        gates: { params: null, paramsQuantile: null, latency: true, zeroCostQuantile: null, curveQuantile: null },
        evaluation: {
          steps: 300,
          inherit: false,
          batchSize: 64,
          learningRate: 0.05,
          rampSteps: null,
          momentum: 0.9,
          weightDecay: 4e-5,
          labelSmoothing: 0,
          augmentation: { flip: true, cropPaddingPixels: 2, cutoutPixels: 0 },
        },
        workers: 1,
        timeShare: 0.6,
      },
      train: {
        preset: 'default',
        steps: 4000,
        epochs: null,
        batchSize: 64,
        learningRate: 0.1,
        rampSteps: null,
        momentum: 0.9,
        weightDecay: 4e-5,
        labelSmoothing: 0.1,
        augmentation: { flip: true, cropPaddingPixels: 4, cutoutPixels: 0 },
        rampEpochs: null,
        optimizer: 'sgd',
        squareDecay: null,
        epsilon: null,
        stepDecay: null,
        clipNorm: null,
        averageDecay: null,
        mixupAlpha: null,
        dropout: 0,
        dropPath: 0,
        auxiliaryWeight: null,
        pipeline: null,
      },
      seed: 0,
      runtime: 'tflite',
      threads: 1,
      backend: 'auto',
    });
  });

  it('leaves the steps to the plan where minutes are given', () => {
    const spec = resolveSpec(parseSpec(yaml));
    expect([spec.search.steps, spec.train.steps]).toEqual([null, null]);
    expect([spec.budgetMs, spec.budgetFraction]).toEqual([1.5, null]);
  });
});

describe('writeSpec', () => {
  it.each(['', 'train: eeea-cifar\n', 'train: {preset: gpipe-amoebanet, epsilon: null, rampSteps: 7}\n'])(
    'writes what reads as the same specification (%#)',
    (more) => {
      const spec = resolveSpec(parseSpec(yaml + more));
      expect(resolveSpec(parseSpec(writeSpec(spec)))).toEqual(spec);
    },
  );
});

describe('presets of a training', () => {
  it('are below what is written, and count in epochs', () => {
    const { train } = resolveSpec({
      version: 1,
      train: { preset: 'gpipe-amoebanet', stepDecay: { factor: 0.5 }, clipNorm: 1 },
    } as never);
    expect(train).toMatchObject({
      epochs: 100,
      steps: null,
      batchSize: 32,
      stepDecay: { factor: 0.5, epochs: 2.4 },
      clipNorm: 1,
    });
    expect(resolveSpec({ version: 1, minutes: 5, train: 'eeea-cifar' } as never).train).toMatchObject({ epochs: 600 });
  });

  it('are named where one is misspelt', () => {
    expect(() => parseSpec('version: 1\ntrain: {preset: eeea}\n')).toThrow(/line 2, train.preset: .*"eeea-cifar"/);
  });
});

describe('presets of an evolution', () => {
  const evolutionOf = (evolution: unknown) => resolveSpec({ version: 1, method: 'eeea', evolution }).evolution;

  it('are what the paper and its code say, below what is written', () => {
    const paper = evolutionOf('paper');
    expect(paper).toMatchObject({
      population: 40,
      evaluations: 1200,
      candidates: 1,
      objectives: ['error', 'params', 'macs'],
      gates: { params: 5_000_000, latency: false, curveQuantile: null, zeroCostQuantile: null },
      evaluation: { batchSize: 128, learningRate: 0.05, augmentation: { cutoutPixels: 16, flip: true } },
    });
    expect(paper.cells).toMatchObject({ preset: 'paper', channels: 32 });
    expect(evolutionOf('reference')).toMatchObject({ mode: 'reference', evaluations: 1084 });
    const mixed = evolutionOf({ preset: 'paper', gates: { latency: true }, evaluation: { steps: 9 }, population: 8 });
    expect(mixed).toMatchObject({ population: 8, gates: { params: 5_000_000, latency: true } });
    expect(mixed.evaluation).toMatchObject({ steps: 9, batchSize: 128 });
  });

  it('gives way to a quantile of parameters, and wants enough parents', () => {
    expect(evolutionOf({ preset: 'paper', gates: { paramsQuantile: 0.5 } }).gates).toMatchObject({
      params: null,
      paramsQuantile: 0.5,
    });
    expect(() => evolutionOf({ preset: 'reference', population: 10 })).toThrow(
      'expected 20 or more in mode `reference`',
    );
  });

  it('are resolved once: what is written down reads as the same', () => {
    const spec = resolveSpec({ version: 1, method: 'eeea', evolution: 'reference' });
    expect(resolveSpec(parseSpec(writeSpec(spec)))).toEqual(spec);
  });

  it('names a preset, and a key, that there is not', () => {
    expect(() => parseSpec('version: 1\nevolution: papers\n')).toThrow(
      'line 2, evolution.preset: Invalid option: expected one of "default"|"paper"|"reference"',
    );
    expect(() => parseSpec('version: 1\nevolution:\n  preset: paper\n  popultion: 3\n')).toThrow(
      'line 4: expected a key of "evolution", but got "popultion"; did you mean "population"?',
    );
    expect(() => parseSpec('version: 1\nevolution:\n  mode: reference\n  gates: {curveQuantile: 0.5}\n')).toThrow(
      'evolution.gates: expected no curveQuantile and no zeroCostQuantile: the generations of mode `reference` overlap',
    );
  });
});
