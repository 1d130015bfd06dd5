// Opens the playground of a running sandbox in Chromium, runs its first operation and looks at the answer; then
// subscribes in its "Live" tab and looks at what arrives.
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

const tests = [theFirstOperationAnswersWithConversations, theLiveTabShowsWhatBobWrites];
let failed = 0;
for (const test of tests) {
  try {
    await test();
  } catch (error) {
    console.error(test.name, error);
    failed += 1;
  }
}
await browser.close();
await rm(profile, { recursive: true, force: true });
console.log(`${tests.length - failed} passed, ${failed} failed`);
process.exitCode = failed && 1;

// Opens the playground; what it must not do is gathered until `looksWell`.
async function open() {
  const foreign = [];
  const complaints = [];
  const page = await browser.newPage();
  await page.route(
    (requested) => requested.protocol.startsWith('http') && requested.origin !== origin,
    (route) => {
      foreign.push(route.request().url());
      return route.abort();
    },
  );
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
  const looksWell = () => {
    assert.deepEqual(foreign, [], 'requests to other hosts');
    assert.deepEqual(complaints, [], 'errors in the browser console');
  };
  return { page, looksWell };
}

async function theFirstOperationAnswersWithConversations() {
  const { page, looksWell } = await open();
  await page.getByRole('button', { name: 'Execute query' }).click();

  const response = page.getByRole('region', { name: 'Result Window' });
  await response.getByText('"conversations"').first().waitFor();
  const text = await response.innerText();
  assert(!text.includes('"errors"'), `the answer has errors:\n${text}`);

  // The schema arrived: the documentation lists the root types.
  await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
  await page.locator('.graphiql-doc-explorer').getByText('Query', { exact: true }).waitFor();

  if (screenshot) await page.screenshot({ path: screenshot });
  looksWell();
  await page.close();
}

async function theLiveTabShowsWhatBobWrites() {
  const { page, looksWell } = await open();
  await page.getByRole('tab', { name: 'Live' }).click();
  await page.locator('.graphiql-query-editor').getByText('messageAdded').first().waitFor();
  const begun = page.waitForResponse((response) => response.headers()['content-type']?.startsWith('text/event-stream'));
  // As the tab's own words have it: the button would ask which operation is meant, once GraphiQL has read the document.
  await page.locator('.graphiql-query-editor').getByText('messageAdded').first().click();
  await page.keyboard.press('Control+Enter');
  await begun;

  const bob = await logIn('bob-demo');
  const list = '{ conversations(first: 50) { nodes { id participants { name } } } }';
  const { conversations } = await ask(list, {}, bob);
  const shared = ({ participants }) => participants.some(({ name }) => name === 'Alice');
  const conversationId = conversations.nodes.find(shared).id;
  const data = Buffer.from('what bob writes').toString('base64');
  const send = 'mutation ($input: SendMessageInput!) { sendMessage(input: $input) { message { id } } }';
  await ask(send, { input: { conversationId, data } }, bob);

  const response = page.getByRole('region', { name: 'Result Window' });
  await response.getByText(data).first().waitFor();
  if (screenshot) await page.screenshot({ path: screenshot.replace(/\.png$/, '-live.png') });
  looksWell();
  await page.close();
}

// Logs a demo user in, and returns the session's `Authorization`.
async function logIn(apiKey) {
  const query = 'mutation ($apiKey: String!) { login(input: { apiKey: $apiKey }) { token } }';
  return `Bearer ${(await ask(query, { apiKey })).login.token}`;
}

async function ask(query, variables, authorization) {
  const headers = { 'content-type': 'application/json', ...(authorization && { authorization }) };
  const body = JSON.stringify({ query, variables });
  const answer = await fetch(new URL('/graphql', url), { method: 'POST', headers, body });
  const { data, errors } = await answer.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}
