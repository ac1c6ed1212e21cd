/**
 * Every way in which Bespoke fails on purpose: one table of codes.
 *
 * A message says what was expected, what came instead, where, and the remedy
 * where one is known. Callers branch on `code`, never on the text. The table is
 * repeated for people in docs/errors.md; test/shared/base/errors.test.ts holds the two together.
 */
export interface ErrorDetails {
  JSON_INVALID: { what: string; path: string; problem: string };
  GRAPH_ILLEGAL: { where: string; expected: string; got: string };
  NETWORK_ILLEGAL: { path: string; problem: string };
  WEIGHTS_MISMATCH: { name: string; expected: string; got: string };
  SPACE_CHOICE_INVALID: { slot: string; candidates: number; got: number };
  LATENCY_SAMPLES_EMPTY: Record<string, never>;
  LATENCY_SAMPLE_INVALID: { index: number; value: number };
}

const messages: { readonly [C in keyof ErrorDetails]: (details: ErrorDetails[C]) => string } = {
  JSON_INVALID: (d) => `expected ${d.what}, but at ${d.path}: ${d.problem}`,
  GRAPH_ILLEGAL: (d) => `illegal graph at ${d.where}: expected ${d.expected}, but got ${d.got}`,
  NETWORK_ILLEGAL: (d) => `illegal network at ${d.path}: ${d.problem}`,
  WEIGHTS_MISMATCH: (d) => `weight ${d.name}: expected ${d.expected}, but got ${d.got}`,
  SPACE_CHOICE_INVALID: (d) => `slot ${d.slot}: expected a candidate from 0 to ${d.candidates - 1}, but got ${d.got}`,
  LATENCY_SAMPLES_EMPTY: () => 'expected at least one latency sample, but got none',
  LATENCY_SAMPLE_INVALID: (d) => `expected a positive number of milliseconds, but sample ${d.index} is ${d.value}`,
};

export type ErrorCode = keyof ErrorDetails;

/** All codes, in the order of the table. */
export const errorCodes = Object.keys(messages) as readonly ErrorCode[];

/** A failure with a stable `code` and typed `details`. */
export class AppError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'AppError';
  constructor(
    readonly code: C,
    readonly details: ErrorDetails[C],
    options?: ErrorOptions,
  ) {
    super(messages[code](details), options);
  }
}

/** Narrows any thrown value to an AppError, of one code where `code` is given. */
export function isAppError<C extends ErrorCode>(value: unknown, code?: C): value is AppError<C> {
  return value instanceof AppError && (code === undefined || value.code === code);
}
