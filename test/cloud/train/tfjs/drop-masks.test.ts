import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import { DropMasks } from '@bespoke/cloud/train/tfjs/drop-masks.js';
import { cellPaths } from '@bespoke/shared/network/cell.js';
import { lower } from '@bespoke/shared/network/lower.js';
import type { Tf } from '@bespoke/shared/tfjs/tf.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { networks, partitionsOf } from '../gpipe/local-pipeline.js';
import { tinyRecipe } from './tiny.js';

let tf: Tf;
beforeAll(async () => {
  ({ tf } = await openBackend('wasm'));
});

const graph = lower(networks.cells.network);
const recipe = { ...tinyRecipe, stepCount: 10, batchSize: 500 };

/** Numbers of the masks of a step by node, read back. */
function masksAt(step: number, more: object, ...range: [first?: number, count?: number]) {
  const drops = new DropMasks(graph, { ...recipe, ...more });
  drops.draw(step);
  const tensors = drops.tensors(tf, ...range);
  const read = new Map([...tensors].map(([id, mask]) => [id, { shape: mask.shape, values: [...mask.dataSync()] }]));
  tf.dispose([...tensors.values()]);
  return read;
}

describe('DropMasks', () => {
  it('zeroes features before the classifier, and makes up for it', () => {
    const masks = masksAt(0, { dropout: 0.25 });
    expect([...masks.keys()]).toEqual(['head/pool']);
    const { shape, values } = masks.get('head/pool')!;
    expect(shape).toEqual([500, 8]);
    expect(new Set(values)).toEqual(new Set([0, Math.fround(4 / 3)]));
    expect(values.filter((value) => value === 0).length / values.length).toBeCloseTo(0.25, 1.5);
  });

  it('cuts paths of cells for whole samples, more of them towards the end', () => {
    expect(masksAt(0, { dropPath: 0.4 }).size).toBe(0);
    for (const [step, probability] of [
      [5, 0.2],
      [9, 0.36],
    ] as const) {
      const masks = masksAt(step, { dropPath: 0.4 });
      expect([...masks.keys()]).toEqual(cellPaths(graph));
      for (const { shape, values } of masks.values()) {
        expect(shape).toEqual([500, 1, 1, 1]);
        expect(new Set(values)).toEqual(new Set([0, Math.fround(1 / (1 - probability))]));
        expect(Math.abs(values.filter((value) => value === 0).length / 500 - probability)).toBeLessThan(0.08);
      }
    }
  });

  it('draws by seed, step and node alone, so that any part is a part of the whole', () => {
    const all = { dropout: 0.5, dropPath: 0.5 };
    const whole = masksAt(7, all);
    const seen = new Set<string>();
    for (const [id, { shape, values }] of masksAt(7, all, 100, 30)) {
      const size = shape.slice(1).reduce((product, length) => product * length, 1);
      expect(values).toEqual(whole.get(id)!.values.slice(100 * size, 130 * size));
      seen.add(
        values
          .slice(0, 30)
          .map((value) => Number(value > 0))
          .join(''),
      );
    }
    expect(seen.size).toBe(whole.size); // no two nodes are cut alike
    expect(masksAt(6, all).get('head/pool')).not.toEqual(whole.get('head/pool'));
    expect(masksAt(7, { ...all, seed: 8 }).get('head/pool')).not.toEqual(whole.get('head/pool'));
  });

  it('are of a partition those that the whole has there', () => {
    const drawn = partitionsOf('cells', 3).flatMap((partition) => {
      const drops = new DropMasks(partition, { ...recipe, dropout: 0.5, dropPath: 0.5 });
      drops.draw(3);
      return [...drops.tensors(tf).keys()];
    });
    expect(drawn.sort()).toEqual([...masksAt(3, { dropout: 0.5, dropPath: 0.5 }).keys()].sort());
  });

  it('are none where the recipe says none', () => {
    expect(masksAt(5, {}).size).toBe(0);
  });
});
