// The audits of GraphQL over HTTP, asked of the gateway at GRAPHQL_URL, and those that it declines.

import assert from 'node:assert/strict';

import { serverAudits } from 'graphql-http';

const url = process.env.GRAPHQL_URL;
assert(url, 'GRAPHQL_URL is not set: it names the /graphql of a running sandbox');

// Makes a browser ask for permission before it sends the request: a foreign page cannot have a user's browser run
// a query. GET is refused without it on purpose, and that is all that the declined audits find.
const PREFLIGHT = { 'graphql-require-preflight': '1' };
export const DECLINED = {
  '5A70': 'a plain GET has no header that forces a preflight',
  D6D5: 'a GET with variables has no header that forces a preflight',
  '6A70': 'a GET with variables has no header that forces a preflight',
};

export const audits = serverAudits({ url });
export const auditsWithPreflight = serverAudits({
  url,
  fetchFn: (resource, options = {}) =>
    fetch(resource, { ...options, headers: { ...options.headers, ...PREFLIGHT } }),
});
