/** Fetches a model file from the cloud and checks that its bytes are those that were asked for. */
import { createHash } from 'node:crypto';
import { AppError, isAppError } from '@bespoke/shared/base/errors.js';
import type { FileWorkload } from '@bespoke/shared/latency/workload.js';

export interface CloudAddress {
  /** `ws://host:port` or `wss://host:port`. */
  readonly url: string;
  readonly token: () => string;
}

/** Gives up at the signal. Throws `ARTIFACT_UNAVAILABLE`, `ARTIFACT_DAMAGED`, and what `token` throws. */
export async function fetchArtifact(
  cloud: CloudAddress,
  { sha256, byteCount }: FileWorkload,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const address = new URL(`/api/artifacts/${sha256}`, cloud.url.replace(/^ws/, 'http'));
  const headers = { authorization: `Bearer ${cloud.token()}` };
  try {
    const response = await fetch(address, { headers, signal });
    if (!response.ok)
      throw new AppError('ARTIFACT_UNAVAILABLE', { sha256, problem: `the cloud answered ${response.status}` });
    const announced = Number(response.headers.get('content-length'));
    if (announced !== byteCount) {
      throw new AppError('ARTIFACT_UNAVAILABLE', {
        sha256,
        problem: `it should have ${byteCount} bytes, but the cloud announces ${announced}`,
      });
    }
    const bytes = new Uint8Array(await response.arrayBuffer());
    const got = createHash('sha256').update(bytes).digest('hex');
    if (got !== sha256) throw new AppError('ARTIFACT_DAMAGED', { sha256, got });
    return bytes;
  } catch (cause) {
    if (isAppError(cause)) throw cause;
    throw new AppError('ARTIFACT_UNAVAILABLE', { sha256, problem: (cause as Error).message }, { cause });
  }
}
