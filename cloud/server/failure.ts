/** What a failed call answers with: an HTTP status and an ApiError, whatever was thrown. */
import { type ErrorCode, isAppError } from '@bespoke/shared/base/errors.js';
import type { ApiError } from '@bespoke/shared/protocol/api.js';

/** Statuses of the codes that are not simply a bad request. */
const statuses: { readonly [C in ErrorCode]?: number } = {
  LOGIN_REQUIRED: 401,
  LOGIN_TOKEN_INVALID: 401,
  AGENT_TOKEN_UNKNOWN: 401,
  ORIGIN_REFUSED: 403,
  NOT_FOUND: 404,
};

export interface Failure {
  readonly status: number;
  readonly body: ApiError;
}

export function failureOf(error: unknown): Failure {
  if (isAppError(error))
    return { status: statuses[error.code] ?? 400, body: { code: error.code, message: error.message } };
  // fastify's own refusals: a body that is too large, is not JSON, …
  const { statusCode, code, message } = error as { statusCode?: number; code?: string; message?: string };
  if (statusCode !== undefined && statusCode < 500) {
    return { status: statusCode, body: { code: code ?? 'REQUEST_INVALID', message: message ?? 'bad request' } };
  }
  return {
    status: 500,
    body: { code: 'INTERNAL', message: 'unexpected failure in the cloud; its log has the details' },
  };
}
