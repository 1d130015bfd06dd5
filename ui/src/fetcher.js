import { Kind, parse } from 'graphql';

import { subscribe } from './subscribe.js';

const ACCEPT = 'application/graphql-response+json, application/json';

/**
 * A GraphiQL fetcher for one endpoint.
 *
 * A query or mutation is one JSON POST; of a subscription GraphiQL takes an async iterable of results.
 */
export function createFetcher(endpoint) {
  return function fetcher(asked, context) {
    const { operation, kind } = chosen(asked);
    const send = (accept, signal) => post(endpoint, operation, context?.headers, accept, signal);
    if (kind === 'subscription') {
      return subscribe(send, readJson);
    }
    return send(ACCEPT).then(readJson);
  };
}

/**
 * What GraphiQL asks to be run, and its kind.
 *
 * GraphiQL reads a document some time after its tab was opened. Until then it names an operation of the tab before, and
 * where the document has none of that name, its first is meant.
 */
function chosen(operation) {
  const named = ({ name }) => name?.value === operation.operationName;
  try {
    const { definitions } = parse(operation.query);
    const operations = definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
    const meant = operations.find(named) ?? operations[0];
    const operationName = operation.operationName && meant?.name?.value;
    return { operation: { ...operation, operationName }, kind: meant?.operation };
  } catch {
    // The gateway tells what is wrong with it.
    return { operation };
  }
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
