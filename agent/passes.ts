/**
 * Passes: a model is loaded and timed several times over, in short. What disturbs a pass (another process, a busy neighbour on
 * the host, an unlucky place for its buffers) adds time and never takes it away, and comes in bursts of some passes; so the
 * passes that took the least time count, once they agree (shared/latency/reading.ts). All are kept.
 *
 *   load ─▶ fill inputs ─▶ overhead ─▶ warm up ─▶ samples ─▶ close      × 4 to 10
 *
 * Several threads have to be woken for every invocation, which a network pays once and not for each of its pieces. So a short piece is then loaded side by side with itself, often and
 * less often, and takes what the copies that the one model has more than the other add to the quietest pass of that (side-by-side.ts):
 *
 *   24 copies:  wake, prelude │▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒│
 *    1 copy:    wake, prelude │▒│                           a piece = (longer - shorter) / 23
 */
import { tensorShapes } from '@bespoke/shared/graph/graph.js';
import { bytesPerElement, elementCount } from '@bespoke/shared/graph/tensor.js';
import { agree, isOutdated, quietestFirst, type Reading, retelling } from '@bespoke/shared/latency/reading.js';
import { median } from '@bespoke/shared/latency/statistics.js';
import { fillInputs } from './inputs.js';
import { type Clock, defaultSettings, measure, overheadSettings, type Samples } from './measure.js';
import type { Pace } from './pace.js';
import type { GraphModel, Model, Runtime, Session } from './runtime/runtime.js';
import { sideBySide } from './side-by-side.js';

/** Chosen on recorded passes (docs/measurement.md): fewer vary more, more take longer than they are worth. */
export const passCount = { least: 4, most: 10, counted: 2 } as const;
/** How far the counted passes' medians may lie apart. */
export const agreementShare = 0.02;

/** Of copies side by side, at least and at most: more make a model that takes long to load, and fewer say less. */
const copyCount = { least: 3, most: 24 } as const;
/** What an invocation costs once is next to nothing beside this. */
const longInvocationMs = 1;
/** Weights and outputs of all copies. Each has its own, where a network writes over what it has read: more than a core's cache holds would be slower than in any network. */
const copiesBytes = 512 * 1024;

/** A model side by side with itself: once, and so many times more. */
interface Copies {
  readonly one: GraphModel;
  readonly more: GraphModel;
  readonly addedCount: number;
}

export interface Pass extends Samples, Reading {
  /** With the overhead. */
  readonly medianMs: number;
  /** By which quietest of the device what slowed it was taken out (pace.ts); null where nothing tells. */
  readonly quietestMs: number | null;
}

export interface Passes {
  /** In the order in which they were made. */
  readonly all: readonly Pass[];
  readonly counted: ReadonlySet<Pass>;
  /** What else than the model is in each sample: the time of one that does nothing but take the same inputs and give the same outputs, where that took the least. */
  readonly overheadMs: number;
}

/** A pass of one model, with what it has as overhead. */
interface TimedPass extends Pass {
  readonly overhead: Reading;
}

/** What models are timed with. */
export interface Bench {
  readonly runtime: Runtime;
  readonly clock: Clock;
  /** Null where nothing tells how fast the device is at the moment. */
  readonly pace: Pace | null;
}

/** `isPiece`: the model is a piece of networks, which never invoke it alone. Throws what the runtime throws. */
export async function measurePasses(model: Model, bench: Bench, isPiece = false): Promise<Passes> {
  const copies = isPiece && model.kind === 'graph' ? await copiesOf(model, bench) : null;
  let timed: TimedPass[] = [];
  let shorter: TimedPass[] = [];
  for (;;) {
    if (copies) shorter.push(await timeModel(copies.one, bench));
    timed.push(await timeModel(copies?.more ?? model, bench));
    if (timed.length < passCount.least) continue;
    const quietestMs = leastKnown([...timed, ...shorter]);
    timed = timed.map((pass) => retold(pass, quietestMs));
    shorter = shorter.map((pass) => retold(pass, quietestMs));
    const quietestShorter = quietestFirst(shorter)[0]!;
    const told = (pass: TimedPass) => (copies ? slope(pass, quietestShorter, copies.addedCount) : pass);
    const all = new Map(timed.map((pass) => [pass, told(pass)]));
    const counted = quietestFirst(timed)
      .slice(0, passCount.counted)
      .map((pass) => all.get(pass)!);
    const allAgree = counted.every((pass) => agree(counted[0]!, pass, agreementShare));
    if (timed.length < passCount.most && !allAgree) continue;
    const overheadMs = copies
      ? each(leastOverheadMs(timed), leastOverheadMs(shorter), copies.addedCount)
      : leastOverheadMs(timed);
    return { all: [...all.values()], counted: new Set(counted), overheadMs };
  }
}

