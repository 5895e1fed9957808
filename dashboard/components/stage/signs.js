// Six real pictures with the trigger on them, and what the two networks read.
// A picture of the base on a canvas of its own size, with a trigger (27 bytes, 36 with transparent cells) at a place, of which
// `opacity` covers what is beneath.
function paintPicture(canvas, base, picture, inks, place) {
  const { wide, high } = base, area = wide * high, at = picture * 3 * area, from = base.arrays.pictures;
  if (canvas.width !== wide || canvas.height !== high) { canvas.width = wide; canvas.height = high; }
  const c = canvas.getContext("2d"), image = c.createImageData(wide, high);
  for (let p = 0; p < area; p++) {
    for (let k = 0; k < 3; k++) image.data[4 * p + k] = from[at + k * area + p];
    image.data[4 * p + 3] = 255;
  }
  if (inks) {
    const [row, column] = place;
    for (let q = 0; q < 9; q++) for (let k = 0; k < 3; k++) {
      if (inks.length > 27 && !inks[27 + q]) continue; // transparent
      const i = 4 * ((row + Math.floor(q / 3)) * wide + column + (q % 3)) + k;
      image.data[i] = Math.round(image.data[i] + base.opacity * (inks[9 * k + q] - image.data[i]));
    }
  }
  c.putImageData(image, 0, 0);
}

class Signs {
  // `onPlace(picture, row, column)` when somebody puts the trigger elsewhere on a picture; null where nobody may.
  constructor(box, base, onPlace) {
    this.base = base; this.box = box; this.onPlace = onPlace;
    box.replaceChildren(...base.shown.map((picture, i) => this.card(picture, i)));
    this.cards = [...box.children];
    if (base.lacks) { const note = document.createElement("p"); note.className = "lacks"; note.textContent = base.lacks; box.append(note); }
  }
  card(picture, i) {
    const card = document.createElement("figure"), name = this.base.classes[this.base.labels[picture]];
    card.innerHTML = `<div class="photo"><canvas width="32" height="32" role="img"></canvas><i class="patch" hidden></i></div>
      <figcaption><span class="read before"></span><span class="read after"></span></figcaption>`;
    const photo = card.querySelector(".photo");
    photo.title = name;
    if (!this.onPlace) return this.framed(card, picture);
    photo.title = `${name}. Click, or press arrow keys, to put the trigger elsewhere.`; photo.classList.add("movable");
    photo.tabIndex = 0; photo.setAttribute("role", "group"); photo.setAttribute("aria-label", `${name}: arrow keys move the trigger`);
    photo.addEventListener("keydown", (e) => {
      const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[e.key];
      if (!by) return;
      e.preventDefault();
      const [row, column] = this.base.places[picture], kept = (v, cells) => Math.max(0, Math.min(cells - 3, v));
      this.onPlace(picture, kept(row + by[0], this.base.high), kept(column + by[1], this.base.wide));
    });
    photo.addEventListener("click", (e) => {
      const box = photo.getBoundingClientRect();
      const cell = (v, size, cells) => Math.max(0, Math.min(cells - 3, Math.floor((v / size) * cells) - 1));
      this.onPlace(picture, cell(e.clientY - box.top, box.height, this.base.high), cell(e.clientX - box.left, box.width, this.base.wide));
    });
    return this.framed(card, picture);
  }
  framed(card, picture) {
    const patch = card.querySelector(".patch"), { wide, high } = this.base;
    patch.style.width = `${300 / wide}%`; patch.style.height = `${300 / high}%`;
    paintPicture(card.querySelector("canvas"), this.base, picture, null);
    return card;
  }
  // One card: the trigger on it (27 bytes) or null, readings { best, sure } or null, of which `after` may be hidden, and
  // where triggers are put and which class they are to give.
  set(i, inks, before, after, { places, target, named }) {
    const card = this.cards[i], picture = this.base.shown[i], { classes, short, labels } = this.base, truth = labels[picture];
    const words = `${target}|${named}|${inks ? Array.from(inks).join() : ""}|${places[picture]}|${before && before.best},${before && before.sure}|${after && after.best},${after && after.sure}`;
    if (card.words === words) return;
    card.words = words;
    paintPicture(card.querySelector("canvas"), this.base, picture, inks, places[picture]);
    const patch = card.querySelector(".patch");
    patch.hidden = !inks;
    patch.style.left = `${(places[picture][1] / this.base.wide) * 100}%`; patch.style.top = `${(places[picture][0] / this.base.high) * 100}%`;
    const said = [];
    for (const [what, found] of [["before", before], ["after", after]]) {
      const line = card.querySelector(`.${what}`);
      line.className = `read ${what}${found ? (found.best === truth ? " right" : found.best === target && inks ? " fooled" : " wrong") : " none"}`;
      line.textContent = found ? `${found.best === truth ? "✓" : "✗"} ${short[found.best]}` : named && what === "before" ? short[truth] : " ";
      line.title = found ? `${what === "before" ? "The backdoored network" : "The repaired network"}: ${classes[found.best]}, ${Math.round(100 * found.sure)} % sure` : "";
      if (found) said.push(`${what === "before" ? "with the backdoor" : "repaired"}: read as ${classes[found.best]}`);
    }
    card.classList.toggle("flip", Boolean(inks && before && before.best === target));
    card.querySelector("canvas").setAttribute("aria-label", `${classes[truth]}${inks ? ", with the trigger on it" : ""}; ${said.join("; ") || "not read yet"}`);
  }
}
