// What the tests of real answers ask the running sandbox for, without any client library.
//
//   npm ci && GRAPHQL_URL=http://127.0.0.1:8080/graphql node --test --test-concurrency=1
//
// Test files run one after the other: pages of Alice's lists are read in some, and moved by messages in others.

import assert from 'node:assert/strict';

export const url = process.env.GRAPHQL_URL;
assert(url, 'GRAPHQL_URL is not set: it names the /graphql of a running sandbox');

// Lists are read by pages of this size, and Alice's are longer: she has 60 conversations and 40 friends.
export const PAGE = 25;
// The longest page that the gateway serves, longer than any of Alice's lists.
const WHOLE_LIST = 200;

// Logs a demo user in, and returns the session's `Authorization`.
export async function logIn(apiKey) {
  const { login } = await post({
    query: 'mutation ($apiKey: String!) { login(input: { apiKey: $apiKey }) { token } }',
    variables: { apiKey },
  });
  return `Bearer ${login.token}`;
}

// Ids of a whole list, in order, read in one page.
export async function idsOf(list, authorization) {
  const query = `query ($first: Int!) { ${list}(first: $first) { totalCount nodes { id } } }`;
  const { [list]: whole } = await post({ query, variables: { first: WHOLE_LIST } }, authorization);
  assert.equal(whole.nodes.length, whole.totalCount);
  assert(whole.totalCount > PAGE, 'too short a list to page through');
  return whole.nodes.map(({ id }) => id);
}

// A conversation in which Alice has no part, so that what is sent there leaves her lists alone.
export async function conversationWithoutAlice(authorization) {
  const query = '{ conversations(first: 50) { nodes { id participants { name } } } }';
  const { conversations } = await post({ query }, authorization);
  const isWithoutAlice = ({ participants }) => participants.every(({ name }) => name !== 'Alice');
  return conversations.nodes.find(isWithoutAlice).id;
}

// The longest of Alice's threads that can be read whole, and the ids of its messages from old to new.
export async function longThread(authorization) {
  const query = `{ conversations(first: 10) {
    nodes { id messages(last: 200) { nodes { id } pageInfo { hasPreviousPage } } } } }`;
  const { conversations } = await post({ query }, authorization);
  const whole = conversations.nodes.filter(({ messages }) => !messages.pageInfo.hasPreviousPage);
  const [longest] = whole.sort((a, b) => b.messages.nodes.length - a.messages.nodes.length);
  const ids = longest.messages.nodes.map((message) => message.id);
  assert(ids.length > PAGE, 'too short a thread to page through');
  return { id: longest.id, ids };
}

// What stands for ciphertext here.
export const CIPHERTEXT = 'bm90IHJlYWxseSBlbmNyeXB0ZWQ=';

export async function post(request, authorization) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
    body: JSON.stringify(request),
  });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}
