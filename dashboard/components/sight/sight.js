// Of each mark the last wish that was followed, on the window, since a mark may be mounted anew.
const followed = (window.mesaSight = window.mesaSight || new Set());

export default function ({ data, parentElement }) {
  const { seq } = data || {};
  if (!seq || followed.has(seq)) return;
  followed.add(seq);
  const mark = parentElement.querySelector(".sight");
  requestAnimationFrame(() => {
    const { top } = mark.getBoundingClientRect();
    if (top > 0.4 * window.innerHeight || top < 0) mark.scrollIntoView({ block: "start", behavior: "auto" });
  });
}
