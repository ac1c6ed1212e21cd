/** The first minute of a user, with nothing pretended: `bespoke start`, a browser, this machine joins, its table fills. */
import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { browserMissing, launchBrowser } from '../support/browser.js';
import { type CloudProcess, startCloudProcess } from '../support/cloud-process.js';
import { until } from '../support/until.js';

const directory = mkdtempSync(join(tmpdir(), 'bespoke-first-'));
let cloud: CloudProcess | undefined;
afterAll(async () => {
  await cloud?.kill();
  rmSync(directory, { recursive: true, force: true });
});

describe.skipIf(browserMissing !== null)('bespoke start', () => {
  it('shows this machine joining and its latency table filling', { timeout: 120_000 }, async () => {
    const browser = await launchBrowser();
    try {
      cloud = await startCloudProcess(directory);
      const [name, value] = cloud.cookie.split('=') as [string, string];
      const context = await browser.newContext();
      await context.addCookies([{ name, value, url: cloud.url }]);
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.goto(cloud.url);
      await page.locator('.connection.live').waitFor();
      await page.getByRole('link', { name: hostname() }).first().click({ timeout: 60_000 });
      const rows = () => page.locator('table tbody tr').count();
      const early = await until('the first cell', rows, 60_000);
      expect(await until('more cells', async () => (await rows()) > early, 60_000)).toBe(true);
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});
