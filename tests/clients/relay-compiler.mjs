// Runs Relay's compiler over `schema.graphql` and all modules, in a folder of its own.

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { print } from 'graphql';

import { SCHEMA_PATH, operations, relayModules } from './documents.mjs';

const require = createRequire(import.meta.url);
const COMPILER = join(import.meta.dirname, 'node_modules/relay-compiler/cli.js');
// It takes a second; the limit only ends a compiler that is stuck.
const DEADLINE_MS = 60_000;
export const modules = [...operations, ...relayModules];

export async function compile() {
  const folder = await mkdtemp(join(tmpdir(), 'relay-'));
  const artifacts = join(folder, 'artifacts');
  await mkdir(join(folder, 'src'));
  await mkdir(artifacts);
  await symlink(SCHEMA_PATH, join(folder, 'schema.graphql'));
  for (const { name, document } of modules) {
    const tags = document.definitions.map((definition) => `graphql\`\n${print(definition)}\n\`;\n`);
    await writeFile(join(folder, 'src', `${name}.js`), tags.join('\n'));
  }
  const config = {
    src: 'src',
    schema: 'schema.graphql',
    artifactDirectory: 'artifacts',
    language: 'javascript',
    // Node's own modules name files with their ending, and the compiler leaves it off.
    eagerEsModules: false,
    customScalarTypes: { DateTime: 'string' },
  };
  await writeFile(join(folder, 'relay.config.json'), JSON.stringify(config));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [COMPILER, 'relay.config.json'], {
    cwd: folder,
    timeout: DEADLINE_MS,
  });
  return {
    output: stdout + stderr,
    artifacts,
    load: (name) => require(join(artifacts, `${name}.graphql.js`)),
    remove: () => rm(folder, { recursive: true }),
  };
}
