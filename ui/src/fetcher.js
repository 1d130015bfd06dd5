const ACCEPT = 'application/graphql-response+json, application/json';

/**
 * A GraphiQL fetcher for one endpoint.
 *
 * Every operation is one JSON POST. GraphiQL also takes an async iterable of results, so a subscription
 * transport belongs here: choose it by the operation's kind in `context.documentAST`.
 */
export function createFetcher(endpoint) {
  return function fetcher(operation, context) {
    return post(endpoint, operation, context?.headers);
  };
}

async function post(endpoint, operation, headers) {
  let response;
  try {
    response = await fetch(endpoint, {
      method: 'POST',
      headers: { ...headers, Accept: ACCEPT, 'Content-Type': 'application/json' },
      body: JSON.stringify(operation),
    });
  } catch (error) {
    // A header that a browser does not allow ends here too, and says so in its own message.
    throw new Error(`The request was not answered: ${error.message}`);
  }
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${endpoint} answered ${response.status} without JSON: ${text.slice(0, 500)}`);
  }
}
