// What a browser's tests came to, for the runtime matrix.
import { after, afterEach, type TestContext } from "node:test";
import { type Column, record } from "../engines/matrix.ts";

/**
 * Says in `columns` of the row `browser`, at the end of the suite in which it is called, whether all its tests have
 * passed.
 */
export function tellMatrix(browser: string, columns: readonly Column[]): void {
  const passed: boolean[] = [];
  // The types of Node 24 do not know it yet.
  afterEach((t) => void passed.push((t as TestContext & { readonly passed: boolean }).passed));
  after(() => {
    for (const column of columns) record(browser, column, passed.length > 0 && passed.every(Boolean) ? "yes" : "no");
  });
}
