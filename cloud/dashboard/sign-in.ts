/** Signs this browser in with the token of the printed address, `/#token=…`: what stands behind the # is not sent with any address. */
const prefix = '#token=';

/** Exchanges the token, where there is one, for the session's cookie, and takes it out of the address. A used one changes nothing. */
export async function signIn(): Promise<void> {
  // Opened in a page that is there already, the address changes behind the # alone: it is loaded afresh to sign in.
  addEventListener('hashchange', () => location.hash.startsWith(prefix) && location.reload());
  if (!location.hash.startsWith(prefix)) return;
  const token = location.hash.slice(prefix.length);
  history.replaceState(null, '', '/');
  const headers = { 'content-type': 'application/json' };
  // Whether it worked, the next call tells: a browser that is signed in already may come with a used token.
  await fetch('/api/session', { method: 'POST', headers, body: JSON.stringify({ token }) }).catch(() => undefined);
}
