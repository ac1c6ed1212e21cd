/** `bespoke data`: packs data sets into the one file that engines read, and lists those that are packed. */
import { type Command, InvalidArgumentError } from 'commander';
import { listPacked, packDataset } from '../train/data/pack.js';
import { type DatasetManifest, splits } from '../train/data/packed.js';
import { printResult, wholeNumber } from './output.js';
import { createProgress, packingShown } from './progress.js';

interface PackCall {
  readonly out: string;
  readonly resolution?: number;
  readonly searchShare?: number;
  readonly seed?: number;
  readonly json?: boolean;
}

/** Adds the noun; packed data sets lie in `defaultDirectory` unless `--out` says otherwise. */
export function registerData(program: Command, defaultDirectory: string): void {
  const data = program.command('data').description('pack and list data sets');
  data
    .command('pack')
    .description('pack a folder or zip of images by class, CIFAR binaries, IDX files, or cifar10, cifar100, synthetic')
    .argument('<source>', 'a path, or cifar10, cifar100, synthetic')
    .option('--out <folder>', 'where packed data sets lie', defaultDirectory)
    .option('--resolution <pixels>', 'resize every image to this height and width', wholeNumber(1, 4096))
    .option('--search-share <share>', 'share of the train part that is held out for the search (default 0.1)', share)
    .option('--seed <number>', 'of what is held out', wholeNumber(0, 2 ** 31 - 1))
    .option('--json', 'one line of JSON')
    .action(pack);
  data
    .command('ls')
    .description('list the packed data sets')
    .option('--out <folder>', 'where packed data sets lie', defaultDirectory)
    .option('--json', 'one line of JSON')
    .action(async (options: { out: string; json?: boolean }) => {
      const packed = await listPacked(options.out);
      const text = packed.map((set) => describe(set.directory, set.manifest)).join('\n');
      printResult(options, packed, text || `no packed data sets in ${options.out}`);
    });
}

async function pack(source: string, options: PackCall): Promise<void> {
  const bar = createProgress();
  const { resolution, searchShare, seed } = options;
  const { directory, manifest } = await packDataset(
    source,
    options.out,
    { resolution, searchShare, seed },
    packingShown(bar),
  ).finally(() => bar.end());
  printResult(options, { directory, manifest }, describe(directory, manifest));
}

function describe(directory: string, { name, classes, height, width, channels, counts }: DatasetManifest): string {
  const sizes = splits.map((split) => `${counts[split]} ${split}`).join(', ');
  return `${name}: ${classes.length} classes, ${height}x${width}x${channels}, ${sizes}: ${directory}`;
}

function share(text: string): number {
  const value = Number(text);
  if (value > 0 && value < 1) return value;
  throw new InvalidArgumentError('Expected a number between 0 and 1.');
}
