/** Routes live in the address's hash, so that deep links work whatever server hands out the page. */
import { useSyncExternalStore } from 'react';

export type Route =
  | { readonly page: 'home' }
  | { readonly page: 'device'; readonly id: string }
  | { readonly page: 'study'; readonly id: string }
  | { readonly page: 'unknown'; readonly hash: string };

/** `#/devices/<id>` or `#/studies/<id>`; nothing is home. */
export function parseRoute(hash: string): Route {
  const parts = hash.replace(/^#\/?/, '').split('/').filter(Boolean);
  if (parts.length === 0) return { page: 'home' };
  const [noun, id] = parts;
  if (parts.length === 2 && (noun === 'devices' || noun === 'studies')) {
    return { page: noun === 'devices' ? 'device' : 'study', id: decodeURIComponent(id!) };
  }
  return { page: 'unknown', hash };
}

export function deviceHash(id: string): string {
  return `#/devices/${encodeURIComponent(id)}`;
}

export function studyHash(id: string): string {
  return `#/studies/${encodeURIComponent(id)}`;
}

function subscribe(listener: () => void): () => void {
  addEventListener('hashchange', listener);
  return () => removeEventListener('hashchange', listener);
}

/** The route of the current address. */
export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => location.hash));
}
