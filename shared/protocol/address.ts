/** Addresses: which of them stay on this machine, where nobody can listen in. */

/** Whether a host, as in an address or as an option, is this machine's own: `localhost`, `127.…`, `::1`. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  return bare === 'localhost' || bare === '::1' || /^127(\.\d{1,3}){3}$/.test(bare);
}

/** A host and a port, as in a socket's address. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port`, an IPv6 address in brackets; null for anything else. */
export function parseHostPort(text: string): HostPort | null {
  const [, bracketed, plain, port] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:/@\s]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  return host !== undefined && Number(port) <= 65_535 ? { host, port: Number(port) } : null;
}

/** The inverse of `parseHostPort`. */
export function formatHostPort({ host, port }: HostPort): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
