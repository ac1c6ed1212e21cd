/** The wasm column of the conformance table. */
import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import { describeBackend } from './tfjs-suite.js';

const { tf } = await openBackend('wasm');
describeBackend('wasm', tf);
