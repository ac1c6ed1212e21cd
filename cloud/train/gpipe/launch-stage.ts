/** Where a stage runs, and by which launcher; the supervisor need not know. */
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { formatHostPort, type HostPort } from '@bespoke/shared/protocol/address.js';
import { LocalStage } from './local-stage.js';
import type { HostAddress } from './remote/dial-host.js';
import { RemoteStage } from './remote/remote-stage.js';
import { StageFault, type StageHost } from './stage-host.js';
import type { Address } from './stage-messages.js';

export interface StageLaunch {
  /** File URL of a module that exports `openStage` (StageModule), and what to give it. A training host runs its own module, whatever this one is. */
  readonly module: string;
  /** `dataDirectory`, where there is one, names a packed data set: on another host that host's copy takes its place. */
  readonly options: unknown;
  readonly threadCount: number;
  /** The training host that runs it; this machine where absent or null. */
  readonly host?: HostAddress | null;
  /** Where it listens on this machine over TCP, port 0 for any free one; where absent, a Unix socket, or TCP if the stage before it is elsewhere. */
  readonly address?: HostPort;
}

/** Starts the process, or the dialling of its host, for `dialForMs` at most. */
export function launchStage(stage: number, { host, threadCount }: StageLaunch, dialForMs: number): StageHost {
  return host ? new RemoteStage(stage, host, threadCount, dialForMs) : new LocalStage(stage, threadCount);
}

/** Where a stage of this machine listens, so that the stage before it reaches it. A training host decides by itself. Rejects with a `StageFault`. */
export async function listeningAddress(
  stages: readonly StageLaunch[],
  stage: number,
  socketPath: string,
): Promise<Address> {
  const { address, host } = stages[stage]!;
  const before = stages[stage - 1]?.host;
  if (address) return address;
  if (host || !before) return { path: socketPath };
  const own = await addressTowards(before).catch((error: Error) => {
    throw new StageFault(stage - 1, `there is no way to the host ${formatHostPort(before)}: ${error.message}`);
  });
  return { host: own, port: 0 };
}

/** This machine's address as a host sees it: that of the route to it. Nothing is sent. */
async function addressTowards({ host, port }: HostPort): Promise<string> {
  const { address, family } = await lookup(host);
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  try {
    socket.connect(port, address);
    await once(socket, 'connect');
    return socket.address().address;
  } finally {
    socket.close();
  }
}
