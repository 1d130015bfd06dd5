// urql: its Graphcache, told the schema, normalises real answers of the gateway.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { Client, fetchExchange } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import { introspectionFromSchema } from 'graphql';

import { operation, schema } from './documents.mjs';
import { CIPHERTEXT, PAGE, conversationWithoutAlice, idsOf, logIn, longThread, url } from './gateway.mjs';

const CACHE_ONLY = { requestPolicy: 'cache-only' };

let authorization;
before(async () => {
  authorization = await logIn('alice-demo');
});

test('a login and a logout are mutations as any', async (t) => {
  const client = newClient(t, { header: null });
  const { login } = await change(client, 'SessionLoginMutation', { input: { apiKey: 'bob-demo' } });
  assert.equal(login.viewer.name, 'Bob');
  const context = { fetchOptions: { headers: { authorization: `Bearer ${login.token}` } } };
  const { logout } = await change(client, 'SessionLogoutMutation', {}, context);
  assert.equal(logout.viewerId, login.viewer.id);
});

test('queries may go by GET with a header that forces a preflight', async (t) => {
  const methods = [];
  const client = newClient(t, {
    preferGetMethod: true,
    headers: { 'graphql-require-preflight': '1' },
    fetch: (resource, options) => {
      methods.push(options.method);
      return fetch(resource, options);
    },
  });
  const { viewer } = await read(client, 'SessionQuery', { email: 'alice@example.com' });
  assert.equal(viewer.name, 'Alice');
  assert.deepEqual(methods, ['GET']);
});

for (const [list, query] of [['conversations', 'InboxQuery'], ['friends', 'FriendsQuery']]) {
  test(`pages of ${list} join to the whole list`, async (t) => {
    const client = newClient(t);
    const whole = await idsOf(list, authorization);
    let { [list]: joined } = await read(client, query, { first: PAGE });
    for (let page = 1; page < Math.ceil(whole.length / PAGE); page += 1) {
      assert.equal(joined.edges.length, page * PAGE);
      ({ [list]: joined } = await read(client, query, { first: PAGE, after: joined.pageInfo.endCursor }));
    }
    assert.deepEqual(joined.edges.map(({ node }) => node.id), whole);
    assert.equal(joined.pageInfo.hasNextPage, false);
    assert.equal(joined.totalCount, whole.length);
    const { [list]: kept } = await read(client, query, { first: PAGE }, CACHE_ONLY);
    assert.deepEqual(kept, joined);
  });
}

test('pages of a thread join to the whole thread', async (t) => {
  const { id, ids } = await longThread(authorization);
  const client = newClient(t);
  const messagesOf = ({ conversation }) => conversation.messages;
  let joined = messagesOf(await read(client, 'ThreadQuery', { id, last: PAGE }));
  for (let page = 1; page < Math.ceil(ids.length / PAGE); page += 1) {
    assert.equal(joined.edges.length, page * PAGE);
    assert.equal(joined.pageInfo.hasPreviousPage, true);
    const variables = { id, last: PAGE, before: joined.pageInfo.startCursor };
    joined = messagesOf(await read(client, 'ThreadQuery', variables));
  }
  assert.deepEqual(joined.edges.map(({ node }) => node.id), ids);
  assert.deepEqual([joined.pageInfo.hasPreviousPage, joined.pageInfo.hasNextPage], [false, false]);
});

test('a message is sent, seen in the thread and marked as viewed', async (t) => {
  const header = await logIn('bob-demo');
  const client = newClient(t, { header });
  const conversationId = await conversationWithoutAlice(header);
  const thread = ['ThreadQuery', { id: conversationId, last: PAGE }];
  await read(client, ...thread);
  const input = { conversationId, id: crypto.randomUUID(), data: CIPHERTEXT };
  const { sendMessage } = await change(client, 'ChangesSendMessageMutation', { input });
  const again = await change(client, 'ChangesSendMessageMutation', { input });
  assert.deepEqual(again.sendMessage.message, sendMessage.message);
  const { conversation } = await read(client, ...thread, { requestPolicy: 'network-only' });
  const found = conversation.messages.edges.filter(({ node }) => node.id === input.id);
  assert.deepEqual(found.map(({ node }) => node.data), [CIPHERTEXT]);
  const viewed = { conversationId, messageIds: [input.id] };
  const { markViewed } = await change(client, 'ChangesMarkViewedMutation', { input: viewed });
  assert.deepEqual(markViewed.messageIds, [input.id]);
});

