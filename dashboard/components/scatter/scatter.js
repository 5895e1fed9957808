// The scatter's state and its hands: layers of canvas, zoom and pan, hover, lasso and box, the replay.
const memory = new WeakMap();
const TWEEN = 700; // milliseconds
const PAD = 26;
const NEAR = 18, CLICK = 4; // pixels: how near a pointer counts as on a dot; what moved less was a click
const still = window.matchMedia("(prefers-reduced-motion: reduce)");

class Scatter {
  constructor(root) {
    this.root = root;
    this.find = (what) => root.querySelector(what);
    [this.ground, this.dots, this.over] = ["ground", "dots", "over"].map((n) => this.find(`canvas.${n}`));
    this.tip = this.find(".tip"); this.slider = this.find(".slider"); this.playButton = this.find(".play");
    this.zoom = { k: 1, x: 0.5, y: 0.5 };
    this.tool = "move"; this.off = new Set(); this.dirty = new Set();
    this.at = 0; this.now = null; this.from = null; this.began = 0; this.mouse = null; this.spot = -1;
    this.shape = null; this.chosen = null; this.epoch = -1; this.playing = false;
    this.listen();
  }

  // -- what comes from the server
  receive(data) {
    const first = !this.data, before = this.data;
    this.data = data;
    this.over.setAttribute("aria-label", data.text || "Sampled triggers, as dots");
    if (data.pick && data.pick.epoch !== this.epoch) { // Python owns a selection that was made with a native control
      this.epoch = data.pick.epoch;
      this.rows = data.pick.rows;
    }
    const same = before && before.frames.map((f) => f.file).join() === data.frames.map((f) => f.file).join();
    this.slider.max = Math.max(0, data.frames.length - 1);
    this.playButton.hidden = this.slider.hidden = data.frames.length < 2;
    if (!data.frames.length) { this.now = null; this.find(".step").textContent = ""; }
    else if (!same) { this.stop(); this.show(data.frames.length - 1); }
    else this.show(Math.min(this.at, data.frames.length - 1), before.view !== data.view);
    this.legend();
    this.ask("ground", "dots", "over");
    if (data.play && data.play !== this.played) { this.played = data.play; if (!first || data.frames.length > 1) this.play(true); }
  }

  show(index, tween = true) {
    const time = performance.now(), next = frameOf(this.data, index);
    this.from = tween && this.now && this.now.n === next.n ? this.positions(time).slice() : null;
    this.at = index; this.now = next; this.began = tween ? time : 0; this.xy = null;
    this.slider.value = index;
    this.slider.setAttribute("aria-valuetext", next.label);
    this.find(".step").textContent = next.label;
    this.mask(); this.tiles = null;
    this.ask("dots", "over");
  }

  mask() { // the chosen rows as a mask over the dots that are shown
    this.chosen = null;
    if (!this.rows || !this.rows.length || !this.now) return;
    this.chosen = new Uint8Array(this.now.n);
    for (const row of this.rows) if (row < this.now.n) this.chosen[row] = 1;
  }

  positions(time) {
    const to = this.now.xy, t = still.matches ? 1 : Math.min(1, (time - this.began) / TWEEN);
    if (!this.from || t >= 1) return to;
    const e = t * t * (3 - 2 * t), out = this.buffer && this.buffer.length === to.length ? this.buffer : (this.buffer = new Float32Array(to.length));
    for (let i = 0; i < to.length; i++) out[i] = this.from[i] + (to[i] - this.from[i]) * e;
    return out;
  }

  // -- drawing: each layer only when something in it has changed
  ask(...layers) {
    layers.forEach((l) => this.dirty.add(l));
    if (!this.asked) { this.asked = true; requestAnimationFrame(() => this.draw()); }
  }

