import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { lockFolder } from '@bespoke/cloud/store/lock.js';
import { describe, expect, it } from 'vitest';
import { runToEnd } from '../../support/command.js';
import { temporaryFolder } from '../../support/folder.js';

describe('bespoke train', () => {
  it('refuses the folder of one that is under way, and leaves it as it is', async () => {
    const out = join(temporaryFolder(), 'training');
    const unlock = lockFolder(out, 'train.lock', (cause) => cause);
    const call = ['train', 'mobilenet-v2', '--steps', '1', '--out', out, '--data-directory', temporaryFolder()];
    const { code, stderr } = await runToEnd('bespoke', call);
    expect(code).toBe(1);
    expect(stderr).toContain(
      `expected ${out} to be free, but another \`bespoke train\` writes there; wait for its end, or choose another folder with --out`,
    );
    expect(existsSync(join(out, 'checkpoints'))).toBe(false);
    unlock();
    lockFolder(out, 'train.lock', (cause) => cause)();
  });
});
