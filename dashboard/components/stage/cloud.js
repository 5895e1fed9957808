// The scatter of the stage: the 512 light up, samples travel among them, and the painted trigger glows at its place.
const DIM = 0.25; // what remains of a dot whose trigger no longer works

class Cloud {
  constructor(box) {
    this.box = box;
    this.canvas = box.querySelector("canvas");
    this.glow = box.querySelector(".glow");
    this.tip = box.querySelector(".tip");
    this.view = "pca"; this.off = new Set(); this.past = []; this.at = { spread: 0, find: -1, heal: 0, plant: 0 };
    this.canvas.addEventListener("pointermove", (e) => this.point(e.offsetX, e.offsetY));
    this.canvas.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    new ResizeObserver(() => { this.fit(); this.draw(); }).observe(box);
  }

  fit() {
    const scale = Math.min(2, window.devicePixelRatio || 1), { clientWidth: w, clientHeight: h } = this.box;
    if (!w || !h) return;
    this.wide = w; this.high = h; this.scale = scale;
    this.grown = Math.max(1, Math.min(2.4, w / 640)); // larger dots on a large picture
    this.canvas.width = Math.round(w * scale); this.canvas.height = Math.round(h * scale);
    this.tiles = null;
  }

  // A recording: its arrays, places as shares of the picture.
  play(rec) {
    const a = rec.arrays, xy = (name) => {
      const from = a[name], out = new Float32Array(from ? from.length : 0);
      for (let i = 0; i < out.length; i += 2) { out[i] = unit(from[i]); out[i + 1] = 1 - unit(from[i + 1]); }
      return out;
    };
    const was = this.rec && this.frameNow();
    this.rec = rec;
    this.frames = rec.frames.map((f, i) => ({ ...f, side: rec.side, triggers: a[`triggers${i}`], asr: a[`asr${i}`], level: a.level, pca: xy(`pca${i}`), tsne: xy(`tsne${i}`) }));
    this.ground = { pca: xy("ground_pca"), tsne: xy("ground_tsne"), asr: a.ground_asr || new Uint8Array(0), after: a.ground_after || null };
    this.tiles = null;
    const origin = (rec.marks.find((m) => m.name === "original") || {})[this.view] || [0.5, 0.5];
    this.order = null; this.origin = origin;
    this.was = was; // where dots were, to travel from when α changes
    this.shadow();
  }
  // How far each of the 512 lies from the planted trigger, 0 to 1, so that they light up from there.
  ripple() {
    if (this.order && this.orderOf === this.view) return this.order;
    const xy = this.ground[this.view], mark = this.rec.marks.find((m) => m.name === "original");
    const [ox, oy] = mark ? [mark[this.view][0], 1 - mark[this.view][1]] : [0.5, 0.5];
    this.order = Float32Array.from({ length: xy.length / 2 }, (_, i) => Math.hypot(xy[2 * i] - ox, xy[2 * i + 1] - oy) / 1.2);
    this.orderOf = this.view;
    return this.order;
  }

  // Places in the view as it is now; between two views while it turns.
  lay(own) {
    const to = own[this.view];
    if (!(this.turn < 1) || !this.from) return to;
    const from = own[this.from], out = new Float32Array(to.length), s = this.turn * this.turn * (3 - 2 * this.turn);
    for (let i = 0; i < out.length; i++) out[i] = from[i] + (to[i] - from[i]) * s;
    return out;
  }
  turnTo(view) { this.from = this.view; this.view = view; this.order = null; this.shadow(); }

  x(u) { return 14 + u * (this.wide - 28); }
  y(v) { return 14 + v * (this.high - 28); }

  // Where any trigger lies (27 bytes): PCA is linear in the means of its colours, t-SNE beside its five nearest codes.
  locate(inks, view = this.view) {
    const xy = this.ground && this.ground[view];
    if (!xy || !xy.length) return null;
    const cells = Array.from({ length: 9 }, (_, p) => (inks[p] + inks[p + 9] + inks[p + 18]) / 765);
    if (view === "pca") {
      this.linear = this.linear && this.linearOf === this.rec ? this.linear : this.solve(xy);
      this.linearOf = this.rec;
      const { middle, step } = this.linear;
      return [0, 1].map((k) => middle[k] + cells.reduce((sum, v, p) => sum + (v - 0.5) * step[p][k], 0));
    }
    const near = [];
    for (let code = 0; code < 512; code++) {
      let d = 0;
      for (let p = 0; p < 9; p++) {
        const bit = (code >> (8 - p)) & 1;
        for (let c = 0; c < 3; c++) d += (inks[c * 9 + p] / 255 - bit) ** 2;
      }
      near.push([Math.sqrt(d), code]);
    }
    near.sort((a, b) => a[0] - b[0]);
    let x = 0, y = 0, all = 0;
    for (const [d, code] of near.slice(0, 5)) { const w = 1 / (d + 1e-3) ** 2; x += w * xy[2 * code]; y += w * xy[2 * code + 1]; all += w; }
    return [x / all, y / all];
  }
  solve(xy) { // the 512 are all corners of a cube, so each direction is a difference of two means
    const middle = [0, 0], step = Array.from({ length: 9 }, () => [0, 0]);
    for (let code = 0; code < 512; code++) for (const k of [0, 1]) {
      const v = xy[2 * code + k];
      middle[k] += v / 512;
      for (let p = 0; p < 9; p++) step[p][k] += ((code >> (8 - p)) & 1 ? v : -v) / 256;
    }
    return { middle, step };
  }

