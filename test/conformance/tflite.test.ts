/** The tflite columns of the conformance table: with XNNPACK and with the built-in kernels. */
import { describeRuntime } from './runtime-suite.js';

await describeRuntime({ runtime: 'tflite', delegate: 'xnnpack', threads: 1 }, true);
await describeRuntime({ runtime: 'tflite', delegate: 'none', threads: 1 }, true);
