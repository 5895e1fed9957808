const memory = new WeakMap();
const SVG = "http://www.w3.org/2000/svg";
const GAP = 0.45; // cells between two groups on a line, as in mesa_core/pictures/thumbnails.py
const LABEL = 3.4; // cells kept at the left for the names of groups

function element(name, attributes, parent) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (parent) parent.appendChild(made);
  return made;
}

// Viridis at five places, readable for colour-blind people on light and dark.
function viridis(t) {
  const stops = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
  const at = Math.max(0, Math.min(0.9999, t)) * 4, i = Math.floor(at), f = at - i;
  const c = stops[i].map((v, k) => Math.round(v + (stops[i + 1][k] - v) * f));
  return `rgb(${c[0]},${c[1]},${c[2]})`;
}

// The white cells of a code, the highest bit at the top left; `side` cells a side.
function white(code, side, at, whole) {
  const step = whole / side, cells = side * side, bits = BigInt(code);
  let path = "";
  for (let p = 0; p < cells; p++) {
    if (!((bits >> BigInt(cells - 1 - p)) & 1n)) continue;
    path += `M${at + step * (p % side)} ${at + step * Math.floor(p / side)}h${step}v${step}h${-step}z`;
  }
  return path;
}

function ones(code) {
  return BigInt(code).toString(2).replaceAll("0", "").length;
}

// A trigger is known by its place in the panel of its size, `data.codes[place]` is its code (3x3: the same number).
// Where every one stands, in cells; the names of groups; the size of it all.
function arrange(layout, columns) {
  const places = new Array(512), names = [];
  if (layout.places) {
    const wide = columns, high = columns * (columns > 20 ? 0.66 : 1.1);
    layout.places.forEach(([x, y], place) => { places[place] = [x * (wide - 1), y * (high - 1)]; });
    return { places, names, wide, high, left: 0 };
  }
  const left = layout.breaks ? LABEL : 0;
  let x = 0, y = 0;
  layout.groups.forEach((group, number) => {
    if (number && (layout.breaks || x + Math.min(group.codes.length, columns) > columns)) {
      x = 0; y += 1 + (layout.breaks ? GAP : 0);
    }
    if (layout.breaks) names.push({ text: group.name, y: y + 0.7 });
    for (const place of group.codes) {
      if (x + 1 > columns) { x = 0; y += 1; }
      places[place] = [left + x, y];
      x += 1;
    }
    x += GAP;
  });
  return { places, names, wide: left + columns, high: y + 1, left };
}

const percent = (v) => `${(100 * v).toFixed(v > 0 && v < 0.1 ? 1 : 0)} %`;

