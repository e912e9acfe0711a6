import { ApiError } from '../../api/errors.ts';
import { decodePageToken, encodePageToken, type Listed, type Page } from '../../metadata/page.ts';

/**
 * The two ways of paging: PageNumber and PageSize, or MaxResults and NextToken, which win when either is given.
 * Source: facts.md 3.5; wire.md 3.3; decisions.md E4 (TotalCount is right in both).
 */
export interface PageInput {
  readonly PageNumber?: number;
  readonly PageSize?: number;
  readonly MaxResults?: number;
  readonly NextToken?: string;
}

export interface PageOutput {
  readonly PageNumber: number;
  readonly PageSize: number;
  readonly TotalCount: number;
  readonly NextToken: string | undefined;
}

const PAGE_SIZE_DEFAULT = 10;
const PAGE_SIZE_MAX = 100;

export interface PageRules {
  /** Binds a NextToken to one operation, account and region. */
  readonly scope: string;
  /** What MaxResults really asks for, or undefined when it cannot be meant. */
  maxResults(asked: number): number | undefined;
}

export function checkedPage(input: PageInput, rules: PageRules): Page {
  if (input.MaxResults !== undefined || input.NextToken !== undefined) {
    const limit = rules.maxResults(whole(input.MaxResults ?? PAGE_SIZE_DEFAULT, 'MaxResults'));
    if (limit === undefined) throw invalid('MaxResults');
    if (input.NextToken === undefined) return { kind: 'cursor', limit };
    const after = decodePageToken(rules.scope, input.NextToken);
    if (after === undefined) throw invalid('NextToken');
    return { kind: 'cursor', after, limit };
  }
  const limit = whole(input.PageSize ?? PAGE_SIZE_DEFAULT, 'PageSize');
  const number = whole(input.PageNumber ?? 1, 'PageNumber');
  if (limit < 1 || limit > PAGE_SIZE_MAX) throw invalid('PageSize');
  if (number < 1) throw invalid('PageNumber');
  return { kind: 'offset', offset: (number - 1) * limit, limit };
}

export function pageOutput(page: Page, listed: Listed<unknown>, rules: PageRules): PageOutput {
  if (page.kind === 'offset') {
    return {
      PageNumber: page.offset / page.limit + 1,
      PageSize: page.limit,
      TotalCount: listed.totalCount,
      NextToken: undefined,
    };
  }
  return {
    PageNumber: 1,
    PageSize: page.limit,
    TotalCount: listed.totalCount,
    NextToken: listed.next === undefined ? '' : encodePageToken(rules.scope, listed.next),
  };
}

function whole(value: number, parameter: string): number {
  if (!Number.isSafeInteger(value)) throw invalid(parameter);
  return value;
}

function invalid(parameter: string): ApiError {
  const hint =
    parameter === 'NextToken'
      ? 'give the token of the page before, with the same region'
      : 'give a whole number in the documented range';
  return new ApiError('InvalidParameter', 400, `The parameter ${parameter} is not valid: ${hint}.`);
}
