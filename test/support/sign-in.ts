/** Signs in as the dashboard does: the token of the printed address, posted. */

/** Posts the token of `/#token=…` to the cloud that printed it. */
export function postToken(address: string): Promise<Response> {
  const { origin, hash } = new URL(address);
  return fetch(`${origin}/api/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token: hash.replace('#token=', '') }),
  });
}

/** The cookie of the session, `name=value`. */
export async function cookieFor(address: string): Promise<string> {
  return (await postToken(address)).headers.get('set-cookie')!.split(';')[0]!;
}
