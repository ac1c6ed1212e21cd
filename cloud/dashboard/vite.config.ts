/** How the dashboard is bundled: static files in `dist`, which the cloud serves under a policy without inline scripts or styles. */
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    // A policy of `default-src 'self'` refuses data: addresses, and an inline script would need a hash.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200,
  },
});
