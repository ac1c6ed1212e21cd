import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readHosts } from '@bespoke/cloud/train/gpipe/hosts.js';
import { newToken } from '@bespoke/cloud/train/gpipe/remote/host-proof.js';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../support/folder.js';

const token = newToken();

/** A hosts file with a token beside it. */
function written(yaml: string): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'tokens'));
  writeFileSync(join(folder, 'tokens', 'attic'), `${token}\n`);
  writeFileSync(join(folder, 'tokens', 'wrong'), 'letmein\n');
  writeFileSync(join(folder, 'hosts.yaml'), yaml);
  return join(folder, 'hosts.yaml');
}

describe('readHosts', () => {
  it('gives a place for each stage, in order, with the tokens of files beside it', async () => {
    const path = written(`version: 1
stages:
  - threads: 2
  - host: 192.168.0.12:7420
    tokenFile: tokens/attic
    threads: 4
  - {host: '[fe80::2]:7420', tokenFile: tokens/attic}
  - {}
`);
    expect(await readHosts(path)).toEqual([
      { host: null, threadCount: 2 },
      { host: { host: '192.168.0.12', port: 7420, token }, threadCount: 4 },
      { host: { host: 'fe80::2', port: 7420, token }, threadCount: null },
      { host: null, threadCount: null },
    ]);
  });

  const stage = (rest: string) => `version: 1\nstages:\n  - threads: 1\n  - ${rest}\n`;
  it.each([
    [stage('thread: 2'), 'line 4, stages[1]: there is no key "thread"; did you mean "threads"?'],
    ['version: 1\nstage: []\n', 'line 2, the file: there is no key "stage"; did you mean "stages"?'],
    ['version: 2\nstages:\n  - {}\n', 'line 1, version: '],
    ['version: 1\nstages: []\n', 'line 2, stages: '],
    ['version: 1\nstages:\n  - {threads: 2\n', 'not YAML: '],
    [stage('threads: many'), 'line 4, stages[1].threads: '],
    [
      stage('{host: attic, tokenFile: tokens/attic}'),
      'line 4, stages[1].host: expected an address with a port, e.g. 192.168.0.12:7420, but got "attic"',
    ],
    [stage('host: attic:7420'), 'line 4, stages[1]: a host needs a tokenFile: the path of a file with the token'],
    [stage('tokenFile: tokens/attic'), 'line 4, stages[1]: a tokenFile belongs to a host: name that, too'],
  ])('names the line, what is wrong there and what to do (%#)', async (yaml, message) => {
    await expect(readHosts(written(yaml))).rejects.toMatchObject({
      code: 'HOSTS_INVALID',
      message: expect.stringContaining(message),
    });
  });

  it('says which token file is missing, or holds none', async () => {
    const named = (name: string) => written(stage(`{host: 'attic:7420', tokenFile: ${name}}`));
    await expect(readHosts(named('tokens/none'))).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
    await expect(readHosts(named('tokens/wrong'))).rejects.toThrow(
      'it does not hold a token; copy into it what `bespoke train-host` printed on the other machine',
    );
    await expect(readHosts('/nowhere/hosts.yaml')).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
  });
});
