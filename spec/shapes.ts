// What spec/*.json and spec/patches/*.json hold.
import type { Members } from '../src/api/description.ts';
import type { Product } from '../src/api/action.ts';

export interface ExtractedAction {
  request: Members;
  response: Members;
}

export interface ExtractedProduct {
  product: Product;
  version: string;
  /** Package and version that the shapes come from. */
  source: string;
  actions: Record<string, ExtractedAction>;
  otherActions: string[];
}

/** A correction of the extracted description. Members of `request` and `response` are added to what is there. */
export interface Patch {
  actions: string[];
  request?: Members;
  response?: Members;
  required?: string[];
  keepEmpty?: string[];
  missingCode?: Record<string, string>;
  malformedCode?: Record<string, string>;
  idempotentRunningCode?: string;
  idempotentMismatchStatus?: number;
  reason: string;
  source: string;
}

export const PRODUCTS: readonly Product[] = ['ecs', 'kms', 'ram', 'sts', 'sealdisk'];
