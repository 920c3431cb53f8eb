import { rename, rm } from "node:fs/promises";
import { setImmediate as breathe } from "node:timers/promises";
import type { Report } from "./files.ts";
import { PngFile } from "./png.ts";

/** Which part of the Mandelbrot set, and how large. */
export interface View {
  readonly width: number;
  readonly height: number;
  /** The point in the middle. */
  readonly x: number;
  readonly y: number;
  /** Width of the picture in the complex plane. */
  readonly span: number;
  /** Steps after which a point counts as inside. */
  readonly steps: number;
}

export interface FractalResult {
  readonly path: string;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
}

/** How long the event loop is kept busy at a stretch, in ms. */
const SLICE = 8;

/**
 * Renders a part of the Mandelbrot set to a PNG file. The file gets its name when it is complete; what is abandoned
 * leaves nothing behind.
 */
export async function fractal(
  path: string,
  view: View,
  options: { signal: AbortSignal; report: Report },
): Promise<FractalResult> {
  const { signal, report } = options;
  const { width, height } = view;
  const unfinished = `${path}.part`;
  const png = await PngFile.create(unfinished, width, height);
  try {
    const row = new Uint8Array(width * 3);
    let breath = performance.now();
    for (let line = 0; line < height; line++) {
      renderRow(row, line, view);
      await png.write(row);
      if (performance.now() - breath < SLICE) continue;
      await report(`${Math.floor((100 * line) / height)} %`);
      await breathe();
      signal.throwIfAborted();
      breath = performance.now();
    }
    const bytes = await png.end();
    await rename(unfinished, path);
    await report("100 %");
    return { path, width, height, bytes };
  } catch (error) {
    await png.abandon();
    await rm(unfinished, { force: true });
    throw error;
  }
}

/** Paints one row: three bytes a pixel. */
function renderRow(row: Uint8Array, line: number, view: View): void {
  const pixel = view.span / view.width;
  const cy = view.y + (view.height / 2 - line) * pixel;
  for (let column = 0; column < view.width; column++) {
    const cx = view.x + (column - view.width / 2) * pixel;
    paint(row, column * 3, escapeTime(cx, cy, view.steps));
  }
}

/** The number of steps in which a point escapes, smoothed between whole steps; `-1` for a point that stays. */
function escapeTime(cx: number, cy: number, steps: number): number {
  let x = 0;
  let y = 0;
  let xx = 0;
  let yy = 0;
  for (let step = 0; step < steps; step++) {
    y = 2 * x * y + cy;
    x = xx - yy + cx;
    xx = x * x;
    yy = y * y;
    if (xx + yy > 256) return step + 1 - Math.log2(Math.log2(xx + yy) / 8);
  }
  return -1;
}

/** Three cosines, out of step with each other: deep blue, white, amber, and back. */
function paint(row: Uint8Array, at: number, time: number): void {
  const phase = time < 0 ? 0 : Math.log(time + 1) * 2.4;
  const light = time < 0 ? 0 : 1;
  row[at] = light * (128 - 127 * Math.cos(phase + 0.3));
  row[at + 1] = light * (128 - 127 * Math.cos(phase + 0.8));
  row[at + 2] = light * (128 - 127 * Math.cos(phase + 1.6));
}
