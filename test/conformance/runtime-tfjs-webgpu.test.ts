/** The column of the agent's tfjs-webgpu in the conformance table. */
import { describeRuntime } from './runtime-suite.js';

await describeRuntime({ runtime: 'tfjs-webgpu', delegate: 'software', threads: 1 }, false);