test('the blocklist is kept without a key', async (t) => {
  const client = newClient(t);
  const { blocklist } = await read(client, 'BlocklistQuery', {});
  assert(blocklist.userIds.length > 0);
  assert.deepEqual((await read(client, 'BlocklistQuery', {}, CACHE_ONLY)).blocklist, blocklist);
});

test('a participant and the list of friends lead to one friend', async (t) => {
  let presence;
  const client = newClient(t, {
    // Everybody's presence changes as soon as the inbox was read.
    fetch: async (...request) => {
      const answer = await (await fetch(...request)).text();
      const told = presence ? `"availability":"${presence}"` : '$&';
      return new Response(answer.replaceAll(/"availability":(null|"\w*")/g, told), { headers: { 'content-type': 'application/json' } });
    },
  });
  const friendsIn = ({ conversations }) =>
    conversations.edges.flatMap(({ node }) => node.participants.flatMap(({ friend }) => friend ?? []));
  const earlier = friendsIn(await read(client, 'InboxQuery', { first: PAGE }));
  presence = 'elsewhere';
  const { friends } = await read(client, 'FriendsQuery', { first: PAGE });
  const listed = new Set(friends.edges.map(({ node }) => node.id));

  const now = friendsIn(await read(client, 'InboxQuery', { first: PAGE }, CACHE_ONLY));
  assert(now.some(({ id }) => listed.has(id)) && now.some(({ id }) => !listed.has(id)), 'nothing to compare');
  const expected = earlier.map((friend) => (listed.has(friend.id) ? { ...friend, availability: presence } : friend));
  assert.deepEqual(now, expected);
});

test('a conversation read alone is the row of the list', async (t) => {
  const client = newClient(t);
  const rowOf = ({ conversations }) => conversations.edges[0].node;
  const { id } = rowOf(await read(client, 'InboxQuery', { first: PAGE }));
  const { conversation } = await read(client, 'InboxConversationQuery', { id });
  const row = rowOf(await read(client, 'InboxQuery', { first: PAGE }, CACHE_ONLY));
  for (const [name, value] of Object.entries(row)) assert.deepEqual(conversation[name], value, name);
});

test('a change updates the row of the list', async (t) => {
  const client = newClient(t, { header: await logIn('bob-demo') });
  const rowOf = ({ conversations }) => conversations.edges[0].node;
  const { id, isFavorite } = rowOf(await read(client, 'InboxQuery', { first: 1 }));
  const [first, second] = isFavorite ? ['Unfavorite', 'Favorite'] : ['Favorite', 'Unfavorite'];
  for (const [name, expected] of [[first, !isFavorite], [second, isFavorite]]) {
    await change(client, `Changes${name}ConversationMutation`, { input: { id } });
    assert.equal(rowOf(await read(client, 'InboxQuery', { first: 1 }, CACHE_ONLY)).isFavorite, expected);
  }
});

function read(client, name, variables, context) {
  return dataOf(client.query(operation(name), variables, context));
}

function change(client, name, variables, context) {
  return dataOf(client.mutation(operation(name), variables, context));
}

async function dataOf(source) {
  const { data, error } = await source.toPromise();
  assert.equal(error, undefined, String(error));
  return data;
}

function newClient(t, { header = authorization, fetch, headers, preferGetMethod = false } = {}) {
  const complaints = [];
  t.after(() => assert.deepEqual(complaints, []));
  return new Client({
    url,
    fetch,
    // Left alone, urql sends short queries by GET, which the gateway refuses without a header more.
    preferGetMethod,
    fetchOptions: { headers: { ...headers, ...(header && { authorization: header }) } },
    exchanges: [
      cacheExchange({
        schema: introspectionFromSchema(schema),
        resolvers: {
          Query: { conversations: relayPagination(), friends: relayPagination() },
          Conversation: { messages: relayPagination() },
        },
        // Part of what they were read with, as Graphcache wants to be told of what has no id.
        keys: { ConversationProperties: () => null, Blocklist: () => null },
        // A cache miss is worth a `debug`; what is wrong with the schema or the setup is more.
        logger: (severity, message) => severity === 'debug' || complaints.push(message),
      }),
      fetchExchange,
    ],
  });
}
