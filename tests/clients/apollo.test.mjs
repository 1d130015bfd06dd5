// Apollo Client: its normalised cache, set up as `docs/build-a-chat-screen.md` says, takes real answers of the gateway.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { ApolloClient, HttpLink, InMemoryCache } from '@apollo/client';
import { relayStylePagination } from '@apollo/client/utilities';

import { operation } from './documents.mjs';
import { CIPHERTEXT, PAGE, conversationWithoutAlice, idsOf, logIn, longThread, url } from './gateway.mjs';

let authorization;
before(async () => {
  authorization = await logIn('alice-demo');
});

test('a login and a logout are mutations as any', async (t) => {
  const client = newClient(t, null);
  const { data } = await client.mutate({
    mutation: operation('SessionLoginMutation'),
    variables: { input: { apiKey: 'bob-demo' } },
    // A token is no business of the cache.
    fetchPolicy: 'no-cache',
  });
  const { login } = data;
  assert.equal(login.viewer.name, 'Bob');
  assert.deepEqual(client.extract(), {});
  const context = { headers: { authorization: `Bearer ${login.token}` } };
  const ended = await client.mutate({ mutation: operation('SessionLogoutMutation'), context });
  assert.equal(ended.data.logout.viewerId, login.viewer.id);
});

for (const [list, query] of [['conversations', 'InboxQuery'], ['friends', 'FriendsQuery']]) {
  test(`pages of ${list} join to the whole list`, async (t) => {
    const whole = await idsOf(list, authorization);
    const client = newClient(t);
    const options = { query: operation(query), variables: { first: PAGE } };
    const shown = client.watchQuery(options);
    const subscription = shown.subscribe(() => {});
    t.after(() => subscription.unsubscribe());
    await shown.reobserve();
    const read = () => client.readQuery(options)[list];
    for (let page = 1; page < Math.ceil(whole.length / PAGE); page += 1) {
      const { edges, pageInfo } = read();
      assert.equal(edges.length, page * PAGE);
      await shown.fetchMore({ variables: { after: pageInfo.endCursor } });
    }
    const { edges, pageInfo, totalCount } = read();
    assert.deepEqual(edges.map(({ node }) => node.id), whole);
    assert.equal(pageInfo.hasNextPage, false);
    assert.equal(totalCount, whole.length);
  });
}

test('pages of a thread join to the whole thread', async (t) => {
  const { id, ids } = await longThread(authorization);
  const client = newClient(t);
  const options = { query: operation('ThreadQuery'), variables: { id, last: PAGE } };
  const shown = client.watchQuery(options);
  const subscription = shown.subscribe(() => {});
  t.after(() => subscription.unsubscribe());
  await shown.reobserve();
  const read = () => client.readQuery(options).conversation.messages;
  for (let page = 1; page < Math.ceil(ids.length / PAGE); page += 1) {
    const { edges, pageInfo } = read();
    assert.equal(edges.length, page * PAGE);
    assert.equal(pageInfo.hasPreviousPage, true);
    await shown.fetchMore({ variables: { before: pageInfo.startCursor } });
  }
  const { edges, pageInfo } = read();
  assert.deepEqual(edges.map(({ node }) => node.id), ids);
  assert.deepEqual([pageInfo.hasPreviousPage, pageInfo.hasNextPage], [false, false]);
});

test('a message is sent, seen in the thread and marked as viewed', async (t) => {
  const header = await logIn('carol-demo');
  const client = newClient(t, header);
  const conversationId = await conversationWithoutAlice(header);
  const thread = { query: operation('ThreadQuery'), variables: { id: conversationId, last: PAGE } };
  await client.query(thread);
  const input = { conversationId, id: crypto.randomUUID(), data: CIPHERTEXT };
  const sending = { mutation: operation('ChangesSendMessageMutation'), variables: { input } };
  const { data } = await client.mutate(sending);
  assert.deepEqual((await client.mutate(sending)).data.sendMessage.message, data.sendMessage.message);
  await client.query({ ...thread, fetchPolicy: 'network-only' });
  const { edges } = client.readQuery(thread).conversation.messages;
  assert.deepEqual(edges.filter(({ node }) => node.id === input.id).map(({ node }) => node.data), [CIPHERTEXT]);
  const viewed = { conversationId, messageIds: [input.id] };
  const marking = { mutation: operation('ChangesMarkViewedMutation'), variables: { input: viewed } };
  assert.deepEqual((await client.mutate(marking)).data.markViewed.messageIds, [input.id]);
});

