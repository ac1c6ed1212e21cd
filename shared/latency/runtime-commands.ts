/** How a device comes to each runtime: agents name the command when one is missing, the dashboard when one could be added. */
import type { RuntimeName } from './table.js';

/** To be run on the device, in the folder that its agent was installed from. */
export const runtimeCommands: { readonly [R in RuntimeName]: string } = {
  tflite: 'npm rebuild tfjs-tflite-node && npm run install -w agent',
  onnx: 'npx bespoke-agent runtime add onnx',
  'tfjs-tensorflow': 'npx bespoke-agent runtime add tensorflow',
  'tfjs-wasm': 'npm ci',
  'tfjs-webgpu': 'npx bespoke-agent runtime add webgpu',
};
