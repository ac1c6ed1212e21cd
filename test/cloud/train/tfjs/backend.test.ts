import { spawnSync } from 'node:child_process';
import { type OpenedBackend, openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import { describe, expect, it } from 'vitest';

const isNative = (await openBackend()).backend === 'tensorflow';
if (!isNative) console.log('backend: the kernels of native TensorFlow are left out, for it does not load here');

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

  const choice = { none: process.arch === 'x64' ? '1' : undefined, '0': '0', '1': '1' } as const;
  it.skipIf(!isNative).each(Object.entries(choice))(
    'has TensorFlow take the kernels of oneDNN on x64 unless somebody decided otherwise: %s',
    (flag, expected) => {
      const { TF_ENABLE_ONEDNN_OPTS: _, ...rest } = process.env;
      const env = flag === 'none' ? rest : { ...rest, TF_ENABLE_ONEDNN_OPTS: flag };
      const code = `await (await import('@bespoke/cloud/train/tfjs/backend.js')).openBackend('tensorflow');
        process.stdout.write(String(process.env.TF_ENABLE_ONEDNN_OPTS));`;
      const args = ['--input-type=module', '-e', code];
      const { stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
      expect(stdout).toBe(String(expected));
      // that it is read in time; TensorFlow for macOS comes without oneDNN
      if (process.platform === 'linux' && expected !== undefined)
        expect(/oneDNN custom operations are on/.test(stderr)).toBe(expected === '1');
    },
  );
});
