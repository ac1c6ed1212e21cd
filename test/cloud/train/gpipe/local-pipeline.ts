/** Stages of one network in this process, driven by hand: tiny networks, recipes, and the steps of a schedule. */
import { partitionNetwork } from '@bespoke/cloud/train/gpipe/partition-graph.js';
import { type Operation, type Remat, receiverOffsets } from '@bespoke/cloud/train/gpipe/schedule.js';
import { Stage } from '@bespoke/cloud/train/gpipe/stage.js';
import { type Figures, type StageTensor, sumFigures } from '@bespoke/cloud/train/gpipe/stage-runner.js';
import type { TrainRecipe } from '@bespoke/cloud/train/recipe.js';
import type { Graph } from '@bespoke/shared/graph/graph.js';
import type { Weights } from '@bespoke/shared/graph/weights.js';
import type { Block } from '@bespoke/shared/network/block.js';
import type { CellPair } from '@bespoke/shared/network/cell.js';
import type { Network } from '@bespoke/shared/network/network.js';
import type { Tf } from '@bespoke/shared/tfjs/tf.js';
import { tinyData, tinyRecipe } from '../tfjs/tiny.js';
import { type Order, operationsOf } from './arithmetic.js';

export const data = tinyData();

const network = (name: string, blocks: readonly Block[]): Network => ({
  version: 1,
  name,
  input: { height: 8, width: 8, channels: 1 },
  blocks,
});
const head: Block = { kind: 'head', id: 'head', classes: 2 };
const conv: Block = { kind: 'conv', id: 'stem', outChannels: 4, kernelSize: 3, stride: 1, activation: 'relu6' };
const mbconv = (id: string, kernelSize: number, stride: number, squeezeExcite: boolean): Block => ({
  id,
  kind: 'mbconv',
  outChannels: 4,
  kernelSize,
  stride,
  expandRatio: 2,
  activation: 'relu6',
  squeezeExcite,
});

/** Both states are read more than once, so that the order in which gradients add up shows. */
const pairs: readonly CellPair[] = [
  ['sep_conv_3x3', 0],
  ['max_pool_3x3', 1],
  ['inv_res_3x3', 1],
  ['skip_connect', 0],
  ['dil_conv_3x3', 2],
  ['avg_pool_3x3', 1],
];
const cell = (id: string, reduction: boolean): Block => ({
  kind: 'cell',
  id,
  channels: 4,
  reduction,
  pairs,
  concat: [3, 4],
  squeezeExcite: false,
});

/** Six blocks with nodes in the chain and one without, five in the cells; `cuts[K - 1]` makes K partitions. */
export const networks = {
  mbconv: {
    network: network('mbconv', [
      conv,
      mbconv('a', 3, 1, true),
      { kind: 'identity', id: 'nothing' },
      mbconv('b', 5, 2, false),
      mbconv('c', 3, 1, false),
      head,
    ]),
    cuts: [[], [3], [1, 4], [1, 3, 4]],
  },
  cells: {
    network: network('cells', [
      { kind: 'cell-stem', id: 'stem', outChannels: 6, downsample: false },
      cell('a', false),
      cell('b', true),
      cell('c', false),
      head,
    ]),
    cuts: [[], [2], [2, 3], [1, 2, 3]],
  },
  /** An auxiliary head is of the third cell: here in the last partition, before it, and two before it. */
  deep: {
    network: network('deep', [
      { kind: 'cell-stem', id: 'stem', outChannels: 6, downsample: false },
      cell('a', true),
      cell('b', false),
      cell('c', false),
      cell('d', false),
      head,
    ]),
    cuts: [[], [4], [4, 5]],
  },
} as const;
export type NetworkName = keyof typeof networks;

/** In K partitions, as the recipe trains it. */
export function partitionsOf(name: NetworkName, K: number, recipe?: TrainRecipe): readonly Graph[] {
  const { network, cuts } = networks[name];
  return partitionNetwork(network, cuts[K - 1]!, recipe);
}

/** With augmentation of every kind; the velocity after its first step is the gradient: no weight decay. */
export const recipeOf = (batchSize: number): TrainRecipe => ({
  ...tinyRecipe,
  batchSize,
  weightDecay: 0,
  augmentation: { flip: true, cropPaddingPixels: 1, cutoutPixels: 2 },
});

/** `count` sizes that differ by one at most, the larger first. */
export function sizesOf(sampleCount: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => Math.floor((sampleCount + count - 1 - index) / count));
}

export interface LocalOptions {
  /** The partitions. */
  readonly graphs: readonly Graph[];
  readonly recipe: TrainRecipe;
  readonly microBatchSizes: readonly number[];
  readonly remat?: Remat;
}

export class LocalPipeline {
  readonly stages: readonly Stage[];
  /** Of all stages, summed as the supervisor does. */
  private figures: Figures = {};
  constructor(
    tf: Tf,
    private readonly options: LocalOptions,
  ) {
    const { graphs, remat = 'none', ...rest } = options;
    this.stages = graphs.map(
      (graph, index) =>
        new Stage(tf, { ...rest, graph, data, remat, isFirst: index === 0, isLast: index === graphs.length - 1 }),
    );
  }

  /** All of step `step` but its commit; the figures of every stage. */
  async run(step: number, order: Order = 'gpipe') {
    const { stages } = this;
    const lists = operationsOf({
      stageCount: stages.length,
      microBatchCount: this.options.microBatchSizes.length,
      order,
    }).map((list) => [...list]);
    const arrived = new Map<string, readonly StageTensor[]>(); // by direction, stage and micro-batch
    for (const stage of stages) await stage.begin(step);
    while (lists.some((list) => list.length > 0)) {
      for (const [stage, list] of lists.entries()) {
        while (list.length > 0 && (await this.#operate(stage, list[0]!, arrived))) list.shift();
      }
    }
    const ofStages = await Promise.all(stages.map((stage) => stage.finish()));
    this.figures = sumFigures(ofStages);
    return ofStages;
  }

  /** Makes an operation if what it needs has arrived. */
  async #operate(stage: number, { kind, microBatch }: Operation, arrived: Map<string, readonly StageTensor[]>) {
    const offset = receiverOffsets[kind];
    const key = (at: number) => `${offset} ${at} ${microBatch}`;
    const hasSender = offset !== 0 && this.stages[stage - offset] !== undefined;
    const given = hasSender ? arrived.get(key(stage)) : [];
    if (!given) return false;
    arrived.set(key(stage + offset), (await this.stages[stage]![kind](microBatch, given)) ?? []);
    return true;
  }

  async commit(step: number): Promise<void> {
    for (const stage of this.stages) await stage.commit(step, this.figures);
  }

  async state(): Promise<Weights> {
    return new Map((await Promise.all(this.stages.map((stage) => stage.state()))).flatMap((state) => [...state]));
  }

  async restore(state: Weights): Promise<void> {
    for (const stage of this.stages) await stage.restore(state);
  }

  dispose(): void {
    for (const stage of this.stages) stage.dispose();
  }
}

/** Bytes by name, in the order of the names. */
export function bytesOf(state: Weights): ReadonlyMap<string, string> {
  return new Map(
    [...state]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { values }]) => [
        name,
        Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('hex'),
      ]),
  );
}
