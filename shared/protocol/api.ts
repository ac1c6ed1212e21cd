/**
 * What the cloud and the dashboard say to each other. One table of HTTP calls and one union of pushed events; both ends
 * take their types from here, so they cannot disagree.
 *
 * All calls need the session cookie that the one-time token is exchanged for. Events come over WebSocket `/api/events`;
 * after a (re)connection the dashboard reads the state by HTTP once and then applies events.
 */
import type { HostState } from '../latency/measurement.js';
import type { LatencyEntry, RuntimeKey, RuntimeName } from '../latency/table.js';
import type { Workload } from '../latency/workload.js';
import type { Genotype } from '../network/genotype.js';
import type { Network } from '../network/network.js';
import type { PipelineStepView, PipelineView } from './pipeline.js';

export interface DeviceInfo {
  readonly hostname: string;
  readonly platform: string;
  readonly arch: string;
  readonly cpuModel: string;
  readonly cpuCount: number;
  readonly memoryBytes: number;
  /** Runtimes that it lacks and could be given: `runtimeCommands` has how. Absent where the agent does not tell. */
  readonly possibleRuntimes?: readonly RuntimeName[];
}

export interface DeviceView {
  readonly id: string;
  readonly name: string;
  readonly info: DeviceInfo;
  readonly runtimes: readonly RuntimeKey[];
  /** Its key counts no more: it may not come back until it is paired again. */
  readonly revoked?: true;
  readonly online: boolean;
  /** What it measures now, in words for people; null when idle. */
  readonly currentJob: string | null;
  readonly measuredCount: number;
  readonly pendingCount: number;
}

export interface PairingCode {
  /** Two groups of four, to be read aloud: `7KQ2-M9XR`. */
  readonly code: string;
  /** ISO 8601. */
  readonly expiresAt: string;
}

/** One row of a device's latency table. */
export interface LatencyView extends LatencyEntry {
  readonly deviceId: string;
  readonly runtime: RuntimeKey;
  readonly key: string;
  readonly workload: Workload;
  /** ISO 8601. */
  readonly measuredAt: string;
}

/** One measurement of a workload with all its samples: what a cell of the heatmap is made of. */
export interface MeasurementView {
  /** Milliseconds of one invocation, overhead taken out. */
  readonly samplesMs: readonly number[];
  readonly overheadMs: number;
  readonly batchSize: number;
  readonly host: HostState;
  /** Why this number is in doubt, in words for people; null where nothing speaks against it. */
  readonly doubt: string | null;
  /** ISO 8601. */
  readonly measuredAt: string;
}

/** One reading of the sentinel, the workload that is measured again and again to see a device drift. All times in ms. */
export interface SentinelPoint {
  readonly runtime: RuntimeKey;
  readonly medianMs: number;
  /** 95% confidence interval of the median; null where only the median is kept. */
  readonly lowMs: number | null;
  readonly highMs: number | null;
  /** Why what was measured between the reading before and this one is void, in words for people; null where it counts. */
  readonly doubt: string | null;
  /** ISO 8601. */
  readonly measuredAt: string;
}

/** How well sums of blocks predict whole networks, on one device and runtime for one space. */
export interface PredictorView {
  readonly runtime: RuntimeKey;
  /** Name of the search space, with the input's size. */
  readonly space: string;
  /** ISO 8601. */
  readonly fittedAt: string;
  /** Judged on networks that the fit never saw; shares are 0..1. */
  readonly holdOut: {
    readonly count: number;
    /** Mean and greatest absolute relative error. */
    readonly meanError: number;
    readonly worstError: number;
    readonly spearman: number;
    readonly within10Share: number;
  };
  readonly points: readonly {
    readonly heldOut: boolean;
    readonly sumMs: number;
    readonly predictedMs: number;
    readonly measuredMs: number;
    /** 95% confidence interval of the measurement. */
    readonly lowMs: number;
    readonly highMs: number;
    readonly macs: number;
  }[];
}

export const studyPhases = ['measure', 'search', 'train', 'export', 'verify'] as const;
export type StudyPhase = (typeof studyPhases)[number];
/** The phases that can be ended early, with what they have. */
export const stoppablePhases = ['search', 'train'] as const satisfies readonly StudyPhase[];
export type StoppablePhase = (typeof stoppablePhases)[number];
export type StudyStatus = 'running' | 'paused' | 'finished' | 'failed' | 'cancelled';

