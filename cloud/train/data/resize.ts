/** Images of one size of their own (CIFAR, IDX, what Bespoke draws) brought to the resolution that was asked for. */
import { elementCount } from '@bespoke/shared/graph/tensor.js';
import sharp from 'sharp';
import { expectRoom, imagesSideBySide } from './side-by-side.js';
import type { Samples, SourceData, SourceOptions } from './source.js';

/** sharp gives three channels where it is not told. */
const colours = { 1: 'b-w', 3: 'srgb' } as const;
const partNames = ['train', 'test', 'validation'] as const;

/** Covers resolution x resolution, cut at the middle where images are not square. Images of that size are left as they are. Throws `DATA_TOO_LARGE`. */
export async function resized(data: SourceData, { resolution, onProgress }: SourceOptions): Promise<SourceData> {
  const { height, width, channels } = data;
  if (resolution === undefined || (height === resolution && width === resolution)) return data;
  const raw = { height, width, channels };
  const byteCount = elementCount([height, width, channels]);
  const total = partNames.reduce((sum, name) => sum + (data[name]?.labels.length ?? 0), 0);
  expectRoom(total, [resolution, resolution, channels]);
  let done = 0;

  const resizeAll = ({ images, labels }: Samples) =>
    imagesSideBySide(labels.length, elementCount([resolution, resolution, channels]), async (index) => {
      const image = sharp(images.subarray(index * byteCount, (index + 1) * byteCount), { raw });
      const covering = image.resize(resolution, resolution, { fit: 'cover' });
      const bytes = await covering.toColourspace(colours[channels]).raw().toBuffer();
      if (++done % 500 === 0 || done === total) onProgress?.({ what: 'resized images', done, total });
      return bytes;
    });

  const parts: { [P in (typeof partNames)[number]]?: Samples } = {};
  for (const name of partNames) {
    const samples = data[name];
    if (samples) parts[name] = { images: await resizeAll(samples), labels: samples.labels };
  }
  return { ...data, height: resolution, width: resolution, ...parts };
}
