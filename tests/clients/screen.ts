// What a frontend writes against the generated types; `typescript.test.mjs` compiles it beside them.

import type { InboxQuery, InboxQueryVariables } from './operations';
import type { SessionLoginMutation, SessionLoginMutationVariables } from './operations';
import type { Conversation, Friend } from './schema';

export const login: SessionLoginMutationVariables = { input: { apiKey: 'alice-demo' } };
export const favorites: InboxQueryVariables = {
  first: 25,
  filter: { isFavorite: true },
  orderBy: { field: 'LAST_ACCESS', direction: 'DESC' },
};
// @ts-expect-error A page has a size.
export const unbounded: InboxQueryVariables = {};
// @ts-expect-error There is no such order.
export const random: InboxQueryVariables = { first: 1, orderBy: { field: 'RANDOM', direction: 'DESC' } };

export function token({ login }: SessionLoginMutation): string | undefined {
  return login?.token;
}

export function rows({ conversations }: InboxQuery): string[] {
  // @ts-expect-error A field of the root is null where its upstream call failed.
  conversations.edges;
  return conversations?.edges.map(({ node }) => `${node.displayName} ${node.lastAccess?.slice(0, 10) ?? ''}`) ?? [];
}

export function friends({ participants }: Conversation): Friend[] {
  return participants.flatMap(({ friend }) => friend ?? []);
}
