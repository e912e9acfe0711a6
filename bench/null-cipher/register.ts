/** For `node --import`: the disk server as it is, with our null cipher in place of the cipher library. */
import { registerHooks } from 'node:module';

const REPLACEMENT = new URL('./cipher-backend.ts', import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    const replaced = resolved.url.endsWith('/src/crypto/cipher-backend.ts');
    return replaced ? { ...resolved, url: REPLACEMENT } : resolved;
  },
});
