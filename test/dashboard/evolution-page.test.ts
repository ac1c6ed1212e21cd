/** The study page of an evolution in a real browser: pictures that follow it, a way back through its generations, and a look at one individual. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { frontOf, type Population } from '../../cloud/dashboard/charts/front.js';
import { frontChart } from '../../cloud/dashboard/charts/front-chart.js';
import { parallelCoordinates } from '../../cloud/dashboard/charts/parallel-coordinates.js';
import { themes } from '../../cloud/dashboard/charts/theme.js';
import { browserMissing } from '../support/browser.js';
import { BrowserDashboard, laptop, pictures, screensOf } from './browser-dashboard.js';
import { pixelOf } from './draw.js';
import { evolutionStudy, frame, individuals, populationSize, refusedCounts } from './evolution-scenario.js';
import { device, studyId } from './scenario.js';

/** A child whose own children have been judged. */
const parent = individuals.find(
  ({ index, generation }) => generation === 2 && individuals.some(({ parents }) => parents.includes(index)),
)!;

const front = frontOf(individuals);
/** It stands alone at the left of the front. */
const quickest = front.reduce((best, each) => (each.objectives[1]! < best.objectives[1]! ? each : best));
const population: Population = {
  objectives: frame.objectives,
  individuals,
  front: new Set(front.map(({ index }) => index)),
  knees: new Set(),
  selectedIndex: null,
};

