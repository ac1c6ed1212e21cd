import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { listPacked, packDataset } from '@bespoke/cloud/train/data/pack.js';
import { readPacked, splitRange, verifyPacked } from '@bespoke/cloud/train/data/packed.js';
import { zipSync } from 'fflate';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bespoke-pack-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const out = () => join(folder, 'packed');

/** A PNG of one colour. */
function png(red: number, green: number, blue: number, width = 4, height = 3): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: { r: red, g: green, b: blue } } })
    .png()
    .toBuffer();
}

async function writeZip(name: string, files: Record<string, Buffer>): Promise<string> {
  const path = join(folder, name);
  writeFileSync(
    path,
    zipSync(Object.fromEntries(Object.entries(files).map(([file, bytes]) => [file, new Uint8Array(bytes)]))),
  );
  return path;
}

/** `count` images of each class and part; the red channel tells part, class and index. */
async function imagesByClass(parts: Record<string, number>, classes = ['cat', 'dog']): Promise<Record<string, Buffer>> {
  const files: Record<string, Buffer> = {};
  for (const [partIndex, [part, count]] of Object.entries(parts).entries())
    for (const [label, name] of classes.entries())
      for (let i = 0; i < count; i++)
        files[`${part}${name}/${i}.png`] = await png(100 * partIndex + 20 * label + i, 7, 9);
  return files;
}

