/** Many images at once into one array, in order: each is the work of one thread of sharp's. */
import { constants } from 'node:buffer';
import { availableParallelism } from 'node:os';
import { AppError } from '@bespoke/shared/base/errors.js';
import sharp from 'sharp';

sharp.concurrency(1); // of one image: many are worked on side by side
sharp.cache(false); // no image is read twice

/** Throws `DATA_TOO_LARGE` where so many images [height, width, channels] are more than one array holds. */
export function expectRoom(count: number, [height, width, channels]: readonly [number, number, number]): void {
  const byteCount = count * height * width * channels;
  if (byteCount <= constants.MAX_LENGTH) return;
  const resolution = Math.floor(Math.sqrt(constants.MAX_LENGTH / (count * channels)));
  throw new AppError('DATA_TOO_LARGE', {
    count,
    height,
    width,
    byteCount,
    mostBytes: constants.MAX_LENGTH,
    resolution,
  });
}

/** `count` images of `byteCount` bytes each, as `imageAt` gives them. */
export async function imagesSideBySide(
  count: number,
  byteCount: number,
  imageAt: (index: number) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const images = new Uint8Array(count * byteCount);
  let next = 0;
  const work = async () => {
    try {
      while (next < count) {
        const index = next++;
        images.set(await imageAt(index), index * byteCount);
      }
    } catch (error) {
      next = count; // the others end, too
      throw error;
    }
  };
  await Promise.all(Array.from({ length: 2 * availableParallelism() }, work));
  return images;
}
