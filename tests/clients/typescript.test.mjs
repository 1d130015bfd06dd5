// GraphQL Code Generator: what it makes of the schema and of every operation is TypeScript that the compiler takes.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { codegen } from '@graphql-codegen/core';
import * as typescript from '@graphql-codegen/typescript';
import * as typescriptOperations from '@graphql-codegen/typescript-operations';
import { parse } from 'graphql';

import { operations, sdl } from './documents.mjs';

const COMPILER = join(import.meta.dirname, 'node_modules/typescript/bin/tsc');
// It takes seconds; the limit only ends a compiler that is stuck.
const DEADLINE_MS = 60_000;

const OPTIONS = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'esnext', '--moduleResolution', 'bundler'];

const CONFIG = {
  // A scalar that is not named here is an error: whoever adds one decides what it is in TypeScript.
  strictScalars: true,
  scalars: { DateTime: 'string' },
  // The operations end in Query and Mutation already, as Relay asks for.
  dedupeOperationSuffix: true,
};

test('the compiler takes the types of the schema and of every operation', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'typescript-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'schema.ts'), await generate(typescript));
  await writeFile(join(folder, 'operations.ts'), await generate(typescriptOperations));
  await copyFile(join(import.meta.dirname, 'screen.ts'), join(folder, 'screen.ts'));
  const command = [COMPILER, ...OPTIONS, 'schema.ts', 'operations.ts', 'screen.ts'];
  // The compiler tells on its standard output what is wrong; the error of a command that failed holds it.
  const compile = promisify(execFile)(process.execPath, command, { cwd: folder, timeout: DEADLINE_MS });
  const complaints = await compile.then(({ stdout }) => stdout, ({ message, stdout }) => stdout || message);
  assert.equal(complaints, '');
});

test('every operation has a type', async () => {
  const types = await generate(typescriptOperations);
  const names = operations
    .flatMap(({ document }) => document.definitions)
    .filter(({ kind }) => kind === 'OperationDefinition')
    .map(({ name }) => name.value);
  assert.deepEqual(names.filter((name) => !types.includes(`export type ${name} = `)), []);
});

test('messages and changes have types', async () => {
  const types = await generate(typescriptOperations);
  for (const name of ['ThreadQuery', 'ChangesSendMessageMutation']) assert.match(types, new RegExp(`type ${name} = `));
});

function generate(plugin) {
  return codegen({
    schema: parse(sdl),
    documents: operations.map(({ name, document }) => ({ location: `${name}.graphql`, document })),
    filename: 'types.ts',
    config: CONFIG,
    plugins: [{ types: {} }],
    pluginMap: { types: plugin },
  });
}
