/** A network as the command line takes it: a published one by name, or a file with a Network or a genotype. */
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import { networkOfGenotype, parseGenotype } from '@bespoke/shared/network/genotype.js';
import { type Network, parseNetwork } from '@bespoke/shared/network/network.js';
import {
  applyOptions,
  cifarCellDefaults,
  type ZooOptions,
  zooNames,
  zooNetwork,
} from '@bespoke/shared/network/zoo/zoo.js';

/** How an argument is described that takes such a network. */
export const networkArgument = `a JSON file (a Network or a genotype), or one of ${zooNames.join(', ')}`;

/**
 * The network, changed by the options that apply to it.
 * Throws `JSON_INVALID`, `NETWORK_ILLEGAL`, `ZOO_NAME_UNKNOWN`, `ZOO_OPTION_UNFIT`.
 */
export function readNetworkSource(source: string, options: Partial<ZooOptions>): Network {
  return zooNames.includes(source) || !existsSync(source) ? zooNetwork(source, options) : readFile(source, options);
}

/** The network as it has to be for images and classes of a data set; one from a file stays as it is. */
export function networkForData(
  source: string,
  { height, classes }: { readonly height: number; readonly classes: readonly string[] },
  options: Partial<ZooOptions>,
): Network {
  const isWhole = existsSync(source) && !zooNames.includes(source) && !isGenotype(readJson(source));
  return readNetworkSource(source, isWhole ? options : { ...options, resolution: height, classes: classes.length });
}

/** A Network, or a genotype stacked on the CIFAR skeleton. */
function readFile(path: string, options: Partial<ZooOptions>): Network {
  const json = readJson(path);
  const name = basename(path, '.json');
  if (!isGenotype(json)) {
    applyOptions(name, {}, options);
    return parseNetwork(json);
  }
  return networkOfGenotype(parseGenotype(json), {
    name,
    skeleton: 'cifar',
    ...applyOptions(name, cifarCellDefaults, options),
  });
}

function isGenotype(json: unknown): boolean {
  return json !== null && typeof json === 'object' && ('normal' in json || 'reduce' in json);
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new AppError(
      'JSON_INVALID',
      { what: 'a Network or genotype file', path, problem: (error as Error).message },
      { cause: error },
    );
  }
}
