import {
  decodeFromHost,
  decodeToHost,
  encodeMessage,
  type FromHost,
  hostLimits,
  parseAnswer,
  parseArgument,
  type ToHost,
} from '@bespoke/cloud/train/gpipe/remote/host-messages.js';
import { isAppError } from '@bespoke/shared/base/errors.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOf, hostileBytes } from '../../../../support/messages.js';

const token = 'n'.repeat(43);
const toHost: readonly ToHost[] = [
  { type: 'hello', nonce: token, proof: token },
  { type: 'ping', id: 3 },
  { type: 'call', id: 4, call: 'commit', argument: { step: 2, figures: { loss: 0.5 } }, timeoutMs: 1000 },
  { type: 'pull', offset: 0 },
  { type: 'close' },
];
const fromHost: readonly FromHost[] = [
  { type: 'challenge', version: 1, nonce: token },
  { type: 'welcome', proof: token },
  { type: 'refused', problem: 'no' },
  { type: 'pong', id: 3, clockMs: 12.5 },
  { type: 'answer', id: 4, answer: { figures: { loss: 1 }, trace: [] } },
  { type: 'failure', id: 4, problem: 'a bad kernel', isFault: false, gone: null, lastWords: '' },
  { type: 'pull', file: 'data', offset: 2 ** 40 },
];

describe.each([
  ['decodeToHost', decodeToHost, toHost],
  ['decodeFromHost', decodeFromHost, fromHost],
] as const)('%s', (_, decode, messages) => {
  it('reads what the other side writes', () => {
    for (const message of messages) expect(decode(bytesOf(encodeMessage(message)))).toEqual(message);
  });

  it('throws nothing but its own codes at 5,000 hostile messages', () => {
    let refusedCount = 0;
    const property = fc.property(hostileBytes(messages), (bytes) => {
      try {
        const message = decode(bytes);
        if (message.type === 'call') parseArgument(message.call, message.argument);
      } catch (error) {
        if (!isAppError(error) || !['MESSAGE_INVALID', 'MESSAGE_TOO_LARGE'].includes(error.code)) throw error;
        refusedCount++;
      }
    });
    fc.assert(property, { numRuns: 5000, seed: 11 });
    expect(refusedCount).toBeGreaterThan(2500);
  });

  it('refuses a message beyond its limit before it reads it', () => {
    const limitBytes = decode === decodeToHost ? hostLimits.toHostBytes : hostLimits.fromHostBytes;
    expect(() => decode(new Uint8Array(limitBytes + 1))).toThrow(`at most ${limitBytes} bytes`);
  });
});

describe('encodeMessage', () => {
  it('carries the figures of a training that has diverged', () => {
    const figures = { loss: Number.NaN, norm: Number.POSITIVE_INFINITY, count: 3 };
    const message = decodeToHost(
      bytesOf(encodeMessage({ type: 'call', id: 1, call: 'commit', argument: { step: 1, figures }, timeoutMs: 1 })),
    ) as Extract<ToHost, { type: 'call' }>;
    expect(parseArgument('commit', message.argument)).toEqual({ step: 1, figures });
    expect(() => parseArgument('commit', { step: 1, figures: { loss: 'much' } })).toThrow(
      'commit.argument $.figures.loss',
    );
  });
});

describe('parseAnswer', () => {
  it('refuses an answer of another call', () => {
    expect(() => parseAnswer('save', { step: 1, kept: [] })).toThrow('save.answer $.sha256');
    expect(parseAnswer('abort', { step: 1, kept: [] })).toEqual({ step: 1, kept: [] });
  });
});
