/** The device's page in a real browser: cells and their samples, drift, prediction, comparison, and what the address remembers. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { browserMissing } from '../support/browser.js';
import { BrowserDashboard, laptop, pictures, screensOf } from './browser-dashboard.js';
import {
  measurementsOf,
  oneThreadLatencies,
  otherDevice,
  otherLatencies,
  partLatencies,
  predictor,
  sentinel,
} from './device-scenario.js';
import { device, deviceId, finishedStudy, studyId } from './scenario.js';

describe.skipIf(browserMissing !== null)('device page', () => {
  const dashboard = new BrowserDashboard();

  function tellAll() {
    Object.assign(dashboard.server.story, {
      devices: [{ ...device, currentJob: 'k7 e6 on 16x16x40', measuredCount: 120, pendingCount: 61 }, otherDevice],
      latencies: [...partLatencies, ...oneThreadLatencies, ...otherLatencies],
      measurements: (key: string) => {
        const latency = partLatencies.find((each) => each.key === key);
        return latency ? measurementsOf(latency) : [];
      },
      sentinel: [...sentinel],
      predictors: [predictor],
    });
  }

  const choice = (name: string) => new URLSearchParams(new URL(dashboard.page.url()).hash.split('?')[1]).get(name);
  const figure = (name: string) => dashboard.page.getByRole('figure', { name });

  it.each(screensOf(laptop))(
    'shows all its charts and fits the screen: %o, %s',
    { timeout: 60_000 },
    async (viewport, colorScheme) => {
      tellAll();
      await dashboard.openContext(viewport, colorScheme);
      const cell = partLatencies[5]!.key;
      await dashboard.open(`#/devices/${deviceId}?cell=${cell}&with=${otherDevice.id}`);
      await dashboard.page.locator('.chart-canvas:has(canvas)').nth(4).waitFor();
      await dashboard.page.getByText(/takes 0\.\d+× the time of pi-kitchen/).waitFor();
      await dashboard.drawn();
      expect(await dashboard.overflow()).toBe(0);
      const path = join(pictures, `device-page-${viewport.width}-${colorScheme}.png`);
      await dashboard.page.screenshot({ path, fullPage: true });
    },
  );

  it('shows the samples of a cell that is clicked, and of one that is chosen by keyboard', async () => {
    tellAll();
    await dashboard.open(`#/devices/${deviceId}`);
    const canvas = figure('Latency of blocks').locator('.chart-canvas');
    await canvas.locator('canvas').first().waitFor();
    await dashboard.drawn();
    await canvas.click({ position: { x: 300, y: 70 } });
    await figure('Samples of k3 e3, 32x32x24').waitFor();
    const clicked = choice('cell');
    expect(partLatencies.map(({ key }) => key)).toContain(clicked);
    await figure('Samples of k3 e3, 32x32x24').getByText('5 rows').waitFor();
    await figure('Samples of').getByRole('cell', { name: 'ondemand' }).first().waitFor();
    await dashboard.page.getByLabel('Samples of', { exact: true }).focus();
    await dashboard.page.keyboard.press('ArrowDown');
    await expect.poll(() => choice('cell')).not.toBe(clicked);
    await figure('Samples of').getByText('5 rows').waitFor();
    await dashboard.page.getByRole('button', { name: 'Close' }).click();
    await figure('Samples of').waitFor({ state: 'detached' });
    expect(choice('cell')).toBeNull();
  });

  it('switches the runtime, and keeps the choice in the address', async () => {
    tellAll();
    await dashboard.open(`#/devices/${deviceId}`);
    await dashboard.page.getByText('60 rows', { exact: true }).waitFor();
    const before = await dashboard.chartPicture('Latency of blocks');
    await figure('Drift of the sentinel').waitFor();
    await dashboard.page.getByLabel('Runtime', { exact: true }).selectOption('tflite 2.9.0, xnnpack, 1 thread');
    await dashboard.page.getByText('45 rows', { exact: true }).waitFor();
    await expect.poll(() => dashboard.chartPicture('Latency of blocks')).not.toBe(before);
    // Neither readings nor a predictor are of this runtime.
    await dashboard.page.getByText('No readings with this runtime yet.').waitFor();
    await dashboard.page.getByText('No predictor for this runtime yet.').waitFor();
    await dashboard.page.reload();
    await dashboard.page.getByText('45 rows', { exact: true }).waitFor();
    expect(choice('runtime')).toBe('tflite 2.9.0, xnnpack, 1 thread');
  });

  it('compares with another device, and with another runtime of its own', async () => {
    tellAll();
    await dashboard.open(`#/devices/${deviceId}`);
    const other = dashboard.page.getByLabel('Compared with', { exact: true });
    await other.selectOption(otherDevice.id);
    await figure(`${otherDevice.name} against pi-kitchen`).waitFor();
    await dashboard.page.getByText(/takes 0\.\d+× the time of pi-kitchen \(median of 54 blocks\)/).waitFor();
    await dashboard.page.reload();
    await figure(`${otherDevice.name} against pi-kitchen`).waitFor();
    await other.selectOption(deviceId);
    await dashboard.page.getByText(/1 thread takes 1\.\d+× the time of tflite 2\.9\.0, xnnpack, 2 threads/).waitFor();
    expect([choice('with'), choice('withRuntime')]).toEqual([deviceId, null]);
  });

  it('says what is missing and what brings it', async () => {
    dashboard.server.story.devices = [device];
    dashboard.server.story.latencies = [...partLatencies];
    await dashboard.open(`#/devices/${deviceId}`);
    await dashboard.page.getByText('The sentinel, one fixed workload, is measured between the jobs').waitFor();
    await dashboard.page.getByText('A study fits one before it searches').waitFor();
    await dashboard.page.getByText('There is nothing to compare with yet').waitFor();
    await dashboard.page.getByText('npx bespoke-agent runtime add onnx').waitFor();
    expect(await dashboard.page.locator('.runtime.offered').count()).toBe(1);
  });

  it('names the command for what is not installed, and the option alone for what is', async () => {
    const info = { ...device.info, possibleRuntimes: ['onnx'] as const };
    dashboard.server.story.devices = [{ ...device, info }];
    await dashboard.open(`#/devices/${deviceId}`);
    const row = (name: string) => dashboard.page.locator('.runtime', { hasText: name });
    await row('ONNX').getByText('Not installed. On the device: npx bespoke-agent runtime add onnx, then').waitFor();
    await row('on WebGPU').getByText('Not offered. On the device: start the agent with --runtimes').waitFor();
  });

  it("shows the server's sentence where samples cannot be read", async () => {
    tellAll();
    dashboard.server.story.measurements = () => {
      throw new Error('the disk is gone');
    };
    await dashboard.open(`#/devices/${deviceId}?cell=${partLatencies[0]!.key}`);
    await dashboard.page.getByRole('alert').getByText('the disk is gone').waitFor();
    // The browser itself writes a line about every answer of 500.
    dashboard.complaints = dashboard.complaints.filter((text) => !text.includes('500 (Internal Server Error)'));
  });

  it('says how far predictions can be trusted on the study page, too', async () => {
    tellAll();
    dashboard.server.story.studies = [finishedStudy];
    await dashboard.open(`#/studies/${studyId}`);
    await dashboard.page.getByText('1.8% off on average for networks held out').waitFor();
    await figure('Search: expected latency').getByText('Predictions in space small 32x32x3: mean error 1.8%').waitFor();
    await figure('Predicted and measured latency').getByText('on 12 networks held out').waitFor();
    await dashboard.page.screenshot({ path: join(pictures, 'study-judged-1440.png'), fullPage: true });
  });
});
