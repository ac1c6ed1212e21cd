/**
 * The data set that Bespoke draws itself, so that it works without any download: 32x32 RGB, 10 classes, seeded.
 *
 * A class is a pair: one of 2 textures (stripes or checks of 3-7 px period, any direction) that fill a square, and one of 5 places of a
 * plain ring beside that square, 11-14 px away: above it, obliquely above, level, obliquely below, below (left and right count the same, so
 * mirroring keeps the class). A plain disc, noise, shading and random colours carry no label. So neither part alone is
 * enough: the texture needs fine filters, the place a network that sees square and ring at once (large kernels or
 * depth), for averaging over the image forgets where things are; and both together need capacity.
 */
import { type RandomStream, randomStream } from '@bespoke/shared/base/random.js';
import type { Samples, SourceData, SourceOptions } from './source.js';

const side = 32;
const pixelCount = side * side;

/** Whether (u, v), scaled so that the shape reaches from -1 to 1, lies inside. */
type Shape = (u: number, v: number) => boolean;

const square: Shape = (u, v) => Math.max(Math.abs(u), Math.abs(v)) < 0.9;
const disc: Shape = (u, v) => u * u + v * v < 1;
const ring: Shape = (u, v) => disc(u, v) && u * u + v * v > 0.25;

/** Angles of the ring as seen from the square, in eighths of a turn from straight up. */
const places: Readonly<Record<string, number>> = {
  above: 0,
  'oblique-above': 1,
  level: 2,
  'oblique-below': 3,
  below: 4,
};

/** Light (1) or dark (-1) at (x, y) pixels along the texture's own axes, whose period is `period` pixels. */
type Texture = (x: number, y: number, period: number) => number;

const wave = (x: number, period: number) => Math.sign(Math.sin((2 * Math.PI * x) / period));
const textures: Readonly<Record<string, Texture>> = {
  stripes: (x, _, period) => wave(x, period),
  checks: (x, y, period) => wave(x, period * 1.5) * wave(y, period * 1.5),
};

const placeRows = Object.values(places);
const textureRows = Object.values(textures);
const classes = Object.keys(places).flatMap((place) => Object.keys(textures).map((texture) => `${place}-${texture}`));

/** Draws the data set: as many samples of every class; a fifth is `test`. Same seed, same pixels. */
export function drawSynthetic(seed: number, options: SourceOptions & { sampleCount?: number } = {}): SourceData {
  const total = options.sampleCount ?? 10_000;
  const testCount = Math.round(total / 5);
  const noise = drawNoise(seed);
  const draw = (part: string, count: number, before: number): Samples => {
    const images = new Uint8Array(count * pixelCount * 3);
    const labels = Uint16Array.from({ length: count }, (_, index) => index % classes.length);
    for (let index = 0; index < count; index++) {
      drawSample(
        images.subarray(index * pixelCount * 3, (index + 1) * pixelCount * 3),
        labels[index]!,
        noise,
        randomStream(seed, part, index),
      );
      if ((index + 1) % 500 === 0) options.onProgress?.({ what: 'samples', done: before + index + 1, total });
    }
    return { images, labels };
  };
  return {
    name: 'synthetic',
    classes,
    height: side,
    width: side,
    channels: 3,
    train: draw('train', total - testCount, 0),
    test: draw('test', testCount, total - testCount),
  };
}

/** Standard normal numbers, drawn once: each sample reads them from a place of its own. */
function drawNoise(seed: number): Float32Array {
  const stream = randomStream(seed, 'noise');
  return Float32Array.from({ length: 65_536 }, () => stream.normal());
}

interface Figure {
  readonly shape: Shape;
  readonly centre: readonly [x: number, y: number];
  readonly radius: number;
  /** How far it is turned, in radians, as [cosine, sine]. */
  readonly turn: readonly [cos: number, sin: number];
}

/** What is drawn, nearest first; where no figure is, there is background. */
interface Scene {
  readonly square: Figure;
  readonly ring: Figure;
  readonly disc: Figure;
}

function drawSample(pixels: Uint8Array, label: number, noise: Float32Array, stream: RandomStream): void {
  const texture = textureRows[label % textureRows.length]!;
  const scene = drawScene(stream, placeRows[Math.floor(label / textureRows.length)]!);
  const squareColour = drawColour(stream, 70, 190);
  const ringColour = drawColour(stream, 20, 235);
  const discColour = drawColour(stream, 20, 235);
  const background = drawColour(stream, 70, 190);
  const slope = [stream.uniform() * 3 - 1.5, stream.uniform() * 3 - 1.5] as const;
  const contrast = 45 + 35 * stream.uniform();
  const period = 3 + 1.5 * stream.uniform();
  const [cos, sin] = turnBy(2 * Math.PI * stream.uniform());
  const noiseStart = stream.integer(noise.length);
  const noiseDeviation = 8 + 12 * stream.uniform();

  for (let at = 0; at < pixelCount; at++) {
    const x = at % side;
    const y = Math.floor(at / side);
    const inSquare = contains(scene.square, x, y);
    const shade = inSquare
      ? contrast * texture(x * cos + y * sin, y * cos - x * sin, period)
      : slope[0] * (x - side / 2) + slope[1] * (y - side / 2);
    let colour = background;
    if (inSquare) colour = squareColour;
    else if (contains(scene.ring, x, y)) colour = ringColour;
    else if (contains(scene.disc, x, y)) colour = discColour;
    for (let channel = 0; channel < 3; channel++) {
      const grain = noise[(noiseStart + at * 3 + channel) % noise.length]! * noiseDeviation;
      pixels[at * 3 + channel] = Math.max(0, Math.min(255, Math.round(colour[channel]! + shade + grain)));
    }
  }
}

/** Square and ring as the place says, wherever both fit into the image; the disc anywhere. */
function drawScene(stream: RandomStream, place: number): Scene {
  const squareRadius = 5 + 1.5 * stream.uniform();
  const ringRadius = 3.5 + stream.uniform();
  const distance = 11 + 3 * stream.uniform();
  const turn = (Math.PI / 4) * (place + 0.6 * (stream.uniform() - 0.5));
  const [dx, dy] = [Math.sin(turn) * distance * (stream.uniform() < 0.5 ? -1 : 1), -Math.cos(turn) * distance];
  // Square and ring lie in [0, side) when the square's centre lies between these.
  const within = (offset: number) => {
    const low = Math.max(squareRadius, ringRadius - offset);
    return low + stream.uniform() * (Math.min(side - squareRadius, side - ringRadius - offset) - low);
  };
  const [x, y] = [within(dx), within(dy)];
  return {
    square: { shape: square, centre: [x, y], radius: squareRadius, turn: turnBy((stream.uniform() - 0.5) * 0.8) },
    ring: { shape: ring, centre: [x + dx, y + dy], radius: ringRadius, turn: turnBy(0) },
    disc: {
      shape: disc,
      centre: [side * stream.uniform(), side * stream.uniform()],
      radius: 3 + stream.uniform(),
      turn: turnBy(0),
    },
  };
}

function drawColour(stream: RandomStream, low: number, high: number): readonly [number, number, number] {
  const channel = () => low + (high - low) * stream.uniform();
  return [channel(), channel(), channel()];
}

function turnBy(angle: number): readonly [cos: number, sin: number] {
  return [Math.cos(angle), Math.sin(angle)];
}

function contains({ shape, centre, radius, turn: [cos, sin] }: Figure, x: number, y: number): boolean {
  const u = (x - centre[0]) / radius;
  const v = (centre[1] - y) / radius;
  return shape(u * cos - v * sin, u * sin + v * cos);
}
