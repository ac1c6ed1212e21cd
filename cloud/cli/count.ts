/** `bespoke count`: params and MACs of a published network or of a file. */
import { countMacs } from '@bespoke/shared/cost/macs.js';
import { countPeakBytes } from '@bespoke/shared/cost/memory.js';
import { countParams } from '@bespoke/shared/graph/weights.js';
import { lower } from '@bespoke/shared/network/lower.js';
import type { Network } from '@bespoke/shared/network/network.js';
import type { ZooOptions } from '@bespoke/shared/network/zoo/zoo.js';
import { type Command, InvalidArgumentError } from 'commander';
import { networkArgument, readNetworkSource } from './network-source.js';
import { printResult } from './output.js';

interface CountOptions extends Partial<ZooOptions> {
  json?: boolean;
}

export function registerCount(program: Command): void {
  program
    .command('count')
    .description('params and multiply-accumulates of a published network or of a Network or genotype file')
    .argument('<name-or-file>', networkArgument)
    .option('--classes <count>', 'classes of the classifier', integer(2, 100_000))
    .option('--channels <count>', 'channels of the first cells', integer(1, 1024))
    .option('--cells <count>', 'number of cells', integer(3, 200))
    .option('--resolution <pixels>', 'height and width of the input', integer(1, 4096))
    .option('--squeeze-excite', 'squeeze-and-excitation behind every cell')
    .option('--json', 'one line of JSON')
    .action((source: string, { json, ...options }: CountOptions) => {
      const network = readNetworkSource(source, options);
      const graph = lower(network);
      const counts = { params: countParams(graph), macs: countMacs(graph) };
      printResult(json ? { json } : {}, counts, countTable(network, counts, countPeakBytes(graph)));
    });
}

function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(`Expected an integer from ${least} to ${most}.`);
    return value;
  };
}

function countTable({ name, input }: Network, counts: { params: number; macs: number }, peakBytes: number): string {
  const rows = [
    ['network', name],
    ['input', `${input.height} x ${input.width} x ${input.channels}`],
    ['params', counts.params.toLocaleString('en')],
    ['MACs', counts.macs.toLocaleString('en')],
    ['peak activations', `${(peakBytes / 2 ** 20).toFixed(2)} MiB`],
  ];
  return rows.map(([label, value]) => `${label!.padEnd(18)}${value}`).join('\n');
}
