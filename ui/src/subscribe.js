const ACCEPT = 'text/event-stream, application/graphql-response+json, application/json';

/**
 * The results of a subscription, by server-sent events: the distinct-connections mode of the GraphQL over SSE protocol.
 *
 * Events and not a WebSocket, since they carry the tab's headers as every other request does.
 */
export function subscribe(send, readJson) {
  const controller = new AbortController();
  const results = read(send, readJson, controller.signal);
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => results.next(),
    // A generator would wait for the next event before it ends.
    return: async () => {
      controller.abort();
      return { done: true, value: undefined };
    },
  };
}

async function* read(send, readJson, signal) {
  try {
    const response = await send(ACCEPT, signal);
    if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
      yield await readJson(response);
      return;
    }
    for await (const { name, data } of events(response.body)) {
      if (name === 'complete') return;
      if (name === 'next') yield JSON.parse(data);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** The events of a stream; comments, which keep the connection open, are none. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split(/\r?\n\r?\n/);
    text = blocks.pop();
    for (const block of blocks) {
      const event = { name: 'message', data: '' };
      for (const line of block.split(/\r?\n/)) {
        if (line.startsWith('event:')) event.name = line.slice(6).trim();
        if (line.startsWith('data:')) event.data += line.slice(5);
      }
      yield event;
    }
  }
}
