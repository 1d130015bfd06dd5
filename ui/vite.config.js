import { createHash } from 'node:crypto';
import { basename, extname } from 'node:path';

import { defineConfig } from 'vite';

export default defineConfig({
  base: '/playground/',
  // Monaco's workers are modules that import others.
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    // Nothing is inlined, so that the content security policy needs no `data:` for fonts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: 'licenses.md' },
    // Monaco is one large module graph, loaded once and cached.
    chunkSizeWarningLimit: 4096,
    rolldownOptions: {
      onLog(level, log, report) {
        // "use client" says something to React servers, and there is none here.
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') report(level, log);
      },
    },
  },
  plugins: [fontsAsFiles()],
});

/**
 * GraphiQL's stylesheet carries its fonts as `data:` URLs, for all scripts of the world. As files they are hashed,
 * cached, and loaded only when a text needs them.
 */
function fontsAsFiles() {
  const fontUrl = /url\(["']?data:font\/(woff2|woff|ttf);base64,([A-Za-z0-9+/=]+)["']?\)/g;
  return {
    name: 'fonts-as-files',
    generateBundle(_options, bundle) {
      const assets = Object.values(bundle).filter((file) => file.type === 'asset');
      const fileNameOf = (source, extension) => {
        const known = assets.find((asset) => source.equals(Buffer.from(asset.source)));
        if (known) return known.fileName;
        const hash = createHash('sha256').update(source).digest('hex').slice(0, 8);
        const fileName = `assets/font-${hash}.${extension}`;
        this.emitFile({ type: 'asset', fileName, source });
        return fileName;
      };
      for (const asset of assets.filter(({ fileName }) => extname(fileName) === '.css')) {
        asset.source = String(asset.source).replace(
          fontUrl,
          (_url, extension, base64) => `url(${basename(fileNameOf(Buffer.from(base64, 'base64'), extension))})`,
        );
      }
    },
  };
}
