/** Holds samples out of a part: the same share of every class, drawn by seed (ProxylessNAS §1.6: class-balanced, seeded). */
import { AppError } from '@bespoke/shared/base/errors.js';
import { randomStream } from '@bespoke/shared/base/random.js';
import type { Samples } from './source.js';

/**
 * [what stays, what is held out], both in their old order. At least one sample of each class lands on either side.
 * Throws `DATA_TOO_FEW`.
 */
export function holdOut(
  names: { readonly classes: readonly string[] },
  samples: Samples,
  imageSize: number,
  share: number,
  key: readonly (number | string)[],
): [rest: Samples, held: Samples] {
  const held = new Uint8Array(samples.labels.length);
  const byClass = names.classes.map((): number[] => []);
  for (const [index, label] of samples.labels.entries()) byClass[label]!.push(index);
  byClass.forEach((members, label) => {
    const name = names.classes[label]!;
    if (members.length < 2) throw new AppError('DATA_TOO_FEW', { split: 'train', name, count: members.length });
    const count = Math.min(Math.max(Math.round(members.length * share), 1), members.length - 1);
    const order = randomStream(...key, name).permutation(members.length);
    for (const place of order.subarray(0, count)) held[members[place]!] = 1;
  });
  return [pick(samples, imageSize, held, 0), pick(samples, imageSize, held, 1)];
}

function pick({ images, labels }: Samples, imageSize: number, held: Uint8Array, wanted: 0 | 1): Samples {
  const count = held.reduce((sum, flag) => sum + (flag === wanted ? 1 : 0), 0);
  const picked = { images: new Uint8Array(count * imageSize), labels: new Uint16Array(count) };
  let to = 0;
  for (let index = 0; index < labels.length; index++) {
    if (held[index] !== wanted) continue;
    picked.images.set(images.subarray(index * imageSize, (index + 1) * imageSize), to * imageSize);
    picked.labels[to++] = labels[index]!;
  }
  return picked;
}
