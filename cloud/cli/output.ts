/**
 * How the command line speaks: results on stdout (a line of JSON with --json), everything else on stderr; exit code 0 for
 * done, 1 for a failure with its one sentence, 2 for a call that cannot be understood. No bars where stderr is no terminal.
 */

import { isAppError } from '@bespoke/shared/base/errors.js';
import { parseRuntimeNames, type RuntimeName, runtimeNames } from '@bespoke/shared/latency/table.js';
import { type Command, CommanderError, InvalidArgumentError } from 'commander';

/** Prints a result: `value` as one line of JSON with --json, else `text`. */
export function printResult(options: { json?: boolean }, value: unknown, text: string): void {
  process.stdout.write(`${options.json ? JSON.stringify(value) : text}\n`);
}

/** Runs the program and turns what it throws into an exit code. */
export async function runCommand(program: Command, argv: readonly string[]): Promise<void> {
  try {
    for (const command of allCommands(program)) command.exitOverride();
    await program.parseAsync([...argv]);
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : 2;
    } else if (isAppError(error)) {
      process.stderr.write(`bespoke: ${error.message} [${error.code}]\n`);
      process.exitCode = 1;
    } else {
      process.stderr.write(
        `bespoke: unexpected failure, please report it: ${error instanceof Error ? error.stack : String(error)}\n`,
      );
      process.exitCode = 1;
    }
  }
}

/** Reads an option that is a whole number. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  };
}

/** Reads an option that is a number above 0. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('Expected a number above 0.');
}

/** Names and values below each other. */
export function formatRows(rows: readonly (readonly [name: string, value: string])[]): string {
  return rows.map(([name, value]) => `  ${name.padEnd(10)} ${value}`).join('\n');
}

/** Reads an option that lists runtimes. */
export function runtimeList(text: string): RuntimeName[] {
  const names = parseRuntimeNames(text);
  if (names) return names;
  throw new InvalidArgumentError(`Expected names of ${runtimeNames.join(', ')}, with commas between.`);
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}
