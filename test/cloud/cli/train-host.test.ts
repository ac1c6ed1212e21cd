import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writePacked } from '@bespoke/cloud/train/data/packed.js';
import { readHosts } from '@bespoke/cloud/train/gpipe/hosts.js';
import { Pipeline } from '@bespoke/cloud/train/gpipe/supervisor.js';
import { type TrainingStageOptions, trainingStageModule } from '@bespoke/cloud/train/gpipe/training-stage.js';
import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import { decodeSafetensors } from '@bespoke/shared/graph/safetensors.js';
import { lower } from '@bespoke/shared/network/lower.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runToEnd } from '../../support/command.js';
import { temporaryFolder } from '../../support/folder.js';
import { Program } from '../../support/program.js';
import { operationsOf } from '../train/gpipe/arithmetic.js';
import { bytesOf, data, networks, recipeOf, sizesOf } from '../train/gpipe/local-pipeline.js';
import { loopOverMicroBatches } from '../train/gpipe/reference-loop.js';

const bespoke = '../cloud/bin/bespoke.js';
const { network, cuts } = networks.mbconv;
const [recipe, microBatchSizes] = [recipeOf(10), sizesOf(10, 3)];

/** `bespoke train-host` in a process of its own, with what it printed. */
async function startHost(dataDirectory: string) {
  const program = new Program(bespoke, ['train-host', '--listen', '127.0.0.1:0', '--data-directory', dataDirectory]);
  const [, address, token] = await program.line(/here: (\S+)\n[^\n]*there: (\S+)\n/);
  return { program, address: address!, token: token! };
}

async function packed(): Promise<string> {
  const directory = join(temporaryFolder(), 'packed');
  const { sha256: _, ...manifest } = data.manifest;
  await writePacked(directory, manifest, data.images, data.labels);
  return directory;
}

/** Trains three stages, placed as a hosts file says, and gives their state. */
async function train(hostsFile: string, dataDirectory: string, stepCount: number) {
  const folder = temporaryFolder();
  const operations = operationsOf({ stageCount: 3, microBatchCount: 3, order: '1f1b' });
  const common = { network, cuts: cuts[2], recipe, dataDirectory, microBatchSizes, remat: 'none' as const };
  const places = await readHosts(hostsFile);
  const pipeline = await Pipeline.open({
    stages: places.map(({ host, threadCount }, stage) => {
      const options: TrainingStageOptions = { ...common, stage };
      return { module: trainingStageModule, options, host, threadCount: threadCount ?? 1 };
    }),
    directory: join(folder, 'snapshots'),
    operationsOf: () => operations,
    operationTimeoutMs: 20_000,
  });
  onTestFinished(() => pipeline.close());
  for (let step = 1; step <= stepCount; step++) await pipeline.runStep();
  const paths = [0, 1, 2].map((stage) => join(folder, `${stage}`));
  await pipeline.save(paths);
  await pipeline.close();
  return new Map(paths.flatMap((path) => [...decodeSafetensors(readFileSync(path)).weights]));
}

describe('bespoke train-host', () => {
  it('trains stages of a network for who names it in a hosts file, on data that it is sent once', async () => {
    const directory = temporaryFolder();
    const { address, token } = await startHost(directory);
    const hostsFile = join(temporaryFolder(), 'hosts.yaml');
    writeFileSync(join(hostsFile, '..', 'attic.token'), `${token}\n`);
    const there = `  - {host: '${address}', tokenFile: attic.token}\n`;
    writeFileSync(hostsFile, `version: 1\nstages:\n${there}  - threads: 1\n${there}`);

    const dataDirectory = await packed();
    const state = await train(hostsFile, dataDirectory, 2);
    const course = { graph: lower(network), recipe, data, microBatchSizes };
    const reference = await loopOverMicroBatches((await openBackend()).tf, course, 2);
    expect(bytesOf(state)).toEqual(bytesOf(reference.at(-1)!));

    const [copy, ...others] = readdirSync(join(directory, 'datasets'));
    expect(copy).toMatch(/^tiny-[0-9a-f]{12}$/);
    expect(others).toEqual([]);
    const file = (name: string) => readFileSync(join(directory, 'datasets', copy!, name));
    expect(file('data.bin').equals(readFileSync(join(dataDirectory, 'data.bin')))).toBe(true);
    expect(readdirSync(join(directory, 'train-host', 'runs'))).toEqual([]);
  }, 60_000);

  it('keeps its token over a restart', async () => {
    const directory = temporaryFolder();
    const first = await startHost(directory);
    expect(await first.program.kill('SIGTERM')).toBe(0);
    expect((await startHost(directory)).token).toBe(first.token);
  });

  it('listens beyond this machine by name only', async () => {
    const directory = temporaryFolder();
    const ended = await runToEnd('bespoke', ['train-host', '--listen', '0.0.0.0:0', '--data-directory', directory]);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toContain('allow it by name with --insecure-plain [PLAIN_REFUSED]');
    const wrong = await runToEnd('bespoke', ['train-host', '--listen', 'attic']);
    expect(wrong).toMatchObject({ code: 2 });
    expect(wrong.stderr).toContain('Expected an address with a port, e.g. 192.168.0.12:7420.');
  });
});
