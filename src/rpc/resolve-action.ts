// Version and action name -> the description and the implementation of an operation.
import type { ProductDescription } from '../api/description.ts';
import { closestName } from '../api/closest-name.ts';
import { ApiError } from '../api/errors.ts';
import { PRODUCTS } from '../api/products.ts';
import type { Step } from './exchange.ts';
import { found } from './exchange.ts';

export const resolveAction: Step = (exchange, door) => {
  const product = PRODUCTS.find((candidate) => candidate.product === exchange.product);
  if (product === undefined) {
    const known = PRODUCTS.map((candidate) => `${candidate.version} (${candidate.product})`).join(', ');
    throw new ApiError('InvalidVersion', 400, `No product here has this version. The versions are ${known}.`);
  }
  const name = found(exchange.actionName);
  const description = Object.hasOwn(product.actions, name) ? product.actions[name] : undefined;
  const action = door.findAction(product.product, name);
  if (description === undefined || action === undefined) throw notFound(product, name);
  exchange.description = description;
  exchange.action = action;
};

function notFound(product: ProductDescription, name: string): ApiError {
  const shown = name.slice(0, 64);
  const isKnown = product.otherActions.includes(name) || Object.hasOwn(product.actions, name);
  const hint = isKnown ? undefined : closestName(name, Object.keys(product.actions));
  return new ApiError(
    'InvalidAction.NotFound',
    404,
    isKnown
      ? `Sealdisk does not do the operation ${shown} of ${product.product} yet. docs/coverage.md lists what it does.`
      : `${product.product} has no operation "${shown}".${hint === undefined ? '' : ` Did you mean ${hint}?`}`,
  );
}