  // A trigger that was tried stays as a small mark.
  remember(inks, hot) { this.past.push({ inks, hot }); if (this.past.length > 40) this.past.shift(); this.draw(); }
  drawPast(c, style) {
    for (const { inks, hot } of this.at.tries ? this.past : []) {
      const [x, y] = this.locate(inks).map((v, k) => (k ? this.y(v) : this.x(v)));
      c.fillStyle = style.getPropertyValue(hot ? "--hot" : "--good");
      c.fillRect(x - 8, y - 8, 16, 16);
      thumb(c, inks, 0, x - 6, y - 6, 12, 3);
    }
  }

  // The painted trigger; null hides it.
  mark(inks, hot) {
    this.inks = inks; this.hot = hot;
    this.shadow();
  }
  shadow() {
    const place = this.inks && this.ground ? this.locate(this.inks) : null;
    this.glow.hidden = !place || !this.wide;
    if (this.glow.hidden) return;
    const x = Math.max(16, Math.min(this.wide - 16, this.x(place[0]))), y = Math.max(16, Math.min(this.high - 16, this.y(place[1])));
    this.glow.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`;
    this.glow.classList.toggle("hot", this.hot === true);
    this.glow.classList.toggle("cold", this.hot === false);
    thumb(this.glow.querySelector("canvas").getContext("2d"), this.inks, 0, 0, 0, 30, 3);
  }

  // at: { plant, spread, heal } shares of their steps, find: -1 before, else 0 to 1
  show(at) { this.at = at; this.draw(); }
  // Where dots are now: the frame to take thumbnails from, and places.
  frameNow() {
    if (!this.frames || !this.frames.length || this.at.find < 0) return null;
    const at = this.at.find * (this.frames.length - 1), i = Math.min(this.frames.length - 1, Math.floor(at));
    const a = this.frames[i], b = this.frames[Math.min(i + 1, this.frames.length - 1)], f = at - i, s = f * f * (3 - 2 * f);
    const from = this.lay(a), to = this.lay(b), xy = new Float32Array(from.length);
    for (let k = 0; k < xy.length; k++) xy[k] = from[k] + (to[k] - from[k]) * s;
    const k = this.morph === undefined ? 1 : this.morph;
    if (this.was && k < 1) for (let j = 0; j < Math.min(xy.length, this.was.xy.length); j++) xy[j] = this.was.xy[j] + (xy[j] - this.was.xy[j]) * k;
    return { index: f < 0.5 ? i : Math.min(i + 1, this.frames.length - 1), xy, a: f < 0.5 ? a : b };
  }

  sheet(index) { // the thumbnails of a frame, one above another
    this.tiles = this.tiles || new Map();
    if (!this.tiles.has(index)) {
      const cell = Math.max(3, Math.round((this.wide < 420 ? 2.6 : 3.4 * this.grown) * this.scale)), frame = this.frames[index];
      const { side, pixels } = bake(frame, "level", cell, Math.max(1, Math.round(1.4 * this.scale)), null);
      const sheet = document.createElement("canvas");
      sheet.width = side; sheet.height = side * frame.n;
      sheet.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), side, side * frame.n), 0, 0);
      this.tiles.set(index, { sheet, side });
    }
    return this.tiles.get(index);
  }

  draw() {
    if (!this.rec) return;
    if (!this.wide) this.fit();
    if (!this.wide) return;
    const c = this.canvas.getContext("2d"), s = this.scale, style = getComputedStyle(this.box);
    c.setTransform(s, 0, 0, s, 0, 0);
    c.clearRect(0, 0, this.wide, this.high);
    this.drawGround(c, style);
    this.drawDots(c, s);
    this.drawOrigin(c, style);
    this.drawPast(c, style);
    this.shadow();
  }

  drawGround(c, style) {
    const { asr, after } = this.ground, { spread, heal } = this.at;
    if (!asr.length || spread <= 0) return;
    const xy = this.lay(this.ground);
    const order = this.ripple(), warm = style.getPropertyValue("--hot").trim(), cool = style.getPropertyValue("--faint").trim();
    const groups = new Map();
    for (let i = 0; i < asr.length; i++) {
      const lit = Math.max(0, Math.min(1, (spread * 1.25 - order[i]) * 5));
      const now = (asr[i] + ((after ? after[i] : asr[i]) - asr[i]) * heal) / 255;
      const key = Math.round(now * lit * 12);
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(i);
    }
    for (const [key, rows] of groups) {
      const k = key / 12, r = (1.6 + 4.2 * k) * this.grown;
      c.globalAlpha = key ? 0.35 + 0.6 * k : Math.min(1, spread * 3) * 0.55;
      c.fillStyle = key ? warm : cool;
      c.beginPath();
      for (const i of rows) { const x = this.x(xy[2 * i]), y = this.y(xy[2 * i + 1]); c.moveTo(x + r, y); c.arc(x, y, r, 0, 6.2832); }
      c.fill();
    }
    c.globalAlpha = 1;
  }

  drawDots(c, s) {
    const now = this.frameNow();
    this.seen = now;
    if (!now) return;
    const { sheet, side } = this.sheet(now.index), size = side / s, n = now.a.n, level = now.a.level;
    c.globalAlpha = this.at.tries ? 0.55 : 1 - (1 - DIM) * this.at.heal;
    c.imageSmoothingEnabled = false;
    for (let i = 0; i < n; i++) {
      if (this.off.has(level[i])) continue;
      const x = Math.round((this.x(now.xy[2 * i]) - size / 2) * s) / s, y = Math.round((this.y(now.xy[2 * i + 1]) - size / 2) * s) / s;
      c.drawImage(sheet, 0, i * side, side, side, x, y, size, size);
    }
    c.globalAlpha = 1;
  }

  drawOrigin(c, style) { // the attacker's own trigger
    const mark = this.rec.marks.find((m) => m.name === "original");
    if (!mark || this.at.plant <= 0) return;
    const x = this.x(mark[this.view][0]), y = this.y(1 - mark[this.view][1]), side = 21 * this.grown, k = Math.min(1, this.at.plant * 1.5);
    c.globalAlpha = k;
    c.fillStyle = style.getPropertyValue("--hot");
    c.fillRect(x - side / 2 - 3, y - side / 2 - 3, side + 6, side + 6);
    thumb(c, hexToBytes(this.rec.trigger), 0, x - side / 2, y - side / 2, side, this.rec.side);
    c.globalAlpha = 1;
  }

  point(x, y) {
    const seen = this.seen;
    let best = -1, near = 13 * 13;
    if (seen) for (let i = 0; i < seen.a.n; i++) {
      if (this.off.has(seen.a.level[i])) continue;
      const d = (this.x(seen.xy[2 * i]) - x) ** 2 + (this.y(seen.xy[2 * i + 1]) - y) ** 2;
      if (d < near) { near = d; best = i; }
    }
    let code = -1;
    if (best < 0 && this.at.spread > 0) {
      const xy = this.ground[this.view];
      for (let i = 0; i < xy.length / 2; i++) { const d = (this.x(xy[2 * i]) - x) ** 2 + (this.y(xy[2 * i + 1]) - y) ** 2; if (d < near) { near = d; code = i; } }
    }
    this.tip.hidden = best < 0 && code < 0;
    if (this.tip.hidden) return;
    const canvas = this.tip.querySelector("canvas").getContext("2d"), words = this.tip.querySelector("span");
    if (best >= 0) {
      thumb(canvas, seen.a.triggers, best, 0, 0, 54, seen.a.side);
      words.textContent = `found by MESA at β = ${this.rec.betas[seen.a.level[best]]}; works on about ${Math.round(seen.a.asr[best] / 2.55)} %`;
    } else {
      thumb(canvas, codeBytes(code), 0, 0, 0, 54, 3);
      const after = this.ground.after;
      words.textContent = `works on ${Math.round(this.ground.asr[code] / 2.55)} %${after ? `, after the repair ${Math.round(after[code] / 2.55)} %` : ""} of ${this.rec.ground_images} images`;
    }
    this.tip.style.left = `${Math.max(4, Math.min(x + 14, this.wide - 190))}px`;
    this.tip.style.top = `${Math.max(4, Math.min(y + 14, this.high - 70))}px`;
  }
}

// The black-and-white trigger of a code, as 27 bytes.
function codeBytes(code) {
  const out = new Uint8Array(27);
  for (let p = 0; p < 9; p++) if ((code >> (8 - p)) & 1) out[p] = out[p + 9] = out[p + 18] = 255;
  return out;
}
