/** The version of this program, as in package.json (held by test/base/version.test.ts). */
export const VERSION = '0.1.0';
