import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PackedDataset, readPacked, verifyPacked, writePacked } from '@bespoke/cloud/train/data/packed.js';
import { type Pull, readPiece } from '@bespoke/cloud/train/gpipe/remote/file-pieces.js';
import { HostDatasets } from '@bespoke/cloud/train/gpipe/remote/host-datasets.js';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../../support/folder.js';
import { tinyData } from '../../tfjs/tiny.js';

/** A packed data set of a coordinator, and how often it was asked for a piece. */
async function offered(name = 'tiny'): Promise<{ data: PackedDataset; pull: Pull; pullCount(): number }> {
  const { manifest, images, labels } = tinyData();
  const { sha256: _, ...rest } = manifest;
  const data = await writePacked(join(temporaryFolder(), 'packed'), { ...rest, name }, images, labels);
  let count = 0;
  const pull: Pull = (offset) => {
    count++;
    return readPiece(join(data.directory, 'data.bin'), offset);
  };
  return { data, pull, pullCount: () => count };
}

describe('HostDatasets', () => {
  it('fetches a data set once, also for two stages that want it at the same time', async () => {
    const { data, pull, pullCount } = await offered();
    const directory = temporaryFolder();
    const datasets = new HostDatasets(directory);
    const [first, second] = await Promise.all([
      datasets.provide(data.manifest, pull),
      datasets.provide(data.manifest, pull),
    ]);
    expect(second).toBe(first);
    expect(await new HostDatasets(directory).provide(data.manifest, pull)).toBe(first);
    expect(pullCount()).toBe(1);
    const copy = await readPacked(first);
    verifyPacked(copy);
    expect(copy.manifest).toEqual(data.manifest);
  });

  it('takes one that was packed on the host', async () => {
    const { data, pull, pullCount } = await offered();
    const directory = temporaryFolder();
    const own = await writePacked(join(directory, 'flowers-0123'), data.manifest, data.images, data.labels);
    expect(await new HostDatasets(directory).provide(data.manifest, pull)).toBe(own.directory);
    expect(pullCount()).toBe(0);
  });

  it('takes none that differs in anything, or was left half fetched by a host that was killed', async () => {
    const { data, pull, pullCount } = await offered('a/b c');
    const directory = temporaryFolder();
    const datasets = new HostDatasets(directory);
    await datasets.provide({ ...data.manifest, mean: [0.5] }, pull);
    const folder = await datasets.provide(data.manifest, pull);
    expect(pullCount()).toBe(2);
    expect(readdirSync(directory).every((name) => /^a-b-c-[0-9a-f]{12}$/.test(name))).toBe(true);

    const again = temporaryFolder();
    const half = join(again, `${folder.split('/').at(-1)}.tmp`);
    mkdirSync(half);
    writeFileSync(join(half, 'manifest.json'), '{');
    const fetched = await new HostDatasets(again).provide(data.manifest, pull);
    verifyPacked(await readPacked(fetched));
    expect(readdirSync(again)).toHaveLength(1);
  });

  it('goes on after a coordinator that was lost in between, and after one that sent other bytes', async () => {
    const { data, pull } = await offered();
    const datasets = new HostDatasets(temporaryFolder());
    const lost = datasets.provide(data.manifest, () => Promise.reject(new Error('the connection was lost')));
    const wrong = datasets.provide(data.manifest, async (offset) => (await pull(offset)).map((byte) => byte ^ 1));
    const right = datasets.provide(data.manifest, pull);
    await expect(lost).rejects.toThrow('the connection was lost');
    await expect(wrong).rejects.toMatchObject({ code: 'DATA_HASH_MISMATCH' });
    verifyPacked(await readPacked(await right));
  });
});
