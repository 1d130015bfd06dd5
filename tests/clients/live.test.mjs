// Subscriptions by the real client libraries: the set-ups of `docs/keep-a-screen-live.md`, taken from the page, and the
// two packages below them, each receive Bob's messages for Alice.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { print } from 'graphql';
import { createClient as createEventClient } from 'graphql-sse';
import { createClient as createSocketClient } from 'graphql-ws';
import { WebSocket } from 'ws';

import { operation } from './documents.mjs';
import { logIn, post, url } from './gateway.mjs';

// Browsers have it, and Node since its version 22.
globalThis.WebSocket ??= WebSocket;

const GUIDE = join(import.meta.dirname, '../../docs/keep-a-screen-live.md');
const SETUPS = ['apollo-websocket', 'apollo-events', 'urql-websocket', 'urql-events'];

// How long one message is waited for before the next is written: a subscription that has not begun yet misses it.
const PATIENCE_MS = 2_000;
const WRITTEN_MAX = 20;

const subscription = operation('LiveMessagesSubscription');

let folder;
let alice;
let bob;
let conversationId;
before(async () => {
  // Inside of this package, so that modules find what they import.
  folder = await mkdtemp(join(import.meta.dirname, 'node_modules/.guide-'));
  for (const [, name, text] of (await readFile(GUIDE, 'utf8')).matchAll(/```js\n\/\/ (\S+\.mjs)\n(.*?)```/gs)) {
    await writeFile(join(folder, name), text);
  }
  [alice, bob] = await Promise.all([logIn('alice-demo'), logIn('bob-demo')]);
  const query = '{ conversations(first: 200, filter: { isGroup: false }) { nodes { id participants { name } } } }';
  const { conversations } = await post({ query }, bob);
  conversationId = conversations.nodes.find(({ participants }) => participants.some(({ name }) => name === 'Alice')).id;
});
after(() => rm(folder, { recursive: true }));

for (const name of SETUPS) {
  test(`the set-up ${name} of the guide receives Bob's messages`, async (t) => {
    const { newClient } = await import(pathToFileURL(join(folder, `${name}.mjs`)));
    const client = newClient(url, () => alice.replace('Bearer ', ''));
    const sink = newSink();
    const results = client.subscribe
      ? client.subscribe({ query: subscription, variables: { conversationId } })
      : client.subscription(subscription, { conversationId });
    const subscribed = results.subscribe((result) => sink.next(result));
    t.after(() => subscribed.unsubscribe());
    await receives(sink);
  });
}

const packages = {
  'graphql-ws': () =>
    createSocketClient({ url: url.replace(/^http/, 'ws'), connectionParams: { authorization: alice } }),
  'graphql-sse': () => createEventClient({ url, headers: { authorization: alice } }),
};
for (const [name, newClient] of Object.entries(packages)) {
  test(`${name} receives Bob's messages, runs queries and is told of errors`, async (t) => {
    const client = newClient();
    t.after(() => client.dispose());
    const sink = newSink();
    const payload = { query: print(subscription), variables: { conversationId } };
    t.after(client.subscribe(payload, sink));
    await receives(sink);

    assert.deepEqual(await all(client, '{ viewer { name } }'), [{ data: { viewer: { name: 'Alice' } } }]);
    const codes = (errors) => errors.map(({ extensions }) => extensions.code);
    // An error before the operation is thrown by one package, and a result of the other, as their protocols say.
    const errors = await all(client, '{ nothing }').then(([{ errors }]) => errors, (thrown) => thrown);
    assert.deepEqual(codes(errors), ['GRAPHQL_VALIDATION_FAILED']);
    const [{ data, errors: partial }] = await all(client, '{ viewer { name } friends(first: -1) { totalCount } }');
    assert.deepEqual([data, codes(partial)], [{ viewer: { name: 'Alice' }, friends: null }, ['BAD_USER_INPUT']]);
  });
}

test('graphql-ws is told when the session ends, and comes back with a new one', async (t) => {
  const closed = [];
  const tokens = [await logIn('alice-demo'), alice];
  const client = createSocketClient({
    url: url.replace(/^http/, 'ws'),
    connectionParams: () => ({ authorization: tokens[0] }),
    retryWait: async () => {},
    on: { closed: ({ code }) => closed.push(code) },
  });
  t.after(() => client.dispose());
  const sink = newSink();
  t.after(client.subscribe({ query: print(subscription), variables: { conversationId } }, sink));
  await receives(sink);
  const ended = tokens.shift();
  await post({ query: 'mutation { logout { viewerId } }' }, ended);
  await receives(sink);
  assert.deepEqual(closed, [4403]);
});

// Writes until one of the messages has come, and then one more; from then on every one must come, once and in order.
async function receives(sink) {
  const written = [];
  let heard;
  while (!heard) {
    assert(written.length < WRITTEN_MAX, 'no message came');
    written.push(await write());
    heard = await sink.take(written, PATIENCE_MS);
  }
  written.push(await write());
  for (const id of written.slice(written.indexOf(heard) + 1)) {
    assert.equal(await sink.take(written, WRITTEN_MAX * PATIENCE_MS), id);
  }
}

async function write() {
  const query = 'mutation ($input: SendMessageInput!) { sendMessage(input: $input) { message { id } } }';
  const input = { conversationId, data: 'bm90IHJlYWxseSBlbmNyeXB0ZWQ=' };
  return (await post({ query, variables: { input } }, bob)).sendMessage.message.id;
}

// Takes results of a subscription, and gives the ids of messages, one after the other.
function newSink() {
  const ids = [];
  let wake = () => {};
  const next = ({ data, errors, error }) => {
    assert.equal(errors ?? error, undefined, JSON.stringify(errors ?? error));
    assert.equal(data.messageAdded.conversationId, conversationId);
    ids.push(data.messageAdded.message.id);
    wake();
  };
  const fail = (error) => assert.fail(JSON.stringify(error));
  // Other messages are passed over: the sandbox's people write too, and what was written shortly before a subscription
  // began may come, since the gateway had not heard of it yet.
  const take = async (written, patience) => {
    const deadline = performance.now() + patience;
    for (;;) {
      const id = ids.shift();
      if (written.includes(id)) return id;
      if (id) continue;
      const left = deadline - performance.now();
      if (left <= 0) return undefined;
      let timer;
      await new Promise((resolve) => {
        wake = resolve;
        timer = setTimeout(resolve, left);
      });
      clearTimeout(timer);
    }
  };
  return { next, error: fail, complete: () => {}, take };
}

async function all(client, query) {
  const results = [];
  for await (const result of client.iterate({ query })) results.push(result);
  return results;
}
