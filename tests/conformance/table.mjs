// Prints docs/conformance.md: each audit, asked as it is and with a header that forces a preflight.
//
//   npm ci && GRAPHQL_URL=http://127.0.0.1:8080/graphql node table.mjs

import { fileURLToPath } from 'node:url';

import { audits, auditsWithPreflight, DECLINED } from './audits.mjs';

export async function conformance() {
  const rows = [];
  const counts = {};
  for (const [at, { id, name, fn }] of audits.entries()) {
    const plain = (await fn()).status;
    const withHeader = (await auditsWithPreflight[at].fn()).status;
    const [level] = name.split(' ');
    counts[level] ??= { all: 0, passed: 0, passedWithHeader: 0 };
    counts[level].all += 1;
    counts[level].passed += plain === 'ok' ? 1 : 0;
    counts[level].passedWithHeader += withHeader === 'ok' ? 1 : 0;
    const cell = (status) => (status === 'ok' ? 'passed' : 'not passed');
    const reason = plain === 'ok' ? '' : `: ${DECLINED[id] ?? 'without a reason'}`;
    rows.push(`| ${id} | ${name.replaceAll('|', '\\|')} | ${cell(plain)}${reason} | ${cell(withHeader)} |`);
  }
  const totals = Object.entries(counts).map(
    ([level, { all, passed, passedWithHeader }]) => `| ${level} | ${all} | ${passed} | ${passedWithHeader} |`,
  );
  return `# GraphQL over HTTP

The audits of the npm package \`graphql-http\`, in the version of \`tests/conformance/package-lock.json\`, against a sandbox. \`.ci/run\` asks them anew
and fails where this page tells something else. It is written by

\`\`\`sh
cargo run -- sandbox --rate-limits off --life off
cd tests/conformance && npm ci && GRAPHQL_URL=http://127.0.0.1:8080/graphql node table.mjs > ../../docs/conformance.md
\`\`\`

Each audit is asked twice: as it is, and with the header \`GraphQL-Require-Preflight\`. A GET without such a header is refused on purpose, so that no
foreign page has a user's browser run a query; what is not passed says so.

| level | audits | passed | passed with the header |
| --- | --- | --- | --- |
${totals.join('\n')}

| id | audit | as it is | with the header |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(await conformance());
}
