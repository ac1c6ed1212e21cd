/** What a study says and needs: the border between its phases and the world. */
import type { Graph } from '@bespoke/shared/graph/graph.js';
import type { Weights } from '@bespoke/shared/graph/weights.js';
import type { Network } from '@bespoke/shared/network/network.js';
import type {
  EvolutionFrame,
  IndividualView,
  SearchPoint,
  SlotView,
  StoppablePhase,
  StudyPhase,
  TrainPoint,
} from '@bespoke/shared/protocol/api.js';
import type { PipelinePlanView, PipelineStepView } from '@bespoke/shared/protocol/pipeline.js';
import type { PackedDataset } from '../train/data/packed.js';
import type { Engine } from '../train/engine.js';
import type { Evaluator } from '../train/evaluation/evaluator.js';
import type { PipelineHooks, PipelineSettings } from '../train/gpipe/pipeline-settings.js';
import type { TrainRecipe } from '../train/recipe.js';
import type { GateStage } from './eeea/early-exit.js';
import { formatError, type Predictor } from './predictor.js';
import type { Measure, MeasureOnAll } from './pricing.js';
import type { ResolvedSpec } from './spec.js';

/** What changed, to be stored and shown. */
export type StudyUpdate =
  | {
      readonly type: 'progress';
      readonly phase: StudyPhase;
      readonly progress: number;
      readonly remainingMs: number | null;
    }
  | { readonly type: 'log'; readonly line: string }
  | { readonly type: 'predictor'; readonly predictor: Predictor }
  | { readonly type: 'priced'; readonly slots: readonly SlotView[]; readonly budgetMs: number }
  | { readonly type: 'search'; readonly point: SearchPoint; readonly probabilities: readonly (readonly number[])[] }
  | { readonly type: 'evolution'; readonly frame: EvolutionFrame }
  | {
      readonly type: 'individual';
      readonly individual: IndividualView;
      /** By the early exits so far, in this process. */
      readonly refusedCounts: Readonly<Record<GateStage, number>>;
    }
  | { readonly type: 'network'; readonly network: Network }
  | { readonly type: 'train'; readonly point: TrainPoint }
  | { readonly type: 'pipelinePlan'; readonly plan: PipelinePlanView }
  | { readonly type: 'pipelineStep'; readonly step: PipelineStepView };

export interface ModelFile {
  readonly path: string;
  readonly sha256: string;
  readonly byteCount: number;
}

export interface MeasuringDevice {
  readonly name: string;
  readonly runtime: string;
  readonly threads: number;
}

/** What a study needs from outside. */
export interface StudyPorts {
  /** The study's own folder. */
  readonly directory: string;
  readonly engine: Engine;
  /** What measures, as people read it: the device of the study, then the others that its evolution is for. */
  readonly devices: readonly MeasuringDevice[];
  /** Packed, from the specification's source. */
  readonly data: PackedDataset;
  /** On the device of the study. */
  readonly measure: Measure;
  readonly measureOnAll: MeasureOnAll;
  /** As `engine.train`, by a process for each stage. */
  trainPipelined(
    network: Network,
    recipe: TrainRecipe,
    settings: PipelineSettings,
    hooks: PipelineHooks,
  ): Promise<Weights>;
  /** Workers that train networks side by side. */
  openEvaluator(workerCount: number): Evaluator;
  /** Writes the file, checks that it gives the engine's outputs, keeps it for download. */
  exportModel(graph: Graph, weights: Weights): Promise<ModelFile>;
  saveWeights(path: string, weights: Weights): Promise<void>;
  loadWeights(path: string): Promise<Weights>;
  tell(update: StudyUpdate): void;
  /** Once aborted, the phase ends with what it has. */
  readonly stops: { readonly [P in StoppablePhase]: AbortSignal };
  /** When the study began, its pauses left out, and a clock, both in ms since the epoch. */
  readonly startMs: number;
  now(): number;
}

/** Kept out of search and training for what follows them: the test split, the export, the last measurement. */
export const reservedMs = 35_000;

/** Until the study's minutes are over; null where it has none. */
export function remainingOf(spec: ResolvedSpec, ports: StudyPorts): number | null {
  return spec.minutes === null ? null : ports.startMs + spec.minutes * 60_000 - ports.now();
}

/**
 * Tells that a phase begins; what it returns tells how far it is. Where the study has minutes, what is left of them is what remains, else it is told by the pace
 * since the first count that was heard of: a phase that was resumed begins in its middle.
 */
export function phaseProgress(
  spec: ResolvedSpec,
  ports: StudyPorts,
  phase: StudyPhase,
): (doneCount: number, totalCount: number) => void {
  const startMs = ports.now();
  let startCount: number | null = null;
  const tell = (share: number, pacedMs: number | null) => {
    const leftMs = remainingOf(spec, ports);
    const remainingMs = leftMs === null ? pacedMs : Math.max(leftMs, 0);
    ports.tell({ type: 'progress', phase, progress: share, remainingMs });
  };
  tell(0, null);
  return (doneCount, totalCount) => {
    startCount ??= doneCount;
    const paceMs = doneCount > startCount ? (ports.now() - startMs) / (doneCount - startCount) : null;
    tell(doneCount / totalCount, paceMs && paceMs * (totalCount - doneCount));
  };
}

/** What prices of either kind of space have in common. */
export interface PricesSummary {
  readonly predictor: Predictor;
  readonly fastestMs: number;
  readonly slowestMs: number;
  readonly budgetMs: number;
  readonly doubts: readonly string[];
  readonly measurementCount: number;
}

/** Says in the log what a space costs on a device, and how sure that is. */
export function logPrices(ports: StudyPorts, prices: PricesSummary, device: MeasuringDevice): void {
  const { predictor, fastestMs, slowestMs, budgetMs, doubts, measurementCount } = prices;
  const { factor, perPieceMs, perInputMiBMs = 0 } = predictor.calibration;
  const fitCount = predictor.points.length - predictor.holdOut.count;
  ports.tell({
    type: 'log',
    line: `networks of this space take ${fastestMs.toFixed(3)} to ${slowestMs.toFixed(3)} ms on ${device.name}, budget ${budgetMs.toFixed(3)} ms; whole = ${factor.toFixed(3)} x sum of blocks + ${perPieceMs.toFixed(4)} ms per block + ${perInputMiBMs.toFixed(4)} ms per MiB that they read, fitted on ${fitCount} networks, ${formatError(predictor.holdOut)}`,
  });
  if (doubts.length === 0) return;
  const line = `in doubt: ${doubts.length} of the ${measurementCount} measurements that these prices stand on, e.g.: ${doubts[0]}`;
  ports.tell({ type: 'log', line });
}

/** Tells how the space predicts, what its slots hold, and the budget. */
export function tellPrices(
  ports: StudyPorts,
  { predictor, budgetMs }: PricesSummary,
  slots: readonly SlotView[],
): void {
  ports.tell({ type: 'predictor', predictor });
  ports.tell({ type: 'priced', slots, budgetMs });
}
