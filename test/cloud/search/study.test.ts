import { resolveSpec } from '@bespoke/cloud/search/spec.js';
import { verifiedWorkload } from '@bespoke/cloud/search/study.js';
import { zooNetwork } from '@bespoke/shared/network/zoo/zoo.js';
import { timedThing } from '@bespoke/shared/protocol/api.js';
import { describe, expect, it } from 'vitest';

const network = zooNetwork('mobilenet-v2');
const model = { path: 'model.tflite', sha256: 'a'.repeat(64), byteCount: 7 };

describe('verifiedWorkload', () => {
  it('is the exported file on tflite, which reads it', () => {
    const workload = verifiedWorkload(resolveSpec({ version: 1 }), network, model);
    expect(workload).toEqual({ kind: 'file', format: 'tflite', sha256: model.sha256, byteCount: 7 });
  });

  it('is the network on any other runtime', () => {
    const workload = verifiedWorkload(resolveSpec({ version: 1, runtime: 'onnx' }), network, model);
    expect(workload).toEqual({ kind: 'network', network, dtype: 'float32', batch: 1 });
  });
});

describe('timedThing', () => {
  it('says which of the two it was', () => {
    expect(timedThing({ runtime: 'tflite 2.9.0 xnnpack' })).toBe('the exported file');
    expect(timedThing({ runtime: 'tfjs-wasm 4.22.0 cpu' })).toBe('the network of the exported file');
  });
});
