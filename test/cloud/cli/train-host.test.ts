import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPacked, writePacked } from '@bespoke/cloud/train/data/packed.js';
import { readHosts } from '@bespoke/cloud/train/gpipe/hosts.js';
import type { PipelineSettings } from '@bespoke/cloud/train/gpipe/pipeline-settings.js';
import { trainPipelined } from '@bespoke/cloud/train/gpipe/trainer.js';
import { openBackend } from '@bespoke/cloud/train/tfjs/backend.js';
import { trainedWeights } from '@bespoke/cloud/train/tfjs/variables.js';
import type { Weights } from '@bespoke/shared/graph/weights.js';
import { lower } from '@bespoke/shared/network/lower.js';
import { describe, expect, it } from 'vitest';
import { runToEnd } from '../../support/command.js';
import { temporaryFolder } from '../../support/folder.js';
import { Program } from '../../support/program.js';
import { computeWithOneThread } from '../../support/threads.js';
import { bytesOf, data, networks, recipeOf, sizesOf } from '../train/gpipe/local-pipeline.js';
import { loopOverMicroBatches } from '../train/gpipe/reference-loop.js';

computeWithOneThread();
const bespoke = '../cloud/bin/bespoke.js';
const { network } = networks.mbconv;
const [recipe, microBatchSizes] = [{ ...recipeOf(10), stepCount: 2 }, sizesOf(10, 3)];

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

/** Trains three stages, placed as a hosts file says, and gives their weights. */
async function train(hostsFile: string, dataDirectory: string): Promise<Weights> {
  const settings: PipelineSettings = {
    stageCount: 3,
    microBatchCount: 3,
    schedule: '1f1b',
    remat: 'none',
    memoryCapBytes: null,
    threadCount: 1,
    places: await readHosts(hostsFile),
  };
  const hooks = { checkpointDirectory: temporaryFolder() };
  return trainPipelined(network, await readPacked(dataDirectory), recipe, settings, 'tensorflow', hooks);
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
    const weights = await train(hostsFile, dataDirectory);
    const course = { graph: lower(network), recipe, data, microBatchSizes };
    const reference = await loopOverMicroBatches((await openBackend('tensorflow')).tf, course, recipe.stepCount);
    expect(bytesOf(weights)).toEqual(bytesOf(trainedWeights(course.graph, reference.at(-1)!)));

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
