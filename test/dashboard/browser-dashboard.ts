/** The built dashboard in a real browser before a fixture server, as picture tests use it: fresh for every test, and any complaint of the browser fails it. */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ApiEvent } from '@bespoke/shared/protocol/api.js';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { launchBrowser } from '../support/browser.js';
import { FixtureServer, type Story } from './fixture-server.js';

const root = join(import.meta.dirname, '..', '..');
const distPath = join(root, 'cloud', 'dashboard', 'dist');
/** Where tests leave their pictures. */
export const pictures = join(root, 'build', 'screenshots');
export const desktop = { width: 1440, height: 900 };
export const laptop = { width: 1280, height: 900 };
export const phone = { width: 390, height: 844 };

/** A wide screen and a phone's, each light and dark. */
export const screensOf = (wide: typeof desktop) =>
  [
    [wide, 'light'],
    [wide, 'dark'],
    [phone, 'light'],
    [phone, 'dark'],
  ] as const;

export class BrowserDashboard {
  server!: FixtureServer;
  address!: string;
  page!: Page;
  /** What the browser complained of; must be empty when the test ends. */
  complaints: string[] = [];
  #browser!: Browser;
  #context: BrowserContext | undefined;

  /** Call within a describe. */
  constructor() {
    beforeAll(async () => {
      if (!existsSync(join(distPath, 'index.html')))
        throw new Error(`no dashboard in ${distPath}; build it with: npm run build`);
      mkdirSync(pictures, { recursive: true });
      this.#browser = await launchBrowser();
    });
    afterAll(() => this.#browser?.close());
    beforeEach(async () => {
      this.address = await this.startServer();
      this.complaints = [];
      await this.openContext(desktop, 'light');
    });
    afterEach(async () => {
      await this.#context?.close();
      await this.server.close();
      expect(this.complaints).toEqual([]);
    });
  }

  /** A new server on `port` (0: any) in the place of the last, which tells `story`; gives its address. */
  startServer(port = 0, story: Partial<Story> = {}): Promise<string> {
    this.server = new FixtureServer(distPath);
    Object.assign(this.server.story, story);
    return this.server.listen(port);
  }

  async openContext(viewport: typeof desktop, colorScheme: 'light' | 'dark'): Promise<void> {
    await this.#context?.close();
    this.#context = await this.#browser.newContext({ viewport, colorScheme, acceptDownloads: true });
    this.#context.setDefaultTimeout(8000);
    this.page = await this.#context.newPage();
    this.page.on('console', (message) => message.type() === 'error' && this.complaints.push(message.text()));
    this.page.on('pageerror', (error) => this.complaints.push(error.message));
  }

  /** Signs in and goes to a page; returns when its events can arrive. */
  async open(hash = ''): Promise<void> {
    await this.page.goto(`${this.address}/#token=fixture`);
    await this.page.waitForURL(`${this.address}/`); // the token does not stay in the address
    await this.page.locator('.connection.live').waitFor();
    await this.page.goto(`${this.address}/${hash}`);
    await this.page.locator('.connection.live').waitFor();
  }

  push(...events: ApiEvent[]): void {
    this.server.push(...events);
  }

  /** By how many pixels the page is wider than the window. */
  overflow(): Promise<unknown> {
    return this.page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
  }

  /** Waits until all that is known is drawn. */
  async drawn(): Promise<void> {
    await this.page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
  }

  /** The picture of the chart with this title, as bytes. */
  async chartPicture(title: string): Promise<string> {
    const canvas = this.page.getByRole('figure', { name: title }).locator('.chart-canvas');
    return (await canvas.screenshot()).toString('base64');
  }
}
