/**
 * pairAgent: makes the agent's key known to a cloud, by a code that a person read there.
 *
 *   dial ◀─challenge─ ; ─pair: code, key, signature─▶ ; ◀─paired─ stored: from now on the key is enough
 */
import { AppError } from '@bespoke/shared/base/errors.js';
import { type ChallengeMessage, type CloudMessage, protocolVersion } from '@bespoke/shared/protocol/agent.js';
import { decodeCloudMessage, encodeMessage } from '@bespoke/shared/protocol/codec.js';
import { dialCloud, signProof } from './dial.js';
import { type CloudAddress, stateWithKey, writeState } from './state.js';

export interface PairOptions {
  readonly cloud: CloudAddress;
  readonly code: string;
  readonly statePath: string;
  /** What to call the device. */
  readonly name: string;
}

/** Silence after which the cloud is taken for gone. */
const answerTimeoutMs = 20_000;

/** The key is stored before it is shown, the cloud once it knows the key. Throws `AGENT_STATE_INVALID`, `PLAIN_REFUSED`, `TLS_FILE_INVALID`, `PAIRING_FAILED`. */
export async function pairAgent({ cloud, code, statePath, name }: PairOptions): Promise<void> {
  const { agentId, key } = stateWithKey(statePath);
  const cloudId = await redeem(cloud, ({ cloudId: id, nonce }) =>
    encodeMessage({
      type: 'pair',
      protocol: protocolVersion,
      code,
      agentId,
      publicKey: key.x,
      signature: signProof({ purpose: 'pair', cloudId: id, nonce, agentId }, key),
      name,
    }),
  );
  writeState(statePath, { agentId, key, cloud: { ...cloud, id: cloudId }, name });
}

/** Answers the challenge; gives the cloud's id once the cloud says that it is done. */
function redeem(cloud: CloudAddress, answer: (challenge: ChallengeMessage) => string): Promise<string> {
  const socket = dialCloud(cloud);
  return new Promise((resolve, reject) => {
    let cloudId = '';
    const fail = (problem: string) => reject(new AppError('PAIRING_FAILED', { url: cloud.url, problem }));
    const timer = setTimeout(() => {
      fail(`it did not answer within ${answerTimeoutMs} ms`);
      socket.terminate();
    }, answerTimeoutMs);
    const receive = (message: CloudMessage) => {
      if (message.type === 'challenge') {
        cloudId = message.cloudId;
        socket.send(answer(message));
      } else if (message.type === 'paired') resolve(cloudId);
      else if (message.type === 'refused') fail(`it refuses: ${message.message} [${message.code}]`);
      else fail(`it says ${message.type}, which is no answer`);
    };
    socket.on('message', (data) => {
      try {
        receive(decodeCloudMessage(data as Buffer));
      } catch (error) {
        fail((error as Error).message);
        socket.terminate();
      }
    });
    socket.on('error', (error) => fail(`it cannot be reached: ${error.message}`));
    socket.on('close', () => {
      clearTimeout(timer);
      fail('it ended the conversation'); // after an answer this says nothing any more
    });
  });
}
