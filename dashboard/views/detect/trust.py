"""How often a scan by the whole plan is wrong: measured on networks of known making."""

from __future__ import annotations

import streamlit as st

from dashboard.views.shared import take_away
from mesa_core.measures.error_rates import ErrorRates, told
from mesa_core.pictures import roc
from mesa_core.store.error_rates import shipped


def section() -> None:
    """Folded: the ROC curve, what was found of each kind, and the false alarms; nothing where that was not measured."""
    rates = shipped()
    if rates is None:
        return
    with st.expander("How often is such a verdict wrong?"):
        st.markdown(words(rates))
        take_away.figure(roc.draw(rates), "roc", "ROC curves of MESA's plan and of Neural Cleanse.", key="roc")
        take_away.table(roc.table(rates), "roc", "roc_kinds")
        st.caption(
            "A network's score is how far its highest class lies above the median of its others (effective ASR; of 5×5 triggers "
            "only what exceeds what they do to clean networks); Neural Cleanse's is its anomaly index. Both saw the same images and "
            "took the same number of gradients. "
            "Areas with 95 % intervals by a bootstrap over networks; small networks on the road signs and CIFAR-10."
        )


def words(rates: ErrorRates) -> str:
    """The figures in short sentences."""
    sizes = " and ".join(f"{side}×{side}" for side in rates.sizes)
    return (
        f"{rates.words} Such a scan is one of the whole plan: {rates.places.replace(',', ' and ')}, {sizes} triggers. "
        f"At equal cost Neural Cleanse found {sum(one.cleanse_found for one in rates.kinds)} and called "
        f"{told(rates.cleanse_alarms)} of the classes attacked. {healed(rates)}"
    ).rstrip()


def healed(rates: ErrorRates) -> str:
    """What the repair left of what was planted."""
    if not rates.left:
        return ""
    mean, most = sum(rates.left) / len(rates.left), max(rates.left)
    lost = 100 * sum(rates.lost) / len(rates.lost)
    return (
        f"After the repair of {len(rates.left)} of them what was planted succeeds on {mean:.1%} in the mean, {most:.1%} at most "
        f"(effective ASR); accuracy changes by {-lost:+.1f} points in the mean."
    )