describe('packDataset', () => {
  it('packs a zip of images by split and class, exactly', async () => {
    const path = await writeZip('splits.zip', await imagesByClass({ 'pets/train/': 10, 'pets/test/': 2 }));
    const { manifest, images, labels } = await packDataset(path, out());
    expect(manifest).toMatchObject({
      version: 1,
      name: 'splits',
      classes: ['cat', 'dog'],
      height: 3,
      width: 4,
      channels: 3,
      counts: { train: 18, search: 2, test: 4 },
    });
    const size = 3 * 4 * 3;
    expect([...images.subarray(20 * size, 20 * size + 6)]).toEqual([100, 7, 9, 100, 7, 9]);
    expect([...labels.subarray(18)]).toEqual([0, 1, 0, 0, 1, 1]);
    const train = Array.from({ length: 18 }, (_, index) => images[index * size]!);
    const search = [images[18 * size]!, images[19 * size]!];
    expect([...train, ...search].sort((a, b) => a - b)).toEqual(
      [...Array(10).keys(), ...Array(10).keys()].map((i, at) => (at < 10 ? i : 20 + i)),
    );
    expect(manifest.mean[1]).toBeCloseTo(7 / 255, 12);
    expect(manifest.deviation[1]).toBe(1); // a constant channel
    const mean = train.reduce((sum, value) => sum + value, 0) / 18;
    expect(manifest.mean[0]).toBeCloseTo(mean / 255, 12);
    expect(manifest.deviation[0]).toBeCloseTo(
      Math.sqrt(train.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 18) / 255,
      12,
    );
  });

  it('packs a folder without splits as its zip, holding test and search out by class', async () => {
    const files = await imagesByClass({ '': 10 });
    for (const [name, bytes] of Object.entries(files)) {
      mkdirSync(join(folder, 'plain', name, '..'), { recursive: true });
      writeFileSync(join(folder, 'plain', name), bytes);
    }
    const fromFolder = await packDataset(join(folder, 'plain'), out(), { seed: 3, searchShare: 0.25 });
    const fromZip = await packDataset(await writeZip('plain.zip', files), out(), { seed: 3, searchShare: 0.25 });
    expect(fromFolder.manifest.counts).toEqual({ train: 12, search: 4, test: 4 });
    const { first, count } = splitRange(fromFolder.manifest, 'search');
    expect([...fromFolder.labels.subarray(first, first + count)]).toEqual([0, 0, 1, 1]);
    expect(fromZip.manifest).toEqual(fromFolder.manifest);
  });

  it('takes a val folder as the search split', async () => {
    const path = await writeZip('val.zip', await imagesByClass({ 'train/': 4, 'val/': 3, 'test/': 2 }));
    expect((await packDataset(path, out())).manifest.counts).toEqual({ train: 8, search: 6, test: 4 });
  });

  it('reads a source that did not change from its packed file, and packs one that did anew', async () => {
    const path = await writeZip('cached.zip', await imagesByClass({ 'train/': 4, 'test/': 1 }));
    const first = await packDataset(path, out());
    const writtenMs = statSync(join(first.directory, 'data.bin')).mtimeMs;
    const again = await packDataset(path, out());
    expect(again.directory).toBe(first.directory);
    expect(statSync(join(again.directory, 'data.bin')).mtimeMs).toBe(writtenMs);
    utimesSync(path, 1, 1);
    expect((await packDataset(path, out())).directory).not.toBe(first.directory);
  });

  it('reports progress up to the last image', async () => {
    const seen: unknown[] = [];
    const path = await writeZip('progress.zip', await imagesByClass({ 'train/': 4, 'test/': 1 }));
    await packDataset(path, out(), {}, (progress) => seen.push(progress));
    expect(seen).toEqual([{ what: 'images', done: 10, total: 10 }]);
  });

  it('resizes to a resolution', async () => {
    const files = await imagesByClass({ 'train/': 4, 'test/': 1 });
    files['train/cat/wide.png'] = await png(1, 2, 3, 9, 5);
    const path = await writeZip('resize.zip', files);
    const { manifest } = await packDataset(path, out(), { resolution: 8 });
    expect([manifest.height, manifest.width, manifest.counts.train]).toEqual([8, 8, 7]);
    await expect(packDataset(path, out())).rejects.toMatchObject({
      code: 'DATA_SIZES_DIFFER',
      details: { path: 'train/cat/wide.png', expected: '4x3', got: '9x5' },
    });
  });

  it('refuses a truncated zip', async () => {
    const path = await writeZip('cut.zip', await imagesByClass({ 'train/': 4, 'test/': 1 }));
    truncateSync(path, statSync(path).size - 30);
    await expect(packDataset(path, out())).rejects.toMatchObject({ code: 'DATA_ARCHIVE_DAMAGED' });
  });

  it('refuses a zip with a damaged entry, naming it', async () => {
    const path = await writeZip('flipped.zip', {
      'train/cat/0.png': await png(1, 2, 3),
      'train/dog/0.png': await png(1, 2, 3),
    });
    const bytes = readFileSync(path);
    bytes[30 + 'train/cat/0.png'.length + 20]! ^= 0xff;
    writeFileSync(path, bytes);
    await expect(packDataset(path, out())).rejects.toMatchObject({
      code: 'DATA_ARCHIVE_DAMAGED',
      details: { problem: expect.stringContaining('train/cat/0.png') },
    });
  });

  it.each([
    ['one class', { 'train/cat/0.png': 1 }, 'DATA_ONE_CLASS', { name: 'cat' }],
    [
      'class names that differ',
      { 'train/cat/0.png': 1, 'train/dog/0.png': 1, 'test/cat/0.png': 1, 'test/dogs/0.png': 1 },
      'DATA_CLASSES_DIFFER',
      { split: 'test', missing: 'dog', unexpected: 'dogs' },
    ],
    ['no images', { 'train/cat/readme.txt': 1 }, 'DATA_NO_IMAGES', {}],
    ['too few images to split', { 'cat/0.png': 1, 'dog/0.png': 1 }, 'DATA_TOO_FEW', { name: 'cat', count: 1 }],
  ])('refuses %s', async (name, files, code, details) => {
    const image = await png(1, 2, 3);
    const path = await writeZip(`${name}.zip`, Object.fromEntries(Object.keys(files).map((file) => [file, image])));
    await expect(packDataset(path, out())).rejects.toMatchObject({ code, details });
  });

  it('names the image that cannot be decoded', async () => {
    const files = await imagesByClass({ 'train/': 2, 'test/': 1 });
    files['train/dog/1.png'] = files['train/dog/1.png']!.subarray(0, 60);
    await expect(packDataset(await writeZip('broken.zip', files), out())).rejects.toMatchObject({
      code: 'DATA_IMAGE_INVALID',
      details: { path: 'train/dog/1.png' },
    });
  });

  it('refuses a source that is not there, and a file of no known kind', async () => {
    await expect(packDataset(join(folder, 'nowhere'), out())).rejects.toMatchObject({ code: 'DATA_NOT_FOUND' });
    writeFileSync(join(folder, 'notes.txt'), 'no data');
    await expect(packDataset(join(folder, 'notes.txt'), out())).rejects.toMatchObject({ code: 'DATA_FORMAT_UNKNOWN' });
  });
});

