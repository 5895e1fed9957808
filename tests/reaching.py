"""What sticks out, is cut off or covers something on a page in a browser, and what the keyboard reaches; no test of its own."""

from __future__ import annotations

from typing import Any

# Every element, those inside components' shadow roots, too, and the parent of each across these roots.
WALK = """
const all = []; const walk = (root) => { for (const e of root.querySelectorAll('*')) { all.push(e); if (e.shadowRoot) walk(e.shadowRoot); } };
const parent = (e) => e.parentElement || (e.getRootNode() instanceof ShadowRoot ? e.getRootNode().host : null);
const up = function* (e) { for (let p = parent(e); p; p = parent(p)) yield p; };
const called = (e) => `${e.tagName.toLowerCase()}.${String(e.className.baseVal ?? e.className).trim().split(/\\s+/).join('.')} "${(e.getAttribute('aria-label') || e.textContent || '').trim().slice(0, 40)}"`;
const seen = (e) => { const r = e.getBoundingClientRect(), s = getComputedStyle(e); return r.width > 1 && r.height > 1 && s.visibility !== 'hidden' && s.opacity !== '0' && !aside(e) && ![...up(e)].some((p) => aside(p) && !(p.tagName === 'DETAILS' && p.querySelector('summary')?.contains(e))); };
// For screen readers only, in a drawer that is closed, the menu of a narrow page that is not open, or what plotly measures texts with.
const aside = (e) => e.matches('[data-testid="stSidebar"], body > svg') || (e.tagName === 'DETAILS' && !e.open) || getComputedStyle(e).clip !== 'auto' || getComputedStyle(e).clipPath === 'inset(50%)';
walk(document.body);
"""
WIDER = f"""() => {{ {WALK}
  const scrolls = (e) => [...up(e)].some((p) => ['auto', 'scroll'].includes(getComputedStyle(p).overflowX) && !p.matches('[data-testid="stMain"], [data-testid="stAppViewContainer"]'));
  const room = document.documentElement.clientWidth;
  return all.filter((e) => seen(e) && !scrolls(e) && (e.getBoundingClientRect().right > room + 1 || e.getBoundingClientRect().left < -1)).map(called); }}"""
CUT = f"""() => {{ {WALK}
  return all.filter((e) => {{ const s = getComputedStyle(e);
    return seen(e) && s.overflowX === 'hidden' && s.textOverflow !== 'ellipsis' && e.scrollWidth > e.clientWidth + 2 && e.clientWidth > 1 && e.innerText && e.innerText.trim(); }}).map(called); }}"""
COVERED = f"""() => {{ {WALK}
  const own = all.filter((e) => e.matches('button, a[href], input:not([type=range]):not([type=checkbox]):not([type=radio]), summary, [role=slider]') && seen(e) && !e.disabled);
  const fixed = (e) => [e, ...up(e)].some((p) => ['fixed', 'sticky'].includes(getComputedStyle(p).position) || p.matches('header'));
  const found = [];
  for (let i = 0; i < own.length; i++) for (let j = 0; j < i; j++) {{
    const a = own[i].getBoundingClientRect(), b = own[j].getBoundingClientRect();
    const w = Math.min(a.right, b.right) - Math.max(a.left, b.left), h = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (w > 4 && h > 4 && !own[i].contains(own[j]) && !own[j].contains(own[i]) && !fixed(own[i]) && !fixed(own[j]) && ![...up(own[i])].includes(own[j])) found.push(`${{called(own[i])}} over ${{called(own[j])}}`);
  }}
  return found; }}"""
FOCUSED = f"""() => {{ {WALK}
  let e = document.activeElement; while (e && e.shadowRoot && e.shadowRoot.activeElement) e = e.shadowRoot.activeElement;
  if (!e || e === document.body) return null;
  e = e.closest('canvas') ?? e; // a table's cell for screen readers has no place of its own; the canvas around it draws the focus
  const s = getComputedStyle(e), r = e.getBoundingClientRect();
  const marked = (n) => {{ const c = getComputedStyle(n); return (c.outlineStyle !== 'none' && parseFloat(c.outlineWidth) > 0) || c.boxShadow !== 'none'; }};
  const near = [e, ...[...up(e)].slice(0, 4), ...e.querySelectorAll('*'), ...(e.parentElement ? e.parentElement.children : [])];
  return {{ name: called(e), marked: near.some(marked), inside: r.bottom > 0 && r.top < innerHeight && r.right > 0 && r.left < innerWidth, number: all.indexOf(e) }}; }}"""
REACHABLE = f"""() => {{ {WALK}
  const hidden = (e) => [e, ...up(e)].some((p) => p.hidden || p.inert || getComputedStyle(p).display === 'none' || getComputedStyle(p).visibility === 'hidden' || (p.tagName === 'DETAILS' && !p.open && p.querySelector('summary') !== e));
  return all.filter((e) => e.matches('button, a[href], input, select, textarea, summary, [role=button], [role=slider], [role=tab], [role=radio], [role=checkbox]') && !e.disabled && e.getAttribute('aria-disabled') !== 'true' && !hidden(e)).map((e) => [all.indexOf(e), called(e), e.tabIndex]); }}"""


def wider(page: Any) -> list[str]:
    """What sticks out of the page's width and does not lie in something that scrolls by itself."""
    found: list[str] = page.evaluate(WIDER)
    return found


def cut(page: Any) -> list[str]:
    """Texts of which a part is cut off without a sign."""
    found: list[str] = page.evaluate(CUT)
    return found


def covered(page: Any) -> list[str]:
    """Controls that lie over one another."""
    found: list[str] = page.evaluate(COVERED)
    return found
