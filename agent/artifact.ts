/** Fetches a model file from the cloud and checks that its bytes are those that were asked for. */
import { createHash } from 'node:crypto';
import { AppError, isAppError } from '@bespoke/shared/base/errors.js';
import type { FileWorkload } from '@bespoke/shared/latency/workload.js';
import { getFromCloud } from './dial.js';
import type { CloudAddress } from './state.js';

/** Gives up at the signal, and at the first byte too many. Throws `ARTIFACT_UNAVAILABLE`, `ARTIFACT_DAMAGED`. */
export async function fetchArtifact(
  cloud: CloudAddress,
  fileToken: string,
  { sha256, byteCount }: FileWorkload,
  signal: AbortSignal,
): Promise<Uint8Array> {
  try {
    const headers = { authorization: `Bearer ${fileToken}` };
    const response = await getFromCloud(cloud, `/api/artifacts/${sha256}`, headers, signal);
    const unavailable = (problem: string) => {
      response.destroy();
      return new AppError('ARTIFACT_UNAVAILABLE', { sha256, problem });
    };
    if (response.statusCode !== 200) throw unavailable(`the cloud answered ${response.statusCode}`);
    const chunks: Buffer[] = [];
    let gotCount = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      gotCount += chunk.length;
      if (gotCount > byteCount) throw unavailable(`it should have ${byteCount} bytes, but the cloud sends more`);
      chunks.push(chunk);
    }
    const bytes = Buffer.concat(chunks);
    const got = createHash('sha256').update(bytes).digest('hex');
    if (got !== sha256) throw new AppError('ARTIFACT_DAMAGED', { sha256, got });
    return bytes;
  } catch (cause) {
    if (isAppError(cause)) throw cause;
    throw new AppError('ARTIFACT_UNAVAILABLE', { sha256, problem: (cause as Error).message }, { cause });
  }
}
