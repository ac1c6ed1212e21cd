/** The typed client of the cloud's HTTP calls: one function for all of them, its types taken from the table that the server obeys. */
import type { ApiCalls, ApiError } from '@bespoke/shared/protocol/api.js';

export type ApiCall = keyof ApiCalls;

/** A call that the cloud refused, or that did not reach it (`status` 0). */
export class ApiFailure extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** What a call needs besides its name: the id when its path has one, the query and the body when it takes them. */
export interface CallInput<C extends ApiCall> {
  readonly id?: C extends `${string}:id${string}` ? string : undefined;
  readonly query?: ApiCalls[C] extends { query: infer Q extends Record<string, string> } ? Q : undefined;
  readonly body?: ApiCalls[C]['body'];
}

/** Method and address of a call. */
export function requestOf<C extends ApiCall>(call: C, input: CallInput<C> = {}): { method: string; path: string } {
  const [method, path] = call.split(' ') as [string, string];
  const query = new URLSearchParams(input.query).toString();
  return { method, path: path.replace(':id', encodeURIComponent(input.id ?? '')) + (query && `?${query}`) };
}

/** Calls the cloud. Throws `ApiFailure` with the server's own sentence. */
export async function callApi<C extends ApiCall>(call: C, input: CallInput<C> = {}): Promise<ApiCalls[C]['result']> {
  const { method, path } = requestOf(call, input);
  const body =
    input.body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(input.body) };
  let response: Response;
  try {
    response = await fetch(path, { method, credentials: 'same-origin', ...body });
  } catch (error) {
    throw new ApiFailure(
      0,
      'CLOUD_UNREACHABLE',
      `the cloud does not answer (${(error as Error).message}); is it still running?`,
    );
  }
  if (!response.ok) throw await failureOf(response);
  return (await response.json()) as ApiCalls[C]['result'];
}

async function failureOf(response: Response): Promise<ApiFailure> {
  const text = await response.text();
  try {
    const { code, message } = JSON.parse(text) as ApiError;
    return new ApiFailure(response.status, code, message);
  } catch {
    return new ApiFailure(
      response.status,
      'HTTP_ERROR',
      `${response.status} ${response.statusText}: ${text.slice(0, 200)}`,
    );
  }
}

/** Where a study's model file is downloaded from. */
export function modelPath(studyId: string): string {
  return `/api/studies/${encodeURIComponent(studyId)}/model`;
}