describe('packDataset of CIFAR binaries', () => {
  /** One record per class: every red pixel 10, green 20, blue 30 plus the label. */
  const records = (count: number) =>
    Buffer.concat(
      Array.from({ length: count }, (_, index) =>
        Buffer.concat([
          Buffer.from([index % 2]),
          Buffer.alloc(1024, 10),
          Buffer.alloc(1024, 20),
          Buffer.alloc(1024, 30 + (index % 2)),
        ]),
      ),
    );
  const files = (): Record<string, Buffer> => ({
    'batches.meta.txt': Buffer.from('airplane\nautomobile\n\n'),
    ...Object.fromEntries([1, 2, 3, 4, 5].map((index) => [`data_batch_${index}.bin`, records(4)])),
    'test_batch.bin': records(2),
  });

  it('turns planes into pixels', async () => {
    const path = join(folder, 'cifar-10-batches-bin');
    mkdirSync(path);
    for (const [name, bytes] of Object.entries(files())) writeFileSync(join(path, name), bytes);
    const { manifest, images, labels } = await packDataset(path, out());
    expect(manifest).toMatchObject({
      name: 'cifar10',
      classes: ['airplane', 'automobile'],
      counts: { train: 18, search: 2, test: 2 },
    });
    expect([...images.subarray(-6)]).toEqual([10, 20, 31, 10, 20, 31]);
    expect([...labels.subarray(-2)]).toEqual([0, 1]);
  });

  it('reads the archive as the folder, and refuses a truncated one', async () => {
    const path = join(folder, 'cifar-10-binary.tar.gz');
    writeFileSync(path, gzipSync(tar(files(), 'cifar-10-batches-bin/')));
    expect((await packDataset(path, out())).manifest.counts).toEqual({ train: 18, search: 2, test: 2 });
    truncateSync(path, statSync(path).size - 20);
    await expect(packDataset(path, out())).rejects.toMatchObject({ code: 'DATA_ARCHIVE_DAMAGED' });
  });

  it('refuses an archive under the official name whose hash is wrong', async () => {
    const downloads = join(folder, 'named', 'downloads');
    mkdirSync(downloads, { recursive: true });
    const bytes = gzipSync(tar(files(), ''));
    writeFileSync(join(downloads, 'cifar-10-binary.tar.gz'), bytes);
    await expect(packDataset('cifar10', join(folder, 'named'))).rejects.toMatchObject({
      code: 'DATA_HASH_MISMATCH',
      details: { expected: 'c32a1d4ab5d03f1284b67883e8d87530', got: createHash('md5').update(bytes).digest('hex') },
    });
  });
});

