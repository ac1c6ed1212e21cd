/** `bespoke agent …`: the agent's own command line, for who has the whole project and not the agent alone. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Command } from 'commander';
import { agentProgram } from '../local-agent.js';

export function registerAgent(program: Command): void {
  program
    .enablePositionalOptions()
    .command('agent')
    .description('pair, run and manage the agent of this device: what `bespoke-agent` does')
    .argument('[args...]', 'see `bespoke agent --help`')
    .helpOption(false)
    .passThroughOptions()
    .allowUnknownOption()
    .action(async (args: string[]) => {
      const child = spawn(process.execPath, [agentProgram, ...args], { stdio: 'inherit' });
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
      const [exitCode] = (await once(child, 'exit')) as [number | null];
      process.exitCode = exitCode ?? 1;
    });
}
