import { once } from "node:events";
import { open, type FileHandle } from "node:fs/promises";
import { constants, crc32, createDeflate, type Deflate } from "node:zlib";

/**
 * Writes a PNG file of 8-bit RGB, row by row, so that a picture never has to fit in memory. Compression runs on
 * zlib's own threads; {@link PngFile.write} waits while they are behind.
 */
export class PngFile {
  readonly #file: FileHandle;
  readonly #deflate: Deflate;
  readonly #written: Promise<void>;

  private constructor(file: FileHandle) {
    this.#file = file;
    this.#deflate = createDeflate({ level: constants.Z_BEST_SPEED, chunkSize: 1 << 16 });
    this.#written = this.#store();
    this.#written.catch(() => {}); // reported by `end`
  }

  static async create(path: string, width: number, height: number): Promise<PngFile> {
    const file = await open(path, "w");
    const header = Buffer.alloc(13);
    header.writeUInt32BE(width, 0);
    header.writeUInt32BE(height, 4);
    header.set([8, 2, 0, 0, 0], 8); // 8 bits a channel, RGB, deflate, no filter method but 0, not interlaced
    await file.writeFile(Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", header)]));
    return new PngFile(file);
  }

  /** Adds one row: three bytes a pixel. The row may be used again afterwards. */
  async write(row: Uint8Array): Promise<void> {
    const line = Buffer.alloc(row.length + 1);
    // Filter 1: each byte less the one a pixel to its left. Smooth pictures become about a third smaller.
    line[0] = 1;
    for (let at = 0; at < row.length; at++) line[at + 1] = row[at]! - (at < 3 ? 0 : row[at - 3]!);
    if (!this.#deflate.write(line)) await once(this.#deflate, "drain");
  }

  /** Writes what is left, and closes the file. Answers its size in bytes. */
  async end(): Promise<number> {
    this.#deflate.end();
    await this.#written;
    await this.#file.writeFile(chunk("IEND", Buffer.alloc(0)));
    const { size } = await this.#file.stat();
    await this.#file.close();
    return size;
  }

  /** Closes the file as it is. */
  async abandon(): Promise<void> {
    this.#deflate.destroy();
    await this.#written.catch(() => {});
    await this.#file.close();
  }

  async #store(): Promise<void> {
    for await (const data of this.#deflate) await this.#file.writeFile(chunk("IDAT", data as Buffer));
  }
}

function chunk(type: string, data: Uint8Array): Buffer {
  const bytes = Buffer.alloc(data.length + 12);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4, "latin1");
  bytes.set(data, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, data.length + 8)), data.length + 8);
  return bytes;
}
