// The victim in the browser: a ResNet-9's answers to 32x32 pictures, as mesa_core/victims/numpy_resnet9.py gives them, up to rounding.
//
// The 3x3 convolutions are a small WebAssembly module with 128-bit vectors, whose bytes are put together here; where the
// browser has none, the same loops run as plain JavaScript. Maps lie channels last, with a border of zeros, so that the
// three rows under a window are three runs of memory without a test for the border. Everything stands in one function,
// so that its text can be given to a worker; it uses nothing from outside.
function netKit() {
  const LAYERS = ["prep", "layer1", "res1.0", "res1.1", "layer2", "layer3", "res3.0", "res3.1"];
  const EPSILON = 1e-5; // of torch's batch normalisation
  const SIDE = 32, AREA = SIDE * SIDE, PATCH = 3;
  const BLOCK = 8; // output channels that are computed together: two vectors
  const TILE = 4; // and neighbouring pixels

  // -- numbers of a safetensors file
  function half(bits) {
    const sign = bits & 0x8000 ? -1 : 1, power = (bits >> 10) & 31, part = bits & 1023;
    if (power === 0) return sign * part * 2 ** -24;
    if (power === 31) return part ? NaN : sign * Infinity;
    return sign * (1 + part / 1024) * 2 ** (power - 15);
  }
  let halves = null; // all 65,536, since a table is quicker than the sums
  const brain = new DataView(new ArrayBuffer(4));
  function values(kind, view, at, count) {
    const out = new Float32Array(count);
    if (kind === "F16") halves = halves || Float32Array.from({ length: 65536 }, (_, bits) => half(bits));
    for (let i = 0; i < count; i++) {
      if (kind === "F32") out[i] = view.getFloat32(at + 4 * i, true);
      else if (kind === "F16") out[i] = halves[view.getUint16(at + 2 * i, true)];
      else { brain.setUint32(0, view.getUint16(at + 2 * i, true) << 16); out[i] = brain.getFloat32(0); }
    }
    return out;
  }
  // Every float tensor of a file by its name.
  function tensors(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const length = view.getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    const found = {};
    for (const [name, about] of Object.entries(header)) {
      if (!["F32", "F16", "BF16"].includes(about.dtype)) continue;
      found[name] = values(about.dtype, view, 8 + length + about.data_offsets[0], about.shape.reduce((a, b) => a * b, 1));
      found[name].shape = about.shape;
    }
    return found;
  }

  // A convolution with its normalisation folded in, as the kernel reads it: [block][row][column][in][8].
  function folded(state, name) {
    const kernel = state[`${name}.conv.weight`], [outs, ins] = kernel.shape;
    const part = (what) => state[`${name}.norm.${what}`];
    const weight = new Float32Array(outs * ins * 9), bias = new Float32Array(outs);
    for (let o = 0; o < outs; o++) {
      const scale = part("weight")[o] / Math.sqrt(part("running_var")[o] + EPSILON);
      bias[o] = part("bias")[o] - part("running_mean")[o] * scale;
      const block = Math.floor(o / BLOCK) * 9 * ins * BLOCK + (o % BLOCK);
      for (let i = 0; i < ins; i++) for (let k = 0; k < 9; k++) weight[block + (k * ins + i) * BLOCK] = kernel[(o * ins + i) * 9 + k] * scale;
    }
    return { ins, outs, weight, bias };
  }

  // -- the kernel as WebAssembly
  const leb = (n) => { const out = []; do { const b = n & 127; n >>>= 7; out.push(n ? b | 128 : b); } while (n); return out; };
  const sleb = (n) => { const out = []; for (;;) { const b = n & 127; n >>= 7; if ((n === 0 && !(b & 64)) || (n === -1 && b & 64)) { out.push(b); return out; } out.push(b | 128); } };
  const vec = (items) => [...leb(items.length), ...items.flat()];
  const section = (id, body) => [id, ...leb(body.length), ...body];
  const simd = (op) => [0xfd, ...leb(op)];

  // One function a number of input channels: f(input, weights, bias, output, rows, tiles, blocks, inputRow, outputRow, outputPixel),
  // where addresses and strides are in bytes. `fused` takes the instruction that multiplies and adds at once.
  function convolution(ins, fused) {
    const P = { input: 0, weights: 1, bias: 2, output: 3, rows: 4, tiles: 5, blocks: 6, inputRow: 7, outputRow: 8, outputPixel: 9 };
    const L = { row: 10, tile: 11, line: 12, left: 13, at: 14, w: 15, start: 16, lines: 17, to: 18, sum: 19, w0: 27, w1: 28, x: 29 };
    const get = (i) => [0x20, ...leb(i)], set = (i) => [0x21, ...leb(i)], tee = (i) => [0x22, ...leb(i)];
    const int = (n) => [0x41, ...sleb(n)], add = [0x6a], mul = [0x6c], sub = [0x6b];
    const load = (offset) => [...simd(0), 2, ...leb(offset)], splat = (offset) => [...simd(9), 2, ...leb(offset)];
    const store = (offset) => [...simd(11), 2, ...leb(offset)];
    const plus = (local, code) => [...get(local), ...code, ...add, ...set(local)];
    const loop = (counter, body) => [0x03, 0x40, ...body, ...get(counter), ...int(1), ...sub, ...tee(counter), 0x0d, 0, 0x0b];
    const fma = (sum, w) => (fused
      ? [...get(L.x), ...get(w), ...get(sum), ...simd(0x105), ...set(sum)]
      : [...get(sum), ...get(L.x), ...get(w), ...simd(0xe6), ...simd(0xe4), ...set(sum)]);
    const pixel = 4 * ins, step = [];
    for (let u = 0; u < 3; u++) { // three input channels a turn, since a window's row has three pixels
      step.push(...get(L.w), ...load(32 * u), ...set(L.w0), ...get(L.w), ...load(32 * u + 16), ...set(L.w1));
      for (let i = 0; i < TILE; i++) step.push(...get(L.at), ...splat(i * pixel + 4 * u), ...set(L.x), ...fma(L.sum + 2 * i, L.w0), ...fma(L.sum + 2 * i + 1, L.w1));
    }
    step.push(...plus(L.w, int(96)), ...plus(L.at, int(12)));
    const zero = [...simd(12), ...new Array(16).fill(0)];
    const begin = [], end = [];
    for (let i = 0; i < TILE; i++) for (let h = 0; h < 2; h++) {
      begin.push(...get(P.bias), ...load(16 * h), ...set(L.sum + 2 * i + h));
      end.push(...get(L.to), ...get(L.sum + 2 * i + h), ...zero, ...simd(0xe9), ...store(16 * h)); // ReLU
      if (h) end.push(...plus(L.to, get(P.outputPixel)));
    }
    const tile = [
      ...begin, ...get(P.weights), ...set(L.w), ...get(L.start), ...set(L.line), ...int(3), ...set(L.lines),
      ...loop(L.lines, [
        ...get(L.line), ...set(L.at), ...int(ins), ...set(L.left),
        ...loop(L.left, step),
        ...plus(L.line, get(P.inputRow)),
      ]),
      ...end, ...plus(L.start, int(TILE * pixel)),
    ];
    const body = loop(P.blocks, [
      ...get(P.rows), ...set(L.row), ...get(P.input), ...set(30), ...get(P.output), ...set(31),
      ...loop(L.row, [
        ...get(30), ...set(L.start), ...get(31), ...set(L.to), ...get(P.tiles), ...set(L.tile),
        ...loop(L.tile, tile),
        ...plus(30, get(P.inputRow)), ...plus(31, get(P.outputRow)),
      ]),
      ...plus(P.weights, int(9 * ins * BLOCK * 4)), ...plus(P.bias, int(4 * BLOCK)), ...plus(P.output, int(4 * BLOCK)),
    ]);
    const locals = vec([[...leb(9), 0x7f], [...leb(11), 0x7b], [...leb(2), 0x7f]]); // 10 to 18, 19 to 29, 30 and 31
    const code = [...locals, ...body, 0x0b];
    return [...leb(code.length), ...code];
  }

  function moduleBytes(kinds, fused) {
    const type = [0x60, ...vec(new Array(10).fill([0x7f])), 0];
    const name = (text) => vec([...text].map((c) => [c.charCodeAt(0)]));
    return new Uint8Array([
      0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
      ...section(1, vec([type])),
      ...section(2, vec([[...name("e"), ...name("m"), 2, 0, ...leb(1)]])),
      ...section(3, vec(kinds.map(() => [0]))),
      ...section(7, vec(kinds.map((ins, i) => [...name(`c${ins}`), 0, ...leb(i)]))),
      ...section(10, vec(kinds.map((ins) => convolution(ins, fused)))),
    ]);
  }

  // The kernels over a memory of so many bytes: { memory, conv(ins, ...), how }.
  function kernels(kinds, size, how) {
    if (how !== "plain" && typeof WebAssembly === "object") {
      for (const fused of how === "simd" ? [false] : [true, false]) {
        const bytes = moduleBytes(kinds, fused);
        if (!WebAssembly.validate(bytes)) continue;
        const memory = new WebAssembly.Memory({ initial: Math.ceil(size / 65536) });
        const found = new WebAssembly.Instance(new WebAssembly.Module(bytes), { e: { m: memory } }).exports;
        return { buffer: memory.buffer, how: fused ? "fused" : "simd", conv: (ins, ...rest) => found[`c${ins}`](...rest) };
      }
    }
    const buffer = new ArrayBuffer(size), m = new Float32Array(buffer);
    return { buffer, how: "plain", conv: (ins, ...rest) => plain(m, ins, ...rest) };
  }

  // The same in plain JavaScript, one pixel and eight channels at a time.
  function plain(m, ins, input, weights, bias, output, rows, tiles, blocks, inputRow, outputRow, outputPixel) {
    const run = 3 * ins, sums = new Float64Array(BLOCK);
    for (let block = 0; block < blocks; block++) {
      const from = (bias >> 2) + block * BLOCK, kernel = (weights >> 2) + block * 9 * ins * BLOCK;
      for (let y = 0; y < rows; y++) for (let x = 0; x < tiles * TILE; x++) {
        let a = m[from], b = m[from + 1], c = m[from + 2], d = m[from + 3], e = m[from + 4], f = m[from + 5], g = m[from + 6], h = m[from + 7];
        let w = kernel;
        for (let line = 0; line < 3; line++) {
          let p = ((input + (y + line) * inputRow) >> 2) + x * ins;
          for (let t = 0; t < run; t++, w += BLOCK) {
            const v = m[p++];
            a += v * m[w]; b += v * m[w + 1]; c += v * m[w + 2]; d += v * m[w + 3];
            e += v * m[w + 4]; f += v * m[w + 5]; g += v * m[w + 6]; h += v * m[w + 7];
          }
        }
        sums[0] = a; sums[1] = b; sums[2] = c; sums[3] = d; sums[4] = e; sums[5] = f; sums[6] = g; sums[7] = h;
        const to = ((output + y * outputRow + x * outputPixel) >> 2) + block * BLOCK;
        for (let i = 0; i < BLOCK; i++) m[to + i] = Math.max(0, sums[i]);
      }
    }
  }

  // -- the network
  class Net {
    // `bytes` of a safetensors file of a ResNet-9; `how` is for tests: "plain", "simd", or the best there is.
    constructor(bytes, mean, std, how) {
      const state = tensors(bytes);
      const layers = Object.fromEntries(LAYERS.map((name) => [name, folded(state, name)]));
      const width = layers.prep.outs;
      const shapes = { image: [32, 3], a: [32, width], b: [32, 2 * width], c: [16, 2 * width], d: [16, 2 * width], e: [16, 2 * width],
        f: [16, 4 * width], g: [8, 4 * width], h: [8, 8 * width], i: [4, 8 * width], j: [4, 8 * width], k: [4, 8 * width] };
      let size = 64;
      const place = (floats) => { const at = size; size += 4 * floats; size += -size & 63; return at; };
      for (const layer of Object.values(layers)) { layer.at = place(layer.weight.length); layer.biasAt = place(layer.outs); }
      const maps = {};
      for (const [name, [side, channels]] of Object.entries(shapes)) {
        maps[name] = { side, channels, row: (side + 2) * channels, at: place((side + 2) ** 2 * channels) };
      }
      this.kernel = kernels([...new Set(Object.values(layers).map((l) => l.ins))], size, how);
      this.how = this.kernel.how;
      this.m = new Float32Array(this.kernel.buffer);
      for (const layer of Object.values(layers)) { this.m.set(layer.weight, layer.at >> 2); this.m.set(layer.bias, layer.biasAt >> 2); layer.weight = layer.bias = null; }
      this.layers = layers; this.maps = maps;
      this.linear = { weight: state["linear.weight"], bias: state["linear.bias"] };
      this.classes = this.linear.bias.length;
      // A pixel of 0 to 255, normalised.
      this.scale = std.map((s) => 1 / (255 * s)); this.shift = mean.map((v, c) => -v / std[c]);
    }

    conv(name, from, to) {
      const layer = this.layers[name], a = this.maps[from], b = this.maps[to];
      this.kernel.conv(layer.ins, a.at, layer.at, layer.biasAt, b.at + 4 * (b.row + b.channels), b.side, b.side / TILE,
        layer.outs / BLOCK, 4 * a.row, 4 * b.row, 4 * b.channels);
    }
    pool(from, to) { // the largest of each 2x2 square
      const m = this.m, a = this.maps[from], b = this.maps[to], n = b.channels;
      for (let y = 0; y < b.side; y++) for (let x = 0; x < b.side; x++) {
        let p = (a.at >> 2) + (2 * y + 1) * a.row + (2 * x + 1) * n, q = p + a.row;
        let o = (b.at >> 2) + (y + 1) * b.row + (x + 1) * n;
        for (let c = 0; c < n; c++, p++, q++) m[o++] = Math.max(m[p], m[p + n], m[q], m[q + n]);
      }
    }
    add(from, to) { // the shortcut
      const m = this.m, a = this.maps[from], b = this.maps[to], n = a.row * (a.side + 2);
      for (let i = 0, p = a.at >> 2, q = b.at >> 2; i < n; i++) m[q + i] += m[p + i];
    }

    // Softmax (classes) of one picture, uint8 (3, 32, 32) that begins at `at`, with a trigger of 27 bytes at a place, or without;
    // nine more say which of its cells are opaque, where not all are.
    answer(pictures, at, inks, row, column) {
      const m = this.m, image = this.maps.image, base = image.at >> 2;
      for (let c = 0; c < 3; c++) for (let y = 0; y < SIDE; y++) {
        let p = at + c * AREA + y * SIDE, o = base + (y + 1) * image.row + 3 + c;
        for (let x = 0; x < SIDE; x++, o += 3) m[o] = pictures[p++] * this.scale[c] + this.shift[c];
        if (inks && y >= row && y < row + PATCH) {
          o = base + (y + 1) * image.row + 3 * (column + 1) + c;
          for (let x = 0; x < PATCH; x++, o += 3) if (inks.length === 27 || inks[27 + (y - row) * 3 + x]) m[o] = inks[c * 9 + (y - row) * 3 + x] * this.scale[c] + this.shift[c];
        }
      }
      this.conv("prep", "image", "a"); this.conv("layer1", "a", "b"); this.pool("b", "c");
      this.conv("res1.0", "c", "d"); this.conv("res1.1", "d", "e"); this.add("c", "e");
      this.conv("layer2", "e", "f"); this.pool("f", "g");
      this.conv("layer3", "g", "h"); this.pool("h", "i");
      this.conv("res3.0", "i", "j"); this.conv("res3.1", "j", "k"); this.add("i", "k");
      return this.head();
    }
    head() {
      const m = this.m, k = this.maps.k, n = k.channels, best = new Float32Array(n).fill(-Infinity);
      for (let y = 1; y <= k.side; y++) for (let x = 1; x <= k.side; x++) {
        const p = (k.at >> 2) + y * k.row + x * n;
        for (let c = 0; c < n; c++) if (m[p + c] > best[c]) best[c] = m[p + c];
      }
      const out = new Float32Array(this.classes), { weight, bias } = this.linear;
      for (let j = 0; j < out.length; j++) {
        let sum = bias[j];
        for (let c = 0; c < n; c++) sum += weight[j * n + c] * best[c];
        out[j] = sum;
      }
      const top = Math.max(...out);
      let whole = 0;
      for (let j = 0; j < out.length; j++) whole += out[j] = Math.exp(out[j] - top);
      for (let j = 0; j < out.length; j++) out[j] /= whole;
      return out;
    }
  }
  return { Net, tensors, SIDE, AREA, LAYERS };
}
