/** The app's frame: header with the connection's state, and the page that the address names. */
import { useEffect, useRef } from 'react';
import { Broken } from './broken.js';
import { type Connection, useLive } from './live.js';
import { type Route, useRoute } from './route.js';
import { DevicePage } from './views/device.js';
import { HomePage } from './views/home.js';
import { StudyPage } from './views/study.js';
import { UnauthorizedPage } from './views/unauthorized.js';

export function App() {
  const route = useRoute();
  const { connection } = useLive();
  const main = useRef<HTMLElement>(null);
  const place = JSON.stringify(route);
  useEffect(() => {
    // `place` is what this effect is about: a new one starts at its top.
    if (place) scrollTo(0, 0);
  }, [place]);
  return (
    <>
      <button type="button" className="skip-link" onClick={() => main.current?.focus()}>
        Skip to content
      </button>
      <header className="top">
        <a className="brand" href="#/">
          <img src="/icon.svg" alt="" width="26" height="26" />
          Bespoke
        </a>
        <span className="tagline muted">neural networks made to measure for your device</span>
        <ConnectionBadge connection={connection} />
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        {connection === 'unauthorized' ? (
          <UnauthorizedPage />
        ) : (
          <Broken key={place}>
            <Page route={route} />
          </Broken>
        )}
      </main>
    </>
  );
}

function Page({ route }: { readonly route: Route }) {
  switch (route.page) {
    case 'home':
      return <HomePage />;
    case 'device':
      return <DevicePage id={route.id} />;
    case 'study':
      return <StudyPage id={route.id} />;
    case 'unknown':
      return (
        <div className="card empty">
          <h1>No such page</h1>
          <p>
            There is nothing at <code>{route.hash}</code>. <a href="#/">Go to the overview</a>.
          </p>
        </div>
      );
  }
}

const connectionTexts: { readonly [C in Connection]: { readonly text: string; readonly title: string } } = {
  connecting: { text: 'connecting', title: 'Opening the connection to the cloud' },
  live: { text: 'live', title: 'Figures appear as they are measured' },
  lost: {
    text: 'reconnecting',
    title: 'The cloud does not answer; what you see may be old. Start it again with: npm start',
  },
  unauthorized: { text: 'signed out', title: 'The cloud does not know this browser' },
};

function ConnectionBadge({ connection }: { readonly connection: Connection }) {
  const { text, title } = connectionTexts[connection];
  return (
    <output className={`connection ${connection}`} title={title}>
      <span className="dot" aria-hidden="true" />
      {text}
    </output>
  );
}
