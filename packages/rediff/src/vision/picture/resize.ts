/** Resizing to the byte as Pillow 10.3 does it: bicubic with antialiasing, nearest neighbour, premultiplied alpha.
 *
 *  Bicubic is two passes of integer convolution, horizontal first, with 8 bits between them. Each output sample reads
 *  a window of 2 max(scale, 1) inputs to either side; Keys' cubic with a = -1/2 gives the weights, normalised in
 *  float64 and rounded to 22 fractional bits. (Pillow 13 turns the passes round for tall pictures; the reference pins
 *  10.3.) No resize of sharp, OpenCV or ATen gives the same bytes.
 *
 *  The loops below are most of the time that loading a picture takes, hence their unrolled form. */

import type { Size } from "../tiles/anyres.js";
import { CHANNELS, multiplyDivide255, type RasterImage } from "./raster-image.js";

const FRACTION_BITS = 22;
const HALF = 1 << (FRACTION_BITS - 1);

/** For each output sample: which inputs it reads and their weights, times 2^22. */
interface Kernel {
  readonly start: Int32Array;
  readonly count: Int32Array;
  /** [outputs, stride]; only the first `count` of a row are used. */
  readonly weights: Int32Array;
  readonly stride: number;
}

/** Pillow's `Image.resize(size)` with its default filter for the picture's mode. The same size returns the picture. */
export function resizeImage<Image extends RasterImage>(image: Image, size: Size): Image {
  if (size.width === image.width && size.height === image.height) return image;
  const { mode, data } = image;
  const channels = CHANNELS[mode];
  if (mode === "1" || mode === "P") return { ...image, ...size, data: nearest(data, image, size, channels, stepped) };
  if (mode === "I;16") return { ...image, ...size, data: nearest(data, image, size, channels, direct) };
  if (mode === "LA" || mode === "RGBA") {
    const resized = bicubic(premultiply(data, channels), image, size, channels);
    return { ...image, ...size, data: unpremultiply(resized, channels) };
  }
  return { ...image, ...size, data: bicubic(data, image, size, channels) };
}

/** Bicubic with antialiasing. data: [from.height, from.width, channels]; returns [to.height, to.width, channels]. */
export function bicubic(data: Uint8Array, from: Size, to: Size, channels: 1 | 2 | 3 | 4): Uint8Array {
  const across = from.width === to.width ? data : resizeRows(data, from.width, from.height, to.width, channels);
  if (from.height === to.height) return across;
  return resizeColumns(across, to.width * channels, bicubicKernel(from.height, to.height));
}

function resizeRows(data: Uint8Array, width: number, height: number, newWidth: number, channels: 1 | 2 | 3 | 4) {
  const kernel = bicubicKernel(width, newWidth);
  const out = new Uint8ClampedArray(newWidth * height * channels);
  if (channels === 1) rows1(data, width, height, newWidth, kernel, out);
  else if (channels === 3) rows3(data, width, height, newWidth, kernel, out);
  else rowsN(data, width, height, newWidth, channels, kernel, out);
  return new Uint8Array(out.buffer);
}

function bicubicKernel(inputs: number, outputs: number): Kernel {
  const scale = inputs / outputs;
  const filterScale = Math.max(scale, 1);
  const support = 2 * filterScale;
  const stride = Math.ceil(support) * 2 + 1;
  const kernel: Kernel = {
    start: new Int32Array(outputs),
    count: new Int32Array(outputs),
    weights: new Int32Array(outputs * stride),
    stride,
  };
  const row = new Float64Array(stride);
  const inverse = 1 / filterScale;
  for (let output = 0; output < outputs; output++) {
    const center = (output + 0.5) * scale;
    const start = Math.max(Math.trunc(center - support + 0.5), 0);
    const count = Math.min(Math.trunc(center + support + 0.5), inputs) - start;
    let sum = 0;
    for (let k = 0; k < count; k++) {
      const weight = keysCubic((k + start - center + 0.5) * inverse);
      row[k] = weight;
      sum += weight;
    }
    for (let k = 0; k < count; k++) {
      const weight = sum === 0 ? (row[k] ?? 0) : (row[k] ?? 0) / sum;
      // Half away from zero: add the sign's half, then cut.
      kernel.weights[output * stride + k] = Math.trunc((weight < 0 ? -0.5 : 0.5) + weight * (1 << FRACTION_BITS));
    }
    kernel.start[output] = start;
    kernel.count[output] = count;
  }
  return kernel;
}

