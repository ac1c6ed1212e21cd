/** Addresses: which of them stay on this machine, where nobody can listen in. */

/** Whether a host, as in an address or as an option, is this machine's own: `localhost`, `127.…`, `::1`. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  return bare === 'localhost' || bare === '::1' || /^127(\.\d{1,3}){3}$/.test(bare);
}
