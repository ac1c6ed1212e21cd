/**
 * Passes: a model is loaded and timed several times over, in short. What disturbs a pass (another process, a busy neighbour on
 * the host, an unlucky place for its buffers) adds time and never takes it away, and comes in bursts of some passes; so the
 * passes with the lowest medians count, once they agree. All are kept.
 *
 *   load ─▶ fill inputs ─▶ overhead ─▶ warm up ─▶ samples ─▶ close      × 5 to 10
 */
import { median } from '@bespoke/shared/latency/statistics.js';
import { type Clock, measure, overheadSettings, type Samples } from './measure.js';
import type { Model, Runtime, Session } from './runtime/runtime.js';

/** Chosen on recorded passes (docs/measurement.md): fewer vary more, more take longer than they are worth. */
export const passCount = { least: 5, most: 10, counted: 2 } as const;
/** How far the counted passes' medians may lie apart. */
export const agreementShare = 0.02;

export interface Pass extends Samples {
  /** Median time of a model that does nothing but take the same inputs and give the same outputs. */
  readonly overheadMs: number;
  /** With the overhead. */
  readonly medianMs: number;
}

export interface Passes {
  /** In the order in which they were made. */
  readonly all: readonly Pass[];
  readonly counted: ReadonlySet<Pass>;
}

/** Throws what the runtime throws. */
export async function measurePasses(model: Model, runtime: Runtime, clock: Clock): Promise<Passes> {
  const all: Pass[] = [];
  for (;;) {
    all.push(await measurePass(model, runtime, clock));
    if (all.length < passCount.least) continue;
    const counted = [...all].sort((a, b) => a.medianMs - b.medianMs).slice(0, passCount.counted);
    if (all.length >= passCount.most || agree(counted)) return { all, counted: new Set(counted) };
  }
}

/** Of passes in ascending order. */
function agree(passes: readonly Pass[]): boolean {
  return passes.at(-1)!.medianMs <= passes[0]!.medianMs * (1 + agreementShare);
}

/** Loads the model afresh and times it. */
async function measurePass(model: Model, runtime: Runtime, clock: Clock): Promise<Pass> {
  const session = await runtime.load(model);
  try {
    fillInputs(session);
    const overheadMs = await measureOverhead(session, runtime, clock);
    const samples = await measure((count) => session.run(count), clock);
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
