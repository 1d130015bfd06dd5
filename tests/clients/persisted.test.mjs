// Persisted queries: Apollo Client's link and urql's exchange send a hash first, and the document where it is not known.

import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { before, test } from 'node:test';

import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { Client, fetchExchange } from '@urql/core';
import { persistedExchange } from '@urql/exchange-persisted';

import { logIn, url } from './gateway.mjs';

let authorization;
before(async () => {
  authorization = await logIn('alice-demo');
});

for (const useGETForHashedQueries of [false, true]) {
  test(`Apollo Client, hashes by ${useGETForHashedQueries ? 'GET' : 'POST'}`, async () => {
    const requests = [];
    const sha256 = (text) => createHash('sha256').update(text).digest('hex');
    const client = () => new ApolloClient({
      link: ApolloLink.from([
        new PersistedQueryLink({ sha256, useGETForHashedQueries }),
        new HttpLink({ uri: url, headers: { authorization }, fetch: recorded(requests) }),
      ]),
      cache: new InMemoryCache(),
    });
    const query = gql(newDocument());
    const first = await client().query({ query, variables: { first: 1 } });
    assert.deepEqual(requests.map(({ sendsText }) => sendsText), [false, true]);
    // A client that was started anew, as on another person's phone.
    const second = await client().query({ query, variables: { first: 1 } });
    assert.deepEqual(requests.map(({ sendsText }) => sendsText), [false, true, false]);
    assert.deepEqual(second.data, first.data);
    const hashed = useGETForHashedQueries ? 'GET' : 'POST';
    assert.deepEqual(requests.map(({ method }) => method), [hashed, 'POST', hashed]);
  });
}

for (const preferGetForPersistedQueries of [false, true]) {
  test(`urql, hashes by ${preferGetForPersistedQueries ? 'GET' : 'POST'}`, async () => {
    const requests = [];
    const client = () => new Client({
      url,
      preferGetMethod: false,
      fetch: recorded(requests),
      fetchOptions: { headers: { authorization } },
      exchanges: [persistedExchange({ preferGetForPersistedQueries }), fetchExchange],
    });
    const query = newDocument();
    const first = await client().query(query, { first: 1 }).toPromise();
    assert.equal(first.error, undefined);
    assert.deepEqual(requests.map(({ sendsText }) => sendsText), [false, true]);
    const second = await client().query(query, { first: 1 }).toPromise();
    assert.deepEqual(requests.map(({ sendsText }) => sendsText), [false, true, false]);
    assert.deepEqual(second.data, first.data);
    assert.equal(requests.at(-1).method, preferGetForPersistedQueries ? 'GET' : 'POST');
  });
}

// One that no earlier run has sent, so that the gateway cannot know it.
function newDocument() {
  const name = `Persisted${randomUUID().replaceAll('-', '')}`;
  return `query ${name}($first: Int) { friends(first: $first) { nodes { id name } } }`;
}

function recorded(requests) {
  return (resource, options) => {
    const { method } = options;
    const text = method === 'GET' ? new URL(resource).searchParams.get('query') : JSON.parse(options.body).query;
    requests.push({ method, sendsText: Boolean(text) });
    return fetch(resource, options);
  };
}
