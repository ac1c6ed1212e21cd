import { measureTransfer } from '@bespoke/cloud/train/gpipe/transfer.js';
import { describe, expect, it } from 'vitest';

describe('measureTransfer', () => {
  it('finds a time for a message and one for a byte', async () => {
    const { messageMs, byteMs } = await measureTransfer();
    expect(messageMs).toBeGreaterThanOrEqual(0);
    expect(messageMs + 1e6 * byteMs).toBeGreaterThan(0.01); // 100 GB/s would be a clock that stands still
    expect(messageMs + 1e6 * byteMs).toBeLessThan(1000);
  });
});
