import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { noAugmentation, openLoader } from '@bespoke/cloud/train/data/loader.js';
import type { Path, Supernet } from '@bespoke/cloud/train/engine.js';
import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import { readCheckpoint } from '@bespoke/cloud/train/tfjs/checkpoint.js';
import { TfjsSupernet } from '@bespoke/cloud/train/tfjs/supernet.js';
import { initializeWeights } from '@bespoke/shared/graph/weights.js';
import { lowerSingle } from '@bespoke/shared/network/lower.js';
import { execute } from '@bespoke/shared/tfjs/execute.js';
import type { Tensor, Tf } from '@bespoke/shared/tfjs/tf.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyData, tinyRecipe, tinySpace } from './tiny.js';

let tf: Tf;
let folder: string;
const data = tinyData();
beforeAll(async () => {
  ({ tf } = await openBackend());
  folder = mkdtempSync(join(tmpdir(), 'bespoke-supernet-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const recipe = { ...tinyRecipe, shareWeights: false };
const open = () => new TfjsSupernet(tf, tinySpace, data, recipe);

async function stateOf(supernet: Supernet, name: string) {
  await supernet.save(join(folder, name));
  return (await readCheckpoint(join(folder, name)))!.state;
}

describe('TfjsSupernet.weightStep', () => {
  it('moves the weights of its path and no others, bit for bit', async () => {
    const supernet = open();
    await supernet.weightStep([0, 1, 2, 0], 0); // gives the candidates that rest below a momentum
    const before = await stateOf(supernet, 'before');
    await supernet.weightStep([0, 0, 1, 0], 1);
    const after = await stateOf(supernet, 'after');
    const moved = [...before.keys()].filter(
      (name) => String(after.get(name)!.values) !== String(before.get(name)!.values),
    );
    expect(new Set(moved.map((name) => name.split(/[:/]/)[1]))).toEqual(new Set(['stem.conv', 's1.k3', 'head.head']));
    const path = [...before.keys()].filter((name) => /^value:(stem\.conv|s1\.k3|head\.head)\//.test(name));
    expect(moved.filter((name) => name.startsWith('value:')).sort()).toEqual(path.sort());
    supernet.dispose();
  });

  it('learns', async () => {
    const supernet = open();
    const first = await supernet.weightStep([0, 0, 0, 0], 0);
    for (let step = 1; step < 25; step++) await supernet.weightStep([0, step % 2, step % 3, 0], step);
    const evaluation = await supernet.validate([0, 0, 0, 0]);
    expect(first.loss).toBeGreaterThan(0.4);
    expect(evaluation.count).toBe(32);
    expect(evaluation.accuracy).toBeGreaterThan(0.95);
    supernet.dispose();
  });
});

describe('TfjsSupernet.gateGradients', () => {
  /** Cross-entropy of batch 0 with m = sum(g_j * o_j) in one slot and one path in the others, float32 on the backend. */
  function lossWithGates(path: Path, slot: number, gates: readonly number[]): number {
    const batch = openLoader(data, { split: 'search', seed: 7, batchSize: 16, augmentation: noAugmentation }).batchAt(
      0,
    );
    return tf.tidy(() => {
      let x: Tensor = tf.tensor(batch.images.slice(), [16, 8, 8, 1]);
      tinySpace.slots.forEach(({ candidates }, index) => {
        const run = (choice: number) => {
          const graph = lowerSingle(candidates[choice]!.id, candidates[choice]!, [x.shape.slice(1)]);
          const weights = new Map(
            [...initializeWeights(graph, 7)].map(([name, w]) => [name, tf.tensor(w.values, [...w.shape]) as Tensor]),
          );
          return execute(tf, graph, new Map([['input0', x]]), weights, { training: true })[0]!;
        };
        x =
          index === slot
            ? gates.map((gate, choice) => tf.mul(run(choice), gate)).reduce((a, b) => tf.add(a, b))
            : run(path[index]!);
      });
      const logits = x.dataSync();
      let loss = 0;
      batch.labels.forEach((label, at) => {
        const own = logits[at * 2 + label]!;
        const other = logits[at * 2 + 1 - label]!;
        loss += Math.log1p(Math.exp(other - own)) / 16;
      });
      return loss;
    });
  }

  it.each([
    { path: [0, 0, 0, 0], slot: 1 },
    { path: [0, 1, 0, 0], slot: 2 },
    { path: [0, 0, 1, 0], slot: 2 }, // the identity is active
    { path: [0, 1, 2, 0], slot: 2 },
  ])('equals finite differences of the loss, slot $slot of path $path', async ({ path, slot }) => {
    const supernet = open();
    const { gradients, loss } = await supernet.gateGradients(path, [[], [0, 1], [0, 1, 2], []], 0);
    expect(gradients.map(({ length }) => length)).toEqual([0, 2, 3, 0]);
    const oneHot = tinySpace.slots[slot]!.candidates.map((_, index) => (index === path[slot] ? 1 : 0));
    expect(loss).toBeCloseTo(lossWithGates(path, slot, oneHot), 5);
    for (const [candidate, got] of gradients[slot]!.entries()) {
      const delta = 0.01;
      const at = (offset: number) =>
        lossWithGates(
          path,
          slot,
          oneHot.map((gate, index) => (index === candidate ? gate + offset : gate)),
        );
      const expected = (8 * (at(delta) - at(-delta)) - (at(2 * delta) - at(-2 * delta))) / (12 * delta);
      expect(got).toBeCloseTo(expected, 3);
    }
    supernet.dispose();
  });

  it('gives the asked candidates only, in the order asked, and moves no weight', async () => {
    const supernet = open();
    const before = await stateOf(supernet, 'gates-before');
    const all = await supernet.gateGradients([0, 0, 0, 0], [[], [0, 1], [0, 1, 2], []], 3);
    const some = await supernet.gateGradients([0, 0, 0, 0], [[], [], [2, 0], []], 3);
    expect(some.gradients).toEqual([[], [], [all.gradients[2]![2], all.gradients[2]![0]], []]);
    expect(some.loss).toBe(all.loss);
    expect([...(await stateOf(supernet, 'gates-after'))]).toEqual([...before]);
    supernet.dispose();
  });

  it('holds one path and one candidate, however many are asked', async () => {
    const supernet = open();
    const peakBytes = async (asked: number[][]) => {
      const { peakBytes } = await peakDuring(() => supernet.gateGradients([0, 0, 0, 0], asked, 0));
      return peakBytes;
    };
    const two = await peakBytes([[], [0, 1], [0, 2], []]);
    const all = await peakBytes([[], [0, 1, 1, 1, 1, 1], [0, 2, 2, 2, 2, 2], []]);
    expect(all - two).toBeLessThan(1000); // ten scalars more
    supernet.dispose();
  });

  /** The most bytes that tensors held at once, seen by a watch on every kernel that runs. */
  async function peakDuring(work: () => Promise<unknown>): Promise<{ peakBytes: number }> {
    const engine = tf.engine();
    const original = engine.runKernel;
    let peakBytes = 0;
    engine.runKernel = function (this: typeof engine, ...call: Parameters<typeof original>) {
      const result = original.apply(this, call);
      peakBytes = Math.max(peakBytes, engine.memory().numBytes);
      return result;
    } as typeof original;
    try {
      await work();
    } finally {
      engine.runKernel = original;
    }
    return { peakBytes };
  }
});

describe('TfjsSupernet', () => {
  it('leaves no tensors behind', async () => {
    const warm = open();
    await warm.weightStep([0, 0, 0, 0], 0);
    warm.dispose();
    const start = tf.memory().numTensors;
    const supernet = open();
    const round = async (step: number) => {
      await supernet.weightStep([0, 1, 2, 0], step);
      await supernet.gateGradients([0, 1, 2, 0], [[], [0, 1], [0, 1, 2], []], step);
      await supernet.gateGradients([0, 1, 2, 0], [[], [], [], []], step);
      await supernet.validate([0, 0, 1, 0], 16);
      return tf.memory().numTensors;
    };
    const first = await round(0);
    expect(await round(1)).toBe(first);
    expect(await round(2)).toBe(first);
    supernet.dispose();
    expect(tf.memory().numTensors).toBe(start);
  });

  it('goes on from a checkpoint as if it had not stopped', async () => {
    const path = (step: number) => [0, step % 2, step % 3, 0];
    const through = open();
    for (let step = 0; step < 4; step++) await through.weightStep(path(step), step);
    await through.save(join(folder, 'resume'));
    const expected = [await through.weightStep(path(4), 4), await through.weightStep(path(5), 5)];
    through.dispose();

    const resumed = open();
    await resumed.restore(join(folder, 'resume'));
    expect([await resumed.weightStep(path(4), 4), await resumed.weightStep(path(5), 5)]).toEqual(expected);
    resumed.dispose();
  });

  it('refuses a checkpoint of another space, and a folder without one', async () => {
    const supernet = open();
    await supernet.save(join(folder, 'mine'));
    const other = new TfjsSupernet(tf, { ...tinySpace, name: 'other' }, data, recipe);
    await expect(other.restore(join(folder, 'mine'))).rejects.toMatchObject({ code: 'CHECKPOINT_INVALID' });
    await expect(other.restore(join(folder, 'nothing'))).rejects.toMatchObject({ code: 'CHECKPOINT_INVALID' });
    supernet.dispose();
    other.dispose();
  });

  it('refuses an index that a slot does not have', async () => {
    const supernet = open();
    await expect(supernet.weightStep([0, 2, 0, 0], 0)).rejects.toMatchObject({
      code: 'SPACE_CHOICE_INVALID',
      details: { slot: 's1', candidates: 2, got: 2 },
    });
    supernet.dispose();
  });
});
