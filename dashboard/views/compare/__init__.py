"""Two runs side by side, α against β, every figure to take away."""
