import { defineConfig } from 'vitest/config';

// Tests run against the built packages (`npm run build` first): what is tested is what runs.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    server: { deps: { external: [/\/dist\//, /node_modules/] } },
  },
});
