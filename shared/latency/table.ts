/** LatencyTable: what one device and runtime measured, by workload key; what the searcher reads. */
import { z } from 'zod';

export const runtimeNames = ['tflite', 'onnx', 'tfjs-tensorflow', 'tfjs-wasm', 'tfjs-webgpu'] as const;
export type RuntimeName = (typeof runtimeNames)[number];

/** Which runtime measured: with the device, the other half of a latency's key. */
export interface RuntimeKey {
  readonly runtime: RuntimeName;
  /** The runtime library's own version, e.g. '2.9.0'. */
  readonly version: string;
  readonly threads: number;
  /** What runs the operators inside the runtime: `xnnpack`, `cpu`, `webgpu`, …; `none` for its own built-in kernels. */
  readonly delegate: string;
}

export const runtimeKeySchema = z.strictObject({
  runtime: z.enum(runtimeNames),
  version: z.string().min(1).max(60),
  threads: z.number().int().min(1).max(256),
  delegate: z.string().regex(/^[a-z0-9-]{1,40}$/, 'expected 1 to 40 small letters, digits or dashes'),
}) as unknown as z.ZodType<RuntimeKey>;

/** One workload's latency. The interval is the 95% confidence interval of the median. All times in ms. */
export interface LatencyEntry {
  readonly medianMs: number;
  readonly lowMs: number;
  readonly highMs: number;
  readonly count: number;
  /** Why this number is in doubt, in words for people. */
  readonly doubt?: string | null;
}

export type LatencyTable = ReadonlyMap<string, LatencyEntry>;
