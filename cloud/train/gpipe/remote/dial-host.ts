/** How a coordinator reaches a training host: it dials until somebody answers, and lets nobody in who does not prove to hold the token. */
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { AppError, isAppError } from '@bespoke/shared/base/errors.js';
import { formatHostPort, type HostPort } from '@bespoke/shared/protocol/address.js';
import { WebSocket } from 'ws';
import { decodeFromHost, encodeMessage, hostLimits, trainHostVersion } from './host-messages.js';
import { isProof, newNonce, proofOf } from './host-proof.js';

/** Where `bespoke train-host` runs, and the token that it made. */
export interface HostAddress extends HostPort {
  readonly token: string;
}

const pauseMs = 200;

/** A connection on which both sides have proved who they are. Dials again for `forMs` where nobody answers, then throws why not. Throws `HOST_REFUSED`. */
export async function dialHost(host: HostAddress, forMs: number, signal: AbortSignal): Promise<WebSocket> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), forMs); // AbortSignal.timeout in AbortSignal.any may be collected before its time, and never fires (nodejs/node#57736)
  try {
    return await dialUntil(AbortSignal.any([signal, deadline.signal]), host);
  } finally {
    clearTimeout(timer);
  }
}

async function dialUntil(over: AbortSignal, host: HostAddress): Promise<WebSocket> {
  let problem = 'it says nothing';
  for (;;) {
    const socket = new WebSocket(`ws://${formatHostPort(host)}`, {
      maxPayload: hostLimits.fromHostBytes,
      perMessageDeflate: false,
      handshakeTimeout: hostLimits.helloTimeoutMs,
    });
    socket.on('error', () => {}); // it rejects what is waited for
    try {
      await greet(socket, host, over);
      return socket;
    } catch (error) {
      socket.terminate();
      if (isAppError(error)) throw refusal(host, error);
      if (!over.aborted) problem = (error as Error).message;
    }
    await wait(pauseMs, undefined, { signal: over }).catch(() => {
      throw new Error(problem);
    });
  }
}

async function greet(socket: WebSocket, { token, ...host }: HostAddress, signal: AbortSignal): Promise<void> {
  const nextMessage = async () => decodeFromHost(((await once(socket, 'message', { signal })) as [Buffer])[0]);
  const challenge = await nextMessage();
  if (challenge.type !== 'challenge') return refuse(host, `it said ${challenge.type} before anything else`);
  if (challenge.version !== trainHostVersion)
    return refuse(host, `it speaks version ${challenge.version} of the protocol, this machine ${trainHostVersion}`);
  const nonces = { host: challenge.nonce, coordinator: newNonce() };
  const answered = nextMessage();
  socket.send(
    encodeMessage({ type: 'hello', nonce: nonces.coordinator, proof: proofOf(token, 'coordinator', nonces) }),
  );
  const answer = await answered;
  if (answer.type === 'refused') refuse(host, answer.problem);
  if (answer.type !== 'welcome' || !isProof(answer.proof, token, 'host', nonces))
    refuse(host, 'what answers there does not hold its token; check the address');
}

function refuse(host: HostPort, problem: string): never {
  throw new AppError('HOST_REFUSED', { host: formatHostPort(host), problem });
}

/** What the greeting ended with; what comes over the socket of another program is no message of ours. */
function refusal(host: HostPort, error: AppError): AppError {
  if (error.code === 'HOST_REFUSED') return error;
  const problem = `what answers there is no training host of this release (${error.message}); check the address, and install the same release on both machines`;
  return new AppError('HOST_REFUSED', { host: formatHostPort(host), problem }, { cause: error });
}
