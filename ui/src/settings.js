const SETTINGS_PATH = '/playground/settings.json';

/**
 * Reads `{ endpoint, headers, tabs: [{ title, query, variables? }], notice }` from the gateway.
 * Throws an Error whose message is a sentence for the user.
 */
export async function loadSettings() {
  let response;
  try {
    response = await fetch(SETTINGS_PATH, { cache: 'no-store', headers: { Accept: 'application/json' } });
  } catch {
    throw new Error('The gateway does not answer. Start it again, then reload this page.');
  }
  if (!response.ok) {
    throw new Error(
      `The gateway could not prepare the playground (${SETTINGS_PATH} answered ${response.status}). ` +
        'Its log says why; reload this page to try again.',
    );
  }
  try {
    return await response.json();
  } catch {
    throw new Error(`${SETTINGS_PATH} did not answer with JSON: is something else listening at this address?`);
  }
}