export interface StudyView {
  readonly id: string;
  readonly name: string;
  readonly deviceId: string;
  readonly createdAt: string;
  readonly status: StudyStatus;
  readonly phase: StudyPhase;
  /** Of the phase, 0..1. */
  readonly progress: number;
  /** Until the study's end as far as can be told; null when it cannot. */
  readonly remainingMs: number | null;
  /** `tensorflow 2.21.0` or `wasm 4.22.0`; null before the search. */
  readonly engine: string | null;
  readonly budgetMs: number | null;
  /** The sentence that says why, when failed. */
  readonly error: string | null;
  readonly result: StudyResult | null;
}

/** The line that `demo` prints last; null where not known yet. */
export interface StudyResult {
  readonly device: string;
  readonly runtime: string;
  readonly threads: number;
  readonly budgetMs: number;
  readonly predictedMs: number;
  readonly measuredMs: number;
  /** On the other devices of the study, where it has some. */
  readonly others?: readonly {
    readonly device: string;
    readonly budgetMs: number;
    readonly predictedMs: number;
    readonly measuredMs: number;
  }[];
  /** On the test split, 0..1. */
  readonly accuracy: number;
  readonly params: number;
  readonly macs: number;
  /** Path of the .tflite file. */
  readonly model: string;
}

/** What the device timed at a study's end: TensorFlow Lite the exported bytes, a runtime that does not read them the same network. */
export function timedThing({ runtime }: Pick<StudyResult, 'runtime'>): string {
  return runtime.startsWith('tflite ') ? 'the exported file' : 'the network of the exported file';
}

/** One point of the search's curves. */
export interface SearchPoint {
  readonly step: number;
  readonly stepCount: number;
  readonly loss: number;
  readonly accuracy: number;
  /** Expected latency over the architecture probabilities. */
  readonly expectedMs: number;
}

/** One network that an evolution trained and judged. */
export interface IndividualView {
  /** Position in the journal: the order in which evaluations ended. */
  readonly index: number;
  /** In steady state: how many populations were born before it. */
  readonly generation: number;
  readonly genes: readonly number[];
  /** The cells that the genes stand for, in a space of cells. */
  readonly genotype?: Genotype;
  /** Indices of individuals; none in the first population. */
  readonly parents: readonly number[];
  /** What made it of its parents. */
  readonly operators: readonly string[];
  /** Untrained: how well it tells samples apart; more is better, the scale is its own. */
  readonly zeroCostScore: number;
  /** On training batches at a third of its steps; null where its training was not begun. */
  readonly probeAccuracy: number | null;
  /** On split search, 0..1; null where its training was ended early, or not begun. */
  readonly accuracy: number | null;
  /** What it had to reach not to be ended; null where nothing. */
  readonly standards: { readonly zeroCostScore: number | null; readonly probeAccuracy: number | null };
  /** On each target device; measured where the prediction left it open whether it keeps the budget. */
  readonly latencies: readonly { readonly predictedMs: number; readonly measuredMs: number | null }[];
  readonly objectives: readonly number[];
  /** By how much it misses its limits, 0 where it keeps them: in shares of them. */
  readonly violation: number;
  /** Of the front once this one counts: share of the box between 0 and the reference point; null before the first population is complete. */
  readonly hypervolume: number | null;
  /** Of its evaluation; 0 where it was known already. */
  readonly seconds: number;
  /** Hash of the prices that its latencies were predicted from. */
  readonly table: string;
}

/** What an evolution is, from its first individual to its last. */
export interface EvolutionFrame {
  /** What an individual's `objectives` are. */
  readonly objectives: readonly {
    readonly name: string;
    readonly unit: 'share' | 'ms' | 'count' | 'bytes';
    /** What it may reach at most; null where anything is allowed. */
    readonly limit: number | null;
  }[];
  readonly evaluationCount: number;
  readonly populationSize: number;
}

/** What an evolution has come to. */
export interface EvolutionView extends EvolutionFrame {
  readonly individuals: readonly IndividualView[];
  /** How many networks each early exit refused, by its name. */
  readonly refusedCounts: Readonly<Record<string, number>>;
}

export interface TrainPoint {
  readonly step: number;
  readonly stepCount: number;
  readonly loss: number;
  readonly accuracy: number;
}

export interface SlotView {
  readonly id: string;
  /** `k3 e6`, `skip`, … */
  readonly candidates: readonly string[];
  /** Predicted latency of each candidate. */
  readonly latenciesMs: readonly number[];
}

