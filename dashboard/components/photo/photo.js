const memory = new WeakMap();

function bytes(text) {
  const raw = atob(text), out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out;
}

function put(context, values, side, x, y, cell, opaque) {
  const area = side * side;
  for (let p = 0; p < area; p++) {
    if (opaque && !opaque[p]) continue;
    context.fillStyle = `rgb(${values[p]},${values[p + area]},${values[p + 2 * area]})`;
    context.fillRect(x + (p % side) * cell, y + Math.floor(p / side) * cell, cell, cell);
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const canvas = parentElement.querySelector("canvas");
  let own = memory.get(parentElement);
  if (!own) {
    own = { place: data.place.slice(), seq: data.seq };
    memory.set(parentElement, own);
    own.draw = () => {
      const c = canvas.getContext("2d"), cell = canvas.width / own.data.side;
      put(c, own.picture, own.data.side, 0, 0, cell);
      if (!own.data.trigger) return;
      const [row, column] = own.place, x = column * cell, y = row * cell, wide = own.wide();
      put(c, bytes(own.data.trigger), wide, x, y, cell, own.data.opaque);
      c.strokeStyle = "#d55e00"; c.lineWidth = 2;
      c.strokeRect(x - 1, y - 1, wide * cell + 2, wide * cell + 2);
    };
    own.wide = () => Math.round(Math.sqrt(own.data.opaque.length)); // cells of a row of the trigger
    own.move = (row, column) => {
      if (!own.data.trigger) return;
      const most = own.data.side - own.wide(), keep = (v) => Math.max(0, Math.min(most, v));
      own.place = [keep(row), keep(column)];
      own.seq += 1;
      own.draw();
      own.send("place", { row: own.place[0], column: own.place[1], seq: own.seq });
    };
    canvas.addEventListener("click", (e) => {
      if (!own.data.trigger) return;
      const cell = canvas.clientWidth / own.data.side, half = Math.floor(own.wide() / 2); // its middle comes under the pointer
      own.move(Math.floor(e.offsetY / cell) - half, Math.floor(e.offsetX / cell) - half);
    });
    canvas.addEventListener("keydown", (e) => {
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[e.key];
      if (!step) return;
      e.preventDefault();
      own.move(own.place[0] + step[0], own.place[1] + step[1]);
    });
  }
  own.send = setTriggerValue;
  own.data = data;
  own.picture = bytes(data.picture);
  if (data.seq >= own.seq) { own.place = data.place.slice(); own.seq = data.seq; }
  canvas.setAttribute("aria-label", data.text);
  parentElement.querySelector(".ask").textContent = data.asked;
  const list = parentElement.querySelector("ul");
  while (list.children.length < data.answers.length) {
    const item = document.createElement("li");
    item.innerHTML = '<div class="name"><span></span><span></span></div><div class="bar"><i></i></div>';
    list.appendChild(item);
  }
  while (list.children.length > data.answers.length) list.lastChild.remove();
  data.answers.forEach(([name, share, hot], i) => {
    const [row, bar] = list.children[i].children;
    row.className = hot ? "name hot" : "name";
    row.children[0].textContent = name;
    row.children[1].textContent = `${Math.round(100 * share)} %`;
    bar.firstChild.style.width = `${100 * share}%`;
  });
  own.draw();
}
