/** Many images at once into one array, in order: each is the work of one thread of sharp's. */
import { availableParallelism } from 'node:os';
import sharp from 'sharp';

sharp.concurrency(1); // of one image: many are worked on side by side
sharp.cache(false); // no image is read twice

/** `count` images of `byteCount` bytes each, as `imageAt` gives them. */
export async function imagesSideBySide(
  count: number,
  byteCount: number,
  imageAt: (index: number) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const images = new Uint8Array(count * byteCount);
  let next = 0;
  const work = async () => {
    while (next < count) {
      const index = next++;
      images.set(await imageAt(index), index * byteCount);
    }
  };
  await Promise.all(Array.from({ length: 2 * availableParallelism() }, work));
  return images;
}
