// The first step: query and form become one map of parameters, and the common ones are read.
import { missingParameter } from '../api/decode.ts';
import { ApiError } from '../api/errors.ts';
import { productOfVersion } from '../api/products.ts';
import { ALGORITHM_V3 } from '../api/signature/v3.ts';
import type { Exchange, HttpRequest, Step } from './exchange.ts';
import { found } from './exchange.ts';

const FORM = 'application/x-www-form-urlencoded';

/** More than any described operation takes; keeps one request from costing much. */
const PARAMETER_COUNT_MAX = 2000;

export const readParameters: Step = (exchange) => {
  const { http } = exchange;
  exchange.style = styleOf(http.headers.get('authorization'));
  exchange.query = readPart(http.rawQuery, 'query');
  exchange.parameters = new Map([...exchange.query, ...readForm(http)]);
  readCommon(exchange);
};

/**
 * Other schemes of the vendor's (ACS4-…, ACS3-HMAC-SM3, ACS3-RSA-SHA256) are refused by their name and not taken for
 * V1. Source: decisions.md E6.
 */
function styleOf(authorization: string | undefined): 'V1' | 'V3' {
  const scheme = /^ACS\d\S*/.exec(authorization ?? '')?.[0];
  if (scheme === undefined) return 'V1';
  if (scheme === ALGORITHM_V3) return 'V3';
  throw new ApiError(
    'InvalidParameter',
    400,
    `The SignatureMethod ${scheme.slice(0, 64)} is not supported. Sign with ${ALGORITHM_V3}.`,
  );
}

function readForm(http: HttpRequest): Map<string, string> {
  if (http.body.length === 0) return new Map();
  const type = http.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (type !== undefined && type !== '' && type !== FORM) {
    throw new ApiError(
      'InvalidParameter',
      400,
      `The body must be of type ${FORM}; parameters are read from nothing else.`,
    );
  }
  return readPart(new TextDecoder().decode(http.body), 'form');
}

/** @throws {ApiError} a parameter occurs twice: which of the two was meant is not ours to guess. */
function readPart(encoded: string, part: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(encoded)) {
    if (parameters.has(name)) {
      throw new ApiError(
        'InvalidParameter',
        400,
        `The ${part} has the parameter "${name.slice(0, 64)}" more than once.`,
      );
    }
    parameters.set(name, value);
    if (parameters.size > PARAMETER_COUNT_MAX) {
      throw new ApiError('InvalidParameter', 400, `The ${part} has more than ${PARAMETER_COUNT_MAX} parameters.`);
    }
  }
  return parameters;
}

function readCommon(exchange: Exchange): void {
  const parameters = found(exchange.parameters);
  const isV3 = exchange.style === 'V3';
  const common = (name: string, header: string): string | undefined =>
    (isV3 ? exchange.http.headers.get(header) : parameters.get(name)) || undefined;

  const version = common('Version', 'x-acs-version');
  const product = version === undefined ? undefined : productOfVersion(version)?.product;
  if (product !== undefined) exchange.product = product;

  const format = parameters.get('Format') || undefined;
  // Source: ECS API reference, "Common parameters": XML when absent; the other products answer JSON.
  exchange.format = (format ?? (product === 'ecs' && !isV3 ? 'XML' : 'JSON')).toUpperCase() === 'XML' ? 'XML' : 'JSON';
  if (format !== undefined && !/^(json|xml)$/i.test(format)) {
    throw new ApiError('InvalidParameter', 400, 'The parameter "Format" must be JSON or XML.');
  }

  const actionName = common('Action', 'x-acs-action');
  if (actionName === undefined) throw missingParameter(isV3 ? 'x-acs-action' : 'Action');
  exchange.actionName = actionName;
  if (version === undefined) throw missingParameter(isV3 ? 'x-acs-version' : 'Version');
}
