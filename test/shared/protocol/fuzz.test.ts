/** Nothing that comes over the wire brings a reader down: 100,000 hostile messages, half from each side. */
import { isAppError } from '@bespoke/shared/base/errors.js';
import { lowerWorkload } from '@bespoke/shared/latency/size.js';
import type { AgentMessage, CloudMessage } from '@bespoke/shared/protocol/agent.js';
import { decodeAgentMessage, decodeCloudMessage } from '@bespoke/shared/protocol/codec.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { agentMessages, cloudMessages, hostileBytes } from '../../support/messages.js';

const runs = { numRuns: 50_000, seed: 20 } as const;
const ownCodes = new Set(['MESSAGE_INVALID', 'MESSAGE_TOO_LARGE', 'PROTOCOL_VERSION_DIFFERS']);
/** What the lowering of a job that the schema lets through may fail with. */
const sizeCodes = new Set(['WORKLOAD_TOO_LARGE', 'GRAPH_ILLEGAL', 'NETWORK_ILLEGAL']);

/** Gives what was let through; fails on anything thrown but these codes. */
function attempt<T>(codes: ReadonlySet<string>, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isAppError(error) && codes.has(error.code)) return undefined;
    throw error;
  }
}

/** Reads them all; gives how many came through, and how many megabytes the process grew. */
function readAll<M extends AgentMessage | CloudMessage>(
  messages: readonly M[],
  decode: (bytes: Uint8Array) => M,
  then: (message: M) => void,
): { accepted: number; grownMb: number } {
  const before = process.memoryUsage().rss;
  let accepted = 0;
  fc.assert(
    fc.property(hostileBytes(messages), (bytes) => {
      const message = attempt(ownCodes, () => decode(bytes));
      if (message === undefined) return;
      accepted++;
      then(message);
    }),
    runs,
  );
  return { accepted, grownMb: (process.memoryUsage().rss - before) / 2 ** 20 };
}

describe('decodeAgentMessage', () => {
  it('reads 50,000 hostile messages without a crash or growth', { timeout: 120_000 }, () => {
    const { accepted, grownMb } = readAll(agentMessages, decodeAgentMessage, () => {});
    expect(accepted).toBeGreaterThan(100); // some are harmless: the others prove something
    expect(accepted).toBeLessThan(25_000);
    expect(grownMb).toBeLessThan(300);
  });
});

describe('decodeCloudMessage', () => {
  it('reads 50,000 hostile messages, and lowers their jobs, without a crash or growth', { timeout: 120_000 }, () => {
    const { accepted, grownMb } = readAll(cloudMessages, decodeCloudMessage, (message) => {
      if (message.type !== 'job' || message.workload.kind === 'file') return;
      const { workload } = message;
      attempt(sizeCodes, () => lowerWorkload(workload));
    });
    expect(accepted).toBeGreaterThan(100);
    expect(accepted).toBeLessThan(25_000);
    expect(grownMb).toBeLessThan(300);
  });
});
