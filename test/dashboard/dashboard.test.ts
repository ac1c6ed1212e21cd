/**
 * The dashboard in a real browser: what people see appears, moves, can be downloaded, and fits their screen. Pictures of
 * every page are left in build/screenshots.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { browserMissing } from '../support/browser.js';
import { BrowserDashboard, desktop, pictures, screensOf } from './browser-dashboard.js';
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

describe.skipIf(browserMissing !== null)('dashboard', () => {
  const dashboard = new BrowserDashboard();

  it('shows a device as it joins, and what it does', async () => {
    await dashboard.open();
    await dashboard.page.getByText('No device has joined yet.').waitFor();
    await dashboard.page.screenshot({ path: join(pictures, 'home-empty-1440.png'), fullPage: true });
    dashboard.push({
      type: 'device',
      device: { ...device, currentJob: 'k5 e6 on 32x32x16', measuredCount: 12, pendingCount: 88 },
    });
    await dashboard.page.getByRole('link', { name: 'pi-kitchen' }).waitFor();
    await dashboard.page.getByText('measuring k5 e6 on 32x32x16').waitFor();
    await dashboard.page.getByText('12 measured, 88 waiting').waitFor();
    dashboard.push({ type: 'device', device: { ...device, online: false } });
    await dashboard.page.getByText('offline').waitFor();
  });

  it('adds a device: shows the command with a code, and sees it join', async () => {
    await dashboard.open();
    await dashboard.page.getByRole('button', { name: 'Add a device' }).click();
    await dashboard.page.getByText(`npx bespoke-agent pair ${dashboard.address} 7KQ2-M9XR`).waitFor();
    await dashboard.page.getByText('Waiting for it.').waitFor();
    expect(await dashboard.overflow()).toBe(0);
    await dashboard.page.screenshot({ path: join(pictures, 'add-device-1440.png'), fullPage: true });
    dashboard.push({ type: 'device', device });
    await dashboard.page.getByRole('status').getByText('pi-kitchen has joined.').waitFor();
    await dashboard.page.getByRole('button', { name: 'Done' }).click();
    await dashboard.page.getByRole('button', { name: 'Add a device' }).waitFor();
    dashboard.server.story.codeMs = 100;
    await dashboard.page.getByRole('button', { name: 'Add a device' }).click();
    await dashboard.page.getByText('The code has expired.').waitFor();
    dashboard.server.story.codeMs = 600_000;
    await dashboard.page.getByRole('button', { name: 'New code' }).click();
    await dashboard.page.getByText('Waiting for it.').waitFor();
  });

  it('revokes a device after asking once more', async () => {
    dashboard.server.story.devices = [device];
    await dashboard.open(`#/devices/${deviceId}`);
    await dashboard.page.getByRole('button', { name: 'Revoke' }).click();
    await dashboard.page.getByRole('button', { name: 'Revoke it' }).click();
    await dashboard.page.getByText('revoked: to let it back in').waitFor();
    await dashboard.page.getByText('offline').waitFor();
  });

  it('fills the heatmap and the table as latencies arrive', async () => {
    dashboard.server.story.devices = [device];
    await dashboard.open(`#/devices/${deviceId}`);
    await dashboard.page.getByText('Nothing is measured on this device yet.').waitFor();
    dashboard.push(...latencies.slice(0, 30).map((latency) => ({ type: 'latency', latency }) as const));
    await dashboard.page.getByText('30 rows').waitFor();
    const early = await dashboard.chartPicture('Latency of blocks');
    dashboard.push(...latencies.slice(20).map((latency) => ({ type: 'latency', latency }) as const));
    await dashboard.page.getByText(`${latencies.length} rows`, { exact: true }).waitFor();
    await expect.poll(() => dashboard.chartPicture('Latency of blocks')).not.toBe(early);
  });

  it('sorts the latency table and gives it as CSV', async () => {
    dashboard.server.story.devices = [device];
    dashboard.server.story.latencies = [...latencies];
    await dashboard.open(`#/devices/${deviceId}`);
    const header = dashboard.page.getByRole('columnheader', { name: 'median (ms)' });
    await header.getByRole('button').click();
    await header.getByRole('button').click();
    expect(await header.getAttribute('aria-sort')).toBe('descending');
    const [download] = await Promise.all([
      dashboard.page.waitForEvent('download'),
      dashboard.page.getByRole('button', { name: 'Download CSV' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('pi-kitchen latencies.csv');
  });

  it("moves a study's curves with its steps", async () => {
    dashboard.server.story.devices = [device];
    dashboard.server.story.studies = [
      { ...study, phase: 'search', budgetMs: finishedStudy.budgetMs, slots, probabilities: probabilitiesAt(0) },
    ];
    await dashboard.open(`#/studies/${studyId}`);
    await dashboard.page.getByText("The search's curves appear here").waitFor();
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
    dashboard.push(...steps(1, 40));
    await dashboard.page
      .locator('figure', { hasText: 'Search: expected latency' })
      .getByText('39 rows')
      .waitFor({ state: 'attached' });
    const early = await Promise.all(
      ['Search: expected latency', 'Search: loss', 'Architecture probabilities'].map((title) =>
        dashboard.chartPicture(title),
      ),
    );
    dashboard.push(...steps(30, 160));
    await dashboard.page
      .locator('figure', { hasText: 'Search: expected latency' })
      .getByText('159 rows')
      .waitFor({ state: 'attached' });
    for (const [index, title] of ['Search: expected latency', 'Search: loss', 'Architecture probabilities'].entries()) {
      await expect.poll(() => dashboard.chartPicture(title), { message: title }).not.toBe(early[index]);
    }
    dashboard.push(
      { type: 'train', studyId, point: trainPoint(1) },
      { type: 'log', studyId, line: 'training started' },
    );
    await dashboard.page
      .getByRole('figure', { name: 'Training: loss' })
      .getByText('1 rows')
      .waitFor({ state: 'attached' });
    await dashboard.page.getByText('(2 lines)').waitFor();
  });

  it('draws the found network and offers the measured file', async () => {
    dashboard.server.story.devices = [device];
    dashboard.server.story.latencies = [...latencies];
    dashboard.server.story.studies = [finishedStudy];
    await dashboard.open(`#/studies/${studyId}`);
    await expect.poll(() => dashboard.page.locator('svg.network rect').count()).toBe(network.blocks.length);
    await dashboard.page.getByText('87.3%', { exact: true }).waitFor();
    const link = dashboard.page.getByRole('link', { name: 'Download .tflite' });
    expect(await link.getAttribute('href')).toBe('/api/studies/study-1/model');
    const [download] = await Promise.all([dashboard.page.waitForEvent('download'), link.click()]);
    expect(download.suggestedFilename()).toBe('first-light.tflite');
  });

  it('reads a study again when it is told that it changed', async () => {
    dashboard.server.story.studies = [study];
    await dashboard.open(`#/studies/${studyId}`);
    await dashboard.page.getByText('budget chosen after measuring').waitFor();
    dashboard.server.story.studies = [finishedStudy];
    dashboard.push({ type: 'studyChanged', studyId });
    await dashboard.page.getByRole('link', { name: 'Download .tflite' }).waitFor();
  });

  it('says why a study failed', async () => {
    const error = 'expected a budget of at least 3.1 ms, the fastest network of the space, but got 1 ms';
    dashboard.server.story.studies = [{ ...study, status: 'failed', error }];
    await dashboard.open(`#/studies/${studyId}`);
    await dashboard.page.getByRole('alert').getByText(error).waitFor();
    await dashboard.page.screenshot({ path: join(pictures, 'study-failed-1440.png'), fullPage: true });
  });

  it('cancels a study after asking once more', async () => {
    dashboard.server.story.studies = [study];
    await dashboard.open(`#/studies/${studyId}`);
    await dashboard.page.getByRole('button', { name: 'Cancel study' }).click();
    await dashboard.page.getByRole('button', { name: 'Stop' }).click();
    await dashboard.page.locator('.pill.cancelled').waitFor();
  });

  it("shows the server's objection at its line, then starts the study", async () => {
    dashboard.server.story.studies = [study];
    await dashboard.open();
    const editor = dashboard.page.getByLabel('Specification');
    const working = await editor.inputValue();
    await editor.fill('name: x\nsede: 3\n');
    await dashboard.page.getByRole('button', { name: 'Start study' }).click();
    await dashboard.page
      .getByRole('alert')
      .getByText('line 2: expected a key of the specification, but got "sede"')
      .waitFor();
    expect(await dashboard.page.locator('.gutter .bad').textContent()).toBe('2');
    await dashboard.page.screenshot({ path: join(pictures, 'home-form-error-1440.png'), fullPage: true });
    // The browser itself writes a line about every answer of 400.
    dashboard.complaints = dashboard.complaints.filter((text) => !text.includes('400 (Bad Request)'));
    await editor.fill(working);
    await dashboard.page.getByRole('button', { name: 'Start study' }).click();
    await dashboard.page.getByRole('heading', { name: 'first-light', exact: true }).waitFor();
  });

  it('tells a browser without session where to get one', async () => {
    await dashboard.page.goto(`${dashboard.address}/`);
    await dashboard.page.getByText('Open the address that the cloud printed when it started.').waitFor();
    await dashboard.page.locator('.connection.unauthorized').waitFor();
    await dashboard.page.screenshot({ path: join(pictures, 'unauthorized-1440.png') });
    dashboard.complaints = dashboard.complaints.filter((text) => !/401|HTTP Authentication failed/.test(text));
  });

  it('shows that the cloud is gone, and reads everything again when it is back', async () => {
    dashboard.server.story.devices = [device];
    await dashboard.open();
    await dashboard.page.getByRole('link', { name: 'pi-kitchen' }).waitFor();
    const port = Number(new URL(dashboard.address).port);
    await dashboard.server.close();
    await dashboard.page.locator('.connection.lost').waitFor();
    await dashboard.startServer(port, { devices: [{ ...device, name: 'pi-garden' }] });
    await dashboard.page.getByRole('link', { name: 'pi-garden' }).waitFor();
    await dashboard.page.locator('.connection.live').waitFor();
    // Refused connections are what this test is about.
    dashboard.complaints = dashboard.complaints.filter(
      (text) => !/ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET|WebSocket/.test(text),
    );
  });

  it.each(screensOf(desktop))(
    'fits the screen on every page: %o, %s',
    { timeout: 60_000 },
    async (viewport, colorScheme) => {
      dashboard.server.story.devices = [
        { ...device, currentJob: 'k7 e6 on 16x16x40', measuredCount: 120, pendingCount: 61 },
        {
          ...device,
          id: 'laptop',
          name: 'laptop-with-a-rather-long-name.example.internal',
          online: false,
          measuredCount: 181,
        },
      ];
      dashboard.server.story.latencies = [...latencies];
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
      dashboard.server.story.studies = [finishedStudy, running, failed];
      await dashboard.openContext(viewport, colorScheme);
      for (const [name, hash] of [
        ['home', ''],
        ['device', `#/devices/${deviceId}`],
        ['study', `#/studies/${studyId}`],
        ['study-running', '#/studies/study-2'],
      ] as const) {
        await dashboard.open(hash);
        await dashboard.page
          .locator(name === 'home' ? '.study-item' : 'canvas')
          .first()
          .waitFor();
        if (name === 'study') await dashboard.page.locator('svg.network rect[fill="#fde725"]').waitFor();
        await dashboard.drawn();
        expect(await dashboard.overflow(), name).toBe(0);
        await dashboard.page.screenshot({
          path: join(pictures, `${name}-${viewport.width}-${colorScheme}.png`),
          fullPage: true,
        });
      }
    },
  );

  it('can be used by keyboard alone', async () => {
    dashboard.server.story.devices = [device];
    await dashboard.open();
    await dashboard.page.getByRole('link', { name: 'pi-kitchen' }).focus();
    await dashboard.page.keyboard.press('Enter');
    await dashboard.page.getByRole('heading', { name: 'pi-kitchen' }).waitFor();
    expect(dashboard.page.url()).toBe(`${dashboard.address}/#/devices/pi-kitchen`);
  });
});
