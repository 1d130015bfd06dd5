// The schema's SDL, and the operations that the tools of this package are given.
//
// `operations/` is plain GraphQL for every client; `relay/` has the directives that only Relay's compiler knows.
// A file is a module of a frontend: its name is the prefix that Relay asks for in the names of what it holds.

import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

import { buildSchema, parse } from 'graphql';

export const SCHEMA_PATH = join(import.meta.dirname, '../../schema.graphql');
export const sdl = readFileSync(SCHEMA_PATH, 'utf8');
export const schema = buildSchema(sdl);

export const operations = modules('operations');
export const relayModules = modules('relay');

// An operation with the fragments that it uses, as a client library sends it.
export function operation(name) {
  const definitions = operations.flatMap(({ document }) => document.definitions);
  const known = new Map(definitions.map((definition) => [definition.name.value, definition]));
  const taken = new Set();
  const take = (definition) => {
    if (taken.has(definition)) return;
    taken.add(definition);
    for (const spread of spreads(definition.selectionSet)) take(known.get(spread));
  };
  take(known.get(name));
  return { kind: 'Document', definitions: [...taken] };
}

function spreads({ selections }) {
  return selections.flatMap((selection) => {
    if (selection.kind === 'FragmentSpread') return [selection.name.value];
    return selection.selectionSet ? spreads(selection.selectionSet) : [];
  });
}

function modules(folder) {
  const path = join(import.meta.dirname, folder);
  return readdirSync(path)
    .sort()
    .map((file) => ({ name: basename(file, '.graphql'), text: readFileSync(join(path, file), 'utf8') }))
    .map(({ name, text }) => ({ name, document: parse(text, { noLocation: true }) }));
}
