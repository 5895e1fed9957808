const memory = new WeakMap();
const TWEEN = 500, GAP = 3, EDGE = 3; // milliseconds; pixels between frames, and of a frame
const KINDS = [null, "#009e73", "#d55e00", "#0072b2"]; // out is drawn faintly
const STOPS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];

function viridis(t) {
  const at = Math.max(0, Math.min(0.9999, t)) * 4, i = Math.floor(at), f = at - i;
  return `rgb(${STOPS[i].map((v, k) => Math.round(v + (STOPS[i + 1][k] - v) * f)).join()})`;
}

function bytes(text) {
  const raw = atob(text), out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const canvas = parentElement.querySelector("canvas"), said = parentElement.querySelector(".said");
  let own = memory.get(parentElement);
  if (!own) {
    own = { at: -1, began: 0, from: null };
    memory.set(parentElement, own);
    own.draw = () => {
      const d = own.data, wide = canvas.clientWidth, scale = window.devicePixelRatio || 1;
      if (!wide) return;
      const step = d.side + GAP;
      own.columns = Math.max(1, Math.floor((wide - 2 * GAP) / step));
      const high = Math.ceil(d.n / own.columns) * step + 2 * GAP;
      canvas.style.height = `${high}px`;
      canvas.width = Math.round(wide * scale); canvas.height = Math.round(high * scale);
      const c = canvas.getContext("2d"), t = Math.min(1, (performance.now() - own.began) / TWEEN);
      c.setTransform(scale, 0, 0, scale, 0, 0);
      const ink = getComputedStyle(canvas).color;
      for (let i = 0; i < d.n; i++) {
        const x = GAP + (i % own.columns) * step, y = GAP + Math.floor(i / own.columns) * step;
        const kind = d.kinds ? d.kinds[i] : 1;
        if (d.shares) {
          const before = own.from ? own.from[i] : d.shares[i];
          c.fillStyle = viridis(before + (d.shares[i] - before) * t);
        } else c.fillStyle = KINDS[kind] || "transparent";
        c.globalAlpha = kind ? 1 : 0.35;
        c.fillRect(x, y, d.side, d.side);
        const cells = own.ink.length / d.n / 3, across = Math.round(Math.sqrt(cells)), cell = (d.side - 2 * EDGE) / across;
        for (let p = 0; p < cells; p++) {
          const at = i * 3 * cells + p;
          c.fillStyle = `rgb(${own.ink[at]},${own.ink[at + cells]},${own.ink[at + 2 * cells]})`;
          c.fillRect(x + EDGE + (p % across) * cell, y + EDGE + Math.floor(p / across) * cell, cell + 0.3, cell + 0.3);
        }
        c.globalAlpha = 1;
        if (i === own.at) { c.strokeStyle = ink; c.lineWidth = 2; c.strokeRect(x - 1, y - 1, d.side + 2, d.side + 2); }
      }
      if (t < 1) requestAnimationFrame(own.draw);
    };
    own.point = (i) => {
      if (i < 0 || i >= own.data.n) i = -1;
      if (i === own.at) return;
      own.at = i;
      said.textContent = i < 0 ? "" : own.data.words[i];
      own.draw();
    };
    own.choose = () => { if (own.at >= 0 && own.data.picks) own.send("pick", own.at); };
    const under = (e) => {
      const step = own.data.side + GAP, column = Math.floor((e.offsetX - GAP) / step);
      return column < 0 || column >= own.columns ? -1 : Math.floor((e.offsetY - GAP) / step) * own.columns + column;
    };
    canvas.addEventListener("pointermove", (e) => own.point(under(e)));
    canvas.addEventListener("click", (e) => { own.point(under(e)); own.choose(); });
    canvas.addEventListener("keydown", (e) => {
      const move = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -own.columns, ArrowDown: own.columns }[e.key];
      if (move !== undefined) { e.preventDefault(); own.point(own.at < 0 ? 0 : Math.max(0, Math.min(own.data.n - 1, own.at + move))); }
      else if (e.key === "Enter" || e.key === " ") { e.preventDefault(); own.choose(); }
    });
    new ResizeObserver(() => own.draw()).observe(canvas.parentElement);
  }
  own.send = setTriggerValue;
  const before = own.data;
  const moved = before && before.shares && data.shares && before.n === data.n;
  own.from = moved ? before.shares : null;
  own.began = moved && String(before.shares) !== String(data.shares) ? performance.now() : 0;
  own.data = data;
  own.ink = bytes(data.triggers);
  if (own.at >= data.n) own.at = -1;
  said.textContent = own.at < 0 ? "" : data.words[own.at];
  canvas.style.cursor = data.picks ? "pointer" : "default";
  canvas.setAttribute("role", data.picks ? "application" : "img");
  canvas.setAttribute("aria-label", data.text + (data.picks ? " Arrow keys walk, Enter chooses." : " Arrow keys walk and say each."));
  own.draw();
}