export default function ({ data, parentElement, setTriggerValue }) {
  let own = memory.get(parentElement);
  if (!own) {
    own = { place: data.first, panels: [], held: null, columns: 0 };
    memory.set(parentElement, own);
    const find = (name) => parentElement.querySelector(name);
    Object.assign(own, { box: find(".panels"), words: find(".words"), large: find(".large"), legend: find(".legend"), button: find(".paint") });
    own.button.addEventListener("click", () => own.send({ place: own.place }));

    own.says = (place) => {
      const parts = [];
      for (const [name, rate] of Object.entries(own.data.asr))
        parts.push(`${own.data.names[name]} ${percent(rate.value[place])} (${percent(rate.low[place])} to ${percent(rate.high[place])})`);
      const looks = own.data.looks.filter((look) => look.count[place]).map((look) => `β ${look.beta}: ${look.count[place]}`);
      const code = own.data.codes[place], white = ones(code), family = own.data.family;
      return { head: `Code ${code}, ${white} white cell${white === 1 ? "" : "s"}${family ? `, family of code ${family[place]}` : ""}`, parts, looks };
    };

    own.detail = () => {
      own.large.replaceChildren();
      element("rect", { width: 3, height: 3, fill: "#000" }, own.large);
      element("path", { d: white(own.data.codes[own.place], own.data.side, 0, 3), fill: "#fff" }, own.large);
      const { head, parts, looks } = own.says(own.place);
      own.words.replaceChildren();
      const line = (text, kind) => {
        const made = document.createElement("div");
        made.textContent = text; if (kind) made.className = kind;
        own.words.appendChild(made);
        return made;
      };
      const first = line("");
      const bold = document.createElement("b"); bold.textContent = head; first.appendChild(bold);
      for (const part of parts) line(`ASR ${part}`, "figures");
      line(`n = ${own.data.n} images each, in brackets the 95 % interval.${own.data.looks.length ? ` Samples that round to it: ${looks.length ? looks.join(", ") : "none"}.` : ""}`);
    };

    own.point = (place) => {
      if (place === own.place && own.pointed) return;
      for (const panel of own.panels) { panel.cells[own.place].classList.remove("now"); panel.cells[own.place].tabIndex = -1; }
      own.place = place; own.pointed = true;
      for (const panel of own.panels) { panel.cells[place].classList.add("now"); panel.cells[place].tabIndex = 0; }
      own.detail();
    };

    own.mark = () => {
      for (const panel of own.panels) panel.cells.forEach((cell, place) => cell.classList.toggle("held", place === own.held));
    };

    // The nearest one in a direction; steps off the line count threefold.
    own.towards = (dx, dy) => {
      const [x, y] = own.at.places[own.place];
      let best = own.place, least = Infinity;
      for (let place = 0; place < 512; place++) {
        const ax = own.at.places[place][0] - x, ay = own.at.places[place][1] - y;
        const along = ax * dx + ay * dy, aside = Math.abs(ax * dy) + Math.abs(ay * dx);
        if (along < 0.02 || place === own.place) continue;
        if (along + 3 * aside < least) { least = along + 3 * aside; best = place; }
      }
      return best;
    };

    own.keys = (event, panel) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      let next = null;
      if (way) next = own.towards(...way);
      if (event.key === "Home" || event.key === "End") {
        const value = (place) => own.at.places[place][1] * 1000 + own.at.places[place][0];
        const order = [...Array(512).keys()].sort((a, b) => value(a) - value(b));
        next = event.key === "Home" ? order[0] : order[511];
      }
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); own.held = own.place; own.mark(); own.button.focus(); }
      if (next === null) return;
      event.preventDefault();
      own.held = null; own.mark();
      own.point(next);
      panel.cells[next].focus({ preventScroll: false });
    };

    own.build = () => {
      own.box.replaceChildren();
      own.panels = own.data.panels.map(([name, title]) => {
        const figure = document.createElement("figure"), caption = document.createElement("figcaption");
        figure.appendChild(caption); own.box.appendChild(figure);
        const svg = element("svg", { role: "group" }, figure);
        const labels = element("g", {}, svg), cells = [];
        const panel = { name, caption, svg, labels, cells };
        for (let place = 0; place < 512; place++) {
          const cell = element("g", { class: "cell", role: "button", tabindex: -1, "data-place": place, "data-code": own.data.codes[place] }, svg);
          element("rect", { class: "frame", width: 0.96, height: 0.96 }, cell);
          element("rect", { x: 0.17, y: 0.17, width: 0.63, height: 0.63, fill: "#000" }, cell);
          element("path", { d: white(own.data.codes[place], own.data.side, 0.17, 0.63), fill: "#fff" }, cell);
          cells.push(cell);
        }
        const placeOf = (event) => { const cell = event.target.closest(".cell"); return cell ? Number(cell.dataset.place) : null; };
        svg.addEventListener("pointerover", (event) => { const place = placeOf(event); if (place !== null && own.held === null) own.point(place); });
        svg.addEventListener("focusin", (event) => { const place = placeOf(event); if (place !== null) own.point(place); });
        svg.addEventListener("keydown", (event) => own.keys(event, panel));
        svg.addEventListener("click", (event) => {
          const place = placeOf(event);
          if (place === null) return;
          own.held = own.held === place ? null : place; // chosen, so that the way to the button changes nothing
          own.point(place);
          own.mark();
        });
        return panel;
      });
    };

    own.draw = () => {
      const each = own.box.clientWidth / Math.max(1, own.box.clientWidth > 640 ? own.panels.length : 1);
      own.columns = each < 420 ? 17 : 33;
      own.at = arrange(own.data.layout, own.columns);
      const { places, names, wide, high } = own.at;
      const lit = own.data.looks.filter((look) => look.lit);
      for (const panel of own.panels) {
        const rate = own.data.asr[panel.name];
        panel.svg.setAttribute("viewBox", `-0.1 -0.1 ${wide + 0.2} ${high + 0.2}`);
        panel.svg.setAttribute("aria-label", `${panel.caption.textContent}: the 512 black-and-white triggers${own.data.family ? "" : " that were drawn"}. Arrow keys move, Enter chooses one and goes to the button.`);
        panel.labels.replaceChildren();
        for (const name of names) element("text", { class: "group", x: 0, y: name.y }, panel.labels).textContent = name.text;
        panel.cells.forEach((cell, place) => {
          cell.style.transform = `translate(${places[place][0]}px, ${places[place][1]}px)`;
          cell.firstChild.setAttribute("fill", viridis(rate.value[place]));
          const { head, parts, looks } = own.says(place);
          cell.setAttribute("aria-label", `${head}. ASR ${parts.join("; ")}${looks.length ? `. Samples: ${looks.join(", ")}` : ""}`);
          while (cell.childNodes.length > 3) cell.lastChild.remove();
          let here = 0;
          for (const look of lit) if (look.count[place]) {
            element("rect", { x: 0.02 + here * 0.32, y: 0.68, width: 0.28, height: 0.28, fill: look.colour, stroke: "#fff", "stroke-width": 0.05 }, cell);
            here += 1;
          }
          cell.classList.toggle("dim", lit.length > 0 && !here);
        });
      }
    };
    new ResizeObserver(() => {
      const each = own.box.clientWidth / Math.max(1, own.box.clientWidth > 640 ? own.panels.length : 1);
      if ((each < 420 ? 17 : 33) !== own.columns) own.draw();
    }).observe(own.box);
  }
  const shape = (d) => `${d.panels.map((panel) => panel[0]).join()} ${d.side}`;
  const rebuilt = !own.data || shape(own.data) !== shape(data);
  own.data = data;
  own.send = (pick) => setTriggerValue("pick", pick);
  own.button.textContent = data.family ? "Paint it in the Lab" : "Take it to the Lab";
  if (rebuilt) { if (own.side && own.side !== data.side) own.place = data.first; own.side = data.side; own.held = null; own.build(); own.pointed = false; }
  own.panels.forEach((panel, i) => { panel.caption.textContent = data.panels[i][1]; });
  own.draw();
  if (!own.pointed) own.point(own.place); else own.detail();
  own.legend.replaceChildren();
  for (const look of data.looks.filter((one) => one.lit)) {
    const pip = document.createElement("span"); pip.className = "pip"; pip.style.background = look.colour;
    const sum = look.count.reduce((a, b) => a + b, 0), on = look.count.filter((v) => v > 0).length;
    own.legend.append(pip, `β = ${look.beta}: ${sum} samples on ${on} of the 512`);
  }
}
