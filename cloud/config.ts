/** Config: the cloud's settings, validated, each with its unit and default. */
import { AppError } from '@bespoke/shared/base/errors.js';
import { formatPath } from '@bespoke/shared/graph/graph.js';
import { isLoopback } from '@bespoke/shared/protocol/address.js';
import { maxJobTimeoutMs } from '@bespoke/shared/protocol/agent.js';
import { z } from 'zod';

const milliseconds = (least: number, most: number) => z.number().int().min(least).max(most);

const configSchema = z.strictObject({
  /** Where the database and the artifacts lie. */
  dataDirectory: z.string().min(1),
  host: z.string().min(1).default('127.0.0.1'),
  /** Certificate (with its chain) and key, files in PEM form: with them https and wss only, without them http and ws. */
  tls: z.strictObject({ certPath: z.string().min(1), keyPath: z.string().min(1) }).optional(),
  /** Allows a host beyond this machine without TLS. */
  insecurePlain: z.boolean().default(false),
  /** 0 lets the system choose. */
  port: z.number().int().min(0).max(65_535).default(8420),
  /** The built dashboard. */
  dashboardDirectory: z.string().min(1),
  /** How often agents say that they live; after three silent intervals they are taken for dead. */
  heartbeatMs: milliseconds(10, 600_000).default(15_000),
  /** How long a new connection may take to say hello. */
  helloTimeoutMs: milliseconds(10, 60_000).default(10_000),
  /** What the agent may spend on measuring one workload. */
  jobTimeoutMs: milliseconds(1, maxJobTimeoutMs).default(120_000),
  /** What a lease lasts longer than its job's timeout: fetching a file, sending the result. */
  leaseGraceMs: milliseconds(0, 600_000).default(60_000),
  /** Leases of one job before it counts as failed. */
  maxAttempts: z.number().int().min(1).max(20).default(3),
  /** How long a browser stays signed in. */
  sessionMs: milliseconds(1000, 366 * 86_400_000).default(30 * 86_400_000),
});

export type CloudConfig = z.infer<typeof configSchema>;
/** The settings as given: what has a default may be left out. */
export type CloudSettings = z.input<typeof configSchema>;

/** Validates settings and fills in defaults. Throws `CONFIG_INVALID`, `PLAIN_REFUSED`. */
export function parseConfig(settings: CloudSettings): CloudConfig {
  const result = configSchema.safeParse(settings);
  if (result.success) {
    const { host, tls, insecurePlain } = result.data;
    if (tls || insecurePlain || isLoopback(host)) return result.data;
    throw new AppError('PLAIN_REFUSED', { address: host, remedy: 'give --tls-cert and --tls-key' });
  }
  const issue = result.error.issues[0]!;
  throw new AppError('CONFIG_INVALID', { path: formatPath(issue.path), problem: issue.message });
}