describe.skipIf(browserMissing !== null)('evolution page', () => {
  const dashboard = new BrowserDashboard();

  function tell(count: number = frame.evaluationCount) {
    dashboard.server.story.devices = [device];
    dashboard.server.story.studies = [evolutionStudy(count)];
  }

  const choice = (name: string) => new URLSearchParams(new URL(dashboard.page.url()).hash.split('?')[1]).get(name);
  const figure = (name: string) => dashboard.page.getByRole('figure', { name });
  const told = (text: string) => dashboard.page.locator('.controls').getByText(text).waitFor();
  const slider = () => dashboard.page.getByRole('slider', { name: 'Generation' });
  const events = (from: number, to: number) =>
    individuals
      .slice(from, to)
      .map((individual) => ({ type: 'individual', studyId, individual, refusedCounts }) as const);

  it.each(screensOf(laptop))(
    'shows all its pictures and fits the screen: %o, %s',
    { timeout: 60_000 },
    async (viewport, colorScheme) => {
      tell();
      await dashboard.openContext(viewport, colorScheme);
      await dashboard.open(`#/studies/${studyId}?individual=${parent.index}`);
      await dashboard.page.locator('.chart-canvas:has(canvas)').nth(4).waitFor();
      await expect.poll(() => dashboard.page.locator('.cell-canvas svg').count()).toBe(2);
      await dashboard.drawn();
      expect(await dashboard.overflow()).toBe(0);
      const path = join(pictures, `evolution-${viewport.width}-${colorScheme}.png`);
      await dashboard.page.screenshot({ path, fullPage: true });
    },
  );

  it('says what is to come, then draws each individual as it is judged', async () => {
    tell(0);
    await dashboard.open(`#/studies/${studyId}`);
    await dashboard.page.getByText("The evolution's front appears here").waitFor();
    dashboard.push(...events(0, 1));
    await told('1 networks');
    dashboard.push(...events(1, 45));
    await told('45 networks');
    const early = await dashboard.chartPicture('Front');
    dashboard.push(...events(30, 70));
    await told('70 networks');
    await figure('Rejections by stage').getByText('70 were evaluated').waitFor();
    await expect.poll(() => dashboard.chartPicture('Front')).not.toBe(early);
  });

  it('goes back through the generations by keyboard, and follows the evolution at the end', async () => {
    tell(3 * populationSize);
    await dashboard.open(`#/studies/${studyId}`);
    await told('2 of 2');
    const live = await dashboard.chartPicture('Front');
    await slider().focus();
    await dashboard.page.keyboard.press('ArrowLeft');
    await told('1 of 2');
    await told(`${2 * populationSize} networks`);
    await expect.poll(() => dashboard.chartPicture('Front')).not.toBe(live);
    // A generation that is chosen stays, whatever is judged meanwhile.
    dashboard.push(...events(3 * populationSize, 4 * populationSize));
    await told('1 of 3');
    await dashboard.page.keyboard.press('End');
    await told('3 of 3');
    dashboard.push(...events(4 * populationSize, 5 * populationSize));
    await told('4 of 4');
    await told(`${5 * populationSize} networks`);
  });

  it('takes every step of a slider that is moved quickly', async () => {
    tell();
    await dashboard.open(`#/studies/${studyId}`);
    await slider().focus();
    for (let step = 0; step < 4; step++) await dashboard.page.keyboard.press('ArrowLeft');
    await told('1 of 5');
    await told(`${2 * populationSize} networks`);
  });

  it('selects a point that is clicked: in both pictures, with its relatives and its cells', async () => {
    tell();
    await dashboard.open(`#/studies/${studyId}`);
    await told('120 networks');
    await dashboard.drawn();
    const [before, parallel] = await Promise.all(
      ['Front', 'Parallel coordinates'].map((name) => dashboard.chartPicture(name)),
    );
    const canvas = figure('Front').locator('.chart-canvas');
    const { width } = (await canvas.boundingBox())!;
    const model = frontChart(population, [1, 0], { theme: themes.light, widthPx: width });
    const [error, latencyMs] = quickest.objectives as [number, number];
    await canvas.click({ position: pixelOf(model, width, [latencyMs, error]) });
    const { index } = quickest;
    expect(choice('individual')).toBe(String(index));
    await figure(`Lineage of individual ${index}`).waitFor();
    await expect.poll(() => dashboard.chartPicture('Front')).not.toBe(before);
    await expect.poll(() => dashboard.chartPicture('Parallel coordinates')).not.toBe(parallel);
    await figure(`Normal cell of individual ${index}`).getByRole('img', { name: 'out =' }).waitFor();
    await figure(`Reduction cell of individual ${index}`).getByRole('img', { name: 'out =' }).waitFor();
    await dashboard.page.getByRole('button', { name: 'Close' }).click();
    await figure('Lineage').waitFor({ state: 'detached' });
    expect(choice('individual')).toBeNull();
  });

  it('selects a line that is clicked', async () => {
    tell();
    await dashboard.open(`#/studies/${studyId}`);
    await told('120 networks');
    await dashboard.drawn();
    const canvas = figure('Parallel coordinates').locator('.chart-canvas');
    const { width } = (await canvas.boundingBox())!;
    const model = parallelCoordinates(population, { theme: themes.light, widthPx: width });
    // The foot of the third axis, latency, is where the line of the quickest stands alone.
    await canvas.click({ position: pixelOf(model, width, [2, 0]) });
    await figure(`Lineage of individual ${quickest.index}`).waitFor();
    expect(choice('individual')).toBe(String(quickest.index));
  });

  it('selects by keyboard, and walks the lineage up and down', async () => {
    tell();
    await dashboard.open(`#/studies/${studyId}`);
    const select = dashboard.page.getByLabel('Individual', { exact: true });
    await select.selectOption(String(parent.index));
    const lineage = figure(`Lineage of individual ${parent.index}`);
    await lineage.getByText('Made by pair crossover, then mutation.').waitFor();
    const child = individuals.find(({ parents }) => parents.includes(parent.index))!;
    await lineage.getByRole('button', { name: `#${child.index} ` }).focus();
    await dashboard.page.keyboard.press('Enter');
    await figure(`Lineage of individual ${child.index}`).waitFor();
    await figure('Lineage')
      .getByRole('button', { name: `#${parent.index} ` })
      .click();
    await lineage.waitFor();
    expect(choice('individual')).toBe(String(parent.index));
    await dashboard.page.reload();
    await lineage.waitFor();
  });

  it('shows any two of three objectives, and swaps them rather than show one twice', async () => {
    tell();
    await dashboard.open(`#/studies/${studyId}`);
    await told('120 networks');
    const before = await dashboard.chartPicture('Front');
    const [along, up] = ['Along', 'Up'].map((name) => dashboard.page.getByLabel(name, { exact: true }));
    await along!.selectOption({ label: 'parameters' });
    await expect.poll(() => dashboard.chartPicture('Front')).not.toBe(before);
    await up!.selectOption({ label: 'parameters' });
    expect([await along!.inputValue(), await up!.inputValue()]).toEqual(['0', '2']);
  });
});
