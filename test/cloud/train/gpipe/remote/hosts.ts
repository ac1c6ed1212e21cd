/** Training hosts of arithmetic stages as real processes (fixtures/training-host.mjs), and pipelines with stages on them. */
import type { HostAddress } from '@bespoke/cloud/train/gpipe/remote/dial-host.js';
import { newToken } from '@bespoke/cloud/train/gpipe/remote/host-proof.js';
import type { PipelineOptions } from '@bespoke/cloud/train/gpipe/supervisor.js';
import { temporaryFolder } from '../../../../support/folder.js';
import { Program } from '../../../../support/program.js';
import { type Arrangement, stagesOf } from '../arithmetic.js';

export interface Host {
  readonly address: HostAddress;
  readonly directory: string;
  readonly program: Program;
}

interface HostOptions {
  /** One that was killed, whose address, token and folder the new one has. */
  readonly before?: Host;
  /** Of 127.0.0.0/8, all of which is this machine. */
  readonly listenOn?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export async function startHost({ before, listenOn = '127.0.0.1', environment = {} }: HostOptions = {}): Promise<Host> {
  const directory = before?.directory ?? temporaryFolder();
  const { host, port, token } = before?.address ?? { host: listenOn, port: 0, token: newToken() };
  const file = 'cloud/train/gpipe/fixtures/training-host.mjs';
  const program = new Program(file, [host, `${port}`, directory, token], environment);
  const [, bound] = await program.line(/listens on (\d+)/);
  return { address: { host, port: Number(bound), token }, directory, program };
}

/** The stages of an arrangement; stage k on `hosts[k]`, on this machine where that is null. */
export function placed(arrangement: Arrangement, hosts: readonly (Host | null)[]): PipelineOptions['stages'] {
  return stagesOf(arrangement).map((stage, index) => ({ ...stage, host: hosts[index]?.address ?? null }));
}
