/** Pairing codes as people read, say and type them: 40 bits in Crockford's base 32, which has no letters that look like digits. */

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const symbolCount = 8;
/** What people type for a symbol that the alphabet leaves out. */
const lookalikes: Readonly<Record<string, string>> = { O: '0', I: '1', L: '1' };

/** The code of 8 random bytes, five bits of each: `7KQ2-M9XR`. */
export function pairingCodeOf(randomBytes: Uint8Array): string {
  const symbols = [...randomBytes.subarray(0, symbolCount)].map((byte) => alphabet[byte % alphabet.length]);
  return `${symbols.slice(0, symbolCount / 2).join('')}-${symbols.slice(symbolCount / 2).join('')}`;
}

/** The one spelling of what somebody typed, without dashes and blanks; null where it is no code. */
export function readPairingCode(typed: string): string | null {
  const symbols = [...typed.toUpperCase().replace(/[\s-]/g, '')].map((symbol) => lookalikes[symbol] ?? symbol);
  return symbols.length === symbolCount && symbols.every((symbol) => alphabet.includes(symbol))
    ? symbols.join('')
    : null;
}
