/** The runtimes of an agent: one row per name that says how to open it, and what may run operators in it. */
import { AppError, isAppError } from '@bespoke/shared/base/errors.js';
import { runtimeCommands } from '@bespoke/shared/latency/runtime-commands.js';
import type { RuntimeKey, RuntimeName } from '@bespoke/shared/latency/table.js';
import { openOnnx } from './onnx.js';
import type { Runtime, Use } from './runtime.js';
import { openTfjsTensorflow } from './tfjs-tensorflow.js';
import { openTfjsWasm } from './tfjs-wasm.js';
import { openTfjsWebgpu } from './tfjs-webgpu.js';
import { openTflite, type TfliteDelegate } from './tflite.js';

/**
 * Whose looks tell how fast the device is (agent/pace.ts): the runtime's own where it answers at once and evenly; those of one that does where it computes on the processor but answers later, and
 * the wait would be told with it, or has slow spells of its own, and the block's would be told; nobody's where it computes elsewhere.
 */
export type PaceBy = 'itself' | 'processor' | 'nobody';

/** What may run operators in a runtime. */
interface DelegateRow {
  readonly paceBy: PaceBy;
  /** Whether the number of threads has an effect. */
  readonly manyThreads: boolean;
}

/** A runtime to open: its key without the version, which is known when it has loaded. */
export type RuntimeChoice = Omit<RuntimeKey, 'version'>;

export interface RuntimeRow {
  /** The best first. */
  readonly delegates: { readonly [delegate: string]: DelegateRow };
  /** Loads it, with one of the delegates. Throws whatever its package throws where it does not work here. */
  open(delegate: string, threads: number, use: Use): Runtime | Promise<Runtime>;
  /** Not installed with the agent: a device that lacks it lacks nothing. */
  readonly optional: boolean;
}

/** By name, the one that measures like most apps first. */
export const runtimes: { readonly [R in RuntimeName]: RuntimeRow } = {
  tflite: {
    delegates: { xnnpack: { paceBy: 'itself', manyThreads: true }, none: { paceBy: 'itself', manyThreads: true } },
    open: (delegate: TfliteDelegate, threads, use) => openTflite(threads, delegate, use),
    optional: false,
  },
  onnx: {
    delegates: {
      cpu: { paceBy: 'processor', manyThreads: true },
      cuda: { paceBy: 'nobody', manyThreads: false },
      webgpu: { paceBy: 'nobody', manyThreads: false },
    },
    open: openOnnx,
    optional: true,
  },
  'tfjs-tensorflow': {
    delegates: { cpu: { paceBy: 'itself', manyThreads: true } },
    open: (_, threads, use) => openTfjsTensorflow(threads, use),
    optional: true,
  },
  'tfjs-wasm': {
    delegates: { cpu: { paceBy: 'processor', manyThreads: false } },
    open: (_, __, use) => openTfjsWasm(use),
    optional: false,
  },
  'tfjs-webgpu': {
    delegates: {
      gpu: { paceBy: 'nobody', manyThreads: false },
      software: { paceBy: 'nobody', manyThreads: false }, // on threads of its own
    },
    open: openTfjsWebgpu,
    optional: true,
  },
};

/** Loads a runtime; in the measuring process only. Throws `RUNTIME_UNAVAILABLE` with the remedy. */
export async function openRuntime(
  { runtime, delegate, threads }: RuntimeChoice,
  use: Use = { readsOutputs: true },
): Promise<Runtime> {
  const { delegates, open } = runtimes[runtime];
  try {
    if (!(delegate in delegates)) throw new Error(`it has no delegate ${delegate}`);
    return await open(delegate, threads, use);
  } catch (cause) {
    if (isAppError(cause, 'RUNTIME_UNAVAILABLE')) throw cause;
    const problem = (cause as Error).message.trim().split('\n')[0]!;
    throw new AppError('RUNTIME_UNAVAILABLE', { runtime, problem, remedy: runtimeCommands[runtime] }, { cause });
  }
}
