import { maxMessageBytes, protocolVersion } from '@bespoke/shared/protocol/agent.js';
import { decodeAgentMessage, decodeCloudMessage, encodeMessage } from '@bespoke/shared/protocol/codec.js';
import { describe, expect, it } from 'vitest';
import { success, workload } from '../../support/fleet.js';
import { agentMessages, bytesOf, cloudMessages } from '../../support/messages.js';

const result = { type: 'result', jobId: 'job-00001', leaseId: 'lease-001', outcome: success(1.5) } as const;

describe('decodeAgentMessage', () => {
  it.each(agentMessages.map((message) => [message.type, message] as const))(
    'gives back an encoded %s',
    (_, message) => {
      expect(decodeAgentMessage(bytesOf(encodeMessage(message)))).toEqual(message);
    },
  );

  it.each([
    ['not JSON', '{"type":', /^the protocol does not allow this message: at \$: expected JSON in UTF-8/],
    ['a list', '[]', /at \$: expected an object/],
    [
      'an unknown type',
      { type: 'shell' },
      /at \$\.type: expected one of hello, pair, ready, result, heartbeat, bye, but got "shell"/,
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
      /at \$\.outcome\.samplesMs: expected a list of 1 to 2000 samples/,
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
    expect(() => decodeAgentMessage(bytesOf(message))).toThrow(sentence);
  });

  it('says in one sentence that the versions differ, whatever else the hello holds', () => {
    expect(() => decodeAgentMessage(bytesOf({ type: 'hello', protocol: 9, shape: 'new' }))).toThrow(
      `expected version ${protocolVersion} of the agent protocol, but the other side speaks version 9; install the same release on the device and in the cloud`,
    );
  });

  it('refuses a message over the limit before it reads it', () => {
    expect(() => decodeAgentMessage(new Uint8Array(maxMessageBytes + 1))).toThrow(
      'expected a message of at most 1048576 bytes, but got 1048577',
    );
  });
});

describe('decodeCloudMessage', () => {
  it.each(cloudMessages.map((message) => [message.type, message] as const))(
    'gives back an encoded %s',
    (_, message) => {
      expect(decodeCloudMessage(bytesOf(encodeMessage(message)))).toEqual(message);
    },
  );

  it('refuses a job with an op that it does not know', () => {
    const job = {
      ...cloudMessages.find(({ type }) => type === 'job'),
      workload: { ...workload(1), body: { kind: 'eval', code: 'process.exit()' } },
    };
    expect(() => decodeCloudMessage(bytesOf(job))).toThrow(/at \$\.workload\.body/);
  });
});
