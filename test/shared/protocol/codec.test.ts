import { isAppError } from '@bespoke/shared/base/errors.js';
import { type AgentMessage, type CloudMessage, maxMessageBytes } from '@bespoke/shared/protocol/agent.js';
import { decodeAgentMessage, decodeCloudMessage, encodeMessage } from '@bespoke/shared/protocol/codec.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { device, runtime, success, workload } from '../../support/fleet.js';

const bytes = (json: unknown) => new TextEncoder().encode(typeof json === 'string' ? json : JSON.stringify(json));

const hello = {
  type: 'hello',
  protocol: 1,
  token: 'x'.repeat(43),
  agentId: device.id,
  name: 'bench',
  info: device.info,
  runtimes: [runtime],
} as const;
const result = { type: 'result', jobId: 'job-00001', leaseId: 'lease-001', outcome: success(1.5) } as const;
const agentMessages: readonly AgentMessage[] = [
  hello,
  { type: 'ready' },
  result,
  { ...result, outcome: { ok: false, reason: 'crashed', log: 'signal 11' } },
  { type: 'heartbeat', sequence: 7 },
  { type: 'bye', reason: 'the agent stops' },
];
const cloudMessages: readonly CloudMessage[] = [
  { type: 'welcome', deviceId: device.id, heartbeatMs: 15_000 },
  { type: 'refused', code: 'AGENT_TOKEN_UNKNOWN', message: 'no' },
  { type: 'job', jobId: 'job-00001', leaseId: 'lease-001', runtime, workload: workload(3), timeoutMs: 1000 },
  { type: 'resultAck', jobId: 'job-00001' },
  { type: 'heartbeatAck', sequence: 7 },
  { type: 'bye', reason: 'replaced' },
];

describe('decodeAgentMessage', () => {
  it.each(agentMessages.map((message) => [message.type, message] as const))(
    'gives back an encoded %s',
    (_, message) => {
      expect(decodeAgentMessage(bytes(encodeMessage(message)))).toEqual(message);
    },
  );

  it.each([
    ['not JSON', '{"type":', /^the protocol does not allow this message: at \$: expected JSON in UTF-8/],
    ['a list', '[]', /at \$: expected an object/],
    [
      'an unknown type',
      { type: 'shell' },
      /at \$\.type: expected one of hello, ready, result, heartbeat, bye, but got "shell"/,
    ],
    ['a type of Object.prototype', { type: 'constructor' }, /at \$\.type: expected one of/],
    ['an unknown field', { type: 'ready', now: true }, /at \$: Unrecognized key: "now"/],
    [
      'a sample below zero',
      { ...result, outcome: { ...success(1), samplesMs: [1, -1] } },
      /at \$\.outcome\.samplesMs\[1\]: /,
    ],
    [
      'too many samples',
      { ...result, outcome: { ...success(1), samplesMs: Array(2001).fill(1) } },
      /at \$\.outcome\.samplesMs: Too big/,
    ],
    [
      'a long log',
      { ...result, outcome: { ok: false, reason: 'crashed', log: 'x'.repeat(8001) } },
      /at \$\.outcome\.log: Too big/,
    ],
    [
      'a path as id',
      { ...result, jobId: '../../etc/passwd' },
      /at \$\.jobId: expected an id of 8 to 64 letters, digits or dashes/,
    ],
  ])('refuses %s and names the place', (_, message, sentence) => {
    expect(() => decodeAgentMessage(bytes(message))).toThrow(sentence);
  });

  it('says in one sentence that the versions differ, whatever else the hello holds', () => {
    expect(() => decodeAgentMessage(bytes({ type: 'hello', protocol: 2, shape: 'new' }))).toThrow(
      'expected version 1 of the agent protocol, but the agent speaks version 2; install the same release on the device and in the cloud',
    );
  });

  it('refuses a message over the limit before it reads it', () => {
    expect(() => decodeAgentMessage(new Uint8Array(maxMessageBytes + 1))).toThrow(
      'expected a message of at most 1048576 bytes, but got 1048577',
    );
  });

  it('fails on no bytes but with its own codes', () => {
    const tampered = fc
      .tuple(fc.constantFrom(...agentMessages), fc.nat(), fc.integer({ min: 0, max: 255 }))
      .map(([message, at, byte]) => {
        const text = bytes(encodeMessage(message));
        text[at % text.length] = byte;
        return text;
      });
    const anything = fc.oneof(tampered, fc.uint8Array({ maxLength: 200 }), fc.jsonValue().map(bytes));
    fc.assert(
      fc.property(anything, (input) => {
        try {
          decodeAgentMessage(input);
        } catch (error) {
          expect(isAppError(error, 'MESSAGE_INVALID') || isAppError(error, 'PROTOCOL_VERSION_DIFFERS')).toBe(true);
        }
      }),
      { numRuns: 500, seed: 1 },
    );
  });
});

describe('decodeCloudMessage', () => {
  it.each(cloudMessages.map((message) => [message.type, message] as const))(
    'gives back an encoded %s',
    (_, message) => {
      expect(decodeCloudMessage(bytes(encodeMessage(message)))).toEqual(message);
    },
  );

  it('refuses a job with an op that it does not know', () => {
    const job = { ...cloudMessages[2], workload: { ...workload(1), body: { kind: 'eval', code: 'process.exit()' } } };
    expect(() => decodeCloudMessage(bytes(job))).toThrow(/at \$\.workload\.body/);
  });
});
