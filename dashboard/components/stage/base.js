// Pictures and networks, kept for the stage on the same page: they are large, and come once.
export default function ({ data }) {
  if (!data) return;
  const block = data.slice().buffer, length = new DataView(block).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(block, 4, length)));
  const [, at, count] = header.arrays.block;
  const shelf = (window.mesaStage = window.mesaStage || { bases: new Map(), waits: new Set() });
  shelf.index = header.index; // what recordings there are
  if (!shelf.bases.has(header.key)) shelf.bases.set(header.key, new Uint8Array(block, 4 + length + at, count));
  while (shelf.bases.size > 4) shelf.bases.delete(shelf.bases.keys().next().value);
  for (const wake of [...shelf.waits]) wake(header.key);
}
