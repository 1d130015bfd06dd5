// Holds the gateway to GraphQL over HTTP with the audits of the npm package `graphql-http`.
//
//   npm ci && GRAPHQL_URL=http://127.0.0.1:8080/graphql node --test
//
// A MUST or SHOULD that fails is a failed test. So is a MAY, unless the table below declines it; the table may only
// shrink, since a declined audit that passes is a failed test too.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { serverAudits } from 'graphql-http';

const url = process.env.GRAPHQL_URL;
assert(url, 'GRAPHQL_URL is not set: it names the /graphql of a running sandbox');

// Makes a browser ask for permission before it sends the request: a foreign page cannot have a user's browser run
// a query. GET is refused without it on purpose, and that is all that the declined audits find.
const PREFLIGHT = { 'graphql-require-preflight': '1' };
const DECLINED = {
  '5A70': 'a plain GET has no header that forces a preflight',
  D6D5: 'a GET with variables has no header that forces a preflight',
  '6A70': 'a GET with variables has no header that forces a preflight',
};

const audits = serverAudits({ url });
const auditsWithPreflight = serverAudits({
  url,
  fetchFn: (resource, options = {}) =>
    fetch(resource, { ...options, headers: { ...options.headers, ...PREFLIGHT } }),
});

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

async function passes(fn) {
  const { status, reason, response } = await fn();
  // Most answers of the audits have been read by now, and those of a refusal are short.
  const body = response && !response.bodyUsed ? await response.text() : '';
  assert.equal(status, 'ok', `${reason}; the answer was ${response?.status} ${body}`);
}
