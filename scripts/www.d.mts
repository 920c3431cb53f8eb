/** Types of `www.mjs`, for tests. */
export const POLICY: string;
export const site: string;
export function buildSite(base?: string): Promise<void>;
export function serveSite(options?: {
  port?: number;
  base?: string;
  policy?: string;
}): Promise<{ readonly url: string; close(): Promise<void> }>;
