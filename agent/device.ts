/** What this device is, and the id that the cloud knows it by. */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { arch, cpus, homedir, hostname, platform, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { AppError } from '@bespoke/shared/base/errors.js';
import type { DeviceInfo } from '@bespoke/shared/protocol/api.js';

export function describeDevice(): DeviceInfo {
  const processors = cpus();
  return {
    hostname: hostname().slice(0, 200) || 'unknown',
    platform: platform(),
    arch: arch(),
    cpuModel: processors[0]?.model.trim().slice(0, 200) || 'unknown', // many ARM kernels name none
    cpuCount: Math.max(processors.length, 1),
    memoryBytes: totalmem(),
  };
}

/** Where the agent keeps its id unless told otherwise. */
export function defaultStatePath(): string {
  return join(process.env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'bespoke', 'agent.json');
}

/** The agent's id, made up at the first start and kept in the file. Throws `AGENT_STATE_INVALID`. */
export function agentIdIn(statePath: string): string {
  if (existsSync(statePath)) return readAgentId(statePath);
  const agentId = randomUUID();
  mkdirSync(dirname(statePath), { recursive: true });
  writeFileSync(`${statePath}.tmp`, `${JSON.stringify({ agentId })}\n`);
  renameSync(`${statePath}.tmp`, statePath);
  return agentId;
}

function readAgentId(path: string): string {
  let problem = 'it holds none';
  let cause: unknown;
  try {
    const { agentId } = JSON.parse(readFileSync(path, 'utf8')) as { agentId?: unknown };
    if (typeof agentId === 'string' && /^[A-Za-z0-9-]{8,64}$/.test(agentId)) return agentId;
  } catch (error) {
    problem = (error as Error).message;
    cause = error;
  }
  throw new AppError('AGENT_STATE_INVALID', { path, problem }, { cause });
}