/** Keys 1981 with a = -1/2, in Pillow's order of operations. */
function keysCubic(signed: number): number {
  const a = -0.5;
  const x = Math.abs(signed);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

// In the loops, `as number` tells the compiler what an index in range gives; `??` would cost a branch per sample.

function rows3(
  data: Uint8Array,
  width: number,
  height: number,
  newWidth: number,
  kernel: Kernel,
  out: Uint8ClampedArray,
) {
  const { start, count, weights, stride } = kernel;
  let target = 0;
  for (let y = 0; y < height; y++) {
    const row = y * width * 3;
    for (let x = 0; x < newWidth; x++) {
      const first = x * stride;
      const end = first + (count[x] as number);
      let source = row + (start[x] as number) * 3;
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      for (let k = first; k < end; k++) {
        const weight = weights[k] as number;
        red = (red + Math.imul(data[source] as number, weight)) | 0;
        green = (green + Math.imul(data[source + 1] as number, weight)) | 0;
        blue = (blue + Math.imul(data[source + 2] as number, weight)) | 0;
        source += 3;
      }
      out[target] = red >> FRACTION_BITS;
      out[target + 1] = green >> FRACTION_BITS;
      out[target + 2] = blue >> FRACTION_BITS;
      target += 3;
    }
  }
}

function rows1(
  data: Uint8Array,
  width: number,
  height: number,
  newWidth: number,
  kernel: Kernel,
  out: Uint8ClampedArray,
) {
  const { start, count, weights, stride } = kernel;
  let target = 0;
  for (let y = 0; y < height; y++) {
    const row = y * width;
    for (let x = 0; x < newWidth; x++) {
      const first = x * stride;
      const end = first + (count[x] as number);
      let source = row + (start[x] as number);
      let sum = HALF;
      for (let k = first; k < end; k++) sum = (sum + Math.imul(data[source++] as number, weights[k] as number)) | 0;
      out[target++] = sum >> FRACTION_BITS;
    }
  }
}

function rowsN(
  data: Uint8Array,
  width: number,
  height: number,
  newWidth: number,
  channels: number,
  kernel: Kernel,
  out: Uint8ClampedArray,
) {
  const { start, count, weights, stride } = kernel;
  let target = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < newWidth; x++) {
      const first = x * stride;
      const end = first + (count[x] as number);
      for (let channel = 0; channel < channels; channel++) {
        let source = (y * width + (start[x] as number)) * channels + channel;
        let sum = HALF;
        for (let k = first; k < end; k++) {
          sum = (sum + Math.imul(data[source] as number, weights[k] as number)) | 0;
          source += channels;
        }
        out[target++] = sum >> FRACTION_BITS;
      }
    }
  }
}

/** Convolves down the columns of [inputs, rowBytes]; four columns at a time share the loads of the weights. */
function resizeColumns(data: Uint8Array, rowBytes: number, kernel: Kernel): Uint8Array {
  const { start, count, weights, stride } = kernel;
  const outputs = start.length;
  const out = new Uint8ClampedArray(outputs * rowBytes);
  for (let y = 0; y < outputs; y++) {
    const first = y * stride;
    const end = first + (count[y] as number);
    const top = (start[y] as number) * rowBytes;
    const target = y * rowBytes;
    let x = 0;
    for (; x + 4 <= rowBytes; x += 4) {
      let source = top + x;
      let a = HALF;
      let b = HALF;
      let c = HALF;
      let d = HALF;
      for (let k = first; k < end; k++) {
        const weight = weights[k] as number;
        a = (a + Math.imul(data[source] as number, weight)) | 0;
        b = (b + Math.imul(data[source + 1] as number, weight)) | 0;
        c = (c + Math.imul(data[source + 2] as number, weight)) | 0;
        d = (d + Math.imul(data[source + 3] as number, weight)) | 0;
        source += rowBytes;
      }
      out[target + x] = a >> FRACTION_BITS;
      out[target + x + 1] = b >> FRACTION_BITS;
      out[target + x + 2] = c >> FRACTION_BITS;
      out[target + x + 3] = d >> FRACTION_BITS;
    }
    for (; x < rowBytes; x++) {
      let source = top + x;
      let sum = HALF;
      for (let k = first; k < end; k++) {
        sum = (sum + Math.imul(data[source] as number, weights[k] as number)) | 0;
        source += rowBytes;
      }
      out[target + x] = sum >> FRACTION_BITS;
    }
  }
  return new Uint8Array(out.buffer);
}

/** Which input each output sample takes; -1 for none. */
type Positions = (inputs: number, outputs: number) => Int32Array;

function nearest(data: Uint8Array, from: Size, to: Size, channels: number, positions: Positions): Uint8Array {
  const columns = positions(from.width, to.width);
  const rows = positions(from.height, to.height);
  const out = new Uint8Array(to.width * to.height * channels);
  let target = 0;
  for (const row of rows) {
    for (const column of columns) {
      const source = (row * from.width + column) * channels;
      if (row >= 0 && column >= 0) out.set(data.subarray(source, source + channels), target);
      target += channels;
    }
  }
  return out;
}

/** Pillow adds the step up, and the rounding errors with it; what lands outside stays 0. */
function stepped(inputs: number, outputs: number): Int32Array {
  const step = inputs / outputs;
  let position = step * 0.5;
  return Int32Array.from({ length: outputs }, () => {
    const input = Math.trunc(position);
    position += step;
    return input < inputs ? input : -1;
  });
}

/** Pillow's general transform, which it uses for 16-bit pictures, multiplies instead. */
function direct(inputs: number, outputs: number): Int32Array {
  const step = inputs / outputs;
  return Int32Array.from({ length: outputs }, (_, output) => {
    const input = Math.trunc(step * (output + 0.5));
    return input < inputs ? input : -1;
  });
}

function premultiply(data: Uint8Array, channels: number): Uint8Array {
  const out = new Uint8Array(data.length);
  for (let pixel = 0; pixel < data.length; pixel += channels) {
    const alpha = data[pixel + channels - 1] ?? 0;
    for (let i = pixel; i < pixel + channels - 1; i++) out[i] = multiplyDivide255(data[i] ?? 0, alpha);
    out[pixel + channels - 1] = alpha;
  }
  return out;
}

function unpremultiply(data: Uint8Array, channels: number): Uint8Array {
  const out = new Uint8ClampedArray(data);
  for (let pixel = 0; pixel < data.length; pixel += channels) {
    const alpha = data[pixel + channels - 1] ?? 0;
    if (alpha === 0 || alpha === 255) continue;
    for (let i = pixel; i < pixel + channels - 1; i++) out[i] = Math.trunc((255 * (data[i] ?? 0)) / alpha);
  }
  return new Uint8Array(out.buffer);
}
