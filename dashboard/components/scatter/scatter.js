const memory = new WeakMap();
const TWEEN = 700; // milliseconds
const SIDE = 15; // pixels of a thumbnail
const PALETTE = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a8a8a", "#f0e442"];

function bytes(text) {
  const raw = atob(text);
  const out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out;
}

function unpack(frame) {
  if (frame.ready) return frame.ready;
  const ready = {
    n: frame.n,
    step: frame.step,
    triggers: bytes(frame.triggers),
    places: new Float32Array(bytes(frame.places).buffer),
    asr: new Float32Array(bytes(frame.asr).buffer),
    level: bytes(frame.level),
    mode: frame.mode ? new Int16Array(bytes(frame.mode).buffer) : null,
  };
  frame.ready = ready;
  return ready;
}

// Viridis at five places, readable for colour-blind people on light and dark.
function viridis(t) {
  const stops = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
  const at = Math.max(0, Math.min(0.9999, t)) * 4;
  const i = Math.floor(at), f = at - i;
  const c = stops[i].map((v, k) => Math.round(v + (stops[i + 1][k] - v) * f));
  return `rgb(${c[0]},${c[1]},${c[2]})`;
}

// A trigger is stored colour by colour: red of nine cells, then green, then blue.
function thumb(context, triggers, i, x, y, side) {
  const cell = side / 3;
  for (let p = 0; p < 9; p++) {
    const at = i * 27 + p;
    context.fillStyle = `rgb(${triggers[at]},${triggers[at + 9]},${triggers[at + 18]})`;
    context.fillRect(x + (p % 3) * cell, y + Math.floor(p / 3) * cell, cell + 0.3, cell + 0.3);
  }
}

function atlas(frame) {
  if (frame.atlas) return frame.atlas;
  const columns = 64;
  const sheet = document.createElement("canvas");
  sheet.width = columns * SIDE;
  sheet.height = Math.ceil(frame.n / columns) * SIDE;
  const context = sheet.getContext("2d");
  for (let i = 0; i < frame.n; i++) thumb(context, frame.triggers, i, (i % columns) * SIDE, Math.floor(i / columns) * SIDE, SIDE);
  frame.atlas = { sheet, columns };
  return frame.atlas;
}

function hexToBytes(words) {
  const out = new Uint8Array(27);
  words.split(" ").forEach((word, p) => {
    const v = parseInt(word.slice(1), 16);
    out[p] = v >> 16; out[p + 9] = (v >> 8) & 255; out[p + 18] = v & 255;
  });
  return out;
}

