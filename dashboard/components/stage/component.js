// The stage as a component of the page: blocks come in, wishes go out.
const memory = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  let own = memory.get(parentElement);
  if (!own) { own = new Stage(parentElement.querySelector(".root")); memory.set(parentElement, own); }
  own.theme();
  own.send = setTriggerValue;
}