/** A ustar archive. */
function tar(files: Record<string, Buffer>, prefix: string): Buffer {
  const blocks = Object.entries(files).flatMap(([name, bytes]) => {
    const header = Buffer.alloc(512);
    header.write(prefix + name);
    header.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write('0', 156);
    return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

describe('packDataset of IDX files', () => {
  const idx = (sizes: number[], bytes: number[]) => {
    const header = Buffer.alloc(4 + 4 * sizes.length);
    header.writeUInt8(8, 2);
    header.writeUInt8(sizes.length, 3);
    for (const [axis, size] of sizes.entries()) header.writeUInt32BE(size, 4 + 4 * axis);
    return Buffer.concat([header, Buffer.from(bytes)]);
  };
  const write = (path: string) => {
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'train-images-idx3-ubyte'), idx([4, 1, 2], [0, 1, 2, 3, 4, 5, 6, 7]));
    writeFileSync(join(path, 'train-labels-idx1-ubyte'), idx([4], [0, 1, 0, 1]));
    writeFileSync(join(path, 't10k-images-idx3-ubyte.gz'), gzipSync(idx([1, 1, 2], [8, 9])));
    writeFileSync(join(path, 't10k-labels-idx1-ubyte.gz'), gzipSync(idx([1], [1])));
  };

  it('reads plain and gzipped files', async () => {
    write(join(folder, 'idx'));
    const { manifest, images, labels } = await packDataset(join(folder, 'idx'), out(), { searchShare: 0.5 });
    expect(manifest).toMatchObject({
      classes: ['0', '1'],
      height: 1,
      width: 2,
      channels: 1,
      counts: { train: 2, search: 2, test: 1 },
    });
    expect([...images.subarray(-2)]).toEqual([8, 9]);
    expect(labels.at(-1)).toBe(1);
  });

  it('brings images of one size of their own to a resolution, in order', async () => {
    const path = join(folder, 'idx-resized');
    write(path);
    const grey = (...values: number[]) =>
      idx(
        [values.length, 2, 2],
        values.flatMap((value) => Array(4).fill(value)),
      );
    writeFileSync(join(path, 'train-images-idx3-ubyte'), grey(10, 20, 30, 40));
    writeFileSync(join(path, 't10k-images-idx3-ubyte.gz'), gzipSync(grey(50)));
    const seen: unknown[] = [];
    const options = { searchShare: 0.5, resolution: 3 };
    const { manifest, images, labels } = await packDataset(path, out(), options, (progress) => seen.push(progress));
    expect(manifest).toMatchObject({ height: 3, width: 3, channels: 1, counts: { train: 2, search: 2, test: 1 } });
    const values = Array.from(labels, (_, index) => new Set(images.subarray(9 * index, 9 * index + 9)));
    expect(values.every(({ size }) => size === 1)).toBe(true);
    const greys = values.map(([value]) => value!);
    expect(greys.toSorted()).toEqual([10, 20, 30, 40, 50]);
    expect(greys.slice(0, 4).map((value) => (value / 10 - 1) % 2)).toEqual([...labels.subarray(0, 4)]); // as they alternate in the file
    expect([greys[4], labels[4]]).toEqual([50, 1]);
    expect(seen).toEqual([{ what: 'resized images', done: 5, total: 5 }]);
  });

  it('cuts wide images at their middle', async () => {
    const path = join(folder, 'idx-wide');
    write(path);
    const row = [99, 99, 10, 10, 99, 99];
    const count = (number: number) =>
      idx(
        [number, 2, 6],
        Array(2 * number)
          .fill(row)
          .flat(),
      );
    writeFileSync(join(path, 'train-images-idx3-ubyte'), count(4));
    writeFileSync(join(path, 't10k-images-idx3-ubyte.gz'), gzipSync(count(1)));
    const { images } = await packDataset(path, out(), { searchShare: 0.5, resolution: 2 });
    expect(new Set(images)).toEqual(new Set([10]));
  });

  it('keeps the colours, and says how large images may be', async () => {
    const [small, large] = await Promise.all(
      [undefined, 40].map((resolution) => packDataset('synthetic', out(), { resolution })),
    );
    expect(large!.manifest).toMatchObject({ height: 40, width: 40, counts: small!.manifest.counts });
    for (const [channel, mean] of small!.manifest.mean.entries())
      expect(large!.manifest.mean[channel]).toBeCloseTo(mean, 3);
    expect(large!.labels).toEqual(small!.labels);
    await expect(packDataset('synthetic', out(), { resolution: 400 })).rejects.toThrow(
      'expected a data set that one array holds (4.3 GB), but 10000 images of 400x400 pixels take 4.8 GB; give a resolution of at most 378, or fewer images',
    );
  });

  it('refuses a cut file', async () => {
    write(join(folder, 'idx-cut'));
    truncateSync(join(folder, 'idx-cut', 'train-images-idx3-ubyte'), 20);
    await expect(packDataset(join(folder, 'idx-cut'), out())).rejects.toMatchObject({
      code: 'DATA_ARCHIVE_DAMAGED',
      details: { problem: 'it should have 24 bytes, but has 20' },
    });
  });
});

describe('packDataset by several at once', () => {
  it('gives each the whole data set, and leaves one', async () => {
    const path = await writeZip('together.zip', await imagesByClass({ 'train/': 4, 'test/': 1 }));
    const target = join(folder, 'together');
    const packed = await Promise.all(Array.from({ length: 8 }, () => packDataset(path, target)));
    for (const { directory, manifest } of packed) expect((await readPacked(directory)).manifest).toEqual(manifest);
    expect(readdirSync(target)).toHaveLength(1);
  });
});

describe('readPacked', () => {
  it('reads what was packed, and refuses files of the wrong size', async () => {
    const path = await writeZip('read.zip', await imagesByClass({ 'train/': 4, 'test/': 1 }));
    const packed = await packDataset(path, out());
    const read = await readPacked(packed.directory);
    expect(read.manifest).toEqual(packed.manifest);
    expect(Buffer.compare(read.images, packed.images)).toBe(0);
    expect(read.labels).toEqual(packed.labels);
    truncateSync(join(packed.directory, 'data.bin'), 10);
    await expect(readPacked(packed.directory)).rejects.toMatchObject({ code: 'DATA_PACKED_INVALID' });
  });
});

describe('verifyPacked', () => {
  it('notices a changed pixel', async () => {
    const path = await writeZip('verify.zip', await imagesByClass({ 'train/': 4, 'test/': 1 }));
    const packed = await readPacked((await packDataset(path, out())).directory);
    expect(() => verifyPacked(packed)).not.toThrow();
    packed.images[5]! ^= 1;
    expect(() => verifyPacked(packed)).toThrow(expect.objectContaining({ code: 'DATA_HASH_MISMATCH' }));
  });
});

describe('listPacked', () => {
  it('lists packed data sets only', async () => {
    const directory = join(folder, 'listed');
    expect(await listPacked(directory)).toEqual([]);
    const packed = await packDataset(
      await writeZip('listed.zip', await imagesByClass({ 'train/': 4, 'test/': 1 })),
      directory,
    );
    mkdirSync(join(directory, 'downloads'));
    expect(await listPacked(directory)).toEqual([{ directory: packed.directory, manifest: packed.manifest }]);
  });
});
