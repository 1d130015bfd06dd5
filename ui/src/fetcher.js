import { getOperationAST } from 'graphql';

import { subscribe } from './subscribe.js';

const ACCEPT = 'application/graphql-response+json, application/json';

/**
 * A GraphiQL fetcher for one endpoint.
 *
 * A query or mutation is one JSON POST; of a subscription GraphiQL takes an async iterable of results.
 */
export function createFetcher(endpoint) {
  return function fetcher(operation, context) {
    const send = (accept, signal) => post(endpoint, operation, context?.headers, accept, signal);
    const chosen = context?.documentAST && getOperationAST(context.documentAST, operation.operationName);
    if (chosen?.operation === 'subscription') {
      return subscribe(send, readJson);
    }
    return send(ACCEPT).then(readJson);
  };
}

async function post(endpoint, operation, headers, accept, signal) {
  try {
    return await fetch(endpoint, {
      method: 'POST',
      headers: { ...headers, Accept: accept, 'Content-Type': 'application/json' },
      body: JSON.stringify(operation),
      signal,
    });
  } catch (error) {
    // A header that a browser does not allow ends here too, and says so in its own message.
    throw new Error(`The request was not answered: ${error.message}`);
  }
}

async function readJson(response) {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${response.url} answered ${response.status} without JSON: ${text.slice(0, 500)}`);
  }
}
