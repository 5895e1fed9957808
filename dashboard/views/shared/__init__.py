"""What several pages show: the exact distribution, reports, figures to take away."""
