/** LatencyTable: what one device and runtime measured, by workload key; what the searcher reads. */
import { z } from 'zod';

/** Which runtime measured: with the device, the other half of a latency's key. */
export interface RuntimeKey {
  readonly runtime: 'tflite';
  /** The runtime library's own version, e.g. '2.9.0'. */
  readonly version: string;
  readonly threads: number;
  readonly delegate: 'xnnpack' | 'none';
}

export const runtimeKeySchema = z.strictObject({
  runtime: z.literal('tflite'),
  version: z.string().min(1).max(60),
  threads: z.number().int().min(1).max(256),
  delegate: z.enum(['xnnpack', 'none']),
}) as unknown as z.ZodType<RuntimeKey>;

/** One workload's latency. The interval is the 95% confidence interval of the median. All times in ms. */
export interface LatencyEntry {
  readonly medianMs: number;
  readonly lowMs: number;
  readonly highMs: number;
  readonly count: number;
}

export type LatencyTable = ReadonlyMap<string, LatencyEntry>;
