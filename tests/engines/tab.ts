// What tests see of a browser, and a page on whatever a driver calls a tab.

export interface Browser {
  readonly version: string;
  /**
   * A new page with this document, once its scripts have run. All pages share a profile, which ends with the browser.
   */
  open(url: string): Promise<Page>;
  /**
   * The same in a profile of its own, in which the document's origin can store so many bytes. Only Chromium's protocol
   * offers it.
   */
  openWithQuota?(url: string, bytes: number): Promise<Page>;
  close(): Promise<void>;
}

export interface Page {
  /** Runs a function there, which sees nothing of what surrounds it here. Its argument and result cross as JSON. */
  evaluate<R, A = undefined>(action: (argument: A) => R | Promise<R>, argument?: A): Promise<R>;
  /** Loads the document anew. What still runs there is gone, and its `evaluate` rejects. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

/** What a driver has to offer for a {@link Page}. */
export interface Tab {
  goto(url: string): Promise<unknown>;
  /** The value of an expression whose promise gives a text. */
  evaluate(expression: string): Promise<unknown>;
  close(): Promise<unknown>;
}

/** A page on a tab. */
export async function load(tab: Tab, url: string): Promise<Page> {
  await tab.goto(url);
  return {
    async evaluate(action, argument) {
      return JSON.parse((await tab.evaluate(expression(action, argument))) as string).value;
    },
    reload: async () => void (await tab.goto(url)),
    close: async () => void (await tab.close()),
  };
}

/** A call as an expression, whose promise gives `{ value }` as JSON; without `value` where that is `undefined`. */
export function expression<R, A>(action: (argument: A) => R, argument?: A): string {
  return `(async () => JSON.stringify({ value: await (${action})(${JSON.stringify(argument) ?? ""}) }))()`;
}
