/**
 * Routes live in the address's hash, so that deep links work whatever server hands out the page. Behind a `?` stands what
 * the page's reader has chosen: `#/devices/pi?runtime=…&with=…`.
 */
import { useCallback, useMemo, useSyncExternalStore } from 'react';

export type Route =
  | { readonly page: 'home' }
  | { readonly page: 'device'; readonly id: string }
  | { readonly page: 'study'; readonly id: string }
  | { readonly page: 'unknown'; readonly hash: string };

/** `#/devices/<id>` or `#/studies/<id>`; nothing is home. */
export function parseRoute(hash: string): Route {
  const parts = hash.replace(/^#\/?/, '').replace(/\?.*/, '').split('/').filter(Boolean);
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

/** The form that starts a study, with the specification that judges that study's networks anew. */
export function rejudgeHash(id: string): string {
  return withChoices('#/', { rejudge: id });
}

function subscribe(listener: () => void): () => void {
  addEventListener('hashchange', listener);
  return () => removeEventListener('hashchange', listener);
}

/** The route of the current address. */
export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => location.hash));
}

/** The hash with some choices changed; an empty one is left out. */
export function withChoices(hash: string, changes: Readonly<Record<string, string | null>>): string {
  const [place, query] = hash.split('?') as [string, string | undefined];
  const choices = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    if (value) choices.set(name, value);
    else choices.delete(name);
  }
  return choices.size > 0 ? `${place}?${choices}` : place;
}

/** What the reader has chosen on this page, and how to change it; a change is no new step for the Back button. */
export function useChoices(): [
  choice: (name: string) => string | null,
  choose: (changes: Readonly<Record<string, string | null>>) => void,
] {
  const query = useSyncExternalStore(subscribe, () => location.hash.split('?')[1] ?? '');
  const choices = useMemo(() => new URLSearchParams(query), [query]);
  const choose = useCallback(
    (changes: Readonly<Record<string, string | null>>) => location.replace(withChoices(location.hash, changes)),
    [],
  );
  return [useCallback((name: string) => choices.get(name), [choices]), choose];
}
