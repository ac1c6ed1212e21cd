/** `bespoke count`: params and MACs of a published network or of a file. */
import type { Command } from 'commander';

export function registerCount(program: Command): void {
  program.command('count').argument('<name-or-file>').option('--json', 'one line of JSON');
}
