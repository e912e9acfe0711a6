// Joins the extracted shapes, the patches and the list of supported operations into one description a product.
import { readFileSync } from 'node:fs';

import type { Product } from '../src/api/action.ts';
import type { ActionDescription, Members, ProductDescription, Shape } from '../src/api/description.ts';
import { isStructure } from '../src/api/description.ts';
import type { ExtractedProduct, Patch } from './shapes.ts';

const readJson = (name: string): unknown => JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'));

export function describeProduct(product: Product): { description: ProductDescription; patches: Patch[]; from: string } {
  const extracted = readJson(`${product}.json`) as ExtractedProduct;
  const patches = readJson(`patches/${product}.json`) as Patch[];
  const supported = (readJson('supported.json') as Record<string, string[]>)[product] ?? [];

  const actions = Object.fromEntries(
    supported.toSorted().map((name) => [
      name,
      patched(
        name,
        extracted.actions[name],
        patches.filter((patch) => patch.actions.includes(name)),
      ),
    ]),
  );
  for (const patch of patches) {
    const stray = patch.actions.find((name) => !supported.includes(name));
    if (stray !== undefined) throw new Error(`spec/patches/${product}.json patches ${stray}, which is not supported`);
  }
  return {
    description: { product, version: extracted.version, actions, otherActions: extracted.otherActions },
    patches,
    from: extracted.source,
  };
}

function patched(
  name: string,
  extracted: { request: Members; response: Members } | undefined,
  patches: readonly Patch[],
): ActionDescription {
  if (extracted === undefined && !patches.some((patch) => patch.response !== undefined)) {
    throw new Error(`${name} is neither in the SDK package nor in a patch`);
  }
  const request = patches.reduce((members, patch) => merged(members, patch.request), extracted?.request ?? {});
  const required = patches.flatMap((patch) => patch.required ?? []);
  const keepEmpty = patches.flatMap((patch) => patch.keepEmpty ?? []);
  const missingCode: Record<string, string> = Object.assign({}, ...patches.map((patch) => patch.missingCode ?? {}));
  const malformedCode: Record<string, string> = Object.assign({}, ...patches.map((patch) => patch.malformedCode ?? {}));
  for (const parameter of [...required, ...keepEmpty, ...Object.keys(missingCode), ...Object.keys(malformedCode)]) {
    if (request[parameter] === undefined) throw new Error(`a patch names ${name}.${parameter}, which does not exist`);
  }
  return {
    request,
    response: patches.reduce((members, patch) => merged(members, patch.response), extracted?.response ?? {}),
    required,
    keepEmpty,
    missingCode,
    malformedCode,
    idempotentRunningCode:
      patches.find((patch) => patch.idempotentRunningCode)?.idempotentRunningCode ?? 'LastTokenProcessing',
    idempotentMismatchStatus: patches.find((patch) => patch.idempotentMismatchStatus)?.idempotentMismatchStatus ?? 400,
  };
}

function merged(base: Members, added: Members | undefined): Members {
  if (added === undefined) return base;
  const result: Record<string, Shape> = { ...base };
  for (const [name, shape] of Object.entries(added)) {
    const existing = result[name];
    if (existing === undefined) result[name] = shape;
    else if (isStructure(existing) && isStructure(shape)) result[name] = merged(existing, shape);
    else throw new Error(`a patch adds ${name}, which is already described: delete that patch`);
  }
  return Object.fromEntries(Object.entries(result).sort(([a], [b]) => (a < b ? -1 : 1)));
}
