/** The column of the agent's tfjs-tensorflow in the conformance table. */
import { describeRuntime } from './runtime-suite.js';

await describeRuntime({ runtime: 'tfjs-tensorflow', delegate: 'cpu', threads: 1 }, false);
