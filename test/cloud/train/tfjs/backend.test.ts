import { type OpenedBackend, openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import { describe, expect, it } from 'vitest';

describe('openBackend', () => {
  it('opens wasm without the network when it is asked for', async () => {
    const { tf, backend, version, reason } = await openBackend('wasm');
    expect([backend, version, tf.getBackend(), reason]).toEqual(['wasm', '4.22.0', 'wasm', 'wasm was asked for']);
    expect(tf.matMul([[2]], [[3]]).dataSync()[0]).toBe(6);
  });

  it('opens one of both without a preference, saying why where it is not the native one', async () => {
    const opened: OpenedBackend = await openBackend();
    if (opened.backend === 'tensorflow') expect(opened.reason).toBeUndefined();
    else expect(opened.reason).toContain('npm run setup:tensorflow');
    expect(opened.tf.getBackend()).toBe(opened.backend);
    expect(opened.tf.matMul([[2]], [[3]]).dataSync()[0]).toBe(6);
  });
});
