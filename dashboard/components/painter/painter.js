const memory = new WeakMap();

function name(colour) {
  return colour === "#000000" ? "black" : colour === "#ffffff" ? "white" : colour;
}

export default function ({ data, parentElement, setTriggerValue }) {
  let own = memory.get(parentElement);
  if (!own) {
    own = { value: data.value.slice(), seq: data.seq, epoch: data.epoch, focus: 0, buttons: [] };
    memory.set(parentElement, own);
    const cells = parentElement.querySelector(".cells");
    for (let i = 0; i < 9; i++) {
      const button = document.createElement("button");
      button.type = "button";
      button.addEventListener("click", () => paint(i));
      button.addEventListener("keydown", (event) => {
        const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -3, ArrowDown: 3 }[event.key];
        if (step === undefined) return;
        event.preventDefault();
        own.focus = (i + step + 9) % 9;
        own.draw();
        own.buttons[own.focus].focus();
      });
      cells.appendChild(button);
      own.buttons.push(button);
    }
    own.draw = () => own.buttons.forEach((button, i) => {
      const colour = own.value[i];
      button.style.background = colour;
      button.tabIndex = i === own.focus ? 0 : -1;
      button.setAttribute("aria-pressed", String(colour === "#ffffff"));
      button.setAttribute("aria-label", `row ${Math.floor(i / 3) + 1}, column ${(i % 3) + 1}: ${name(colour)}`);
    });
    const paint = (i) => {
      const colourful = parentElement.querySelector(".colourful").checked;
      const chosen = parentElement.querySelector(".colour").value;
      own.value[i] = colourful
        ? (own.value[i] === chosen ? "#000000" : chosen)
        : (own.value[i] === "#ffffff" ? "#000000" : "#ffffff");
      own.focus = i;
      own.seq += 1;
      own.draw();
      own.send({ value: own.value.slice(), seq: own.seq });
    };
  }
  own.send = (edit) => setTriggerValue("edit", edit);
  if (data.epoch !== own.epoch || data.seq >= own.seq) {
    own.value = data.value.slice();
    own.seq = Math.max(own.seq, data.seq);
    own.epoch = data.epoch;
  }
  own.draw();
}
