/**
 * The dashboard in a real browser: what people see appears, moves, can be downloaded, and fits their screen. Pictures of
 * every page are left in build/screenshots.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ApiEvent } from '@bespoke/shared/protocol/api.js';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { browserMissing, launchBrowser } from '../support/browser.js';
import { FixtureServer } from './fixture-server.js';
import {
  device,
  deviceId,
  finishedStudy,
  latencies,
  network,
  probabilitiesAt,
  searchPoint,
  slots,
  study,
  studyId,
  trainPoint,
} from './scenario.js';

const root = join(import.meta.dirname, '..', '..');
const distPath = join(root, 'cloud', 'dashboard', 'dist');
const pictures = join(root, 'build', 'screenshots');
const desktop = { width: 1440, height: 900 };
const phone = { width: 390, height: 844 };

describe.skipIf(browserMissing !== null)('dashboard', () => {
  let browser: Browser;
  let server: FixtureServer;
  let address: string;
  let context: BrowserContext;
  let page: Page;
  /** What the browser complained of; must stay empty. */
  let complaints: string[];

  beforeAll(async () => {
    if (!existsSync(join(distPath, 'index.html')))
      throw new Error(`no dashboard in ${distPath}; build it with: npm run build`);
    mkdirSync(pictures, { recursive: true });
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());

  beforeEach(async () => {
    server = new FixtureServer(distPath);
    address = await server.listen();
    complaints = [];
    await openContext(desktop, 'light');
  });
  afterEach(async () => {
    await context.close();
    await server.close();
    expect(complaints).toEqual([]);
  });

  async function openContext(viewport: typeof desktop, colorScheme: 'light' | 'dark') {
    await context?.close();
    context = await browser.newContext({ viewport, colorScheme, acceptDownloads: true });
    context.setDefaultTimeout(8000);
    page = await context.newPage();
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
  }

  /** Signs in and goes to a page; returns when its events can arrive. */
  async function open(hash = '') {
    await page.goto(`${address}/?token=fixture`);
    await page.goto(`${address}/${hash}`);
    await page.locator('.connection.live').waitFor();
  }

  function push(...events: ApiEvent[]) {
    server.push(...events);
  }

  const overflow = () => page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');

  /** The picture of the chart with this title, as bytes. */
  const chartPicture = async (title: string) =>
    (await page.getByRole('figure', { name: title }).locator('.chart-canvas').screenshot()).toString('base64');

  it('shows a device as it joins, and what it does', async () => {
    await open();
    await page.getByText('No device has joined yet.').waitFor();
    await page.screenshot({ path: join(pictures, 'home-empty-1440.png'), fullPage: true });
    push({
      type: 'device',
      device: { ...device, currentJob: 'k5 e6 on 32x32x16', measuredCount: 12, pendingCount: 88 },
    });
    await page.getByRole('link', { name: 'pi-kitchen' }).waitFor();
    await page.getByText('measuring k5 e6 on 32x32x16').waitFor();
    await page.getByText('12 measured, 88 waiting').waitFor();
    push({ type: 'device', device: { ...device, online: false } });
    await page.getByText('offline').waitFor();
  });

  it('fills the heatmap and the table as latencies arrive', async () => {
    server.story.devices = [device];
    await open(`#/devices/${deviceId}`);
    await page.getByText('Nothing is measured on this device yet.').waitFor();
    push(...latencies.slice(0, 30).map((latency) => ({ type: 'latency', latency }) as const));
    await page.getByText('30 rows').waitFor();
    const early = await chartPicture('Latency of blocks');
    push(...latencies.slice(20).map((latency) => ({ type: 'latency', latency }) as const));
    await page.getByText(`${latencies.length} rows`, { exact: true }).waitFor();
    await expect.poll(() => chartPicture('Latency of blocks')).not.toBe(early);
  });

  it('sorts the latency table and gives it as CSV', async () => {
    server.story.devices = [device];
    server.story.latencies = [...latencies];
    await open(`#/devices/${deviceId}`);
    const header = page.getByRole('columnheader', { name: 'median (ms)' });
    await header.getByRole('button').click();
    await header.getByRole('button').click();
    expect(await header.getAttribute('aria-sort')).toBe('descending');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download CSV' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('pi-kitchen latencies.csv');
  });

  it("moves a study's curves with its steps", async () => {
    server.story.devices = [device];
    server.story.studies = [
      { ...study, phase: 'search', budgetMs: finishedStudy.budgetMs, slots, probabilities: probabilitiesAt(0) },
    ];
    await open(`#/studies/${studyId}`);
    await page.getByText("The search's curves appear here").waitFor();
    const steps = (from: number, to: number) =>
      Array.from(
        { length: to - from },
        (_, index) =>
          ({
            type: 'search',
            studyId,
            point: searchPoint(from + index),
            probabilities: probabilitiesAt(from + index),
          }) as const,
      );
    push(...steps(1, 40));
    await page
      .locator('figure', { hasText: 'Search: expected latency' })
      .getByText('39 rows')
      .waitFor({ state: 'attached' });
    const early = await Promise.all(
      ['Search: expected latency', 'Search: loss', 'Architecture probabilities'].map(chartPicture),
    );
    push(...steps(30, 160));
    await page
      .locator('figure', { hasText: 'Search: expected latency' })
      .getByText('159 rows')
      .waitFor({ state: 'attached' });
    for (const [index, title] of ['Search: expected latency', 'Search: loss', 'Architecture probabilities'].entries()) {
      await expect.poll(() => chartPicture(title), { message: title }).not.toBe(early[index]);
    }
    push({ type: 'train', studyId, point: trainPoint(1) }, { type: 'log', studyId, line: 'training started' });
    await page.getByRole('figure', { name: 'Training: loss' }).getByText('1 rows').waitFor({ state: 'attached' });
    await page.getByText('(2 lines)').waitFor();
  });

  it('draws the found network and offers the measured file', async () => {
    server.story.devices = [device];
    server.story.latencies = [...latencies];
    server.story.studies = [finishedStudy];
    await open(`#/studies/${studyId}`);
    await expect.poll(() => page.locator('svg.network rect').count()).toBe(network.blocks.length);
    await page.getByText('87.3%', { exact: true }).waitFor();
    const link = page.getByRole('link', { name: 'Download .tflite' });
    expect(await link.getAttribute('href')).toBe('/api/studies/study-1/model');
    const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
    expect(download.suggestedFilename()).toBe('first-light.tflite');
  });

  it('reads a study again when it is told that it changed', async () => {
    server.story.studies = [study];
    await open(`#/studies/${studyId}`);
    await page.getByText('budget chosen after measuring').waitFor();
    server.story.studies = [finishedStudy];
    push({ type: 'studyChanged', studyId });
    await page.getByRole('link', { name: 'Download .tflite' }).waitFor();
  });

  it('says why a study failed', async () => {
    const error = 'expected a budget of at least 3.1 ms, the fastest network of the space, but got 1 ms';
    server.story.studies = [{ ...study, status: 'failed', error }];
    await open(`#/studies/${studyId}`);
    await page.getByRole('alert').getByText(error).waitFor();
    await page.screenshot({ path: join(pictures, 'study-failed-1440.png'), fullPage: true });
  });

  it('cancels a study after asking once more', async () => {
    server.story.studies = [study];
    await open(`#/studies/${studyId}`);
    await page.getByRole('button', { name: 'Cancel study' }).click();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.locator('.pill.cancelled').waitFor();
  });

  it("shows the server's objection at its line, then starts the study", async () => {
    server.story.studies = [study];
    await open();
    const editor = page.getByLabel('Specification');
    const working = await editor.inputValue();
    await editor.fill('name: x\nsede: 3\n');
    await page.getByRole('button', { name: 'Start study' }).click();
    await page.getByRole('alert').getByText('line 2: expected a key of the specification, but got "sede"').waitFor();
    expect(await page.locator('.gutter .bad').textContent()).toBe('2');
    await page.screenshot({ path: join(pictures, 'home-form-error-1440.png'), fullPage: true });
    // The browser itself writes a line about every answer of 400.
    complaints = complaints.filter((text) => !text.includes('400 (Bad Request)'));
    await editor.fill(working);
    await page.getByRole('button', { name: 'Start study' }).click();
    await page.getByRole('heading', { name: 'first-light', exact: true }).waitFor();
  });

  it('tells a browser without session where to get one', async () => {
    await page.goto(`${address}/`);
    await page.getByText('Open the address that the cloud printed when it started.').waitFor();
    await page.locator('.connection.unauthorized').waitFor();
    await page.screenshot({ path: join(pictures, 'unauthorized-1440.png') });
    complaints = complaints.filter((text) => !/401|HTTP Authentication failed/.test(text));
  });

  it('shows that the cloud is gone, and reads everything again when it is back', async () => {
    server.story.devices = [device];
    await open();
    await page.getByRole('link', { name: 'pi-kitchen' }).waitFor();
    const port = Number(new URL(address).port);
    await server.close();
    await page.locator('.connection.lost').waitFor();
    server = new FixtureServer(distPath);
    server.story.devices = [{ ...device, name: 'pi-garden' }];
    await server.listen(port);
    await page.getByRole('link', { name: 'pi-garden' }).waitFor();
    await page.locator('.connection.live').waitFor();
    // Refused connections are what this test is about.
    complaints = complaints.filter(
      (text) => !/ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET|WebSocket/.test(text),
    );
  });

  it.each([
    [desktop, 'light'],
    [desktop, 'dark'],
    [phone, 'light'],
    [phone, 'dark'],
  ] as const)('fits the screen on every page: %o, %s', { timeout: 60_000 }, async (viewport, colorScheme) => {
    server.story.devices = [
      { ...device, currentJob: 'k7 e6 on 16x16x40', measuredCount: 120, pendingCount: 61 },
      {
        ...device,
        id: 'laptop',
        name: 'laptop-with-a-rather-long-name.example.internal',
        online: false,
        measuredCount: 181,
      },
    ];
    server.story.latencies = [...latencies];
    const running = {
      ...finishedStudy,
      id: 'study-2',
      name: 'pi-small',
      status: 'running',
      phase: 'search',
      progress: 0.6,
      remainingMs: 200_000,
      result: null,
      network: null,
      trainPoints: [],
    } as const;
    const failed = {
      ...study,
      id: 'study-3',
      name: 'too-fast',
      status: 'failed',
      error: 'expected a budget of at least 3.1 ms, but got 1 ms',
    } as const;
    server.story.studies = [finishedStudy, running, failed];
    await openContext(viewport, colorScheme);
    for (const [name, hash] of [
      ['home', ''],
      ['device', `#/devices/${deviceId}`],
      ['study', `#/studies/${studyId}`],
      ['study-running', '#/studies/study-2'],
    ] as const) {
      await open(hash);
      await page
        .locator(name === 'home' ? '.study-item' : 'canvas')
        .first()
        .waitFor();
      if (name === 'study') await page.locator('svg.network rect[fill="#fde725"]').waitFor();
      await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
      expect(await overflow(), name).toBe(0);
      await page.screenshot({ path: join(pictures, `${name}-${viewport.width}-${colorScheme}.png`), fullPage: true });
    }
  });

  it('can be used by keyboard alone', async () => {
    server.story.devices = [device];
    await open();
    await page.getByRole('link', { name: 'pi-kitchen' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'pi-kitchen' }).waitFor();
    expect(page.url()).toBe(`${address}/#/devices/pi-kitchen`);
  });
});
