const memory = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const group = parentElement.querySelector(".choices");
  let own = memory.get(parentElement);
  if (!own) {
    memory.set(parentElement, (own = { made: "" }));
    group.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
      const all = [...group.children], at = all.indexOf(parentElement.activeElement || document.activeElement);
      if (step === undefined || at < 0) return;
      event.preventDefault();
      const next = all[(at + step + all.length) % all.length];
      all.forEach((b) => { b.tabIndex = b === next ? 0 : -1; });
      next.focus();
    });
  }
  own.send = (id) => setTriggerValue("pick", { id });
  group.setAttribute("aria-label", data.words);
  const made = JSON.stringify([data.items, data.side]);
  if (made !== own.made) {
    own.made = made;
    group.replaceChildren(...data.items.map((item) => {
      const button = document.createElement("button");
      button.type = "button"; button.setAttribute("role", "radio"); button.title = item.label;
      button.setAttribute("aria-label", item.label); button.dataset.id = item.id;
      const picture = document.createElement(item.image ? "img" : "canvas");
      picture.width = picture.height = data.side;
      if (item.image) { picture.src = item.image; picture.alt = ""; }
      else {
        const c = picture.getContext("2d"), colours = item.trigger.split(" "), wide = Math.round(Math.sqrt(colours.length)), cell = data.side / wide;
        colours.forEach((colour, p) => { c.fillStyle = colour; c.fillRect((p % wide) * cell, Math.floor(p / wide) * cell, cell + 0.4, cell + 0.4); });
      }
      button.append(picture);
      button.addEventListener("click", () => own.send(item.id));
      return button;
    }));
  }
  const all = [...group.children], chosen = all.find((b) => b.dataset.id === data.value);
  const focused = parentElement.activeElement;
  all.forEach((b) => {
    b.setAttribute("aria-checked", String(b === chosen));
    b.tabIndex = b === (focused && all.includes(focused) ? focused : chosen || all[0]) ? 0 : -1;
  });
}
