// A part of the Mandelbrot set, a band of rows at a time: one byte a point, as base64.

/** Points of a side, and rows of a band. */
export const SIZE = 240;
export const BAND = 12;
const STEPS = 600;

export interface View {
  readonly x: number;
  readonly y: number;
  readonly span: number;
}

export function paintBand({ x, y, span }: View, band: number): string {
  const bytes = new Uint8Array(SIZE * BAND);
  const pixel = span / SIZE;
  for (let row = 0; row < BAND; row++) {
    const cy = y + (SIZE / 2 - (band * BAND + row)) * pixel;
    for (let column = 0; column < SIZE; column++) {
      const time = escapeTime(x + (column - SIZE / 2) * pixel, cy);
      bytes[row * SIZE + column] = time < 0 ? 0 : 1 + (Math.floor(Math.log(time + 1) * 40) % 255);
    }
  }
  return btoa(String.fromCharCode(...bytes));
}

function escapeTime(cx: number, cy: number): number {
  let x = 0;
  let y = 0;
  for (let step = 0; step < STEPS; step++) {
    const xx = x * x;
    const yy = y * y;
    if (xx + yy > 256) return step + 1 - Math.log2(Math.log2(xx + yy) / 8);
    y = 2 * x * y + cy;
    x = xx - yy + cx;
  }
  return -1;
}

/** Draws bands on a canvas; what is no band stays empty. */
export function draw(canvas: HTMLCanvasElement, bands: readonly unknown[]): void {
  const context = canvas.getContext("2d");
  if (context === null) return;
  const image = context.createImageData(SIZE, SIZE);
  for (const [number, band] of bands.slice(0, SIZE / BAND).entries()) {
    const bytes = typeof band === "string" && band.length < 2 * SIZE * BAND ? atob(band) : "";
    for (let at = 0; at < Math.min(bytes.length, SIZE * BAND); at++) {
      const value = bytes.charCodeAt(at);
      const phase = value / 17;
      const light = value === 0 ? 0 : 1;
      const place = (number * SIZE * BAND + at) * 4;
      image.data[place] = light * (128 - 127 * Math.cos(phase + 0.3));
      image.data[place + 1] = light * (128 - 127 * Math.cos(phase + 0.8));
      image.data[place + 2] = light * (128 - 127 * Math.cos(phase + 1.6));
      image.data[place + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
}