test('the blocklist is kept without a key', async (t) => {
  const client = newClient(t);
  const { data } = await client.query({ query: operation('BlocklistQuery') });
  assert(data.blocklist.userIds.length > 0);
  assert.deepEqual(client.readQuery({ query: operation('BlocklistQuery') }), data);
});

test('a participant and the list of friends lead to one friend', async (t) => {
  const client = newClient(t);
  const inbox = { query: operation('InboxQuery'), variables: { first: PAGE } };
  const friends = { query: operation('FriendsQuery'), variables: { first: PAGE } };
  await client.query(inbox);
  await client.query(friends);
  const listed = () => client.readQuery(friends).friends.edges.map(({ node }) => node);
  const taking = () => client.readQuery(inbox).conversations.edges.flatMap(({ node }) => node.participants);
  const { id } = listed().find((friend) => taking().some((participant) => participant.id === friend.id));
  assert.deepEqual(client.extract()[`Participant:${id}`].friend, { __ref: `Friend:${id}` });

  client.cache.modify({ id: `Friend:${id}`, fields: { availability: () => 'elsewhere' } });
  assert.equal(listed().find((friend) => friend.id === id).availability, 'elsewhere');
  assert.equal(taking().find((participant) => participant.id === id).friend.availability, 'elsewhere');
});

test('a conversation read alone is the row of the list', async (t) => {
  const client = newClient(t);
  const inbox = { query: operation('InboxQuery'), variables: { first: PAGE } };
  const { data } = await client.query(inbox);
  const { id } = data.conversations.edges[0].node;
  await client.query({ query: operation('InboxConversationQuery'), variables: { id } });
  const ids = Object.keys(client.extract()).filter((key) => key.startsWith('Conversation:'));
  assert.equal(ids.length, PAGE);
});

test('a change updates the row of the list', async (t) => {
  const client = newClient(t, await logIn('carol-demo'));
  const inbox = { query: operation('InboxQuery'), variables: { first: 1 } };
  const { data } = await client.query(inbox);
  const { id, isFavorite } = data.conversations.edges[0].node;
  const row = () => client.readQuery(inbox).conversations.edges[0].node;
  const [first, second] = isFavorite ? ['Unfavorite', 'Favorite'] : ['Favorite', 'Unfavorite'];
  for (const [name, expected] of [[first, !isFavorite], [second, isFavorite]]) {
    const mutation = operation(`Changes${name}ConversationMutation`);
    await client.mutate({ mutation, variables: { input: { id } } });
    assert.equal(row().isFavorite, expected);
  }
});

function newClient(t, header = authorization) {
  const complaints = [];
  for (const method of ['warn', 'error']) {
    t.mock.method(console, method, (...words) => complaints.push(words.join(' ')));
  }
  t.after(() => assert.deepEqual(complaints, []));
  return new ApolloClient({
    link: new HttpLink({ uri: url, headers: header ? { authorization: header } : {} }),
    cache: new InMemoryCache({
      typePolicies: {
        Query: {
          fields: {
            conversations: relayStylePagination(['filter', 'orderBy']),
            friends: relayStylePagination(['filter', 'orderBy']),
          },
        },
        Conversation: {
          fields: { messages: relayStylePagination(), properties: { merge: false } },
        },
        // Senders make the ids of messages: kept within their thread, none can stand in for one of another.
        Message: { keyFields: false },
      },
    }),
  });
}
