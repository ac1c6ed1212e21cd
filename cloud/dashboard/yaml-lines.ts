/** Finds the line that the server objects to, in its sentence and in the text. */

/** The line that a message of the server names, counted from 1. */
export function lineOf(message: string): number | null {
  const match = /\bline (\d+)/i.exec(message);
  return match ? Number(match[1]) : null;
}

/** Where a line (from 1) starts and ends in a text, for selecting it. */
export function lineRange(text: string, line: number): [start: number, end: number] {
  const lines = text.split('\n');
  const start = lines.slice(0, line - 1).reduce((length, each) => length + each.length + 1, 0);
  return [start, start + (lines[line - 1]?.length ?? 0)];
}
