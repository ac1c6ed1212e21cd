/** The zoo: published networks by name, counted exactly in the tests. */
import { AppError } from '../../base/errors.js';
import { type Genotype, networkOfGenotype } from '../genotype.js';
import type { Network } from '../network.js';
import { genotypes } from './genotypes.js';
import { mobileNetV2, ofaNetwork, ofaSubnets } from './mobilenet.js';
import { proxyless, proxylessRows } from './proxyless.js';
import { proxylessCifar } from './proxyless-cifar.js';

/** What may be asked of a network besides its name; each network takes those that it has a default for. */
export interface ZooOptions {
  /** Classes of the classifier. */
  classes: number;
  /** Channels of the first cells. */
  channels: number;
  cells: number;
  /** Height and width of the input, in pixels. */
  resolution: number;
  squeezeExcite: boolean;
}

interface Row {
  /** The published form; only these options apply. */
  readonly defaults: Readonly<Partial<ZooOptions>>;
  build(name: string, options: ZooOptions): Network;
}

export const cifarCellDefaults: Readonly<ZooOptions> = {
  classes: 10,
  channels: 36,
  cells: 20,
  resolution: 32,
  squeezeExcite: false,
};
const imagenetCellDefaults: Readonly<ZooOptions> = {
  classes: 1000,
  channels: 48,
  cells: 14,
  resolution: 224,
  squeezeExcite: false,
};
const imagenet = { classes: 1000, resolution: 224 };

const rows: ReadonlyMap<string, Row> = new Map<string, Row>([
  ...Object.entries(proxylessRows).map(([name, row]): [string, Row] => [
    name,
    { defaults: imagenet, build: (id, { classes, resolution }) => proxyless(id, row, classes, resolution) },
  ]),
  [
    'proxyless-cifar',
    { defaults: { classes: 10, resolution: 32 }, build: (name, o) => proxylessCifar(name, o.classes, o.resolution) },
  ],
  [
    'mobilenet-v2',
    { defaults: imagenet, build: (name, { classes, resolution }) => mobileNetV2(name, classes, resolution) },
  ],
  ...Object.entries(genotypes).map(([name, genotype]) => cellRow(name, genotype, 'cifar', cifarCellDefaults)),
  ...Object.entries(genotypes).map(([name, genotype]) =>
    cellRow(`${name}-imagenet`, genotype, 'imagenet', imagenetCellDefaults),
  ),
  ...Object.entries(ofaSubnets).map(([name, subnet]): [string, Row] => [
    name,
    { defaults: { classes: 1000, resolution: 192 }, build: (id, o) => ofaNetwork(id, subnet, o.classes, o.resolution) },
  ]),
]);

function cellRow(
  name: string,
  genotype: Genotype,
  skeleton: 'cifar' | 'imagenet',
  defaults: Readonly<ZooOptions>,
): [string, Row] {
  return [name, { defaults, build: (id, options) => networkOfGenotype(genotype, { name: id, skeleton, ...options }) }];
}

export const zooNames: readonly string[] = [...rows.keys()];

/** A published network, changed by the options that apply to it. Throws `ZOO_NAME_UNKNOWN`, `ZOO_OPTION_UNFIT`. */
export function zooNetwork(name: string, options: Partial<ZooOptions> = {}): Network {
  const row = rows.get(name);
  if (!row) throw new AppError('ZOO_NAME_UNKNOWN', { name, nearest: nearestNames(name).join(', ') });
  return row.build(name, applyOptions(name, row.defaults, options) as ZooOptions);
}

/** `defaults` overridden by those options that are given. Throws `ZOO_OPTION_UNFIT` where one has no default: it does not apply. */
export function applyOptions<D extends Partial<ZooOptions>>(
  name: string,
  defaults: D,
  options: Partial<ZooOptions>,
): D {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  for (const [option] of given) {
    if (option in defaults) continue;
    throw new AppError('ZOO_OPTION_UNFIT', {
      network: name,
      option,
      allowed: Object.keys(defaults).join(', ') || 'no option',
    });
  }
  return { ...defaults, ...Object.fromEntries(given) };
}

/** The three names that share most pairs of neighbouring letters with `name`. */
function nearestNames(name: string): readonly string[] {
  const letters = (text: string) =>
    new Set(Array.from(text.toLowerCase(), (_, index) => text.slice(index, index + 2).toLowerCase()));
  const wanted = letters(name);
  const similarity = (other: string) => {
    const has = letters(other);
    const shared = [...wanted].filter((pair) => has.has(pair)).length;
    return shared / (wanted.size + has.size);
  };
  return [...zooNames].sort((a, b) => similarity(b) - similarity(a)).slice(0, 3);
}
