/** The dashboard's entry: signs in, connects once and draws the app. */
import './no-eval.js';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.js';
import { LiveContext, live } from './live.js';
import { signIn } from './sign-in.js';

await signIn();
live.start();
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <LiveContext value={live}>
      <App />
    </LiveContext>
  </StrictMode>,
);