  draw() {
    this.asked = false;
    const time = performance.now(), dirty = this.dirty;
    this.dirty = new Set();
    this.wide = this.over.clientWidth; this.high = this.over.clientHeight; this.scale = window.devicePixelRatio || 1;
    if (!this.data || !this.wide) return;
    for (const canvas of [this.ground, this.dots, this.over]) {
      const w = Math.round(this.wide * this.scale), h = Math.round(this.high * this.scale);
      if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; dirty.add("ground").add("dots").add("over"); }
    }
    if (dirty.has("ground")) this.drawGround();
    if (dirty.has("dots")) this.drawDots(time);
    if (dirty.has("over") || dirty.has("dots")) this.drawOver();
    if (this.from && this.now && time - this.began < TWEEN && !still.matches) this.ask("dots");
  }

  px(u) { return PAD + ((u - this.zoom.x) * this.zoom.k + 0.5) * (this.wide - 2 * PAD); }
  py(v) { return PAD + ((v - this.zoom.y) * this.zoom.k + 0.5) * (this.high - 2 * PAD); }
  clean(canvas) {
    const c = canvas.getContext("2d");
    c.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    c.clearRect(0, 0, this.wide, this.high);
    return c;
  }
  css(name, otherwise) { return getComputedStyle(this.root.host || this.over).getPropertyValue(name).trim() || otherwise; }

  drawGround() {
    const c = this.clean(this.ground);
    c.fillStyle = c.strokeStyle = this.css("--st-text-color", "#222");
    if (!this.off.has("codes")) this.drawCodes(c);
    this.drawExact(c);
    c.globalAlpha = 1;
  }

  drawCodes(c) { // the 512: larger where they succeed
    const places = this.data.arrays.ground, rate = this.data.arrays.ground_asr;
    if (!places) return;
    for (let i = 0; i < rate.length; i++) {
      const x = this.px(unit(places[2 * i])), y = this.py(1 - unit(places[2 * i + 1])), r = rate[i] / 255;
      c.globalAlpha = 0.14 + 0.26 * r;
      c.beginPath(); c.arc(x, y, 1.3 + 2.4 * r, 0, 6.3); c.fill();
    }
  }

  drawExact(c) { // the exact distribution: hollow marks, a triangle for the lowest level, one side more for each above
    const { exact: places, exact_level: level } = this.data.arrays;
    if (!places) return;
    c.globalAlpha = 0.7; c.lineWidth = 1.1;
    c.beginPath();
    for (let i = 0; i < level.length; i++) {
      const x = this.px(unit(places[2 * i])), y = this.py(1 - unit(places[2 * i + 1]));
      if (x < -9 || y < -9 || x > this.wide + 9 || y > this.high + 9) continue;
      const sides = Math.min(6, 3 + level[i]);
      for (let s = 0; s < sides; s++) {
        const turn = (2 * Math.PI * s) / sides - Math.PI / 2, at = [x + 4.5 * Math.cos(turn), y + 4.5 * Math.sin(turn)];
        s ? c.lineTo(...at) : c.moveTo(...at);
      }
      c.closePath();
    }
    c.stroke();
  }

  shown(i) { return !this.off.has(`level${this.now.level[i]}`); }

  drawDots(time) {
    const canvas = this.dots, w = canvas.width, h = canvas.height, context = canvas.getContext("2d");
    if (!this.picture || this.picture.width !== w || this.picture.height !== h) {
      this.picture = context.createImageData(w, h);
      this.pixels = new Uint32Array(this.picture.data.buffer);
    }
    this.pixels.fill(0);
    if (this.now) {
      const grow = this.zoom.k > 8 ? 2 : this.zoom.k > 3 ? 1.5 : 1;
      const cell = Math.max(this.now.side > 8 ? 1 : 2, Math.round(15 / this.now.side * grow * this.scale)), rim = Math.max(1, Math.round(2 * this.scale));
      const want = `${cell} ${this.data.colour}`;
      if (!this.tiles || this.tilesFor !== want) { this.tiles = bake(this.now, this.data.colour, cell, rim, this.chosen); this.tilesFor = want; }
      const xy = this.xy = this.positions(time), half = this.tiles.side / 2;
      for (let pass = this.chosen ? 0 : 1; pass < 2; pass++) { // chosen dots lie on top
        for (let i = 0; i < this.now.n; i++) {
          if ((this.chosen && this.chosen[i] !== pass) || !this.shown(i)) continue;
          blit(this.pixels, w, h, this.tiles, i, Math.round(this.px(xy[2 * i]) * this.scale - half), Math.round(this.py(xy[2 * i + 1]) * this.scale - half));
        }
      }
    }
    context.putImageData(this.picture, 0, 0);
  }

  drawOver() { // marks, the lasso, the dot under the pointer
    const c = this.clean(this.over), ink = this.css("--st-text-color", "#222"), paper = this.css("--st-background-color", "#fff");
    c.font = "12px sans-serif"; c.textAlign = "center";
    const marks = this.data.marks.filter((m) => !this.off.has(`mark:${m.kind}`)).map((mark) => {
      const x = this.px(mark.place[0]), y = this.py(1 - mark.place[1]);
      const gone = this.zoom.k > 1 && (x < 0 || y < 0 || x > this.wide || y > this.high);
      return { mark, gone, x: Math.max(20, Math.min(this.wide - 20, x)), y: Math.max(20, Math.min(this.high - 34, y)) };
    }).filter((m) => !m.gone);
    for (const { mark, x, y } of marks) {
      c.fillStyle = paper; c.strokeStyle = "#d55e00"; c.lineWidth = 2;
      c.fillRect(x - 16, y - 16, 32, 32); c.strokeRect(x - 16, y - 16, 32, 32);
      thumb(c, hexToBytes(mark.trigger), 0, x - 12, y - 12, 24, Math.round(Math.sqrt(mark.trigger.split(" ").length)));
    }
    // Names after all boxes, each below, above, right or left of its own, wherever nothing lies yet.
    const taken = marks.map(({ x, y }) => [x - 17, y - 17, x + 17, y + 17]);
    for (const { mark, x, y } of marks) {
      const half = c.measureText(mark.name).width / 2 + 2;
      const spots = [[x, y + 30], [x, y - 22], [x + 20 + half, y + 4], [x - 20 - half, y + 4], [x, y + 44], [x, y - 36]];
      const free = spots.find(([a, b]) => a - half > 0 && a + half < this.wide && b > 12 && b < this.high &&
        !taken.some(([x0, y0, x1, y1]) => a + half > x0 && a - half < x1 && b + 3 > y0 && b - 11 < y1));
      if (!free) continue; // no room for a name: the list below the picture still has it
      taken.push([free[0] - half, free[1] - 11, free[0] + half, free[1] + 3]);
      c.lineWidth = 4; c.strokeStyle = paper; c.strokeText(mark.name, ...free); // a halo keeps the word readable
      c.fillStyle = ink; c.fillText(mark.name, ...free);
    }
    if (this.shape && this.shape.length > 1) {
      c.beginPath(); this.shape.forEach(([x, y], i) => (i ? c.lineTo(x, y) : c.moveTo(x, y))); c.closePath();
      c.globalAlpha = 0.15; c.fillStyle = this.css("--st-primary-color", "#0b62a8"); c.fill();
      c.globalAlpha = 1; c.lineWidth = 1.5; c.strokeStyle = c.fillStyle; c.stroke();
    }
    this.hover(c, ink);
  }

  dotAt(x, y) { // the dot nearest to a pointer, -1 where none is near
    let best = -1, near = NEAR * NEAR;
    for (let i = 0; this.now && this.xy && i < this.now.n; i++) {
      const dx = this.px(this.xy[2 * i]) - x, dy = this.py(this.xy[2 * i + 1]) - y, d = dx * dx + dy * dy;
      if (d < near && this.shown(i)) { near = d; best = i; }
    }
    return best;
  }

  hover(c, ink) {
    const xy = this.xy;
    let best = this.mouse && xy && this.now && !this.shape ? this.dotAt(...this.mouse) : this.spot;
    if (!this.now || !xy || best >= this.now.n || this.shape) best = -1;
    this.tip.hidden = best < 0;
    if (best < 0) return;
    const x = this.px(xy[2 * best]), y = this.py(xy[2 * best + 1]);
    c.lineWidth = 2; c.strokeStyle = ink; c.strokeRect(x - 12, y - 12, 24, 24);
    thumb(this.tip.querySelector("canvas").getContext("2d"), this.now.triggers, best, 0, 0, 84, this.now.side, this.now.opacity);
    const percent = Math.round(100 * this.now.asr[best] / 255), beta = this.data.betas[this.now.level[best]];
    const mode = this.now.mode ? (this.now.mode[best] < 0 ? ", no mode" : `, mode ${this.now.mode[best] + 1}`) : "";
    this.tip.querySelector(".words").textContent =
      `succeeds on about ${percent} % (ASR)\nsampled for β = ${beta}${mode}${this.now.side === 3 && !this.now.opacity ? `\nnearest black-and-white code: ${codeOf(this.now.triggers, best, 3)}` : ""}`;
    this.tip.style.left = `${Math.max(2, Math.min(x + 16, this.wide - 260))}px`;
    this.tip.style.top = `${Math.max(2, Math.min(y + 16, this.high - 104))}px`;
  }

  // -- the legend, which also switches layers
  legend() {
    const d = this.data, by = d.colour, box = this.find(".legend"), layers = this.find(".layers");
    const words = `${by} ${d.betas.join()} ${d.modes} ${d.marks.map((m) => m.kind).join()}`;
    if (this.legendFor === words) return;
    this.legendFor = words;
    const item = (colour, text) => `<li><span class="swatch" style="background:${colour}"></span>${text}</li>`;
    if (by === "asr") box.innerHTML = `<span>fails</span><span class="bar" role="img" aria-label="Colour scale from dark blue, 0 %, to yellow, 100 %"></span><span>always succeeds</span>
      <ol><li>0 %</li><li>ASR</li><li>100 %</li></ol>`;
    else if (by === "level") box.innerHTML = `<ul>${d.betas.map((b, i) => item(PALETTE[i % PALETTE.length], `β = ${b}`)).join("")}</ul>`;
    else box.innerHTML = `<span>of all levels together</span><ul>${Array.from({ length: d.modes }, (_, i) => item(PALETTE[i % PALETTE.length], `mode ${i + 1}`)).join("")}${item(GREY, "in no mode")}</ul>`;
    box.className = `legend by-${by}`;
    const kinds = [...new Set(d.marks.map((m) => m.kind))];
    const names = [...d.betas.map((b, i) => [`level${i}`, `β = ${b}`]), ...kinds.map((k) => [`mark:${k}`, k]), ["codes", "the 512"]];
    layers.replaceChildren(...names.map(([key, text]) => {
      const label = document.createElement("label"), tick = document.createElement("input");
      tick.type = "checkbox"; tick.checked = !this.off.has(key);
      tick.addEventListener("change", () => { this.off[tick.checked ? "delete" : "add"](key); this.ask("ground", "dots", "over"); });
      label.append(tick, ` ${text}`);
      return label;
    }));
  }

  // -- hands
  scaleBy(factor, x = this.wide / 2, y = this.high / 2) {
    const k = Math.max(1, Math.min(40, this.zoom.k * factor)), z = this.zoom;
    const u = (x - PAD) / (this.wide - 2 * PAD) - 0.5, v = (y - PAD) / (this.high - 2 * PAD) - 0.5;
    this.lookAt(k, z.x + u / z.k - u / k, z.y + v / z.k - v / k);
  }
  lookAt(k, x, y) {
    const free = 0.5 / k; // never leave the axes by more than a view's half
    this.zoom = { k, x: k === 1 ? 0.5 : Math.max(-free, Math.min(1 + free, x)), y: k === 1 ? 0.5 : Math.max(-free, Math.min(1 + free, y)) };
    this.find(".much").textContent = k === 1 ? "" : `${k.toFixed(1)} ×`;
    this.ask("ground", "dots", "over");
  }
  panBy(dx, dy) {
    this.lookAt(this.zoom.k, this.zoom.x - dx / (this.wide - 2 * PAD) / this.zoom.k, this.zoom.y - dy / (this.high - 2 * PAD) / this.zoom.k);
  }
  take(tool) {
    this.tool = tool;
    for (const b of this.root.querySelectorAll("[data-tool]")) b.setAttribute("aria-pressed", String(b.dataset.tool === tool));
    this.over.style.cursor = tool === "move" ? "grab" : "crosshair";
    this.over.style.touchAction = tool === "move" ? "pan-y" : "none";
  }
  choose(rows) {
    this.rows = rows; this.mask(); this.tiles = null;
    this.find(".chosen").textContent = rows.length ? `${rows.length} chosen` : "";
    this.find(".none").hidden = !rows.length;
    this.ask("dots", "over");
    this.send({ file: this.now ? this.now.file : "", rows });
  }
  finish() {
    const shape = this.shape; this.shape = null;
    if (!shape || shape.length < 3 || !this.now || !this.xy) return this.ask("over");
    const rows = [];
    for (let i = 0; i < this.now.n; i++) if (this.shown(i) && inside(shape, this.px(this.xy[2 * i]), this.py(this.xy[2 * i + 1]))) rows.push(i);
    this.choose(rows);
  }

  stop() { this.playing = false; clearInterval(this.timer); this.playButton.textContent = "Play"; }
  play(again = false) {
    if (this.playing) this.stop();
    this.playing = true; this.playButton.textContent = "Pause";
    if (again || this.at >= this.data.frames.length - 1) this.show(0);
    this.timer = setInterval(() => {
      const gone = !this.root.isConnected && !(this.root.host && this.root.host.isConnected);
      if (gone || this.at >= this.data.frames.length - 1) return this.stop();
      this.show(this.at + 1);
    }, 550);
  }

  listen() {
    const over = this.over, on = (what, when, then) => what.addEventListener(when, then);
    let last = null, down = null;
    on(over, "pointerdown", (e) => {
      over.focus({ preventScroll: true }); over.setPointerCapture(e.pointerId);
      down = last = [e.offsetX, e.offsetY];
      if (this.tool !== "move") this.shape = [last];
    });
    on(over, "pointermove", (e) => {
      const at = [e.offsetX, e.offsetY];
      this.mouse = at; this.spot = -1;
      if (last && this.tool === "move") { this.panBy(at[0] - last[0], at[1] - last[1]); last = at; }
      else if (this.shape && this.tool === "lasso") this.shape.push(at);
      else if (this.shape) { const [x, y] = this.shape[0]; this.shape = [[x, y], [at[0], y], at, [x, at[1]]]; }
      this.ask("over");
    });
    on(over, "pointerup", (e) => {
      const click = down && Math.hypot(e.offsetX - down[0], e.offsetY - down[1]) < CLICK;
      const dot = click ? this.dotAt(e.offsetX, e.offsetY) : -1;
      last = down = null;
      if (dot >= 0) { this.shape = null; this.choose([dot]); } else this.finish();
    });
    on(over, "pointercancel", () => { last = null; this.shape = null; this.ask("over"); });
    on(over, "pointerleave", () => { if (!last) { this.mouse = null; this.ask("over"); } });
    over.addEventListener("wheel", (e) => {
      if (!e.ctrlKey && document.activeElement !== this.root.host && this.root.activeElement !== over) return; // else the page scrolls
      e.preventDefault(); this.scaleBy(Math.exp(-e.deltaY * 0.0016), e.offsetX, e.offsetY);
    }, { passive: false });
    on(over, "dblclick", () => this.lookAt(1, 0.5, 0.5));
    const walk = (by) => {
      if (!this.now || !this.now.n) return;
      this.mouse = null;
      for (let tries = 0; tries < this.now.n; tries++) {
        this.spot = (this.spot + by + this.now.n) % this.now.n;
        if (this.shown(this.spot)) break;
      }
      this.ask("over");
    };
    const keys = {
      "+": () => this.scaleBy(1.4), "=": () => this.scaleBy(1.4), "-": () => this.scaleBy(1 / 1.4), 0: () => this.lookAt(1, 0.5, 0.5),
      ArrowLeft: () => this.panBy(40, 0), ArrowRight: () => this.panBy(-40, 0), ArrowUp: () => this.panBy(0, 40), ArrowDown: () => this.panBy(0, -40),
      n: () => walk(1), p: () => walk(-1), Escape: () => { this.shape = null; this.spot = -1; this.mouse = null; if (this.rows && this.rows.length) this.choose([]); this.ask("over"); },
    };
    on(over, "keydown", (e) => {
      if (e.ctrlKey || e.metaKey || e.altKey || !keys[e.key]) return;
      e.preventDefault(); e.stopPropagation(); keys[e.key]();
    });
    for (const b of this.root.querySelectorAll("[data-tool]")) on(b, "click", () => this.take(b.dataset.tool));
    on(this.find(".in"), "click", () => this.scaleBy(1.5));
    on(this.find(".out"), "click", () => this.scaleBy(1 / 1.5));
    on(this.find(".reset"), "click", () => this.lookAt(1, 0.5, 0.5));
    on(this.find(".none"), "click", () => this.choose([]));
    on(this.slider, "input", () => { this.stop(); this.show(Number(this.slider.value)); });
    on(this.playButton, "click", () => (this.playing ? this.stop() : this.play()));
    new ResizeObserver(() => this.ask("ground", "dots", "over")).observe(over);
    this.take("move");
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  let own = memory.get(parentElement);
  if (!own) memory.set(parentElement, (own = new Scatter(parentElement)));
  own.send = (value) => setTriggerValue("select", value);
  own.receive(parse(data));
}