export default function ({ data, parentElement }) {
  let own = memory.get(parentElement);
  const canvas = parentElement.querySelector(".scatter > canvas");
  if (!own) {
    own = { at: 0, now: null, from: null, began: 0, playing: false, mouse: null, asked: false };
    memory.set(parentElement, own);
    own.tip = parentElement.querySelector(".tip");
    own.slider = parentElement.querySelector(".slider");
    own.play = parentElement.querySelector(".play");
    own.ask = () => { if (!own.asked) { own.asked = true; requestAnimationFrame(own.draw); } };
    own.show = (index) => {
      own.at = index;
      const next = unpack(own.data.frames[index]);
      if (own.now && own.now.n === next.n) own.from = own.positions(performance.now());
      else own.from = null;
      own.now = next;
      own.began = performance.now();
      own.slider.value = index;
      parentElement.querySelector(".step").textContent = `step ${next.step}`;
      own.ask();
    };
    own.positions = (time) => {
      const t = Math.min(1, (time - own.began) / TWEEN), e = t * t * (3 - 2 * t);
      const to = own.now.places, out = new Float32Array(to.length);
      if (!own.from || own.from.length !== to.length) return to;
      for (let i = 0; i < to.length; i++) out[i] = own.from[i] + (to[i] - own.from[i]) * e;
      return out;
    };
    own.draw = () => {
      own.asked = false;
      const time = performance.now();
      const wide = canvas.clientWidth, high = canvas.clientHeight, scale = window.devicePixelRatio || 1;
      if (canvas.width !== Math.round(wide * scale) || canvas.height !== Math.round(high * scale)) {
        canvas.width = Math.round(wide * scale); canvas.height = Math.round(high * scale);
      }
      const style = getComputedStyle(parentElement.host || canvas);
      const ink = style.getPropertyValue("--st-text-color") || "#222";
      const c = canvas.getContext("2d");
      c.setTransform(scale, 0, 0, scale, 0, 0);
      c.clearRect(0, 0, wide, high);
      const ground = own.data.ground;
      if (!ground) return;
      const [x0, x1, y0, y1] = ground.bounds, pad = 26;
      own.px = (x) => pad + (x - x0) / (x1 - x0) * (wide - 2 * pad);
      own.py = (y) => high - pad - (y - y0) / (y1 - y0) * (high - 2 * pad);
      if (!ground.xy) { ground.xy = new Float32Array(bytes(ground.places).buffer); ground.rate = new Float32Array(bytes(ground.asr).buffer); }
      for (let i = 0; i < 512; i++) { // the 512 as a faint ground: larger where they succeed
        const r = 1.2 + 2.2 * ground.rate[i];
        c.globalAlpha = 0.12 + 0.25 * ground.rate[i];
        c.fillStyle = ink;
        c.beginPath(); c.arc(own.px(ground.xy[2 * i]), own.py(ground.xy[2 * i + 1]), r, 0, 6.3); c.fill();
      }
      c.globalAlpha = 1;
      if (own.now) {
        const xy = own.positions(time), now = own.now, sheet = atlas(now);
        own.xy = xy;
        for (let i = 0; i < now.n; i++) {
          const x = own.px(xy[2 * i]) - SIDE / 2, y = own.py(xy[2 * i + 1]) - SIDE / 2;
          c.fillStyle = own.colour(i);
          c.fillRect(x - 2, y - 2, SIDE + 4, SIDE + 4);
          c.drawImage(sheet.sheet, (i % sheet.columns) * SIDE, Math.floor(i / sheet.columns) * SIDE, SIDE, SIDE, x, y, SIDE, SIDE);
        }
      }
      c.font = "12px sans-serif"; c.textAlign = "center"; c.lineWidth = 2;
      for (const mark of own.data.marks) {
        const x = own.px(mark.place[0]), y = own.py(mark.place[1]);
        const px = Math.max(20, Math.min(wide - 20, x)), py = Math.max(20, Math.min(high - 30, y));
        c.fillStyle = style.getPropertyValue("--st-background-color") || "#fff";
        c.strokeStyle = "#d55e00";
        c.fillRect(px - 16, py - 16, 32, 32); c.strokeRect(px - 16, py - 16, 32, 32);
        thumb(c, hexToBytes(mark.trigger), 0, px - 12, py - 12, 24);
        c.lineWidth = 4; // a halo keeps the word readable over the dots
        c.strokeStyle = style.getPropertyValue("--st-secondary-background-color") || "#fff";
        c.strokeText(mark.name, px, py + 30);
        c.lineWidth = 2;
        c.fillStyle = ink; c.fillText(mark.name, px, py + 30);
      }
      own.hover();
      if (own.now && time - own.began < TWEEN) own.ask();
    };
    own.colour = (i) => {
      const now = own.now;
      if (own.data.colour === "level") return PALETTE[now.level[i] % PALETTE.length];
      if (own.data.colour === "mode" && now.mode) return now.mode[i] < 0 ? "#8a8a8a" : PALETTE[now.mode[i] % PALETTE.length];
      return viridis(now.asr[i]);
    };
    own.hover = () => {
      let best = -1, near = 18 * 18;
      if (own.mouse && own.xy && own.now) for (let i = 0; i < own.now.n; i++) {
        const dx = own.px(own.xy[2 * i]) - own.mouse[0], dy = own.py(own.xy[2 * i + 1]) - own.mouse[1];
        if (dx * dx + dy * dy < near) { near = dx * dx + dy * dy; best = i; }
      }
      own.tip.hidden = best < 0;
      if (best < 0) return;
      const small = own.tip.querySelector("canvas").getContext("2d");
      thumb(small, own.now.triggers, best, 0, 0, 72);
      const beta = own.data.betas[own.now.level[best]];
      own.tip.querySelector(".words").textContent = `ASR about ${Math.round(100 * own.now.asr[best])} %, sampled for β = ${beta}`;
      own.tip.style.left = `${Math.min(own.mouse[0] + 14, canvas.clientWidth - 220)}px`;
      own.tip.style.top = `${Math.min(own.mouse[1] + 14, canvas.clientHeight - 95)}px`;
    };
    canvas.addEventListener("pointermove", (e) => { own.mouse = [e.offsetX, e.offsetY]; own.ask(); });
    canvas.addEventListener("pointerleave", () => { own.mouse = null; own.ask(); });
    own.slider.addEventListener("input", () => { own.stop(); own.show(Number(own.slider.value)); });
    own.stop = () => { own.playing = false; clearInterval(own.timer); own.play.textContent = "Play"; };
    own.play.addEventListener("click", () => {
      if (own.playing) return own.stop();
      own.playing = true; own.play.textContent = "Pause";
      if (own.at >= own.data.frames.length - 1) own.show(0);
      own.timer = setInterval(() => {
        if (!parentElement.isConnected && !(parentElement.host && parentElement.host.isConnected)) return own.stop();
        if (own.at >= own.data.frames.length - 1) return own.stop();
        own.show(own.at + 1);
      }, 550);
    });
    new ResizeObserver(() => own.ask()).observe(canvas);
  }
  const before = own.data;
  own.data = data;
  canvas.setAttribute("aria-label", data.text);
  const replay = data.frames.length > 1;
  parentElement.querySelector(".play").hidden = own.slider.hidden = !replay;
  own.slider.max = Math.max(0, data.frames.length - 1);
  const steps = (d) => d ? d.frames.map((f) => `${f.step}:${f.places.slice(0, 24)}`).join() : "";
  if (data.frames.length && steps(before) !== steps(data)) { own.stop(); own.show(data.frames.length - 1); }
  else if (data.frames.length && own.now) own.now = unpack(data.frames[Math.min(own.at, data.frames.length - 1)]);
  else if (!data.frames.length) { own.now = null; parentElement.querySelector(".step").textContent = ""; }
  own.ask();
}
