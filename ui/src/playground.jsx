import { GraphiQL } from 'graphiql';
import { useState } from 'react';

import { createFetcher } from './fetcher.js';
import { createStorage } from './storage.js';

const BLANK_QUERY = `# Ctrl-Space lists what can be asked here.
# The book at the left opens the documentation.

query Viewer {
  viewer {
    id
    name
  }
}
`;

/** GraphiQL on the gateway's settings, below a notice where there is one. */
export function Playground({ settings }) {
  const [fetcher] = useState(() => createFetcher(settings.endpoint));
  const [storage] = useState(() => createStorage({ keepsEditors: settings.tabs.length === 0 }));
  const headers = Object.keys(settings.headers).length > 0 ? pretty(settings.headers) : undefined;
  const tabs = settings.tabs.map((tab) => presetTab(tab, headers));

  return (
    <>
      {settings.notice && <p className="notice">{settings.notice}</p>}
      <GraphiQL
        fetcher={fetcher}
        storage={storage}
        shouldPersistHeaders={false}
        defaultHeaders={headers}
        defaultQuery={BLANK_QUERY}
        defaultTabs={tabs.length > 0 ? tabs : undefined}
        // GraphiQL shows the first tab's query by itself, but not its variables.
        initialVariables={tabs[0]?.variables}
        defaultEditorToolsVisibility={headers ? 'headers' : true}
      >
        <GraphiQL.Logo>
          <span className="product">ozeki-graphql</span>
        </GraphiQL.Logo>
      </GraphiQL>
    </>
  );
}

// GraphiQL names a tab after its operation, so the title stands as the first line of the document.
function presetTab({ title, query, variables }, headers) {
  return {
    query: query.startsWith('#') ? query : `# ${title}\n\n${query}`,
    variables: variables ? pretty(variables) : undefined,
    headers,
  };
}

function pretty(value) {
  return JSON.stringify(value, null, 2);
}
