// Holds the gateway to GraphQL over HTTP with the audits of the npm package `graphql-http`.
//
//   npm ci && GRAPHQL_URL=http://127.0.0.1:8080/graphql node --test
//
// A MUST or SHOULD that fails is a failed test. So is a MAY, unless the table below declines it; the table may only
// shrink, since a declined audit that passes is a failed test too.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { audits, auditsWithPreflight, DECLINED } from './audits.mjs';
import { conformance } from './table.mjs';

for (const { id, name, fn } of audits) {
  const reason = DECLINED[id];
  if (reason) {
    test(`${id} is declined: ${reason}`, async () => {
      assert(name.startsWith('MAY '), `only a MAY can be declined: ${name}`);
      assert.notEqual((await fn()).status, 'ok', 'it passes: take it out of the table');
    });
  } else {
    test(`${id} ${name}`, () => passes(fn));
  }
}

// Here GET is served, and what holds for it is seen: that a mutation is refused, for one.
for (const { id, name, fn } of auditsWithPreflight) {
  test(`${id} ${name} (with a header that forces a preflight)`, () => passes(fn));
}

test('every declined audit exists', () => {
  const known = audits.map(({ id }) => id);
  assert.deepEqual(Object.keys(DECLINED).filter((id) => !known.includes(id)), []);
});

test('docs/conformance.md tells the results', async () => {
  const told = await readFile(new URL('../../docs/conformance.md', import.meta.url), 'utf8');
  assert.equal(told, await conformance(), 'write it anew as it says');
});

async function passes(fn) {
  const { status, reason, response } = await fn();
  // Most answers of the audits have been read by now, and those of a refusal are short.
  const body = response && !response.bodyUsed ? await response.text() : '';
  assert.equal(status, 'ok', `${reason}; the answer was ${response?.status} ${body}`);
}
