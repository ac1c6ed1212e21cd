import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fetchArtifact } from '@bespoke/agent/artifact.js';
import { describe, expect, it, onTestFinished } from 'vitest';

const bytes = Buffer.from('model bytes');
const file = {
  kind: 'file',
  format: 'tflite',
  sha256: createHash('sha256').update(bytes).digest('hex'),
  byteCount: bytes.length,
} as const;

/** Fetches the file from a cloud that answers as `answer` does. */
async function fetchFrom(answer: RequestListener, signal = new AbortController().signal): Promise<Uint8Array> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return fetchArtifact({ url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` }, 'the-token', file, signal);
}

describe('fetchArtifact', () => {
  it('gives the bytes, and shows its token in a header', async () => {
    const got = await fetchFrom((request, response) => {
      const known =
        request.url === `/api/artifacts/${file.sha256}` && request.headers.authorization === 'Bearer the-token';
      response.writeHead(known ? 200 : 401).end(bytes);
    });
    expect(Buffer.from(got)).toEqual(bytes);
  });

  it('hangs up at the first byte too many, however many would come', async () => {
    let sentCount = 0;
    const endless: RequestListener = (_, response) => {
      const send = () => {
        while (response.write(Buffer.alloc(65_536))) sentCount += 65_536;
      };
      response.on('drain', send);
      send();
    };
    await expect(fetchFrom(endless)).rejects.toThrow('it should have 11 bytes, but the cloud sends more');
    expect(sentCount).toBeLessThan(64 * 2 ** 20);
  });

  it('refuses other bytes, an error, and a connection that breaks or takes too long', async () => {
    await expect(fetchFrom((_, response) => void response.end('other bytes'))).rejects.toThrow(
      /^expected a file with the hash/,
    );
    await expect(fetchFrom((_, response) => void response.writeHead(401).end())).rejects.toThrow(
      'the cloud answered 401',
    );
    await expect(fetchFrom((request) => void request.socket.destroy())).rejects.toThrow(
      /^expected the file .* from the cloud, but/,
    );
    await expect(fetchFrom(() => {}, AbortSignal.timeout(50))).rejects.toThrow(
      /^expected the file .* from the cloud, but/,
    );
  });
});
