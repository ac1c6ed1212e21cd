/** tfjs on WebAssembly: the runtime that loads wherever Node runs. One thread: the backend has more in browsers only. */
import { openWasm } from '@bespoke/shared/tfjs/open.js';
import type { Runtime, Use } from './runtime.js';
import { node, tfjsRuntime } from './tfjs.js';

/** Throws what the package throws. */
export async function openTfjsWasm({ readsOutputs }: Use): Promise<Runtime> {
  const { tf, version } = await openWasm(node, '@tensorflow/tfjs-core');
  return tfjsRuntime({ runtime: 'tfjs-wasm', version, threads: 1, delegate: 'cpu' }, tf, {
    upload() {}, // done when the tensor was made
    download: readsOutputs ? 'sync' : 'none',
    downloadsOnce: false,
  });
}
