/** The TensorFlow Lite runtime: tfjs-tflite-node with the XNNPACK delegate applied, as apps ship it, or with its built-in kernels. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '@bespoke/shared/base/errors.js';
import { writeEmptyTflite, writeTflite } from '@bespoke/shared/format/tflite.js';
import { runtimeCommands } from '@bespoke/shared/latency/runtime-commands.js';
import type { RuntimeKey } from '@bespoke/shared/latency/table.js';
import type { Runtime, Session, Use } from './runtime.js';
import { createCollector } from './spent-models.js';
import { writtenOnce } from './written.js';

type Binding = typeof import('tfjs-tflite-node');
/** What we use of the binding's; its own types stand on a package that an agent does not keep (slim.mjs). */
interface Interpreter {
  getInputs(): readonly { data(): unknown }[];
  getOutputs(): readonly { data(): unknown }[];
  infer(): unknown;
}

// From dist/runtime/ to what runtime/xnnpack-delegate/build.mjs writes at install.
const built = fileURLToPath(new URL('../../build', import.meta.url));
const delegatePath = join(built, `libxnnpack-delegate.${process.platform === 'darwin' ? 'dylib' : 'so'}`);
const inPlacePath = join(built, 'libtflite-in-place.so');
const notePath = join(built, 'tflite.json');
const builtPaths = [delegatePath, ...(process.platform === 'linux' ? [inPlacePath] : []), notePath];

export type TfliteDelegate = 'xnnpack' | 'none';

/** What measurements by `openTflite` are keyed by; loads nothing native. Throws `RUNTIME_UNAVAILABLE`. */
export function tfliteKey(threads: number, delegate: TfliteDelegate = 'xnnpack'): RuntimeKey {
  const missing = builtPaths.find((path) => !existsSync(path));
  if (missing) {
    throw new AppError('RUNTIME_UNAVAILABLE', {
      runtime: 'tflite',
      problem: `${basename(missing)} is not built for ${process.platform} ${process.arch}`,
      remedy: 'run `node agent/runtime/xnnpack-delegate/build.mjs` in the project, which says what it lacks',
    });
  }
  const { version } = JSON.parse(readFileSync(notePath, 'utf8')) as { version: string };
  return { runtime: 'tflite', version, threads, delegate };
}

/**
 * Loads the native library. `threads` are XNNPACK's and those of the operators that it leaves. Where no outputs are read, on Linux, inputs are copied in once and outputs never.
 * Throws `RUNTIME_UNAVAILABLE`.
 */
export function openTflite(
  threads: number,
  delegate: TfliteDelegate = 'xnnpack',
  { readsOutputs }: Use = { readsOutputs: true },
): Runtime {
  const key = tfliteKey(threads, delegate);
  const { TFLiteNodeModelRunner } = loadBinding(readsOutputs);
  const builtIn = { threads };
  const chosen = delegate === 'xnnpack' ? { ...builtIn, ...xnnpackOptions(threads) } : builtIn;
  const open = (bytes: Uint8Array, options: typeof builtIn): Session => {
    try {
      return sessionOf(new TFLiteNodeModelRunner(Uint8Array.from(bytes).buffer, options));
    } catch (error) {
      throw new AppError('RUNTIME_REFUSED', { runtime: 'tflite', problem: (error as Error).message }, { cause: error });
    }
  };
  return {
    key,
    layout: 'NHWC',
    load: async (model) => open(model.kind === 'file' ? model.bytes : bytesOf(model), chosen),
    // Without the delegate, which has nothing to do there and would forget the constants that it unpacked for a model that is still to run.
    loadEmpty: async (inputShapes, outputShapes) => open(writeEmptyTflite(inputShapes, outputShapes, 1), builtIn),
  };
}

function xnnpackOptions(threads: number) {
  const options: [string, string][] = [['num_threads', String(threads)]];
  return { delegate: { path: delegatePath, options } };
}

/** The exporter's own passes: what is measured is what would be downloaded. */
const bytesOf = writtenOnce(({ graph, weights, batch }) =>
  writeTflite(graph, weights, { batch, description: 'Bespoke workload' }),
);

/** As the process's first call said: the binding is loaded once. */
let bindingReadsOutputs: boolean | undefined;

/** Throws `RUNTIME_UNAVAILABLE`, and an `Error` where the process has begun otherwise. */
function loadBinding(readsOutputs: boolean): Binding {
  bindingReadsOutputs ??= readsOutputs;
  if (bindingReadsOutputs !== readsOutputs) throw new Error('expected one use of outputs in a process, but got both');
  try {
    if (!readsOutputs && process.platform === 'linux') leaveInPlace();
    return createRequire(import.meta.url)('tfjs-tflite-node') as Binding;
  } catch (error) {
    const { message } = error as Error;
    throw new AppError(
      'RUNTIME_UNAVAILABLE',
      { runtime: 'tflite', problem: message, remedy: runtimeCommands.tflite },
      { cause: error },
    );
  }
}

/** Has functions stand before those of the library, which is loaded after it. */
function leaveInPlace(): void {
  const { RTLD_NOW, RTLD_GLOBAL } = constants.dlopen;
  process.dlopen({ exports: {} }, inPlacePath, RTLD_NOW | RTLD_GLOBAL);
}

const collectSpent = createCollector();

function sessionOf(interpreter: Interpreter): Session {
  const arrays = (tensors: ReturnType<Interpreter['getInputs']>) =>
    tensors.map((tensor) => tensor.data() as Float32Array);
  return {
    inputs: arrays(interpreter.getInputs()),
    outputs: arrays(interpreter.getOutputs()),
    run: (count) => {
      for (let i = 0; i < count; i++) interpreter.infer(); // throws where the runtime reports an error
    },
    close: collectSpent, // the binding frees the interpreter with the object that wraps it
  };
}
