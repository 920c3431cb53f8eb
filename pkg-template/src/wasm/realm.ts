/**
 * A module that was compiled outside of this realm, as Next.js does for its edge runtime: the glue asks for this
 * realm's class.
 */
export function ofThisRealm(module: WebAssembly.Module): WebAssembly.Module {
  return Object.setPrototypeOf(module, WebAssembly.Module.prototype) as WebAssembly.Module;
}
