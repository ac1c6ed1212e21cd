/** The `bespoke` command: composes the rooms, one file of cli/ per noun. */
import { Command } from 'commander';
import { registerCount } from './cli/count.js';
import { runCommand } from './cli/output.js';

const program = new Command('bespoke').description('Neural networks made to measure for your device.').version('0.1.0');
registerCount(program);
await runCommand(program, process.argv);