/** Of the pass in which it took the least time: what disturbs an invocation can make it three times as long, in the model of no operators alone. */
function leastOverheadMs(passes: readonly TimedPass[]): number {
  return quietestFirst(passes.map(({ overhead }) => overhead))[0]!.medianMs;
}

/** The least quietest that any of the passes went by; null where nothing tells. */
function leastKnown(passes: readonly Pass[]): number | null {
  const known = passes.map(({ quietestMs }) => quietestMs).filter((ms) => ms !== null);
  return known.length === 0 ? null : Math.min(...known);
}

/** Of what the longer model takes, that of each added copy. */
function each(longerMs: number, shorterMs: number, addedCount: number): number {
  return Math.max(0, (longerMs - shorterMs) / addedCount);
}

/** What each of the added copies takes. */
function slope(longer: Pass, shorter: Pass, addedCount: number): Pass {
  return {
    samplesMs: longer.samplesMs.map((ms) => each(ms, shorter.medianMs, addedCount)),
    batchSize: longer.batchSize,
    slowness: Math.max(longer.slowness, shorter.slowness),
    medianMs: each(longer.medianMs, shorter.medianMs, addedCount),
    quietestMs: longer.quietestMs,
  };
}

/** Null where no thread has to be woken, or that is next to nothing. */
async function copiesOf(model: GraphModel, bench: Bench): Promise<Copies | null> {
  if (bench.runtime.key.threads === 1) return null;
  const { medianMs } = await timeModel(model, bench, overheadSettings);
  const count = copyCountOf(model, medianMs);
  if (count === null) return null;
  return { one: sideBySide(model, 1), more: sideBySide(model, count), addedCount: count - 1 };
}

/** As many copies as an invocation that is not long, and a cache, hold; null where one is long. */
export function copyCountOf(model: GraphModel, medianMs: number): number | null {
  const mostInTime = Math.floor(longInvocationMs / medianMs);
  if (mostInTime < copyCount.least) return null;
  const mostInCache = Math.max(Math.floor(copiesBytes / ownBytes(model)), copyCount.least);
  return Math.min(mostInTime, mostInCache, copyCount.most);
}

/** Bytes that each copy has of its own. */
function ownBytes({ graph, weights, batch }: GraphModel): number {
  const shapes = tensorShapes(graph);
  let count = 0;
  for (const output of graph.outputs) count += batch * elementCount(shapes.get(output)!);
  for (const { values } of weights.values()) count += values.length;
  return bytesPerElement.float32 * count;
}

/** Loads the model afresh and times it. */
async function timeModel(model: Model, bench: Bench, settings = defaultSettings): Promise<TimedPass> {
  const { runtime, clock, pace } = bench;
  const session = await runtime.load(model);
  let quietestMs: number | null = null;
  let timed: Omit<TimedPass, 'quietestMs'>;
  try {
    fillInputs(session);
    const overhead = await measureOverhead(session, bench);
    const look = pace ? () => pace.slowness() : undefined;
    const samples = await measure((count) => session.run(count), clock, settings, look);
    timed = { ...samples, overhead, medianMs: median(samples.samplesMs) };
  } finally {
    session.close();
    if (pace) quietestMs = pace.endPass();
  }
  return { ...timed, quietestMs };
}

/** The pass, told by a quietest that was found after it; as it is, where it went by that. */
function retold(pass: TimedPass, quietestMs: number | null): TimedPass {
  if (quietestMs === null || !isOutdated(pass.quietestMs!, quietestMs)) return pass;
  const { ms, slowness } = retelling(pass.quietestMs!, quietestMs);
  return {
    ...pass,
    samplesMs: pass.samplesMs.map(ms),
    slowness: slowness(pass.slowness),
    overhead: { medianMs: ms(pass.overhead.medianMs), slowness: slowness(pass.overhead.slowness) },
    medianMs: ms(pass.medianMs),
    quietestMs,
  };
}

/** Looked at before and after: between its samples, looks would take as long as these do. */
async function measureOverhead({ inputs, outputs }: Session, { runtime, clock, pace }: Bench): Promise<Reading> {
  const session = await runtime.loadEmpty(
    inputs.map((x) => [x.length]),
    outputs.map((y) => [y.length]),
  );
  try {
    const before = pace?.slowness() ?? 1;
    const { samplesMs } = await measure((count) => session.run(count), clock, overheadSettings);
    const slowness = (before + (pace?.slowness() ?? 1)) / 2;
    return { medianMs: Math.max(0, median(samplesMs)) / slowness, slowness };
  } finally {
    session.close();
  }
}
