import { formatHostPort, isLoopback, parseHostPort } from '@bespoke/shared/protocol/address.js';
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

describe('parseHostPort', () => {
  it.each([
    ['192.168.0.12:7420', { host: '192.168.0.12', port: 7420 }],
    ['attic.local:0', { host: 'attic.local', port: 0 }],
    ['[fe80::2]:7420', { host: 'fe80::2', port: 7420 }],
  ])('reads %s, and writes it', (text, address) => {
    expect(parseHostPort(text)).toEqual(address);
    expect(formatHostPort(address)).toBe(text);
  });

  it.each([
    'attic',
    ':7420',
    'attic:',
    'attic:70000',
    'fe80::2:7420',
    'http://attic:80',
    'user@attic:80',
    'attic:80/x',
  ])('refuses %s', (text) => {
    expect(parseHostPort(text)).toBeNull();
  });
});
