"""What one visitor has chosen, and how the address says it."""
