// Relay: its compiler takes the schema as it is, and its store keeps real answers of the gateway apart.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import relay from 'relay-runtime';

import { CIPHERTEXT, PAGE, conversationWithoutAlice, idsOf, logIn, longThread, post } from './gateway.mjs';
import { compile, modules } from './relay-compiler.mjs';

const { Environment, Network, RecordSource, Store } = relay;
const { ConnectionHandler, commitMutation, createOperationDescriptor, fetchQuery, getRequest, getSelector } = relay;

let compiled;
let authorization;
before(async () => {
  [compiled, authorization] = await Promise.all([compile(), logIn('alice-demo')]);
});
after(() => compiled?.remove());

test('the compiler takes the schema and every operation', async () => {
  assert.doesNotMatch(compiled.output, /warn|error/i);
  for (const { name } of modules.flatMap(({ document }) => document.definitions)) {
    assert(compiled.load(name.value), name.value);
  }
});

const lists = [['conversations', 'Conversation', 'InboxList'], ['friends', 'Friend', 'FriendList']];
for (const [list, type, module] of lists) {
  test(`pages of ${list} join to the whole list`, async (t) => {
    const environment = newEnvironment(t);
    const whole = await idsOf(list, authorization);
    await execute(environment, `${module}Query`, {});
    for (let page = 1; page < Math.ceil(whole.length / PAGE); page += 1) {
      const { edges, pageInfo } = listOf(environment, module, list);
      assert.equal(edges.length, page * PAGE);
      await execute(environment, `${module}PaginationQuery`, { count: PAGE, cursor: pageInfo.endCursor });
    }
    const { edges, pageInfo, totalCount } = listOf(environment, module, list);
    assert.deepEqual(edges.map(({ node }) => node.__id), whole.map((id) => `${type}:${id}`));
    assert.equal(pageInfo.hasNextPage, false);
    assert.equal(totalCount, whole.length);
  });
}

test('pages of a thread join to the whole thread', async (t) => {
  const environment = newEnvironment(t);
  const { id, ids } = await longThread(authorization);
  await execute(environment, 'ThreadListQuery', { id });
  const messages = () => listOf(environment, 'ThreadList', 'conversation', { id }).messages;
  for (let page = 1; page < Math.ceil(ids.length / PAGE); page += 1) {
    const { edges, pageInfo } = messages();
    assert.equal(edges.length, page * PAGE);
    assert.equal(pageInfo.hasPreviousPage, true);
    await execute(environment, 'ThreadListPaginationQuery', { id, count: PAGE, cursor: pageInfo.startCursor });
  }
  const { edges, pageInfo } = messages();
  assert.deepEqual(edges.map(({ node }) => node.__id), ids.map((message) => `Message:${message}`));
  assert.equal(pageInfo.hasPreviousPage, false);
});

test('a message that is sent joins the thread', async (t) => {
  const header = await logIn('admin-demo');
  const environment = newEnvironment(t, header);
  const id = await conversationWithoutAlice(header);
  await execute(environment, 'ThreadListQuery', { id });
  const message = crypto.randomUUID();
  await new Promise((onCompleted, onError) => {
    commitMutation(environment, {
      mutation: compiled.load('ThreadListSendMutation'),
      variables: {
        input: { conversationId: id, id: message, data: CIPHERTEXT },
        connections: [ConnectionHandler.getConnectionID(`Conversation:${id}`, 'ThreadList_messages')],
      },
      onCompleted,
      onError,
    });
  });
  const { edges } = listOf(environment, 'ThreadList', 'conversation', { id }).messages;
  assert.equal(edges.at(-1).node.__id, `Message:${message}`);
});

test('a participant and the list of friends lead to one friend', async (t) => {
  const environment = newEnvironment(t);
  await execute(environment, 'InboxListQuery', {});
  await execute(environment, 'FriendListQuery', {});
  const source = environment.getStore().getSource();
  const participants = source.getRecordIDs().filter((id) => id.startsWith('Participant:'));
  let friends = 0;
  for (const id of participants) {
    const { friend } = source.get(id);
    if (!friend) continue;
    friends += 1;
    assert.equal(friend.__ref, id.replace('Participant:', 'Friend:'));
    assert.equal(source.get(friend.__ref).__typename, 'Friend');
  }
  assert(friends > PAGE / 2, 'too few friends to tell');
});

// What is read stays in the store, as with a mounted component.
function execute(environment, name, variables) {
  const request = compiled.load(name);
  const operation = createOperationDescriptor(getRequest(request), variables);
  environment.retain(operation);
  return fetchQuery(environment, request, variables).toPromise();
}

function listOf(environment, module, list, variables = {}) {
  const query = createOperationDescriptor(getRequest(compiled.load(`${module}Query`)), variables);
  const root = environment.lookup(query.fragment).data;
  const fragment = compiled.load(`${module}_query`);
  const snapshot = environment.lookup(getSelector(fragment, root));
  assert(!snapshot.isMissingData, 'the store misses what was fetched');
  return snapshot.data[list];
}

function newEnvironment(t, header = authorization) {
  const complaints = [];
  for (const method of ['warn', 'error']) {
    t.mock.method(console, method, (...words) => complaints.push(words.join(' ')));
  }
  t.after(() => assert.deepEqual(complaints, []));
  return new Environment({
    network: Network.create(async ({ text }, variables) => ({
      data: await post({ query: text, variables }, header),
    })),
    store: new Store(new RecordSource()),
    // A person has the same id as a participant, a friend and the viewer: ids are unique among objects of a type.
    getDataID: ({ id }, type) => id && `${type}:${id}`,
  });
}
