import { ApiError } from '../../api/errors.ts';
import type { LocalName } from './regions.ts';

/** What `AcceptLanguage` may be. Source: DescribeRegions, DescribeZones. */
const LANGUAGES = ['zh-CN', 'zh-TW', 'en-US', 'ja', 'fr', 'de', 'ko'];

/** Chooses between the two languages in which names exist: Chinese for Chinese readers and by default, else English. */
export function localNameIn(language: string | undefined): (name: LocalName) => string {
  if (language !== undefined && !LANGUAGES.includes(language)) {
    throw new ApiError('InvalidAcceptLanguage.NotFound', 404, `AcceptLanguage must be one of ${LANGUAGES.join(', ')}.`);
  }
  const chinese = language === undefined || language.startsWith('zh');
  return (name) => (chinese ? name.zh : name.en);
}
