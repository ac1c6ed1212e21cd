/** Debian's Chromium, headless, as browser tests start it. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const executablePath = '/usr/bin/chromium';

/** Why browser tests cannot run here, with the command that mends it; null where they can. */
export const browserMissing = existsSync(executablePath)
  ? null
  : `browser tests need Chromium at ${executablePath}; mend it with: apt-get install -y chromium`;
if (browserMissing) console.warn(`SKIPPED: ${browserMissing}`);

export function launchBrowser(): Promise<Browser> {
  const args = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ];
  return chromium.launch({ executablePath, args });
}
