// The page: reads the gateway's settings, then shows GraphiQL on them or says in a sentence what is wrong.
import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import './page.css';

import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { Playground } from './playground.jsx';
import { loadSettings } from './settings.js';

const root = createRoot(document.getElementById('root'));
try {
  const settings = await loadSettings();
  root.render(
    <StrictMode>
      <Playground settings={settings} />
    </StrictMode>,
  );
} catch (error) {
  root.render(
    <p className="message" role="alert">
      {error.message}
    </p>,
  );
}
