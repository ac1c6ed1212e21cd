/** The tensorflow column of the conformance table; skipped, saying so, where the native binding does not load. */
import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import { describe, it } from 'vitest';
import { describeBackend } from './tfjs-suite.js';

const { tf, backend, reason } = await openBackend();
if (backend === 'tensorflow') describeBackend('tensorflow', tf);
else {
  console.warn(`\nSKIPPED: the tensorflow column of the conformance table: ${reason}\n`);
  describe('execute on tensorflow', () => {
    it.skip(`is not tested here: ${reason}`, () => {});
  });
}
