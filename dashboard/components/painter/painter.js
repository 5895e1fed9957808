const memory = new WeakMap();
const CLEAR = "-"; // a transparent cell, which leaves the image as it is

function name(colour) {
  return { "#000000": "black", "#ffffff": "white", [CLEAR]: "transparent" }[colour] || colour;
}

export default function ({ data, parentElement, setTriggerValue }) {
  let own = memory.get(parentElement);
  const find = (what) => parentElement.querySelector(what);
  if (!own) {
    own = { value: data.value.slice(), seq: data.seq, epoch: data.epoch, focus: 0, buttons: [], side: 0 };
    memory.set(parentElement, own);
    const cells = find(".cells"), colourful = find(".colourful"), eraser = find(".eraser");
    colourful.addEventListener("change", () => { if (colourful.checked) eraser.checked = false; });
    eraser.addEventListener("change", () => { if (eraser.checked) colourful.checked = false; });
    own.build = (side) => {
      own.side = side; own.focus = 0;
      cells.style.setProperty("--side", side);
      cells.setAttribute("aria-label", `The ${side} by ${side} trigger`);
      own.buttons = Array.from({ length: side * side }, (_, i) => {
        const button = document.createElement("button");
        button.type = "button";
        button.addEventListener("click", () => paint(i));
        button.addEventListener("keydown", (event) => {
          const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -side, ArrowDown: side }[event.key];
          if (step === undefined) return;
          event.preventDefault();
          own.focus = (i + step + side * side) % (side * side);
          own.draw();
          own.buttons[own.focus].focus();
        });
        return button;
      });
      cells.replaceChildren(...own.buttons);
    };
    own.draw = () => own.buttons.forEach((button, i) => {
      const colour = own.value[i], clear = colour === CLEAR;
      button.style.background = clear ? "" : colour;
      button.classList.toggle("clear", clear);
      button.tabIndex = i === own.focus ? 0 : -1;
      button.setAttribute("aria-pressed", String(colour === "#ffffff"));
      button.setAttribute("aria-label", `row ${Math.floor(i / own.side) + 1}, column ${(i % own.side) + 1}: ${name(colour)}`);
    });
    const inked = (now) => {
      if (eraser.checked) return now === CLEAR ? "#000000" : CLEAR;
      const chosen = find(".colour").value;
      if (colourful.checked) return now === chosen ? "#000000" : chosen;
      return now === "#ffffff" ? "#000000" : "#ffffff";
    };
    const paint = (i) => {
      const next = inked(own.value[i]), last = next === CLEAR && own.value.every((colour, p) => p === i || colour === CLEAR);
      find(".kept").textContent = last ? "One cell stays coloured: without any the trigger would change no image." : "";
      own.focus = i;
      if (!last) { own.value[i] = next; own.seq += 1; }
      own.draw();
      if (!last) own.send({ value: own.value.slice(), seq: own.seq });
    };
  }
  own.send = (edit) => setTriggerValue("edit", edit);
  if (data.epoch !== own.epoch || data.seq >= own.seq) {
    if (data.epoch !== own.epoch) find(".kept").textContent = "";
    own.value = data.value.slice();
    own.seq = Math.max(own.seq, data.seq);
    own.epoch = data.epoch;
  }
  const side = Math.round(Math.sqrt(own.value.length));
  if (side !== own.side) own.build(side);
  find(".erasing").hidden = !data.eraser;
  own.draw();
}
