import { isLoopback } from '@bespoke/shared/protocol/address.js';
import { describe, expect, it } from 'vitest';

describe('isLoopback', () => {
  it.each(['localhost', 'LOCALHOST', '127.0.0.1', '127.8.9.10', '::1', '[::1]'])('knows %s as this machine', (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  it.each(['0.0.0.0', '::', '192.168.1.5', '127.0.0.1.evil.example', 'localhost.evil.example', '128.0.0.1', ''])(
    'takes %j for others to reach',
    (host) => {
      expect(isLoopback(host)).toBe(false);
    },
  );
});
