/**
 * The hosts file: on which machine each stage of a pipeline runs, and with how many threads.
 *
 *   version: 1
 *   stages:                          # one entry per stage, in order
 *     - threads: 2                   # this machine
 *     - host: 192.168.0.12:7420      # where `bespoke train-host` runs
 *       tokenFile: attic.token       # what it printed there; a path beside this file
 *       threads: 4
 */
import { dirname, resolve } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import { parseHostPort } from '@bespoke/shared/protocol/address.js';
import { z } from 'zod';
import { checkYaml, formatKeys } from '../../yaml/check.js';
import { readTextFile } from '../files.js';
import type { HostAddress } from './remote/dial-host.js';
import { readToken } from './remote/host-token.js';

/** Where a stage runs. */
export interface StagePlace {
  /** Null: this machine. */
  readonly host: HostAddress | null;
  /** Null: to be chosen. */
  readonly threadCount: number | null;
}

const howToToken = 'copy into it what `bespoke train-host` printed on the other machine';

const hostPort = z.string().transform((text, context) => {
  const parsed = parseHostPort(text);
  if (parsed && parsed.port > 0) return parsed;
  context.addIssue({
    code: 'custom',
    message: `expected an address with a port, e.g. 192.168.0.12:7420, but got "${text}"`,
  });
  return z.NEVER;
});

const stageSchema = z
  .strictObject({
    host: hostPort.optional(),
    tokenFile: z.string().min(1).optional(),
    threads: z.number().int().min(1).max(256).optional(),
  })
  .superRefine(({ host, tokenFile }, context) => {
    if ((host === undefined) === (tokenFile === undefined)) return;
    const message = host
      ? 'a host needs a tokenFile: the path of a file with the token that `bespoke train-host` prints there'
      : 'a tokenFile belongs to a host: name that, too, or leave both out for this machine';
    context.addIssue({ code: 'custom', message });
  });

const hostsSchema = z.strictObject({ version: z.literal(1), stages: z.array(stageSchema).min(1).max(64) });

/** Reads a hosts file and the tokens that it names. Throws `FILE_UNREADABLE`, `HOSTS_INVALID`. */
export async function readHosts(path: string): Promise<readonly StagePlace[]> {
  const checked = checkYaml(await readTextFile(path), hostsSchema);
  if ('problem' in checked) {
    const { problem: wrong } = checked;
    const problem =
      wrong.kind === 'invalid' ? wrong.problem : `there is no key "${wrong.key}"; did you mean "${wrong.nearest}"?`;
    throw new AppError('HOSTS_INVALID', { path, line: wrong.line, where: formatKeys(wrong.path, 'the file'), problem });
  }
  const tokenIn = (name: string) => readToken(resolve(dirname(path), name), howToToken);
  return checked.value.stages.map(({ host, tokenFile, threads = null }) => ({
    host: host && tokenFile ? { ...host, token: tokenIn(tokenFile) } : null,
    threadCount: threads,
  }));
}
