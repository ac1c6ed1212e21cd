/** The study page of a training in a real browser: its curve, its plan, and a step stage by stage as steps are told; and the form that asks for a pipeline. */
import { join } from 'node:path';
import type { StudyDetail } from '@bespoke/shared/protocol/api.js';
import { describe, expect, it } from 'vitest';
import { browserMissing } from '../support/browser.js';
import { BrowserDashboard, laptop, phone, pictures, screensOf } from './browser-dashboard.js';
import { viewOf } from './fixture-server.js';
import { device, finishedStudy, studyId } from './scenario.js';
import { plan, step, trainingStudy } from './training-scenario.js';

const title = 'A step, stage by stage';

describe.skipIf(browserMissing !== null)('training page', () => {
  const dashboard = new BrowserDashboard();
  const figure = (name: string) => dashboard.page.getByRole('figure', { name });
  const card = () => dashboard.page.getByRole('region', { name: 'Training' });
  const button = (name: string) => card().getByRole('button', { name, exact: true });

  async function open(study: StudyDetail) {
    dashboard.server.story.devices = [device];
    dashboard.server.story.studies = [study];
    await dashboard.open(`#/studies/${studyId}`);
  }
  const tell = (number: number) => dashboard.push({ type: 'pipelineStep', studyId, step: step(number) });

  it.each(screensOf(laptop))(
    'shows all its pictures and fits the screen: %o, %s',
    {
      timeout: 60_000,
    },
    async (viewport, colorScheme) => {
      await dashboard.openContext(viewport, colorScheme);
      await open(trainingStudy(120));
      await figure(title).locator('canvas').waitFor();
      await dashboard.drawn();
      expect(await dashboard.overflow()).toBe(0);
      const name = `training-${viewport.width}-${colorScheme}`;
      await dashboard.page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
      await figure(title).screenshot({ path: join(pictures, `${name}-gantt.png`) });
    },
  );

  it('says that it measures, then shows the plan, then steps as they are told', async () => {
    await open({ ...trainingStudy(0), pipeline: null });
    await card().getByText('A pipeline measures the blocks of the network first.').waitFor();
    dashboard.server.story.studies = [trainingStudy(0)];
    dashboard.push({ type: 'studyChanged', studyId });
    await figure('Plan: the network in 4 stages').waitFor();
    await card().getByText('31.7% idle').waitFor();
    expect(await figure(title).count()).toBe(0);
    tell(4);
    await figure(title).getByText('Step 4, ').waitFor();
    await card().getByText('than predicted').waitFor();
    const before = await dashboard.chartPicture(title);
    tell(9);
    await figure(title).getByText('Step 9, ').waitFor();
    await expect.poll(() => dashboard.chartPicture(title)).not.toBe(before);
  });

  it('holds a step while others are told, and goes on with the newest', async () => {
    await open(trainingStudy(20));
    await figure(title).getByRole('button', { name: 'Hold this step' }).click();
    tell(21);
    await card().getByText('than predicted').waitFor();
    const { medianStepMs } = step(21);
    await card()
      .getByText(`${Math.round(medianStepMs)} ms`)
      .waitFor();
    await figure(title).getByText('Step 20, ').waitFor();
    await figure(title).getByRole('button', { name: 'Show the newest' }).click();
    await figure(title).getByText('Step 21, ').waitFor();
  });

  it.each([
    ['a mouse', laptop],
    ['a finger', phone],
  ])('says on the picture what a block is, by %s', async (_, viewport) => {
    await dashboard.openContext(viewport, 'light');
    await open(trainingStudy(20));
    const canvas = figure(title).locator('.chart-canvas');
    await canvas.scrollIntoViewIfNeeded();
    await dashboard.drawn();
    const before = await dashboard.chartPicture(title);
    const { width } = (await canvas.boundingBox())!;
    // The last stage computes in the middle of the step.
    await canvas.click({ position: { x: width / 2, y: viewport === phone ? 248 : 226 } });
    await expect.poll(() => dashboard.chartPicture(title)).not.toBe(before);
    await figure(title).screenshot({ path: join(pictures, `training-${viewport.width}-tip.png`) });
  });

  it('stretches a part of the step', async () => {
    await open(trainingStudy(20));
    const canvas = figure(title).locator('.chart-canvas');
    await canvas.scrollIntoViewIfNeeded();
    await dashboard.drawn();
    const before = await dashboard.chartPicture(title);
    const { x, y, width, height } = (await canvas.boundingBox())!;
    await dashboard.page.mouse.move(x + width - 14, y + height - 18);
    await dashboard.page.mouse.down();
    await dashboard.page.mouse.move(x + width / 3, y + height - 18, { steps: 5 });
    await dashboard.page.mouse.up();
    await expect.poll(() => dashboard.chartPicture(title)).not.toBe(before);
    await figure(title).screenshot({ path: join(pictures, 'training-1440-stretched.png') });
  });

  it('ends, pauses and resumes the training from its card', async () => {
    await open(trainingStudy(20));
    await button('End training').click();
    await button('End training').click();
    await expect.poll(() => dashboard.server.asked).toEqual([['stop', '{"phase":"train"}']]);
    await button('Pause').click();
    await button('Pause').click();
    await expect.poll(() => dashboard.server.asked.at(-1)).toEqual(['pause', '']);
    dashboard.push({ type: 'study', study: { ...viewOf(trainingStudy(20)), status: 'paused' } });
    await button('Resume').click();
    await button('Resume').click();
    await expect.poll(() => dashboard.server.asked.at(-1)).toEqual(['resume', '']);
  });

  it('keeps plan and last step when the study is finished, and asks for nothing any more', async () => {
    await open({ ...finishedStudy, pipeline: { plan, step: step(400) } });
    await figure(title).getByText('Step 400, ').waitFor();
    await figure('Plan: the network in 4 stages').waitFor();
    expect(await card().getByRole('button').count()).toBe(0);
    expect(await figure(title).getByRole('button', { name: 'Hold this step' }).count()).toBe(0);
  });

  it('shows the curve alone where one process trains', async () => {
    await open({ ...trainingStudy(20), pipeline: null });
    await figure('Training: loss and accuracy').waitFor();
    await button('End training').waitFor();
    expect(await figure('Plan: the network').count()).toBe(0);
  });
});

describe.skipIf(browserMissing !== null)('study form', () => {
  const dashboard = new BrowserDashboard();

  it('writes the stages of a pipeline into the specification, and reads them', async () => {
    await dashboard.open();
    const text = dashboard.page.getByLabel('Specification');
    const choice = dashboard.page.getByLabel('Training', { exact: true });
    await choice.selectOption({ label: 'pipeline of 4 stages' });
    expect(await text.inputValue()).toContain('train:\n  pipeline: { stages: 4, microBatches: auto }\n');
    await text.fill('version: 1\ntrain: { pipeline: { stages: 5 } }\n');
    await expect.poll(() => choice.inputValue()).toBe('5');
    await choice.selectOption({ label: 'one process' });
    expect(await text.inputValue()).toBe('version: 1\n');
    await text.fill('version: [');
    await choice.waitFor({ state: 'detached' });
  });
});
