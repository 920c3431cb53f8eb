// Chromium, driven over its own protocol: the one on the path, or Debian's.
import puppeteer, { type Browser } from "puppeteer-core";
import { program } from "./packages.ts";

export function launchChromium(): Promise<Browser> {
  // Chromium refuses to sandbox what root starts.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return puppeteer.launch({
    executablePath: program(["chromium", "chromium-browser", "google-chrome"], "chromium"),
    args,
    timeout: 60_000,
  });
}
