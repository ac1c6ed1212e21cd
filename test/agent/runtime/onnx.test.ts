import { readdirSync } from 'node:fs';
import { openOnnx } from '@bespoke/agent/runtime/onnx.js';
import { scaledWeights } from '@bespoke/agent/scaled-weights.js';
import { fold } from '@bespoke/shared/graph/fold.js';
import { lower } from '@bespoke/shared/network/lower.js';
import { zooNetwork } from '@bespoke/shared/network/zoo/zoo.js';
import { describe, expect, it } from 'vitest';

const threadCount = () => readdirSync('/proc/self/task').length;

describe('openOnnx', () => {
  it('runs a whole network whose numbers stay in range', async () => {
    const graph = lower(zooNetwork('mobilenet-v2', { resolution: 96 }));
    const model = { kind: 'graph', ...fold(graph, scaledWeights(graph)), batch: 1 } as const;
    const session = await (await openOnnx('cpu', 1)).load(model);
    session.inputs[0]!.fill(0.5);
    await session.run(1);
    const largest = Math.max(...session.outputs[0]!.map(Math.abs));
    expect(largest).toBeGreaterThan(1e-6);
    expect(largest).toBeLessThan(1e6);
  });

  it.skipIf(process.platform !== 'linux')('computes with the threads that it is asked for', async () => {
    await (await openOnnx('cpu', 1)).loadEmpty([[1]], [[1]]); // starts what the library starts once
    const before = threadCount();
    await (await openOnnx('cpu', 1)).loadEmpty([[1]], [[1]]);
    expect(threadCount() - before).toBe(0); // the caller's is the only one
    await (await openOnnx('cpu', 4)).loadEmpty([[1]], [[1]]);
    expect(threadCount() - before).toBeGreaterThanOrEqual(3);
  });

  it('fails where an execution provider is not there', async () => {
    await expect(openOnnx('cuda', 1)).rejects.toThrow();
  });
});
