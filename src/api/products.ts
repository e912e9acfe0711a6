// All products on the one port.
import type { Product } from './action.ts';
import type { ActionDescription, ProductDescription } from './description.ts';
import { ecs } from './generated/ecs.ts';
import { kms } from './generated/kms.ts';
import { ram } from './generated/ram.ts';
import { sealdisk } from './generated/sealdisk.ts';
import { sts } from './generated/sts.ts';

export const PRODUCTS: readonly ProductDescription[] = [ecs, kms, ram, sts, sealdisk];

/** The product that clients mean by `Version`. */
export function productOfVersion(version: string): ProductDescription | undefined {
  return PRODUCTS.find((product) => product.version === version);
}

/** The description of an operation, or undefined when Sealdisk does not have it. */
export function describeAction(product: Product, action: string): ActionDescription | undefined {
  const actions = PRODUCTS.find((candidate) => candidate.product === product)?.actions ?? {};
  return Object.hasOwn(actions, action) ? actions[action] : undefined;
}
