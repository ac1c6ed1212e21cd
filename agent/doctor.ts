/** What the doctor says of an agent's runtimes: one finding each, with the command that brings what does not load. */
import type { Measurer, Probe } from './measurer.js';
import { runtimes } from './runtime/runtimes.js';

export interface RuntimeFinding {
  readonly part: string;
  readonly ok: boolean;
  /** Nothing is wrong where it is missing. */
  readonly optional: boolean;
  /** The version and the delegates that load, or the problem. */
  readonly detail: string;
  readonly remedy?: string;
}

/** Loads every runtime in a process of its own, as a measurement would. */
export async function examineRuntimes(measurer: Pick<Measurer, 'probe'>): Promise<RuntimeFinding[]> {
  const probes = await measurer.probe();
  return [...new Set(probes.map(({ runtime }) => runtime))].map((name) => ({
    part: `measuring with ${name}`,
    optional: runtimes[name].optional,
    ...verdict(probes.filter(({ runtime }) => runtime === name)),
  }));
}

/** A runtime works where one of its delegates does; else its first, the best, says why not. */
function verdict(probes: readonly Probe[]): Pick<RuntimeFinding, 'ok' | 'detail' | 'remedy'> {
  const [key] = probes.flatMap((probe) => (probe.ok ? probe.keys : []));
  const working = probes.filter(({ ok }) => ok).map(({ delegate }) => delegate);
  if (key) return { ok: true, detail: `${key.version}, ${working.join(', ')}` };
  const { problem, remedy } = probes[0] as Extract<Probe, { ok: false }>;
  return { ok: false, detail: problem, remedy };
}