export interface StudyDetail extends StudyView {
  /** The resolved specification, as YAML: all defaults filled in. */
  readonly specYaml: string;
  readonly slots: readonly SlotView[];
  /** [slot][candidate], as of the last search point. */
  readonly probabilities: readonly (readonly number[])[];
  readonly searchPoints: readonly SearchPoint[];
  readonly trainPoints: readonly TrainPoint[];
  /** null where the study evolves nothing. */
  readonly evolution: EvolutionView | null;
  /** null where it trains in one process, or not yet. */
  readonly pipeline: PipelineView | null;
  readonly network: Network | null;
  /** Of the predictor that the study searches with, on networks that its fit never saw; null before it is fitted. */
  readonly predictionError: PredictorView['holdOut'] | null;
  readonly log: readonly string[];
}

/** What a study would have to measure on a device before it can search. */
export interface EstimateView {
  /** Workloads that its prices stand on. */
  readonly totalCount: number;
  /** Of these, those that earlier measurements do not settle. */
  readonly missingCount: number;
  /** Measurements that these need at least. */
  readonly jobCount: number;
  /** With the devices of the class that are here now; null where none of them has measured anything yet. */
  readonly remainingMs: number | null;
}

/** HTTP calls: `METHOD path` -> what it takes and gives. `:id` stands for an id, `query` for what stands behind the `?`. */
export interface ApiCalls {
  'GET /api/devices': { body: undefined; result: readonly DeviceView[] };
  'GET /api/devices/:id/latencies': { body: undefined; result: readonly LatencyView[] };
  /** All measurements of one workload, oldest first; `runtime` is a RuntimeKey as JSON, `key` the workload's. */
  'GET /api/devices/:id/measurements': {
    query: { runtime: string; key: string };
    body: undefined;
    result: readonly MeasurementView[];
  };
  /** Under all runtimes, oldest first; empty where the device never measured the sentinel. */
  'GET /api/devices/:id/sentinel': { body: undefined; result: readonly SentinelPoint[] };
  /** The latest of each runtime and space, latest first. */
  'GET /api/devices/:id/predictors': { body: undefined; result: readonly PredictorView[] };
  /** What the study of this specification would have to measure there. Packs its data, which the study needs anyway. */
  'POST /api/devices/:id/estimate': { body: { yaml: string }; result: EstimateView };
  /** A code that pairs one device within a few minutes. */
  'POST /api/pairing-codes': { body: undefined; result: PairingCode };
  /** Sends the device's agent away for good; its measurements stay. */
  'POST /api/devices/:id/revoke': { body: undefined; result: DeviceView };
  'GET /api/studies': { body: undefined; result: readonly StudyView[] };
  'GET /api/studies/:id': { body: undefined; result: StudyDetail };
  /** A specification that judges the individuals of a finished evolution anew, for whatever device and budget are filled in. */
  'GET /api/studies/:id/rejudging': { body: undefined; result: { yaml: string } };
  /** Starts a study from a specification in YAML. */
  'POST /api/studies': { body: { yaml: string }; result: StudyView };
  'POST /api/studies/:id/cancel': { body: undefined; result: StudyView };
  /** Lets a running study rest; it goes on from its last checkpoint. */
  'POST /api/studies/:id/pause': { body: undefined; result: StudyView };
  'POST /api/studies/:id/resume': { body: undefined; result: StudyView };
  /** Ends the search or the training of a running study with what it has, where that is the phase under way: the study goes on to the next. */
  'POST /api/studies/:id/stop': { body: { phase: StoppablePhase }; result: StudyView };
}
// GET /api/studies/:id/model answers with the .tflite file itself; POST /api/session {token} with the session's cookie.

/** What a failed call answers with, beside its HTTP status. */
export interface ApiError {
  readonly code: string;
  readonly message: string;
}

export type ApiEvent =
  | { readonly type: 'device'; readonly device: DeviceView }
  | { readonly type: 'latency'; readonly latency: LatencyView }
  | { readonly type: 'study'; readonly study: StudyView }
  | {
      readonly type: 'search';
      readonly studyId: string;
      readonly point: SearchPoint;
      readonly probabilities: readonly (readonly number[])[];
    }
  | { readonly type: 'train'; readonly studyId: string; readonly point: TrainPoint }
  | {
      readonly type: 'individual';
      readonly studyId: string;
      readonly individual: IndividualView;
      readonly refusedCounts: Readonly<Record<string, number>>;
    }
  | { readonly type: 'pipelineStep'; readonly studyId: string; readonly step: PipelineStepView }
  /** Slots priced, network found or pipeline planned: read the study again. */
  | { readonly type: 'studyChanged'; readonly studyId: string }
  | { readonly type: 'log'; readonly studyId: string; readonly line: string };
