/** The column of the agent's tfjs-wasm in the conformance table. */
import { describeRuntime } from './runtime-suite.js';

await describeRuntime({ runtime: 'tfjs-wasm', delegate: 'cpu', threads: 1 }, true);
