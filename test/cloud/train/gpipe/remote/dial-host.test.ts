import { setTimeout as wait } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { dialHost } from '@bespoke/cloud/train/gpipe/remote/dial-host.js';
import { newToken } from '@bespoke/cloud/train/gpipe/remote/host-proof.js';
import { describe, expect, it } from 'vitest';

describe('dialHost', () => {
  const nobody = { host: '127.0.0.1', port: 1, token: newToken() };

  it('gives up in time, whatever garbage is collected meanwhile', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const refused = expect(dialHost(nobody, 500, new AbortController().signal)).rejects.toThrow('ECONNREFUSED');
    for (let count = 0; count < 4; count++) {
      await wait(50);
      collectGarbage();
    }
    await refused;
  }, 5000);

  it.each([true, false])(
    'gives up when nobody wants it any more, before the first try: %s',
    async (isBefore) => {
      const wanted = new AbortController();
      if (isBefore) wanted.abort();
      const refused = expect(dialHost(nobody, 60_000, wanted.signal)).rejects.toThrow();
      if (!isBefore) await wait(50);
      wanted.abort();
      await refused;
    },
    5000,
  );
});
