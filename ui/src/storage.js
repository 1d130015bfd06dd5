const LASTING_KEYS = ['graphiql:theme', 'graphiql:visiblePlugin'];
const EDITOR_KEYS = ['graphiql:tabState', 'graphiql:query', 'graphiql:variables'];

/**
 * GraphiQL's storage: the named keys last in this browser, all others only as long as the page.
 *
 * Nothing that holds request headers lasts (the history's entries do, beside the headers themselves), so that no
 * token is written to disk and a token of an earlier start is never sent again. Where the gateway presets tabs,
 * the editors do not last either: the page opens with those tabs.
 */
export function createStorage({ keepsEditors }) {
  const lasting = new Set(keepsEditors ? [...LASTING_KEYS, ...EDITOR_KEYS] : LASTING_KEYS);
  const page = new Map();
  return {
    getItem: (key) => (lasting.has(key) ? localStorage.getItem(key) : (page.get(key) ?? null)),
    setItem(key, value) {
      if (lasting.has(key)) localStorage.setItem(key, value);
      else page.set(key, value);
    },
    removeItem(key) {
      if (lasting.has(key)) localStorage.removeItem(key);
      else page.delete(key);
    },
    clear() {
      for (const key of lasting) localStorage.removeItem(key);
      page.clear();
    },
    get length() {
      return page.size + [...lasting].filter((key) => localStorage.getItem(key) !== null).length;
    },
  };
}
