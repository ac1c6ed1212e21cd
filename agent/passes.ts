/**
 * Passes: a model is loaded and timed several times over, in short. What disturbs a pass (another process, a busy neighbour on
 * the host, an unlucky place for its buffers) adds time and never takes it away, and comes in bursts of some passes; so the
 * passes with the lowest medians count, once they agree. All are kept.
 *
 *   load ─▶ fill inputs ─▶ overhead ─▶ warm up ─▶ samples ─▶ close      × 5 to 10
 *
 * Several threads have to be woken for every invocation, which a network pays once and not for each of its pieces. So a short piece is then loaded side by side with itself, often and
 * less often, and takes what the copies that the one model has more than the other add:
 *
 *   24 copies:  wake │▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒│
 *    8 copies:  wake │▒▒▒▒▒▒▒▒│                 a piece = (longer - shorter) / 16
 */
import { median } from '@bespoke/shared/latency/statistics.js';
import { type Clock, defaultSettings, measure, overheadSettings, type Samples } from './measure.js';
import type { GraphModel, Model, Runtime, Session } from './runtime/runtime.js';
import { sideBySide } from './side-by-side.js';

/** Chosen on recorded passes (docs/measurement.md): fewer vary more, more take longer than they are worth. */
export const passCount = { least: 5, most: 10, counted: 2 } as const;
/** How far the counted passes' medians may lie apart. */
export const agreementShare = 0.02;

/** Of copies side by side, measured as docs/measurement.md shows: more make a model that takes long to load. */
const copyCount = { least: 6, most: 24 } as const;
/** What an invocation costs once is next to nothing beside this. */
const longInvocationMs = 1;

/** A model so many times side by side. */
interface Copies {
  readonly model: Model;
  readonly count: number;
}

export interface Pass extends Samples {
  /** What else than the model is in each sample: the median time of one that does nothing but take the same inputs and give the same outputs, or what copies side by side have in common. */
  readonly overheadMs: number;
  /** With the overhead. */
  readonly medianMs: number;
}

export interface Passes {
  /** In the order in which they were made. */
  readonly all: readonly Pass[];
  readonly counted: ReadonlySet<Pass>;
}

/** `isPiece`: the model is a piece of networks, which never invoke it alone. Throws what the runtime throws. */
export async function measurePasses(model: Model, runtime: Runtime, clock: Clock, isPiece = false): Promise<Passes> {
  const copies = isPiece && model.kind === 'graph' ? await copiesOf(model, runtime, clock) : null;
  const all: Pass[] = [];
  for (;;) {
    all.push(copies ? await timeCopies(...copies, runtime, clock) : await timeModel(model, runtime, clock));
    if (all.length < passCount.least) continue;
    const counted = [...all].sort((a, b) => a.medianMs - b.medianMs).slice(0, passCount.counted);
    if (all.length >= passCount.most || agree(counted)) return { all, counted: new Set(counted) };
  }
}

/** Of passes in ascending order. */
function agree(passes: readonly Pass[]): boolean {
  return passes.at(-1)!.medianMs <= passes[0]!.medianMs * (1 + agreementShare);
}

/** Fewer and more, as many as an invocation that is not long holds; null where those are few, or no thread has to be woken. */
async function copiesOf(
  model: GraphModel,
  runtime: Runtime,
  clock: Clock,
): Promise<[fewer: Copies, more: Copies] | null> {
  if (runtime.key.threads === 1) return null;
  const { medianMs } = await timeModel(model, runtime, clock, overheadSettings);
  const most = Math.min(Math.floor(longInvocationMs / medianMs), copyCount.most);
  if (most < copyCount.least) return null;
  const copies = (count: number): Copies => ({ model: sideBySide(model, count), count });
  return [copies(Math.round(most / 3)), copies(most)];
}

async function timeCopies(fewer: Copies, more: Copies, runtime: Runtime, clock: Clock): Promise<Pass> {
  const shorter = await timeModel(fewer.model, runtime, clock);
  const longer = await timeModel(more.model, runtime, clock);
  const ownMs = ({ medianMs, overheadMs }: Pass) => medianMs - overheadMs;
  const medianMs = longer.medianMs / more.count;
  return {
    samplesMs: longer.samplesMs.map((ms) => ms / more.count),
    batchSize: longer.batchSize,
    overheadMs: Math.max(0, medianMs - (ownMs(longer) - ownMs(shorter)) / (more.count - fewer.count)),
    medianMs,
  };
}

/** Loads the model afresh and times it. */
async function timeModel(model: Model, runtime: Runtime, clock: Clock, settings = defaultSettings): Promise<Pass> {
  const session = await runtime.load(model);
  try {
    fillInputs(session);
    const overheadMs = await measureOverhead(session, runtime, clock);
    const samples = await measure((count) => session.run(count), clock, settings);
    return { ...samples, overheadMs, medianMs: median(samples.samplesMs) };
  } finally {
    session.close();
  }
}

async function measureOverhead({ inputs, outputs }: Session, runtime: Runtime, clock: Clock): Promise<number> {
  const session = await runtime.loadEmpty(
    inputs.map((x) => [x.length]),
    outputs.map((y) => [y.length]),
  );
  try {
    return Math.max(0, median((await measure((count) => session.run(count), clock, overheadSettings)).samplesMs));
  } finally {
    session.close();
  }
}

/** Numbers spread over -1..1, by the golden ratio: zeros would let a clever kernel off, denormals would slow an honest one. */
export function fillInputs({ inputs }: Pick<Session, 'inputs'>): void {
  const length = Math.max(0, ...inputs.map((input) => input.length));
  if (length > spread.length) spread = Float32Array.from({ length }, (_, i) => ((i * 0.6180339887498949) % 1) * 2 - 1);
  for (const input of inputs) input.set(spread.subarray(0, input.length));
}

/** Made once for all passes. */
let spread = new Float32Array();
