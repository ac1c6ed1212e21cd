/** useCall: what a call answers, asked again while the view is shown; for figures that are not pushed as events. */
import type { ApiCalls } from '@bespoke/shared/protocol/api.js';
import { useEffect, useState } from 'react';
import { type ApiCall, type CallInput, callApi, requestOf } from './api.js';

export interface Answer<T> {
  /** The newest answer; null before the first. */
  readonly value: T | null;
  /** Why there is none. */
  readonly failure: string | null;
}

/** How often a call is made again. */
const refreshMs = 15_000;
const none = { path: '', value: null, failure: null };

export function useCall<C extends ApiCall & `GET ${string}`>(
  call: C,
  input: CallInput<C>,
): Answer<ApiCalls[C]['result']> {
  const { path } = requestOf(call, input);
  const [answer, setAnswer] = useState<Answer<ApiCalls[C]['result']> & { readonly path: string }>(none);
  useEffect(() => {
    let shown = true;
    const ask = async () => {
      try {
        const value = await callApi(call, input);
        // An answer that says the same is the same: what is drawn from it stays.
        if (shown)
          setAnswer((last) =>
            last.path === path && JSON.stringify(last.value) === JSON.stringify(value)
              ? last
              : { path, value, failure: null },
          );
      } catch (error) {
        if (shown)
          setAnswer((last) => ({
            path,
            value: last.path === path ? last.value : null,
            failure: (error as Error).message,
          }));
      }
    };
    void ask();
    const timer = setInterval(() => void ask(), refreshMs);
    return () => {
      shown = false;
      clearInterval(timer);
    };
    // The path says all that is in the call and its input.
  }, [path]);
  return answer.path === path ? answer : none;
}
