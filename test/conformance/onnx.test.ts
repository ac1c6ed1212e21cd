/** The onnx column of the conformance table. */
import { describeRuntime } from './runtime-suite.js';

await describeRuntime({ runtime: 'onnx', delegate: 'cpu', threads: 1 }, true);
