// Opens the playground of a running sandbox in Chromium, runs its first operation and looks at the answer.
//
//   npm ci && node playground.mjs http://127.0.0.1:8080 [screenshot.png]
//
// Set CHROMIUM to a Chromium or Chrome that is not at /usr/bin/chromium.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

const [url, screenshot] = process.argv.slice(2);
assert(url, 'usage: node playground.mjs URL [screenshot.png]');
const origin = new URL(url).origin;
// A cold start of the editor takes seconds on a small machine; the limit only ends a test that is stuck.
const DEADLINE_MS = 60_000;

const profile = await mkdtemp(join(tmpdir(), 'playground-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
  viewport: { width: 1440, height: 900 },
});

try {
  await theFirstOperationAnswersWithConversations();
  console.log('1 passed, 0 failed');
} catch (error) {
  console.error(error);
  console.log('0 passed, 1 failed');
  process.exitCode = 1;
} finally {
  await browser.close();
  await rm(profile, { recursive: true, force: true });
}

async function theFirstOperationAnswersWithConversations() {
  const foreign = [];
  const complaints = [];
  await browser.route(
    (requested) => requested.protocol.startsWith('http') && requested.origin !== origin,
    (route) => {
      foreign.push(route.request().url());
      return route.abort();
    },
  );
  const page = await browser.newPage();
  page.setDefaultTimeout(DEADLINE_MS);
  // Violations of the content security policy are console errors too.
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => complaints.push(error.stack ?? error.message));
  page.on('requestfailed', (request) => complaints.push(`${request.url()}: ${request.failure()?.errorText}`));
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.url()}: ${response.status()}`);
  });

  await page.goto(url);
  assert.equal(await page.title(), 'ozeki-graphql');
  await page.locator('.graphiql-query-editor .view-line').first().waitFor();
  await page.getByRole('button', { name: 'Execute query' }).click();

  const response = page.getByRole('region', { name: 'Result Window' });
  await response.getByText('"conversations"').first().waitFor();
  const text = await response.innerText();
  assert(!text.includes('"errors"'), `the answer has errors:\n${text}`);

  // The schema arrived: the documentation lists the root types.
  await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
  await page.locator('.graphiql-doc-explorer').getByText('Query', { exact: true }).waitFor();

  if (screenshot) await page.screenshot({ path: screenshot });
  assert.deepEqual(foreign, [], 'requests to other hosts');
  assert.deepEqual(complaints, [], 'errors in the browser console');
}
